import assert from "node:assert/strict";
import { test } from "node:test";
import { addedNames, compareWatch, withoutMoved } from "../../src/analyze/weakening.ts";
import { analyzeText, balanced } from "../support/analyzed.ts";

/** "kind function what count" of what changes from one source to another. */
function changes(base: string | undefined, head: string): string[] {
  const watch = (source: string) => analyzeText(source, { forComparison: true }).comparison!.watch;
  return compareWatch("a.o", base === undefined ? undefined : watch(base), watch(head))
    .map((each) => `${each.kind} ${each.function} ${each.what} ${each.count}`)
    .sort();
}

const excluded = (name: string): string => `STACK_FRAME_NON_STANDARD ${name}\n`;
const hinted = (name: string, hints = 1): string =>
  `FUNC ${name}\n\tpushq %rbx\n${"\tHINT 2, 5, 16\n\tnop\n".repeat(hints)}\tpopq %rbx\n\tret\nEND ${name}\n`;
const warns = (name: string, table = true): string => `FUNC ${name}
	testl %edi, %edi
	je 2f
1:	ud2
	ANNOTATE_REACHABLE
2:	ret
${table ? '\t.pushsection __bug_table, "aw"\n\t.long 1b - .\n\t.long 0\n\t.long 0\n\t.popsection\n' : ""}END ${name}
`;

test("nothing is told of equal sources, nor of code that is added and checked", () => {
  assert.deepEqual(changes(balanced("f"), balanced("f")), []);
  assert.deepEqual(changes(balanced("f"), balanced("f") + balanced("g")), []);
  assert.deepEqual(changes(balanced("f") + balanced("g"), balanced("f")), []);
  assert.deepEqual(changes(undefined, balanced("f")), []);
});

test("a function that is taken out of stack validation is no longer checked", () => {
  const why = "excluded by STACK_FRAME_NON_STANDARD";
  assert.deepEqual(changes(balanced("f"), balanced("f") + excluded("f")), [`no-longer-checked f ${why} 1`]);
  assert.deepEqual(changes(balanced("f") + excluded("f"), balanced("f") + excluded("f")), []);
  assert.deepEqual(changes(balanced("f") + excluded("f"), balanced("f")), []);
  // One that is new was never checked: what is told is the annotation.
  assert.deepEqual(changes(balanced("f"), balanced("f") + balanced("g") + excluded("g")), [
    "silenced g STACK_FRAME_NON_STANDARD 1",
  ]);
});

test("a function that becomes code of no function is no longer checked", () => {
  const code = balanced("f").replace("FUNC f", "\t.globl f\nf:").replace("END f", "\t.size f, . - f");
  assert.deepEqual(changes(balanced("f"), code), ["no-longer-checked f its symbol is no function any more 1"]);
});

test("bytes that are no instructions, and a symbol without a size", () => {
  const bytes = balanced("f", ".byte 0x06");
  assert.deepEqual(changes(balanced("f"), bytes), ["no-longer-checked f 1 bytes that are no instructions 1"]);
  const sizeless = balanced("f").replace("END f\n", "");
  assert.deepEqual(changes(balanced("f"), sizeless), ["no-longer-checked f its symbol has no size 1"]);
});

test("an annotation that is added is told once for its function, one that moves with its code is not", () => {
  assert.deepEqual(changes(balanced("f"), hinted("f")), ["silenced f unwind hint 1"]);
  assert.deepEqual(changes(balanced("f"), hinted("f", 3)), ["silenced f unwind hint 3"]);
  assert.deepEqual(changes(hinted("f"), hinted("f", 3)), ["silenced f unwind hint 2"]);
  assert.deepEqual(changes(hinted("f") + balanced("g"), balanced("f") + hinted("g")), []);
  assert.deepEqual(changes(hinted("f", 3), hinted("f")), []);
  // Renamed together with its function.
  assert.deepEqual(changes(hinted("f"), hinted("h")), []);
});

test("the trap of a WARN() is nothing new, one without an entry in the table of bugs is", () => {
  assert.deepEqual(changes(balanced("f"), balanced("f") + warns("g")), []);
  assert.deepEqual(changes(balanced("f"), balanced("f") + warns("g", false)), ["silenced g ANNOTATE_REACHABLE 1"]);
});

test("the trampolines of static calls and trace points are annotated by their macro", () => {
  const trampoline = `FUNC __SCT__tp_func
1:	jmp elsewhere
	.pushsection .discard.noendbr
	.long 1b
	.popsection
END __SCT__tp_func
`;
  assert.deepEqual(changes(balanced("f"), balanced("f") + trampoline), []);
  assert.deepEqual(changes(balanced("f"), balanced("f") + trampoline.replaceAll("__SCT__tp_func", "g")), [
    "silenced g ANNOTATE_NOENDBR 1",
  ]);
});

test("an annotation that comes from another object together with its function is not new", () => {
  const watch = (source: string) => analyzeText(source, { forComparison: true }).comparison!.watch;
  const before = [watch(hinted("f")), watch(balanced("g"))];
  const after = [watch(""), watch(balanced("g") + hinted("f"))];
  const told = compareWatch("b.o", before[1], after[1]!);
  assert.equal(told.length, 1);
  assert.deepEqual(withoutMoved(told, before, after), []);
  assert.deepEqual(withoutMoved(told, [watch(balanced("g"))], after), told);
});

test("names that a list gains", () => {
  const lists = (noreturn: string[], accessSafe: string[]) => ({
    noreturn: new Set(noreturn),
    accessSafe: new Set(accessSafe),
  });
  assert.deepEqual(addedNames(lists(["a"], ["x", "y"]), lists(["a", "b"], ["y"])), { noreturn: ["b"], accessSafe: [] });
  assert.deepEqual(addedNames(lists(["a"], []), lists([], ["z"])), { noreturn: [], accessSafe: ["z"] });
});
