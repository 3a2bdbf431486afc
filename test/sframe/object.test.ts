import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import { assemble } from "../support/assemble.ts";
import { AMD64, type HandFunction, type HandReloc, sframeObject, sframeTable } from "../support/sframe-sections.ts";

// Where functions lie, by the relocations of an object.

const rows = [{ start: 0, info: 3, words: [8] }];
const sizes = (...all: number[]): HandFunction[] => all.map((size) => ({ size, rows }));
const open = (section: Uint8Array, relocs: readonly HandReloc[]): ElfObject =>
  openObject(bytesSource(sframeObject(section, relocs)));

function places(object: ElfObject): string[] {
  const sframe = readSFrame(object);
  assert.ok(sframe !== undefined);
  const { functions } = sframe;
  return [
    ...Array.from(functions.start, (start, f) => `${object.sectionName[functions.section[f]!]}+${start}`),
    ...sframe.notes.map(({ offset, text }) => `${offset}: ${text}`),
  ];
}

test("the symbol and addend of a start's relocation are the place, in every version and with either flag", () => {
  for (const [version, flags, entry, type] of [
    [1, 0, 17, "R_X86_64_PC32"],
    [2, 0, 20, "R_X86_64_PC32"],
    [2, 4, 20, "R_X86_64_PC32"],
    [3, 4, 16, "R_X86_64_PC64"],
    [3, 0, 16, "R_X86_64_PC64"],
  ] as const) {
    const section = sframeTable({ version, flags, abi: AMD64, fixedRa: -8, functions: sizes(32, 16, 8, 8) });
    const relocs = ["f", ".text + 32", "h", ".text.other + 4"].map((target, n) => ({
      offset: 28 + n * entry,
      type,
      target,
    }));
    assert.deepEqual(places(open(section, relocs)), [".text+0", ".text+32", ".text.other+4", ".text.other+4"]);
  }
});

test("a function without a place is a note", () => {
  const section = sframeTable({ version: 2, abi: AMD64, fixedRa: -8, functions: sizes(32, 16, 17, 8, 8) });
  const at = (n: number): number => 28 + n * 20;
  const type = "R_X86_64_PC32";
  const object = open(section, [
    { offset: at(0), type, target: "f" },
    { offset: at(1), type, target: "elsewhere" },
    { offset: at(2), type, target: "g" },
    { offset: at(3), type: "R_X86_64_32", target: "h" },
  ]);
  assert.deepEqual(places(object), [
    ".text+0",
    "48: function 1 is not read: its symbol elsewhere is not in this object",
    "68: function 2 is not read: it goes beyond section .text",
    "88: function 3 is not read: its relocation is of type 10",
    "108: function 4 is not read: it has no relocation",
  ]);
});

test("relocations that hit no start are refused: ld -r of binutils 2.40 merges tables and leaves them where they were", () => {
  const section = sframeTable({ version: 1, flags: 1, abi: AMD64, fixedRa: -8, functions: sizes(32, 16) });
  for (const offset of [28 + 17 + 1, 28 + 2 * 17, 4]) {
    const relocs = [28, offset].map((each) => ({ offset: each, type: "R_X86_64_PC32", target: "f" }));
    assert.throws(
      () => readSFrame(open(section, relocs)),
      (error) => error instanceof FormatError && error.code === "bad-value" && error.place.offset === offset,
    );
  }
});

test("tables behind each other each have their relocations", () => {
  const one = sframeTable({ version: 2, flags: 4, abi: AMD64, fixedRa: -8, functions: sizes(32) });
  const at = (one.length + 7) & ~7;
  const both = new Uint8Array(at + one.length);
  both.set(one);
  both.set(one, at);
  const type = "R_X86_64_PC32";
  const relocs = [
    { offset: 28, type, target: "f" },
    { offset: at + 28, type, target: "g - 16" },
  ];
  assert.deepEqual(places(open(both, relocs)), [".text+0", ".text+16"]);
});

test("the table of another machine is refused; an object without one has none", () => {
  const section = sframeTable({ version: 2, abi: 2, functions: [] });
  assert.throws(() => readSFrame(open(section, [])), /ABI AArch64 in an object of machine 62/);
  assert.equal(readSFrame(openObject(bytesSource(assemble("f: ret").bytes))), undefined);
  assert.equal(readSFrame(openObject(bytesSource(assemble('.section .sframe, "a"').bytes))), undefined);
});
