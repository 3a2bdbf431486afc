import assert from "node:assert/strict";
import { test } from "node:test";
import { analyzeText } from "../support/analyzed.ts";

const told = (end: string, behind: string): string[] =>
  analyzeText(`
FUNC excluded
	pushq	%rbp
	${end}
END excluded
	${behind}
	ret
	STACK_FRAME_NON_STANDARD excluded`).findings.map((finding) => `${finding.function} ${finding.rule}`);

test("what an excluded function runs into behind its end is dead code, as its symbol is too short", () => {
  assert.deepEqual(told("movq %rsp, %rbp", "popq %rbp"), ["excluded unreachable-instruction"]);
});

test("code of no symbol is nobody's where the excluded function before it ends, or may", () => {
  for (const end of ["ret", "jmp elsewhere", "ud2", "call never_back"])
    assert.deepEqual(told(end, "popq %rbp"), [], end);
  assert.deepEqual(told("movq %rsp, %rbp", "int3\n\tint3\n\tpopq %rbp"), [], "a trap");
});

test("what the next symbol names is not behind the call that code of no function ends with", () => {
  const { findings } = analyzeText(`
	.globl	entry
entry:
	HINT_END_OF_STACK
	call	never_back
	.size	entry, . - entry
	.globl	untyped
untyped:
	movl	%edi, %eax
	ret
	.size	untyped, . - untyped`);
  assert.deepEqual(
    findings.map(({ function: name, rule, message }) => [name, rule, message]),
    [["untyped", "unreachable-instruction", "untyped() has code that no path reaches"]],
  );
});
