import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import type { Arch } from "../../src/isa/arch.ts";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import { readSFrameBytes } from "../../src/sframe/read.ts";
import type { SFrame } from "../../src/sframe/table.ts";
import { describeFrame } from "../../src/unwind/witness-rows.ts";
import { witnessSFrame } from "../../src/unwind/witness-sframe.ts";
import { assemble, compile } from "../support/assemble.ts";
import { AMD64, type HandTable, sframeTable } from "../support/sframe-sections.ts";

/** "0..1 CFA=rsp+8, ra at CFA-8" */
function rowsOf(arch: Arch, sframe: SFrame): string[] {
  const { witness } = witnessSFrame(arch, sframe);
  assert.equal(witness.overlaps, 0);
  return Array.from(
    witness.rows.frame,
    (frame, r) => `${witness.rows.start[r]}..${witness.rows.end[r]} ${describeFrame(arch, witness, frame)}`,
  );
}
const byHand = (arch: Arch, table: HandTable): string[] => rowsOf(arch, readSFrameBytes(sframeTable(table)));
const words = (count: number): number => count << 1;
const SP = 1;

test("rows of an object that gas wrote: each holds up to the next, the last to the function's end", () => {
  const { bytes } = assemble(
    `
	.cfi_sections .debug_frame
	.space 3, 0x90
f:	.cfi_startproc
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset 6, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register 6
	popq %rbp
	.cfi_def_cfa 7, 8
	.cfi_restore 6
	ret
	.cfi_endproc
`,
    [],
    ["-Wa,--gsframe"],
  );
  assert.deepEqual(rowsOf(x86_64, readSFrame(openObject(bytesSource(bytes)))!), [
    "3..4 CFA=rsp+8, ra at CFA-8",
    "4..7 CFA=rsp+16, rbp at CFA-16, ra at CFA-8",
    "7..8 CFA=rbp+16, rbp at CFA-16, ra at CFA-8",
    "8..9 CFA=rsp+8, ra at CFA-8",
  ]);
});

test("without directives no rows: assembly has none, a compiler that writes no unwind tables neither", () => {
  const flag = "-Wa,--gsframe";
  assert.equal(
    readSFrame(openObject(bytesSource(assemble("f: push %rbp\n pop %rbp\n ret", [], [flag]).bytes))),
    undefined,
  );
  const source = "int g(int); int f(int a) { return g(a) + 1; }";
  const quiet = ["-O2", "-fno-asynchronous-unwind-tables", flag];
  assert.equal(readSFrame(openObject(bytesSource(compile(source, quiet).bytes))), undefined);
  // Debug information brings the directives, as `.cfi_sections .debug_frame`.
  assert.equal(readSFrame(openObject(bytesSource(compile(source, [...quiet, "-g1"]).bytes)))?.functions.length, 1);
});

test("DWARF's numbers become the machine's, and what the machine does not name is an expression", () => {
  const rows = [
    { start: 0, info: words(5), words: [(10 << 3) | 1, 0, 0, (6 << 3) | 3, 0] },
    { start: 4, info: words(5), words: [(6 << 3) | 3, -8, 0, (1 << 3) | 1, 4] },
    { start: 8, info: words(6), words: [(16 << 3) | 1, 0, (17 << 3) | 3, 8, (6 << 3) | 1, 0] },
    { start: 12, info: words(4), words: [(7 << 3) | 1, 8, 8, -8] },
    { start: 16, info: 0, words: [] },
  ];
  const functions = [{ start: 0, size: 20, info: 0x80, info2: 1, rows }];
  assert.deepEqual(byHand(x86_64, { version: 3, abi: AMD64, fixedRa: -8, functions }), [
    "0..4 CFA=r10+0, rbp at rbp+0, ra at CFA-8, signal",
    "4..8 CFA=(rbp-8), rbp in rdx+4, ra at CFA-8, signal",
    "8..12 CFA by an expression, ra by an expression, signal",
    "12..16 CFA=rsp+8, ra is CFA-8, signal",
    "16..20 CFA not said, rbp not said, ra lost, signal, end of stack",
  ]);
});

test("AArch64: the return address stays in the link register until it is saved; where nothing fixes it on x86-64, it is not said", () => {
  const rows = [
    { start: 0, info: SP | words(1), words: [0] },
    { start: 8, info: 0x80 | SP | words(3), words: [32, -24, -32] },
  ];
  const functions = [{ start: 0, size: 16, rows }];
  assert.deepEqual(byHand(arm64, { version: 2, abi: 2, functions }), [
    "0..8 CFA=sp+0",
    "8..16 CFA=sp+32, x29 at CFA-32, ra at CFA-24, signed return address",
  ]);
  const bare = [{ start: 0, size: 16, rows: [{ start: 0, info: SP | words(1), words: [8] }] }];
  assert.deepEqual(byHand(x86_64, { version: 2, abi: AMD64, functions: bare }), ["0..16 CFA=rsp+8, ra not said"]);
});

test("a repeated block is written out, and cut at the function's end", () => {
  const rows = [
    { start: 0, info: SP | words(1), words: [8] },
    { start: 11, info: SP | words(1), words: [16] },
    { start: 200, info: SP | words(1), words: [24] },
  ];
  const functions = [{ start: 0, size: 28, info: 0x10, blockSize: 16, rows }];
  const table = { version: 2, abi: AMD64, fixedRa: -8, functions };
  assert.deepEqual(byHand(x86_64, table), [
    "0..11 CFA=rsp+8, ra at CFA-8",
    "11..16 CFA=rsp+16, ra at CFA-8",
    "16..27 CFA=rsp+8, ra at CFA-8",
    "27..28 CFA=rsp+16, ra at CFA-8",
  ]);
});

test("a block of unknown size, or repeated without end, is a note", () => {
  const rows = [{ start: 0, info: SP | words(1), words: [8] }];
  for (const [version, size, text] of [
    [1, 64, "a function of 64 bytes repeats a block of a size that is not said"],
    [2, 0xffff_ffff, "a function of 4294967295 bytes repeats its block too often"],
  ] as const) {
    const functions = [{ start: 0, size, info: 0x10, blockSize: 1, rows }];
    const { witness, notes } = witnessSFrame(
      x86_64,
      readSFrameBytes(sframeTable({ version, abi: AMD64, fixedRa: -8, functions })),
    );
    assert.equal(witness.rows.length, 0);
    assert.deepEqual(notes, [{ offset: 28, text }]);
  }
});
