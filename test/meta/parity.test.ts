import assert from "node:assert/strict";
import { test } from "node:test";
import { type Said, without } from "../../scripts/parity/compare.ts";
import { type Fired, withRow } from "../../scripts/parity/fired.ts";
import type { Outcome } from "../../scripts/parity/run.ts";
import { classifyText } from "../../src/review/tool-words.ts";
import { rules } from "../../src/rules/index.ts";
import { readRepositoryFile } from "../support/repository.ts";

const fired = JSON.parse(readRepositoryFile("docs/parity-fired.json")) as Fired;

/** What they hold against the code no mutant has: their defects are planted with real compilers, in test/rules/witness-plants.test.ts. */
const aboutWitnesses: ReadonlySet<string> = new Set([
  "declared-noreturn-returns",
  "frame-change-untold",
  "jump-table-disagrees",
  "unwind-data-disagrees",
  "unwind-data-missing",
  // Its defects are planted into real objects in test/differential/hints.test.ts.
  "unwind-hint-disagrees",
]);

test("every rule has fired on a mutant of a real kernel", () => {
  const silent = rules.map((rule) => rule.id).filter((id) => fired[id] === undefined && !aboutWitnesses.has(id));
  assert.deepEqual(silent, []);
  for (const id of aboutWitnesses) assert.ok(rules.some((rule) => rule.id === id) && fired[id] === undefined, id);
  for (const [rule, rows] of Object.entries(fired)) {
    assert.ok(Object.keys(rows).length > 0, rule);
    for (const [row, count] of Object.entries(rows)) assert.ok(Number.isInteger(count) && count > 0, `${rule}, ${row}`);
  }
});

test("the record names rules of the registry only", () => {
  const known = new Set(rules.map((rule) => rule.id));
  assert.deepEqual(
    Object.keys(fired).filter((id) => !known.has(id)),
    [],
  );
});

test("the most of a rule that a run has had is kept, and other rows stay", () => {
  const verdict = { functions: ["f"], text: "", place: "", by: "only-ours" } as const;
  const outcome = (number: number, rule: string): Outcome => ({
    ...{
      number,
      object: "a.o",
      class: "",
      function: "",
      section: "",
      offset: 0,
      before: "",
      after: "",
      theirTexts: [],
    },
    ...{ leftOut: 0, ourMilliseconds: 0, ourFindings: 1, verdicts: [{ ...verdict, rule }] },
  });
  const [first, second] = rules.map((rule) => rule.id) as [string, string];
  const before = { [first]: { "6.1": 3, "6.12": 1 }, "no-such-rule": { "6.1": 1 } };
  // Number -1 is the unmodified object.
  const after = withRow(before, "6.12", [outcome(0, second), outcome(1, second), outcome(-1, second)]);
  assert.deepEqual(after, { [first]: { "6.1": 3, "6.12": 1 }, [second]: { "6.12": 2 } });
});

test("a text of the tree's tool belongs to a rule that exists, or to none", () => {
  assert.equal(classifyText("return with modified stack frame").rule, "return-with-modified-frame");
  assert.equal(classifyText("'naked' return found in RETHUNK build").rule, "naked-return");
  assert.deepEqual(classifyText("empty alternative entry"), { rule: "alternative-place", fatal: true });
  assert.throws(() => classifyText("something new"), /no list knows/);
});

test("what was said of the unmodified object is taken out; so is a search that ended there already, wherever it ends now", () => {
  const said = (place: string, text: string): Said => ({
    functions: [place],
    rule: "untrain-before-return",
    text,
    place,
  });
  const ended = "unresolved jump target after linking?!?";
  const early = "RET before UNTRAIN";
  assert.deepEqual(without([said("f", early), said("g", early)], [said("f", early)]), [said("g", early)]);
  assert.deepEqual(without([said("g", ended), said("h", early)], [said("f", ended)]), [said("h", early)]);
  assert.deepEqual(without([said("g", ended)], [said("f", early)]), [said("g", ended)]);
});

test("a note on the unmodified object does not hide what is worse in a mutant", () => {
  const said = (text: string): Said => ({ functions: ["f"], rule: "unfollowed-stack-write", text, place: "f" });
  const note = said("(note) f() loads the stack pointer from memory");
  const error = said("f() writes the stack pointer in a way that cannot be followed");
  assert.deepEqual(without([note, error], [note]), [error]);
  assert.deepEqual(without([note, error], [note, error]), []);
});
