import assert from "node:assert/strict";
import { test } from "node:test";
import { namesDefinedTwice, whyUnlinkable } from "../../scripts/parity/linkable.ts";
import { matchFindings, type Placed } from "../../scripts/parity/linked-findings.ts";
import { ObjectEdit } from "../../scripts/parity/object-edit.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import { findingOf } from "../review/values.ts";
import { assembleText } from "../support/analyzed.ts";

const bytes = assembleText(`
FUNC counts
	ALTERNATIVE "nopl (%rax)", "stac"
	ret
END counts
	.globl	shared
	.type	shared, @function
shared:	ret
	.size	shared, . - shared
`);
const weak = assembleText("\t.weak\tshared\nshared:\tret\n");

function edited(change: (edit: ObjectEdit) => void): Uint8Array {
  const edit = new ObjectEdit(bytes);
  change(edit);
  return edit.bytes;
}

test("mutants that the link makes something else of are no subject of the comparison", () => {
  const twice = namesDefinedTwice([bytes, weak]);
  const { symbolName } = openObject(bytesSource(bytes));
  assert.deepEqual([...twice], ["shared"]);
  const why = (change: (edit: ObjectEdit) => void, names: ReadonlySet<string> = twice) =>
    whyUnlinkable(bytes, edited(change), names);
  const shared = symbolName.indexOf("shared");
  assert.equal(
    why(() => {}),
    undefined,
  );
  assert.equal(
    why((edit) => edit.editSymbol(shared, { size: 0 })),
    "merged symbol",
  );
  assert.equal(
    why((edit) => edit.editSymbol(shared, { size: 0 }), new Set()),
    undefined,
  );
  assert.equal(
    why((edit) => edit.editSymbol(shared, { namePrefix: "panic\0" })),
    "names",
  );
  // The lengths of the original and of the replacement are the last two bytes of an entry.
  const table = new ObjectEdit(bytes).section(".altinstructions");
  const lengths = new ObjectEdit(bytes).sectionSize(table) - 2;
  assert.equal(
    why((edit) => edit.write(table, lengths, [4, 3])),
    undefined,
  );
  assert.equal(
    why((edit) => edit.write(table, lengths, [3, 4])),
    "past its section",
  );
  assert.equal(
    why((edit) => edit.write(table, lengths, [200, 3])),
    "past its section",
  );
});

const placed = (object: string, entry: string, finding: Parameters<typeof findingOf>[1]): Placed => ({
  object,
  place: ".text+0x0",
  entry,
  otherEntry: "",
  finding: findingOf("x", finding),
});

test("one defect that each side tells where it sees it is the same in other words", () => {
  const ended = placed("a.o", "a.o .text+0x0", { rule: "falls-through", function: "runs", message: "off the section" });
  const behind = placed("b.o", "a.o .text+0x0", { rule: "tail-call-with-modified-frame", function: "runs" });
  assert.equal(matchFindings([ended], [{ ...ended }, behind]).otherWords, 1);
  assert.deepEqual(matchFindings([], [behind]).onlySecond, [behind]);

  const untrain = "untrain-before-return";
  const called = placed("a.o", "a.o .text+0x0", {
    rule: untrain,
    function: "enters",
    message: "by the call",
    related: [{ function: "leaves", says: "it returns first, in another object" }],
  });
  const returned = placed("b.o", "a.o .text+0x0", { rule: untrain, function: "leaves", message: "by the return" });
  assert.deepEqual(matchFindings([called], [returned]), { same: 0, otherWords: 2, onlyFirst: [], onlySecond: [] });
  const other = { ...returned, entry: "c.o .text+0x0" };
  assert.deepEqual(matchFindings([called], [other]).onlySecond, [other]);

  const inside = placed("a.o", "a.o .text+0x0", { rule: "jump-into-instruction", message: "no code" });
  assert.equal(
    matchFindings([inside], [{ ...inside, finding: { ...inside.finding, message: "the middle" } }]).otherWords,
    2,
  );

  // Two damages of one function: dead code is told once, at one of them by itself and at the other one linked.
  const dead = { rule: "unreachable-instruction", function: "waits", message: "waits() has code that no path reaches" };
  const first = placed("a.o", "a.o .text+0x0", dead);
  const second = placed("a.o", "a.o .text+0x40", { ...dead, message: "waits() has code behind its call" });
  assert.equal(matchFindings([second], [first]).onlySecond.length, 0);
  const elsewhere = placed("a.o", "a.o .text+0x40", { ...dead, function: "wakes", message: "wakes() has code" });
  assert.deepEqual(matchFindings([elsewhere], [first]).onlySecond, [first]);

  // The way from a.o+0x0 has the wrong frame: it meets another one in a.o, and one more in b.o.
  const mismatch = { rule: "stack-state-mismatch" };
  const here = { ...placed("a.o", "a.o .text+0xc0", mismatch), otherEntry: "a.o .text+0x0" };
  const there = { ...placed("b.o", "b.o .text+0x0", mismatch), otherEntry: "a.o .text+0x0" };
  assert.equal(matchFindings([here], [there]).otherWords, 2);
  const own = { ...there, otherEntry: "b.o .text+0x20" };
  assert.deepEqual(matchFindings([here], [own]).onlySecond, [own]);
});
