import assert from "node:assert/strict";
import { test } from "node:test";
import { compareHints } from "../../src/unwind/hint-compare.ts";
import { witnessHints } from "../../src/unwind/witness-hints.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

const VERDICTS = ["same", "true", "wrong", "open", "none"];

function compare(b: BuiltFlow) {
  return compareHints(b.flow, b.returns, b.frames, witnessHints(b.flow, b.frames));
}

/** Verdicts of the ways to an instruction, sorted: "wrong cfa-offset" */
function waysTo(source: string, label = "hinted"): string[] {
  const b = assembleFlow(source);
  const { ways } = compare(b);
  return ways
    .filter(({ insn }) => insn === b.at(label))
    .map(({ verdict, why }) => (why === undefined ? VERDICTS[verdict]! : `${VERDICTS[verdict]} ${why}`))
    .sort();
}

test("a hint that says what the instructions have done", () => {
  assert.deepEqual(waysTo("FUNC f\n\tpush %rbx\n\tHINT 2, 5, 16\nhinted: pop %rbx\n\tret\nEND f"), ["same"]);
  // At a function's entry, by whoever calls it, and by a call that is seen.
  assert.deepEqual(waysTo("FUNC f\nhinted: HINT_FUNC\n\tret\nEND f"), ["same"]);
  assert.deepEqual(
    waysTo("g:\tHINT 3, 5, 0, 1\n\tcall f\n\tud2\n\t.size g, . - g\nf:\nhinted: HINT_FUNC\n\tret\n\t.size f, . - f"),
    ["same"],
  );
});

test("a hint that is a word off, whichever way it is reached by", () => {
  assert.deepEqual(waysTo("FUNC f\n\tpush %rbx\n\tHINT 2, 5, 24\nhinted: pop %rbx\n\tret\nEND f"), [
    "wrong cfa-offset",
  ]);
  const two = `
FUNC f
	test	%edi, %edi
	je	hinted
	push	%rbx
	HINT	2, 5, 16
hinted: ud2
END f`;
  assert.deepEqual(waysTo(two), ["same", "wrong cfa-offset"]);
});

test("the same frame by another register is true, and by one that holds another place wrong", () => {
  const by = (hint: string): string[] =>
    waysTo(`FUNC f\n\tpush %rbp\n\tmov %rsp, %rbp\n\tpush %rax\n\t${hint}\nhinted: ud2\nEND f`);
  assert.deepEqual(by("HINT 2, 5, 24"), ["true"]);
  assert.deepEqual(by("HINT 2, 4, 16"), ["same"]);
  assert.deepEqual(by("HINT 2, 5, 16"), ["wrong cfa-register"]);
  assert.deepEqual(by("HINT 2, 2, 16"), ["open cfa-unknown"]);
});

test("a function's hint over a saved register is wrong, over a pushed address another call's frame", () => {
  assert.deepEqual(waysTo("FUNC f\n\tpush %rbx\n\tHINT_FUNC\nhinted: ud2\nEND f"), ["wrong cfa-offset"]);
  assert.deepEqual(waysTo("FUNC f\n\tpush $f\n\tHINT_FUNC\nhinted: ud2\nEND f"), ["open other-return"]);
  assert.deepEqual(waysTo("FUNC f\n\tlea 8(%rsp), %rsp\n\tHINT_FUNC\nhinted: ud2\nEND f"), ["open other-return"]);
});

test("sets of registers: the part in the whole, one pushed below another, and one that overlaps it", () => {
  const set = (code: string, hint: string): string[] =>
    waysTo(`f:\tHINT 4, 5, 8, 1\n\t${code}\n\t${hint}\nhinted: hlt`);
  const fifteen = Array.from({ length: 15 }, () => "push %rax").join("\n\t");
  assert.deepEqual(set("nop", "HINT 4, 5, 8, 1"), ["same"]);
  assert.deepEqual(set("nop", "HINT 4, 5, 0, 1"), ["wrong cfa-offset"]);
  assert.deepEqual(set("nop", "HINT 4, 5, 8, 0"), ["wrong signal"]);
  assert.deepEqual(set(fifteen, "HINT 3, 5, 0, 1"), ["true"]);
  assert.deepEqual(set(fifteen, "HINT 3, 5, 8, 1"), ["wrong cfa-offset"]);
  assert.deepEqual(set(`${fifteen}\n\tHINT 3, 5, 0, 1\n\tadd $128, %rsp`, "HINT 4, 5, 0, 1"), ["true"]);
  const copied = Array.from({ length: 5 }, () => "push 40(%rsp)").join("\n\t");
  assert.deepEqual(set(copied, "HINT 4, 5, 0, 1"), ["open pushed-set"]);
  assert.deepEqual(set(copied, "HINT 4, 5, 16, 1"), ["wrong cfa-offset"]);
  assert.deepEqual(set("mov %rsp, %rdx", "HINT 4, 2, 8, 1"), ["open cfa-unknown"]);
});

