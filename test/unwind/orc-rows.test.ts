import assert from "node:assert/strict";
import { test } from "node:test";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { ORC_LAYOUT_RENUMBERED, ORC_LAYOUT_TYPES } from "../../src/orc/layout.ts";
import { compareOrcRows } from "../../src/unwind/orc-compare.ts";
import { orcRegisters } from "../../src/unwind/orc-registers.ts";
import { type OrcOptions, ownOrcRows } from "../../src/unwind/orc-rows.ts";
import { orcRow, orcRowText } from "../../src/unwind/orc-words.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

const options: OrcOptions = { prefix: 0, layout: ORC_LAYOUT_TYPES };

/** Rows as "0x4: call sp:sp+16 bp:prev_sp-16", of `.text` unless another section is named. */
function rowsOf(b: BuiltFlow, section = ".text", given: Partial<OrcOptions> = {}): string[] {
  const { rows } = ownOrcRows(b.flow, b.frames, { ...options, ...given });
  return Array.from({ length: rows.length }, (_, n) => orcRow(rows, n, b.code.object.sectionName))
    .filter((row) => row.section === section)
    .map((row) => `${row.offset}: ${orcRowText(row)}`);
}

test("a frame pointer comes and goes; equal neighbours are one row; the section is closed", () => {
  const b = assembleFlow(`
FUNC f
	pushq	%rbp		# 0
	movq	%rsp, %rbp	# 1
	pushq	%rbx		# 4
	subq	$8, %rsp	# 5
	leaq	-8(%rbp), %rsp	# 9
	popq	%rbx		# 13
	popq	%rbp		# 14
	ret			# 15
END f`);
  assert.deepEqual(rowsOf(b), [
    "0: call sp:sp+8 bp:unchanged",
    "1: call sp:sp+16 bp:prev_sp-16",
    "4: call sp:bp+16 bp:prev_sp-16",
    "15: call sp:sp+8 bp:unchanged",
    "16: undefined",
  ]);
});

test("code that nothing reaches is undefined, and so is a function that annotations exclude, with its padding", () => {
  const b = assembleFlow(`
	nop			# 0
FUNC f
	ret			# 1
END f
	nop			# 2
FUNC __pfx_g
	nop			# 3
END __pfx_g
FUNC g
	pushq	%rbx		# 4
	ret			# 5
END g
	STACK_FRAME_NON_STANDARD g`);
  assert.deepEqual(rowsOf(b), ["1: call sp:sp+8 bp:unchanged", "2: undefined", "6: undefined"]);
  assert.deepEqual(rowsOf(assembleFlow("\tnop")), []);
});

test("a realigned stack: the register, then the slot; the caller's frame pointer where the own one points", () => {
  const b = assembleFlow(`
FUNC f
	leaq	8(%rsp), %r10	# 0
	andq	$-32, %rsp	# 5
	pushq	-8(%r10)	# 9
	pushq	%rbp		# 13
	movq	%rsp, %rbp	# 14
	pushq	%r10		# 17
	subq	$40, %rsp	# 19
	addq	$40, %rsp	# 23
	popq	%r10		# 27
	popq	%rbp		# 29
	leaq	-8(%r10), %rsp	# 30
	ret			# 34
END f`);
  assert.deepEqual(rowsOf(b), [
    "0: call sp:sp+8 bp:unchanged",
    "9: call sp:r10+0 bp:unchanged",
    "17: call sp:r10+0 bp:bp+0",
    "19: call sp:bp_indirect-8 bp:bp+0",
    "29: call sp:r10+0 bp:bp+0",
    "30: call sp:r10+0 bp:unchanged",
    "34: call sp:sp+8 bp:unchanged",
    "35: undefined",
  ]);
});

