import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceName, stableName } from "../../src/analyze/names.ts";
import { rules } from "../../src/rules/index.ts";
import { analyzeText, unbalanced } from "../support/analyzed.ts";
import { readFixture } from "../support/rule-fixtures.ts";

const prints = (source: string): string[] =>
  analyzeText(source)
    .findings.map((f) => `${f.function} ${f.rule} ${f.fingerprint} ${f.content}`)
    .sort();

/** Assembly text of a rule's bad fixture, without its include. */
const bad = (rule: string): string => readFixture(rule, "bad.S").replace(/^.*include.*\n/, "");

test("no finding's fingerprint or content changes when all code moves", () => {
  for (const { id } of rules) {
    const plain = prints(bad(id));
    assert.ok(plain.length > 0, id);
    // In front of everything stands another function, so that every address is another one.
    const moved = prints(
      `FUNC in_front\n\t.rept 37\n\tnop\n\t.endr\n\tret\nEND in_front\n\t.rept 5\n\tnop\n\t.endr\n${bad(id)}`,
    );
    assert.deepEqual(moved, plain, id);
  }
});

test("nor when the functions change places", () => {
  for (const { id } of rules) {
    // falls-through is about the order; the others are about their own function.
    if (id === "falls-through") continue;
    const text = bad(id).split(/(?=^FUNC )/m);
    assert.deepEqual(prints(text.reverse().join("")), prints(bad(id)), id);
  }
});

test("a no-op inside a function changes no fingerprint", () => {
  for (const { id } of rules) {
    if (id === "jump-into-instruction") continue; // its text counts bytes
    const shifted = bad(id).replace(/^(FUNC .*)$/gm, "$1\n\tnopl 0(%rax)");
    const only = (lines: string[]): string[] => lines.map((line) => line.split(" ").slice(0, 3).join(" "));
    assert.deepEqual(only(prints(shifted)), only(prints(bad(id))), id);
  }
});

test("different rules, functions, messages and callees have different fingerprints", () => {
  const all = rules.flatMap(({ id }) => prints(bad(id).replaceAll(/\b(FUNC|END) /g, "$1 ")));
  const byPrint = new Map<string, string>();
  for (const line of all) {
    const [name, rule, print] = line.split(" ");
    const before = byPrint.get(print!);
    assert.ok(before === undefined || before === `${name} ${rule}`, `${before} and ${name} ${rule}`);
    byPrint.set(print!, `${name} ${rule}`);
  }
  const [a] = prints("FUNC f\n\tcall one\nEND f").map((line) => line.split(" ")[2]);
  const [b] = prints("FUNC f\n\tcall two\nEND f").map((line) => line.split(" ")[2]);
  assert.notEqual(a, b);
  assert.notEqual(prints(unbalanced("f"))[0]!.split(" ")[2], prints(unbalanced("g"))[0]!.split(" ")[2]);
});

test("names: what compilers append, and the counters that they number with", () => {
  for (const [symbol, source, stable] of [
    ["foo", "foo", "foo"],
    ["foo.constprop.0", "foo", "foo"],
    ["foo.constprop.0.isra.3", "foo", "foo"],
    ["foo.part.0.cold", "foo", "foo"],
    ["foo.cold.12", "foo", "foo"],
    ["foo.lto_priv.4", "foo", "foo"],
    ["foo.12", "foo.12", "foo"],
    ["__UNIQUE_ID_author123", "__UNIQUE_ID_author123", "__UNIQUE_ID_author"],
    ["foo_cold", "foo_cold", "foo_cold"],
    ["foo.colder", "foo.colder", "foo.colder"],
    ["constprop.0", "constprop.0", "constprop"],
    ["", "", ""],
  ] as const) {
    assert.equal(sourceName(symbol), source, symbol);
    assert.equal(stableName(symbol), stable, symbol);
  }
});