test("another stack is not followed, whether it was loaded or copied from a register", () => {
  const set = (code: string, hint: string): string[] =>
    waysTo(`f:\tHINT 3, 5, 0, 1\n\t${code}\n\t${hint}\nhinted: hlt`);
  assert.deepEqual(set("mov %rax, %rsp", "HINT 3, 5, 16, 1"), ["open switched"]);
  assert.deepEqual(set("mov (%rdi), %rsp\n\tnop", "HINT_END_OF_STACK"), ["open switched"]);
  assert.deepEqual(set("pop %rsp", "HINT 3, 5, 16, 1"), ["open switched"]);
  // A hint in between says where it is.
  assert.deepEqual(set("mov %rax, %rsp\n\tHINT 3, 5, 0, 1\n\tnop", "HINT 3, 5, 16, 1"), ["wrong cfa-offset"]);
  assert.deepEqual(set("nop", "HINT_END_OF_STACK"), ["wrong cfa-undefined"]);
});

test("a callee that saves a set of registers for its caller", () => {
  const saver = (offset: number, callers: number): string => `
f:	HINT	4, 5, 8, 1
	call	save
	HINT	3, 5, ${callers}, 1
hinted: hlt
	.size	f, . - f
save:	HINT	3, 5, ${offset}, 1
	nop
	ret
	.size	save, . - save`;
  assert.deepEqual(waysTo(saver(8, 0)), ["same"]);
  assert.deepEqual(waysTo(saver(16, 0)), ["wrong cfa-offset"]);
  const later = saver(8, 0).replace("call\tsave", "call\tsave\n\tpush %rax");
  assert.deepEqual(waysTo(later), ["open by-callee"]);
});

test("where there is no frame, where it is left open, and where it is lost", () => {
  assert.deepEqual(waysTo("f:\tHINT_END_OF_STACK\n\tpush %rax\n\tHINT 3, 5, 0, 1\nhinted: hlt"), ["open begins"]);
  assert.deepEqual(waysTo("f:\tHINT_END_OF_STACK\n\tnop\n\tHINT_END_OF_STACK\nhinted: hlt"), ["same"]);
  assert.deepEqual(waysTo("f:\tHINT 0\n\tpush %rax\n\tHINT_FUNC\nhinted: hlt"), ["open left-open"]);
  assert.deepEqual(waysTo("f:\tHINT 3, 5, 0, 1\n\tnop\n\tHINT 0\nhinted: hlt"), ["none"]);
  assert.deepEqual(waysTo("FUNC f\n\tsub %rax, %rsp\n\tHINT 2, 5, 16\nhinted: ud2\nEND f"), ["open not-followed"]);
  assert.deepEqual(waysTo("FUNC f\n\tnop\n\tHINT 3, 5, 8, 1\nhinted: ud2\nEND f"), ["open other-kind"]);
  assert.deepEqual(waysTo("f:\tHINT 4, 5, 0, 1\n\tint3\n\tHINT 4, 5, 8, 1\nhinted: hlt"), ["open behind-trap"]);
  const called = `
f:	HINT_END_OF_STACK
	call	hinted
	ud2
	.size	f, . - f
hinted:
	HINT_END_OF_STACK
	ret
	.size	hinted, . - hinted`;
  assert.deepEqual(waysTo(called), ["open ends-in-caller"]);
});

test("a restore is held against what control brings, with the frame pointer's slot", () => {
  const restore = (code: string): string[] =>
    waysTo(`FUNC f\n\tpush %rbp\n\tHINT_SAVE\n\tnop\n\t${code}\n\tHINT_RESTORE\nhinted: ud2\nEND f`);
  assert.deepEqual(restore("nop"), ["same"]);
  assert.deepEqual(restore("push %rax"), ["wrong cfa-offset"]);
  assert.deepEqual(restore("pop %rbp\n\tpush %rax"), ["open lost"]);
});

test("what nobody comes to is told apart", () => {
  const b = assembleFlow(`
entry:	HINT	4, 5, 0, 1
	nop
	HINT	4, 5, 0, 1
second: hlt`);
  const { hinted, alone, ways } = compare(b);
  assert.deepEqual([hinted, alone, ways.map(({ insn }) => insn)], [2, [b.at("entry")], [b.at("second")]]);
});