test("a register that the kernel's rows cannot name makes an undefined row, and is told", () => {
  const b = assembleFlow(`
FUNC f
	leaq	8(%rsp), %rax	# 0
	andq	$-32, %rsp	# 5
	nop			# 9
	leaq	-8(%rax), %rsp	# 10
	ret			# 14
END f`);
  const { inexpressible } = ownOrcRows(b.flow, b.frames, options);
  assert.deepEqual(inexpressible, [{ insn: b.at("f", 2), count: 2, frame: "CFA=rax+0" }]);
  assert.deepEqual(rowsOf(b).slice(1, 3), ["9: undefined", "14: call sp:sp+8 bp:unchanged"]);
  assert.equal(rowsOf(b, ".text", { layout: ORC_LAYOUT_RENUMBERED })[1], "9: call sp:ax+0 bp:unchanged");
  assert.deepEqual(ownOrcRows(b.flow, b.frames, { ...options, layout: ORC_LAYOUT_RENUMBERED }).inexpressible, []);
});

test("hints: interrupt frames with their signal, a switched stack, the end of the stack", () => {
  const b = assembleFlow(`
entry:
	HINT	1		# end of stack
	nop			# 0
	HINT	4, 5, 0, 1
	pushq	$0		# 1
	HINT	3, 5, 16, 1
	nop			# 3
	HINT	2, 9, 8
	nop			# 4
	HINT	2, 4, 24
	nop			# 5
	HINT	0
	nop			# 6
	jmp	entry		# 7`);
  assert.deepEqual(rowsOf(b), [
    "0: end_of_stack",
    "1: regs_partial sp:sp+0 bp:unchanged signal",
    "3: regs sp:sp+16 bp:unchanged signal",
    "4: call sp:sp_indirect+8 bp:unchanged",
    "5: call sp:bp+24 bp:unchanged",
    "6: undefined",
    "9: undefined",
  ]);
});

/** `f`: a region of `length` no-ops at byte 1, and variants of it. */
const patched = (length: number, ...variants: string[]): BuiltFlow =>
  assembleFlow(`
FUNC f
	nop
region:	.space	${length}, 0x90
	ret
END f
	.section .altinstr_replacement, "ax"
${variants.map((text, n) => `variant_${n}:\n${text}\nvariant_${n}_end:`).join("\n")}
	.section .altinstructions, "a"
${variants
  .map(
    (_, n) => `\t.long region - ., variant_${n} - .\n\t.word 7, 0\n\t.byte ${length}, variant_${n}_end - variant_${n}`,
  )
  .join("\n")}`);

test("a patched region has the rows of all its variants, and the replacements have none of their own", () => {
  const b = patched(4, "\tpushq %rdx\n\tpopq %rdx\n\tnop\n\tnop");
  // The original's no-ops say sp+8 at each byte; the variant's one instruction with another frame is a conflict, told elsewhere.
  assert.deepEqual(rowsOf(b, ".altinstr_replacement"), []);
  const long = assembleFlow(`
FUNC f
	nop			# 0
region:	.byte	0x0f, 0x1f, 0x40, 0x00	# one no-op of 4 bytes
	ret			# 5
END f
	.section .altinstr_replacement, "ax"
variant: pushq	%rdx
	popq	%rdx
variant_end:
	.section .altinstructions, "a"
	.long	region - ., variant - .
	.word	7, 0
	.byte	4, variant_end - variant`);
  // Behind the shorter variant no-ops fill the region.
  assert.deepEqual(rowsOf(long), [
    "0: call sp:sp+8 bp:unchanged",
    "2: call sp:sp+16 bp:unchanged",
    "3: call sp:sp+8 bp:unchanged",
    "6: undefined",
  ]);
});

test("variants that disagree: the last one counts", () => {
  const push = "\tpushq %rdx\n\tpopq %rdx";
  const first = rowsOf(patched(3, `${push}\n\tnop`, `\tnop\n${push}`));
  assert.deepEqual(first, [
    "0: call sp:sp+8 bp:unchanged",
    "3: call sp:sp+16 bp:unchanged",
    "4: call sp:sp+8 bp:unchanged",
    "5: undefined",
  ]);
  const other = rowsOf(patched(3, `\tnop\n${push}`, `${push}\n\tnop`));
  assert.deepEqual(other.slice(1, 3), ["2: call sp:sp+16 bp:unchanged", "3: call sp:sp+8 bp:unchanged"]);
});

