import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { ORC_LAYOUT_TYPES } from "../../src/orc/layout.ts";
import { readOrcRows } from "../../src/orc/rows.ts";
import { findUnchanged } from "../../src/unwind/unchanged.ts";
import { witnessDwarf } from "../../src/unwind/witness-dwarf.ts";
import { witnessOrc } from "../../src/unwind/witness-orc.ts";
import { witnessOwn } from "../../src/unwind/witness-own.ts";
import { describeFrame, findWitnessRow, type WitnessRows } from "../../src/unwind/witness-rows.ts";
import { addressOf, handObject, lengthPrefixed, sleb, u32, u64 } from "../dwarf/hand-object.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

const ENTRY = "CFA=rsp+8, ra at CFA-8";

/** What a witness says of each instruction between two labels; "-" where it says nothing. */
function saysAt(b: BuiltFlow, witness: WitnessRows, from = "f", to = "end"): string[] {
  const { insns, arch } = b.code;
  const said: string[] = [];
  for (let i = b.at(from); i < b.at(to); i++) {
    const row = findWitnessRow(witness, insns.section[i]!, insns.offset[i]!);
    said.push(row === NONE ? "-" : describeFrame(arch, witness, witness.rows.frame[row]!));
  }
  return said;
}

function own(b: BuiltFlow): WitnessRows {
  return witnessOwn(b.flow, b.frames, findUnchanged(b.flow, b.returns, b.frames));
}

function dwarf(b: BuiltFlow): WitnessRows {
  const [cfi] = readCfi(b.code.object);
  return witnessDwarf(b.code.arch, cfi!);
}

test("a frame with saved registers, by the instructions and by .eh_frame", () => {
  const b = assembleFlow(`
FUNC f
	.cfi_startproc
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	push	%rbx
	.cfi_offset rbx, -24
	mov	%rdi, %rbx
	pop	%rbx
	.cfi_restore rbx
	pop	%rbp
	.cfi_restore rbp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
END f
end:	nop
`);
  const rows = [
    ENTRY,
    "CFA=rsp+16, rbp at CFA-16, ra at CFA-8",
    "CFA=rbp+16, rbp at CFA-16, ra at CFA-8",
    "CFA=rbp+16, rbx at CFA-24, rbp at CFA-16, ra at CFA-8",
    "CFA=rbp+16, rbx at CFA-24, rbp at CFA-16, ra at CFA-8",
    "CFA=rbp+16, rbp at CFA-16, ra at CFA-8",
    ENTRY,
  ];
  assert.deepEqual(saysAt(b, own(b)), rows);
  assert.deepEqual(saysAt(b, dwarf(b)), rows);
});

