import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectFinding } from "../../src/analyze/analyze-object.ts";
import type { Judged } from "../../src/review/judge.ts";
import { blame } from "../../src/review/walk.ts";
import { CALLEE_LOSES_REGISTER, CALLEE_NEVER_RETURNS } from "../../src/rules/finding.ts";
import { findingOf, judgedOf } from "./values.ts";

function object(path: string, defined: readonly string[], findings: readonly ObjectFinding[]): [string, Judged] {
  const judged = judgedOf(path, findings);
  return [path, { ...judged, analysis: { ...judged.analysis!, defined: new Set(defined) } }];
}

const caller = (name: string, callee: string): ObjectFinding =>
  findingOf(`${name} calls ${callee}`, {
    rule: "unreachable-instruction",
    function: name,
    related: [{ function: callee, says: CALLEE_NEVER_RETURNS }],
  });
const lost = findingOf("lost", { rule: "falls-through", function: "callee" });

function told(base: [string, Judged][], head: [string, Judged][], between: [string, Judged][] = []) {
  const histories = new Map(
    head.map(([path]) => [
      path,
      { patches: [0, 1], between: between.filter(([p]) => p === path).map(([, judged]) => ({ patch: 0, judged })) },
    ]),
  );
  return blame(new Map(base), new Map(head), histories, 1).map(({ compared }) => [
    compared.class,
    compared.finding.fingerprint,
    ...compared.finding.related.map((each) => `${each.function}: ${each.says}`),
  ]);
}

const clean: [string, Judged][] = [object("callee.o", ["callee"], []), object("a.o", [], []), object("b.o", [], [])];

test("a lost return is told where it is lost, and not once more for each object that calls", () => {
  const head = [
    object("callee.o", ["callee"], [lost]),
    object("a.o", [], [caller("a", "callee")]),
    object("b.o", [], [caller("b", "callee"), caller("c", "other")]),
  ];
  assert.deepEqual(told(clean, head), [
    ["new", "lost"],
    ["new", "c calls other", "other: never returns"],
  ]);
});

test("what is folded at the tip has not come and gone within the series", () => {
  const head = [object("callee.o", ["callee"], [lost]), object("a.o", [], [caller("a", "callee")])];
  assert.deepEqual(told(clean, head, [object("a.o", [], [caller("a", "callee")])]), [["new", "lost"]]);
});

test("a callee that nothing is told of: its first caller names the others", () => {
  const head = [
    object("callee.o", ["callee"], []),
    object("a.o", [], [caller("a", "callee")]),
    object("b.o", [], [caller("b", "callee")]),
  ];
  assert.deepEqual(told(clean, head), [["new", "a calls callee", "callee: never returns", "b: calls callee() too"]]);
});

test("another object's local function of the same name explains nothing, and old callers stay as they are", () => {
  const base = [
    object("callee.o", ["callee"], []),
    object("a.o", [], [caller("a", "callee")]),
    object("b.o", [], []),
    object("c.o", [], []),
  ];
  const head = [
    object("callee.o", ["callee"], []),
    object("a.o", [], [caller("a", "callee")]),
    object("b.o", [], [lost]),
    object("c.o", [], [caller("c", "callee")]),
  ];
  assert.deepEqual(told(base, head), [
    ["unchanged", "a calls callee", "callee: never returns"],
    ["new", "lost"],
    ["new", "c calls callee", "callee: never returns"],
  ]);
});

const losing = (name: string, callee: string): ObjectFinding =>
  findingOf(`${name} over ${callee}`, {
    rule: "callee-saved-not-kept",
    function: name,
    related: [{ function: callee, says: CALLEE_LOSES_REGISTER }],
  });

test("a register that a function no longer keeps is told there, and not once more for its callers", () => {
  const own = findingOf("loses", { rule: "callee-saved-not-kept", function: "callee" });
  const head = [
    object("callee.o", ["callee", "near"], [own, losing("near", "callee")]),
    object("a.o", [], [losing("f", "callee")]),
    object("b.o", [], [losing("g", "callee")]),
  ];
  assert.deepEqual(told(clean, head), [["new", "loses"]]);
});

test("callers that rely on a function which never kept the register are told once", () => {
  const head = [
    object("callee.o", ["callee"], [lost]),
    object("a.o", [], [losing("f", "callee")]),
    object("b.o", [], [losing("g", "callee")]),
  ];
  assert.deepEqual(told(clean, head), [
    ["new", "lost"],
    ["new", "f over callee", "callee: does not give the register back", "g: calls callee() too"],
  ]);
});

test("a local function that no longer keeps a register speaks for its callers in its object, not for those of its namesake", () => {
  const loser = findingOf("loses", { rule: "callee-saved-not-kept", function: "local" });
  const relying = (name: string): ObjectFinding =>
    findingOf(`${name} relies on local`, {
      rule: "callee-saved-not-kept",
      function: name,
      related: [{ function: "local", says: CALLEE_LOSES_REGISTER }],
    });
  const head = [
    object("callee.o", [], []),
    object("a.o", ["a"], [loser, relying("a")]),
    object("b.o", ["b"], [relying("b")]),
  ];
  assert.deepEqual(told(clean, head), [
    ["new", "loses"],
    ["new", "b relies on local", "local: does not give the register back"],
  ]);
});