test("no-ops before a function are part of it where the build makes them so", () => {
  const source = (before: string): string => `
	ret
${before}
FUNC f
	pushq	%rbx
	popq	%rbx
	ret
END f`;
  const first = (before: string, prefix: number): string =>
    rowsOf(assembleFlow(source(before)), ".text", { prefix })[0]!;
  assert.equal(first("\t.space 16, 0x90", 16), "1: call sp:sp+8 bp:unchanged");
  assert.equal(first("\t.space 16, 0x90", 0), "17: call sp:sp+8 bp:unchanged");
  assert.equal(first("\t.space 20, 0x90", 16), "5: call sp:sp+8 bp:unchanged");
  // Too few, something else among them, and an instruction across where the padding would begin.
  assert.equal(first("\t.space 15, 0x90", 16), "16: call sp:sp+8 bp:unchanged");
  assert.equal(first("\t.space 8, 0x90\n\tcmc\n\t.space 8, 0x90", 16), "18: call sp:sp+8 bp:unchanged");
  assert.equal(first("\t.byte 0x0f, 0x1f, 0\n\t.space 14, 0x90", 16), "18: call sp:sp+8 bp:unchanged");
});

test("the padding that the build's tool has named is not padded again", () => {
  const b = assembleFlow(`
	.space	16, 0x90
FUNC __pfx_f
	.space	16, 0x90
END __pfx_f
FUNC f
	ret
END f`);
  assert.deepEqual(rowsOf(b, ".text", { prefix: 16 }), ["16: call sp:sp+8 bp:unchanged", "33: undefined"]);
});

test("a call inside code whose frame is undefined leaves it so", () => {
  const b = assembleFlow(`
start:	HINT_END_OF_STACK
	ANNOTATE_INTRA_FUNCTION_CALL
	call	inside
	int3
inside:	nop
	jmp	start`);
  assert.deepEqual(rowsOf(b), ["0: end_of_stack", "5: undefined", "6: end_of_stack", "9: undefined"]);
});

test("two tables are looked up at every instruction, and differences run together", () => {
  const b = assembleFlow(`
FUNC f
	pushq	%rbx		# 0
	nop			# 1
	nop			# 2
	popq	%rbx		# 3
	ret			# 4
END f`);
  const { rows } = ownOrcRows(b.flow, b.frames, options);
  const found: number[][] = [];
  const compare = (theirs: typeof rows) => {
    found.length = 0;
    return compareOrcRows(b.flow, rows, theirs, (each) =>
      found.push([each.insn - b.at("f"), each.count, each.ours, each.theirs]),
    );
  };
  assert.deepEqual(compare(rows), { instructions: 5, differing: 0 });
  assert.deepEqual(found, []);
  // Without its second row the first one holds on: three instructions in a row differ.
  const keep = (wanted: readonly number[]): typeof rows =>
    Object.fromEntries(
      Object.entries(rows).map(([key, column]) => [
        key,
        typeof column === "number" ? wanted.length : column.filter((_: number, n: number) => wanted.includes(n)),
      ]),
    ) as unknown as typeof rows;
  assert.deepEqual(compare(keep([0, 2, 3])), { instructions: 5, differing: 3 });
  assert.deepEqual(found, [[1, 3, 1, 0]]);
  // Nothing at all on their side is an undefined frame everywhere.
  assert.equal(compare(keep([])).differing, 5);
  assert.deepEqual(found, [
    [0, 1, 0, -1],
    [1, 3, 1, -1],
    [4, 1, 2, -1],
  ]);
  const offBy = { ...rows, spOffset: rows.spOffset.map((value) => (value === 16 ? 24 : value)) };
  assert.equal(compare(offBy).differing, 3);
});

test("rows name registers of x86-64, and of no other machine", () => {
  const names = [...orcRegisters(x86_64, ORC_LAYOUT_TYPES).keys()].map((register) => x86_64.registers.name[register]);
  assert.deepEqual(names.sort(), ["r10", "r13", "rbp", "rdi", "rdx", "rsp"]);
  assert.ok(orcRegisters(x86_64, ORC_LAYOUT_RENUMBERED).has(0), "rax");
  assert.equal(orcRegisters(arm64, ORC_LAYOUT_TYPES).size, 0);
});
