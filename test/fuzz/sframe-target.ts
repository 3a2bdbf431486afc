import assert from "node:assert/strict";
import { bytesSource } from "../../src/base/bytes.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import { readSFrameBytes } from "../../src/sframe/read.ts";
import type { SFrame } from "../../src/sframe/table.ts";
import { witnessSFrame } from "../../src/unwind/witness-sframe.ts";
import { compile } from "../support/assemble.ts";
import { generateC } from "../support/generated-c.ts";
import { AMD64, type HandFunction, sframeObject, sframeTable } from "../support/sframe-sections.ts";
import type { FuzzTarget } from "./target.ts";

const functions: readonly HandFunction[] = [
  { size: 32, rows: [0, 1, 4, 30].map((start) => ({ start, info: 5, words: [16, -16] })) },
  { size: 16, info: 0x12, blockSize: 8, rows: [0, 4].map((start) => ({ start, info: 3, words: [8] })) },
];
/** A register's rule of version 3, a slot of another register, padding, and the outermost frame. */
const flexible: HandFunction = {
  size: 8,
  info: 0x80,
  info2: 1,
  rows: [
    { start: 0, info: 10, words: [0x51, 0, 0, 0x33, 0] },
    { start: 4, info: 0x2c, words: [0x33, -8, 0x82, -8, 0x33, 16] },
    { start: 6, info: 0, words: [] },
  ],
};

function seeds(): Uint8Array[] {
  const type = "R_X86_64_PC32";
  const relocs = (size: number, targets: readonly string[]) =>
    targets.map((target, n) => ({ offset: 28 + n * size, type, target }));
  const amd64 = { abi: AMD64, fixedRa: -8 };
  return [
    compile(generateC(1, 1), ["-O2", "-w", "-Wa,--gsframe"]).bytes,
    sframeObject(sframeTable({ ...amd64, version: 2, flags: 4, functions }), relocs(20, ["f", "g"])),
    sframeObject(
      sframeTable({ ...amd64, version: 3, flags: 4, functions: [...functions, flexible] }),
      relocs(16, ["f", "g", "h"]),
    ),
    // Byte orders and machines that the ELF reader does not open: sections by themselves.
    sframeTable({ version: 2, abi: 1, functions }),
    sframeTable({ version: 2, abi: 4, functions, auxiliary: [1, 2, 3] }),
    sframeTable({ version: 3, abi: 2, functions: [...functions, flexible] }),
  ];
}

/** .sframe of an object, or by itself. */
export const sframeTarget: FuzzTarget = {
  name: "sframe",
  seeds,
  read(bytes) {
    if (bytes[0] !== 0x7f) {
      check(readSFrameBytes(bytes));
      return;
    }
    const object = openObject(bytesSource(bytes));
    const sframe = readSFrame(object);
    if (sframe !== undefined) check(sframe, object);
  },
  hot(bytes) {
    if (bytes[0] !== 0x7f) return [];
    const { sections, sectionName } = openObject(bytesSource(bytes));
    return sectionName.flatMap((name, i) =>
      /sframe/.test(name) ? [[sections.fileOffset[i]!, sections.fileOffset[i]! + sections.size[i]!] as const] : [],
    );
  },
};

function check(sframe: SFrame, object?: ElfObject): void {
  const { functions: all, rows } = sframe;
  let next = 0;
  for (let f = 0; f < all.length; f++) {
    assert.ok(all.table[f]! < sframe.headers.length);
    assert.equal(all.rowStart[f], next);
    next = all.rowEnd[f]!;
    for (let r = all.rowStart[f]! + 1; r < next; r++) assert.ok(rows.start[r - 1]! <= rows.start[r]!);
    if (object === undefined) continue;
    assert.ok(all.section[f]! > 0 && all.start[f]! >= 0);
    assert.ok(all.start[f]! + all.size[f]! <= object.sections.size[all.section[f]!]!);
  }
  assert.equal(next, rows.length);
  if (object === undefined) return;
  for (const arch of [x86_64, arm64]) {
    const { witness } = witnessSFrame(arch, sframe);
    const { section, start, end, length } = witness.rows;
    for (let r = 0; r < length; r++) {
      assert.ok(start[r]! < end[r]! && end[r]! <= object.sections.size[section[r]!]!);
      if (r > 0 && section[r - 1] === section[r]) assert.ok(end[r - 1]! <= start[r]!);
    }
  }
}