test("a realigned frame, as gcc writes both", () => {
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
	push	%rbx
	.cfi_escape 0x10, 3, 2, 0x76, 0x70
	xor	%ebx, %ebx
	pop	%rbx
	.cfi_restore rbx
	pop	%r10
	.cfi_def_cfa r10, 0
	pop	%rbp
	.cfi_restore rbp
	lea	-8(%r10), %rsp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
END f
end:	nop
`);
  const mine = saysAt(b, own(b));
  const theirs = saysAt(b, dwarf(b));
  assert.equal(mine[7], "CFA=(rbp-8), rbx at rbp-16, rbp at rbp+0, ra at CFA-8");
  assert.equal(theirs[7], mine[7]);
  // Before the frame is made the CFA is known by two registers, and before the pointer is set the slot by another one.
  assert.deepEqual([mine[1], theirs[1]], ["CFA=rsp+8, ra at CFA-8", "CFA=r10+0, ra at CFA-8"]);
  assert.deepEqual([mine[4], theirs[4]], ["CFA=r10+0, rbp at rsp+0, ra at CFA-8", "CFA=r10+0, ra at CFA-8"]);
  assert.deepEqual(mine.slice(-2), theirs.slice(-2));
});

test("a register that is overwritten and not saved is lost, and one that comes back on one way alone too", () => {
  const b = assembleFlow(`
FUNC f
	push	%rbx
	test	%edi, %edi
	je	1f
	xor	%ebx, %ebx
1:	pop	%rbx
	xor	%r12d, %r12d
	ret
END f
end:	nop
`);
  assert.deepEqual(saysAt(b, own(b)), [
    ENTRY,
    ...new Array<string>(4).fill("CFA=rsp+16, rbx at CFA-16, ra at CFA-8"),
    ENTRY,
    "CFA=rsp+8, r12 lost, ra at CFA-8",
  ]);
  const unchanged = findUnchanged(b.flow, b.returns, b.frames);
  const has = (ahead: number, register: number): boolean => ((unchanged[b.at("f", ahead)]! >>> register) & 1) === 1;
  const rbx = 3;
  assert.deepEqual([has(2, rbx), has(4, rbx), has(5, rbx)], [true, false, true]);
});

test("what ours does not follow has a row that does not say, and what nobody reaches has none", () => {
  const b = assembleFlow(`
FUNC f
	mov	%rdi, %rsp
	nop
	ret
	nop
END f
end:	nop
`);
  assert.deepEqual(saysAt(b, own(b)), [ENTRY, "CFA not said", "CFA not said", "-"]);
});

test("hints: interrupt frames, the end of the stack, and none", () => {
  const b = assembleFlow(`
f:	HINT 3, 5, 0
	push	%rax
	HINT 1
	nop
	HINT 0
	nop
end:	nop
`);
  assert.deepEqual(saysAt(b, own(b)), ["CFA=rsp+0, full registers", "CFA undefined, end of stack", "-"]);
});

test("ORC: its frames, and nothing where a row is undefined", () => {
  const bits = (sp: number, bp: number, type: number, signal = 0) => sp | (bp << 4) | (type << 8) | (signal << 11);
  const b = assembleFlow(
    `
f:	.rept 9
	nop
	.endr
end:	nop
	.section .orc_unwind, "a"
	.short	8, 0, ${bits(5, 0, 2)}
	.short	16, -16, ${bits(5, 1, 2)}
	.short	-8, 4, ${bits(8, 4, 2)}
	.short	24, 0, ${bits(9, 0, 2)}
	.short	0, 0, ${bits(5, 0, 3, 1)}
	.short	0, 0, ${bits(4, 0, 4)}
	.short	0, 0, ${bits(0, 0, 1)}
	.short	0, 0, 0
	.short	0, 0, ${bits(6, 0, 2)}
	.section .orc_unwind_ip, "a"
	.rept	9
	.long	f + n - .
	.set	n, n + 1
	.endr
	.set	n, 0
`.replace("f:	.rept", "	.set n, 0\nf:	.rept"),
  );
  const witness = witnessOrc(b.code.object, x86_64, readOrcRows(b.code.object, ORC_LAYOUT_TYPES));
  assert.deepEqual(saysAt(b, witness), [
    ENTRY,
    "CFA=rsp+16, rbp at CFA-16, ra at CFA-8",
    "CFA=(rbp-8), rbp at rbp+4, ra at CFA-8",
    "CFA=(rsp+0)+24, ra at CFA-8",
    "CFA=rsp+0, signal, full registers",
    "CFA=rbp+0, partial registers",
    "CFA undefined, end of stack",
    "-",
    "CFA=r10+0, ra at CFA-8",
  ]);
  assert.deepEqual(witness.tracked, [5, 32]);
});

test("the return address of arm64 is in its register until a rule says where else", () => {
  const cie = lengthPrefixed(u32(0xffff_ffff), [1, 0, 4, sleb(-8), 30], [0x0c, 31, 0]);
  const program = [0x41, 0x2d, 0x41, 0x0e, 32, 0x9d, 4, 0x9e, 3, 0x41, 0xdd, 0xde, 0x0e, 0, 0x2d];
  const fde = lengthPrefixed(u32(0), addressOf(".text", 0), u64(16), program);
  const object = handObject({ ".text": new Uint8Array(16), ".debug_frame": [cie, fde] }, arm64.elfMachine);
  const witness = witnessDwarf(arm64, readCfi(object)[0]!);
  const said = [0, 4, 8, 12].map((offset) => {
    const row = findWitnessRow(witness, 1, offset);
    return describeFrame(arm64, witness, witness.rows.frame[row]!);
  });
  assert.deepEqual(said, [
    "CFA=sp+0",
    "CFA=sp+0, signed return address",
    "CFA=sp+32, x29 at CFA-32, ra at CFA-24, signed return address",
    "CFA=sp+0",
  ]);
});

test("rules of DWARF that are none of the plain ones", () => {
  const b = assembleFlow(`
FUNC f
	.cfi_startproc
	nop
	.cfi_undefined rip
	.cfi_undefined rbx
	.cfi_same_value r12
	.cfi_register r13, rax
	.cfi_escape 0x14, 14, 2
	.cfi_escape 0x16, 15, 2, 0x77, 8
	nop
	.cfi_escape 0x10, 16, 4, 0x76, 8, 6, 6
	.cfi_escape 0x16, 3, 3, 0x77, 16, 6
	.cfi_escape 0x10, 12, 2, 0x23, 8
	.cfi_escape 0x10, 13, 3, 0x92, 17, 8
	.cfi_escape 0x0f, 1, 0x30
	nop
	.cfi_endproc
END f
end:	nop
`);
  assert.deepEqual(saysAt(b, dwarf(b)), [
    ENTRY,
    "CFA=rsp+8, rbx lost, r13 in rax, r14 is CFA-16, r15 in rsp+8, ra lost, end of stack",
    "CFA by an expression, rbx at rsp+16, r12 at CFA+8, r13 by an expression, r14 is CFA-16, r15 in rsp+8, ra by an expression",
  ]);
});
