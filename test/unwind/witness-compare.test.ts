import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import { placeName } from "../../src/flow/code.ts";
import { findOnceSaved, findUnchanged } from "../../src/unwind/unchanged.ts";
import { CLAIM_SAME, CLAIM_TRUE } from "../../src/unwind/witness-claims.ts";
import { compareWitness, subjectName, type WitnessComparison } from "../../src/unwind/witness-compare.ts";
import { witnessDwarf } from "../../src/unwind/witness-dwarf.ts";
import { witnessOwn } from "../../src/unwind/witness-own.ts";
import { compile } from "../support/assemble.ts";
import { assembleFlow, type BuiltFlow, buildFlowOf } from "../support/built-flow.ts";
import { generateC } from "../support/generated-c.ts";

// Call frame information with a planted defect, beside code that is in order, and the other way round.

function compare(b: BuiltFlow, redZone?: number): WitnessComparison {
  const kept = {
    unchanged: findUnchanged(b.flow, b.returns, b.frames),
    onceSaved: findOnceSaved(b.flow, b.returns, b.frames),
  };
  const [cfi] = readCfi(b.code.object);
  return compareWitness(b.flow, b.frames, kept, witnessDwarf(b.code.arch, cfi!), redZone);
}

/** "verdict: subject why at place (cause), n instructions in m runs" */
function told(b: BuiltFlow): string[] {
  return compare(b).disagreements.map(({ subject, why, verdict, insn, cause, count, runs, owner }) => {
    const from = cause === NONE ? "nowhere" : placeName(b.code, cause);
    return `${verdict}: ${b.nameOf(owner)} ${subjectName(b.flow, subject)} ${why} at ${placeName(b.code, insn)} from ${from}, ${count} in ${runs}`;
  });
}

/** A function that saves rbx and rbp and makes a frame, with a hole for a plant in each place. */
function framed(plants: { offset?: string; first?: string; middle?: string; last?: string }): BuiltFlow {
  return assembleFlow(`
FUNC f
	.cfi_startproc
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	${plants.first ?? ""}
	push	%rbx
	.cfi_def_cfa_offset 24
	.cfi_offset rbx, ${plants.offset ?? "-24"}
	mov	%rdi, %rbx
	${plants.middle ?? "nop"}
	call	other
	pop	%rbx
	${plants.last ?? ".cfi_restore rbx"}
	.cfi_def_cfa_offset 16
	pop	%rbp
	.cfi_restore rbp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END f
`);
}

test("data that says what the instructions do", () => {
  const b = framed({});
  const result = compare(b);
  assert.deepEqual(result.disagreements, []);
  assert.equal(result.covered, result.instructions);
  assert.deepEqual([result.absent, result.missing], [[], []]);
  for (const counts of result.counts.values()) assert.equal(counts[CLAIM_SAME]! + counts[CLAIM_TRUE]!, 8);
});

test("a wrong .cfi_offset", () => {
  assert.equal(compare(framed({ offset: "-32" })).disagreements[0]?.calls, 1, "also where it calls");
  assert.equal(compare(framed({ last: "" })).disagreements[0]?.calls, 0, "only where it is interrupted");
  assert.deepEqual(told(framed({ offset: "-32" })), [
    "unwind data wrong: f rbx other-slot at .text+0x2 from .text+0x1, 4 in 1",
  ]);
});

test("an adjustment that no instruction makes", () => {
  const plant = ".cfi_adjust_cfa_offset 8\n\tnop\n\t.cfi_adjust_cfa_offset -8";
  assert.deepEqual(told(framed({ middle: plant })), [
    "unwind data wrong: f CFA cfa-offset at .text+0x5 from .text+0x2, 1 in 1",
  ]);
});

test("a push and a pop of inline assembly that the compiler does not see", () => {
  assert.deepEqual(told(framed({ middle: "pushf\n\tpop\t%rax" })), [
    "unwind data wrong: f CFA cfa-offset at .text+0x6 from .text+0x5, 1 in 1",
  ]);
});

test("a saved register that is not told of", () => {
  const b = framed({ first: ".cfi_remember_state" });
  assert.deepEqual(told(b), []);
  const untold = assembleFlow(`
FUNC f
	.cfi_startproc
	push	%rbx
	.cfi_def_cfa_offset 16
	nop
	xor	%ebx, %ebx
	call	other
	pop	%rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
END f
`);
  // Until it is changed the register has the caller's value, and nothing is wrong.
  assert.deepEqual(told(untold), ["unwind data wrong: f rbx not-told at .text+0x4 from .text+0x2, 2 in 1"]);
});

test("a slot below the stack pointer that one way there has not stored anything in", () => {
  // A return of two ways: the early one saved nothing, the other one has popped.
  const joined = (early: string) =>
    assembleFlow(`
FUNC f
	.cfi_startproc
	test	%rdi, %rdi
${early}
	push	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset rbx, -16
	call	other
2:	pop	%rbx
	.cfi_def_cfa_offset 8
1:	ret
	.cfi_endproc
END f
`);
  assert.deepEqual(told(joined("	je	1f")), [
    "unwind data wrong: f rbx never-stored at .text+0xc from .text+0x3, 1 in 1",
  ]);
  assert.deepEqual(told(joined("	nop")), ["unwind data wrong: f rbx below-stack at .text+0xb from .text+0xa, 1 in 1"]);
});

