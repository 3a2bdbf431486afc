import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceName, stableName } from "../../src/analyze/names.ts";
import { checksWithoutConfig } from "../../src/rules/checks.ts";
import { rules } from "../../src/rules/index.ts";
import { analyzeText, unbalanced } from "../support/analyzed.ts";
import { fixtureChecks, hearsWitnesses, readFixture } from "../support/rule-fixtures.ts";

/** Findings, and what would be one against a base, as a kernel is told that makes the promises of `rule`'s fixtures. */
const prints = (source: string, rule?: string): string[] => {
  const checks = rule === undefined ? checksWithoutConfig : fixtureChecks(rule);
  const witnesses = rule !== undefined && hearsWitnesses(rule);
  const { findings, comparison } = analyzeText(source, { checks, witnesses, forComparison: true });
  return [...findings, ...(comparison?.contracts ?? [])]
    .map((f) => `${f.function} ${f.rule} ${f.fingerprint} ${f.content}`)
    .sort();
};

/** Assembly text of a rule's bad fixture, without its include. */
const bad = (rule: string): string => readFixture(rule, "bad.S").replace(/^.*include.*\n/, "");

/** About what stands behind a function, or with a fixture that changes sections between functions. */
const ordered: ReadonlySet<string> = new Set([
  "falls-through",
  "missing-symbol-size",
  "landing-pad-data",
  "noinstr-call",
  "noinstr-return-open",
  "declared-noreturn-returns",
]);
/** Their fixtures count bytes, or speak of a function's first instruction. */
const counted: ReadonlySet<string> = new Set([
  "jump-into-instruction",
  "alternative-place",
  "missing-symbol-size",
  "module-entry-not-addressed",
]);

test("no finding's fingerprint or content changes when all code moves", () => {
  for (const { id } of rules) {
    const plain = prints(bad(id), id);
    assert.ok(plain.length > 0, id);
    // In front of everything stands another function, so that every address is another one.
    const moved = prints(
      `FUNC in_front\n\t.rept 37\n\tnop\n\t.endr\n\tjmp elsewhere\nEND in_front\n\t.rept 5\n\tnop\n\t.endr\n${bad(id)}`,
      id,
    );
    assert.deepEqual(moved, plain, id);
  }
});

test("nor when the functions change places", () => {
  for (const { id } of rules) {
    if (ordered.has(id)) continue;
    const text = bad(id).split(/(?=^FUNC )/m);
    assert.deepEqual(prints(text.reverse().join(""), id), prints(bad(id), id), id);
  }
});

test("a no-op inside a function changes no fingerprint", () => {
  for (const { id } of rules) {
    if (counted.has(id)) continue;
    const shifted = bad(id).replace(/^(FUNC .*)$/gm, "$1\n\tnopl 0(%rax)");
    const only = (lines: string[]): string[] => lines.map((line) => line.split(" ").slice(0, 3).join(" "));
    assert.deepEqual(only(prints(shifted, id)), only(prints(bad(id), id)), id);
  }
});

test("different rules, functions, messages and callees have different fingerprints", () => {
  const all = rules.flatMap(({ id }) => prints(bad(id).replaceAll(/\b(FUNC|END) /g, "$1 "), id));
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