test("a slot below the stack pointer, and one that is still in the frame", () => {
  assert.deepEqual(told(framed({ last: "" })), [
    "unwind data wrong: f rbx below-stack at .text+0xc from .text+0xb, 2 in 1",
  ]);
  assert.deepEqual(compare(framed({ last: "" }), 128).disagreements, [], "a red zone keeps it");
  const moved = assembleFlow(`
FUNC f
	.cfi_startproc
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	push	%rbx
	.cfi_offset rbx, -24
	xor	%ebx, %ebx
	mov	-8(%rbp), %rbx
	leave
	.cfi_restore rbx
	.cfi_restore rbp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
END f
`);
  assert.deepEqual(told(moved), []);
});

test("gcc's realigned frame behind leave: its rules go through a frame pointer that is the caller's again", () => {
  const b = assembleFlow(`
FUNC f
	.cfi_startproc
	lea	8(%rsp), %r10
	.cfi_def_cfa r10, 0
	and	$-32, %rsp
	push	-8(%r10)
	push	%rbp
	mov	%rsp, %rbp
	.cfi_escape 0x10, 6, 2, 0x76, 0
	push	%r10
	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06
	mov	-8(%rbp), %r10
	.cfi_def_cfa r10, 0
	leave
	lea	-8(%r10), %rsp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
END f
`);
  assert.deepEqual(told(b), ["unwind data wrong: f rbp base-gone at .text+0x18 from .text+0x17, 2 in 1"]);
});

test("a frame by a register that holds another place, and by one that ours knows nothing of", () => {
  assert.deepEqual(told(framed({ middle: ".cfi_def_cfa_register rbp" })), [
    "unwind data wrong: f CFA cfa-register at .text+0x5 from .text+0x2, 4 in 1",
  ]);
  assert.deepEqual(told(framed({ middle: "mov\t(%rdi), %r12\n\t.cfi_def_cfa_register r12" })), [
    "undecided: f r12 lost at .text+0x8 from .text+0x5, 4 in 1",
    "undecided: f CFA cfa-unknown at .text+0x8 from .text+0x5, 4 in 1",
  ]);
});

test("a frame that ours does not follow is no evidence against the data", () => {
  const b = assembleFlow(`
FUNC f
	.cfi_startproc
	mov	%rdi, %rsp
	nop
	ret
	.cfi_endproc
END f
`);
  const verdicts = new Set(compare(b).disagreements.map(({ verdict }) => verdict));
  assert.deepEqual([...verdicts], ["ours cannot follow"]);
});

test("a return address elsewhere, an interrupt's frame, and the end of the stack", () => {
  assert.deepEqual(told(framed({ middle: "nop\n\t.cfi_offset rip, -16\n\tnop\n\t.cfi_restore rip" })), [
    "unwind data wrong: f ra return-address at .text+0x6 from .text+0x5, 1 in 1",
  ]);
  assert.deepEqual(told(framed({ first: ".cfi_signal_frame" })), [
    "unwind data wrong: f signal signal at .text+0x0 from .text+0x0, 8 in 1",
  ]);
});

test("a function without rows, and a call that none covers", () => {
  const b = assembleFlow(`
FUNC f
	.cfi_startproc
	push	%rax
	.cfi_def_cfa_offset 16
	.cfi_endproc
	call	other
	pop	%rax
	ret
END f
FUNC g
	call	other
	ret
END g
`);
  const { absent, missing, disagreements } = compare(b);
  assert.deepEqual(absent.map(b.nameOf), ["g"]);
  assert.deepEqual(
    missing.map(({ owner, insn }) => `${b.nameOf(owner)} ${placeName(b.code, insn)}`),
    ["f .text+0x1"],
  );
  assert.deepEqual(disagreements, []);
});

test("our own rows are never in disagreement with the instructions", () => {
  const b = framed({});
  const unchanged = findUnchanged(b.flow, b.returns, b.frames);
  const kept = { unchanged, onceSaved: findOnceSaved(b.flow, b.returns, b.frames) };
  const result = compareWitness(b.flow, b.frames, kept, witnessOwn(b.flow, b.frames, unchanged));
  assert.deepEqual(result.disagreements, []);
});

test("gcc's own data for generated functions, the kernel's way of compiling them", () => {
  const flags = ["-O2", "-g", "-fno-asynchronous-unwind-tables", "-mno-red-zone", "-mno-sse", "-fcf-protection=none"];
  const b = buildFlowOf(compile(generateC(611, 2), flags).bytes, (symbol) =>
    symbol === "__stack_chk_fail" ? true : undefined,
  );
  const result = compare(b);
  const wrong = told(b).filter((text) => !/base-gone|below-stack/.test(text));
  assert.deepEqual(wrong, []);
  assert.ok(result.covered > 1000 && result.covered === result.instructions);
});
