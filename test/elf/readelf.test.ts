import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { type ElfObject, openObject, SECTION_ABSOLUTE, SECTION_COMMON } from "../../src/elf/object.ts";
import { readArm64Objects } from "../support/arm64-objects.ts";
import { assemble, type BuiltObject, compile } from "../support/assemble.ts";
import { parseRelocs, parseSections, parseSymbols } from "../support/readelf.ts";

const OPTIONS = ["-SW", "-sW", "-rW"];

// gABI figures 4-9, 4-11, 4-16, 4-17 in readelf's spelling
const typeName: Record<number, string> = {
  0: "NULL",
  1: "PROGBITS",
  2: "SYMTAB",
  3: "STRTAB",
  4: "RELA",
  7: "NOTE",
  8: "NOBITS",
  14: "INIT_ARRAY",
  17: "GROUP",
  18: "SYMTAB",
};
const flagLetter: readonly [number, string][] = [
  [0x1, "W"],
  [0x2, "A"],
  [0x4, "X"],
  [0x10, "M"],
  [0x20, "S"],
  [0x40, "I"],
  [0x80, "L"],
  [0x100, "O"],
  [0x200, "G"],
  [0x400, "T"],
  [0x800, "C"],
  [0x200000, "R"],
  [0x80000000, "E"],
];
const bindingName = ["LOCAL", "GLOBAL", "WEAK"];
const symbolType = ["NOTYPE", "OBJECT", "FUNC", "SECTION", "FILE", "COMMON", "TLS"];

function listedFlags(flags: number): string {
  return flagLetter
    .filter(([bit]) => (flags & bit) !== 0)
    .map(([, letter]) => letter)
    .sort()
    .join("");
}

/** readelf prints control characters as ^A..^Z; the assembler's local labels have them. */
function printed(name: string): string {
  return name.replace(/[\x01-\x1f]/g, (char) => `^${String.fromCharCode(char.charCodeAt(0) + 64)}`);
}

function compareWithReadelf(built: BuiltObject): ElfObject {
  const object = openObject(bytesSource(built.bytes));
  const { sections } = object;
  const listed = parseSections(built.readelf.get("-SW")!);
  assert.equal(sections.length, listed.length);
  const ours = listed.map((_, i) => ({
    name: object.sectionName[i],
    type: typeName[sections.type[i]!],
    fileOffset: sections.fileOffset[i],
    size: sections.size[i],
    entrySize: sections.entrySize[i],
    flags: listedFlags(sections.flags[i]!),
    link: sections.link[i],
    info: sections.info[i],
    align: sections.align[i],
  }));
  assert.deepEqual(ours, listed);
  const symbols = parseSymbols(built.readelf.get("-sW")!);
  assert.equal(object.symbols.length, symbols.length);
  const home = new Map([
    [NONE, "UND"],
    [SECTION_ABSOLUTE, "ABS"],
    [SECTION_COMMON, "COM"],
  ]);
  for (let i = 0; i < symbols.length; i++) {
    const section = object.symbols.section[i]!;
    const row = {
      value: object.symbols.value[i],
      size: object.symbols.size[i],
      type: symbolType[object.symbols.type[i]!],
      binding: bindingName[object.symbols.binding[i]!],
      section: home.get(section) ?? String(section),
      name: printed(object.symbolName[i]!),
    };
    assert.deepEqual(row, symbols[i]);
  }
  let entries = 0;
  for (const [name, relocs] of parseRelocs(built.readelf.get("-rW")!)) {
    const patched = sections.info[object.findSection(name)]!;
    const table = object.relocs(patched);
    assert.equal(table.length, relocs.length, name);
    relocs.sort((a, b) => a.offset - b.offset);
    for (let i = 0; i < relocs.length; i++) {
      const row = { offset: table.offset[i], type: table.type[i], symbol: table.symbol[i], addend: table.addend[i] };
      assert.deepEqual(row, relocs[i], `${name} ${i}`);
    }
    entries += relocs.length;
  }
  const inTables = sections.type.reduce((sum, type, i) => sum + (type === 4 ? sections.size[i]! / 24 : 0), 0);
  assert.equal(entries, inTables);
  return object;
}

const SOURCE = `
#include <stdarg.h>
static int counter; int common_like; extern int elsewhere(const char *, ...); __thread int mine;
__attribute__((weak)) int may_be_replaced(int x) { return x + counter++; }
static int helper(int x) { return elsewhere("text %d\\n", x); }
int (*table[])(int) = { may_be_replaced, helper };
__attribute__((section(".init.text"))) int at_start(void) { mine = 3; return table[counter & 1](common_like); }
int choose(int x) { switch (x) { case 0: return elsewhere("a"); case 1: return elsewhere("b"); case 2: return at_start();
  case 3: return helper(9); case 4: return elsewhere("c"); case 5: return elsewhere("d", 1); default: return -1; } }
`;

const ASSEMBLY = `
  .text
  .globl entry
  .type entry, @function
entry: jmp 1f
  .balign 16
1: call far_away
  ret
  .size entry, .-entry
  .section .text.shared, "axG", @progbits, shared, comdat
  .weak shared
shared: ret
  .section .aligned, "aw", @progbits
  .p2align 12
  .quad entry + 0x123456789, -1
  .section .merge, "aMS", @progbits, 1
  .string "one"
  .section .eight, "aM", @progbits, 8
  .quad 8
  .section .kept, "aR", @progbits
  .byte 1
  .section .excluded, "e", @progbits
  .byte 1
  .section .ordered, "ao", @progbits, .text
  .byte 1
  .bss
  .balign 64
room: .skip 0x123456
  .comm shared_room, 32, 16
  .set fixed, 0x7fffffff12345678
  .globl fixed
  .text
  .reloc 0, R_X86_64_NONE, entry - 4
`;

test("readelf agrees on an object from C, with and without debug information", () => {
  const plain = compareWithReadelf(compile(SOURCE, ["-O2"], OPTIONS));
  const full = compareWithReadelf(compile(SOURCE, ["-O2", "-g", "-ffunction-sections", "-fno-pic"], OPTIONS));
  assert.ok(full.sections.length > plain.sections.length + 10);
});

test("readelf agrees on an object from assembly: groups, alignment, NOBITS, high addends and values", () => {
  const object = compareWithReadelf(assemble(ASSEMBLY, OPTIONS));
  const { sections } = object;
  assert.equal(sections.align[object.findSection(".aligned")], 4096);
  assert.equal(sections.entrySize[object.findSection(".eight")], 8);
  // SHT_GROUP is there as a section, with the symbol table and the signature symbol
  const group = object.findSection(".group");
  assert.equal(sections.type[group], 17);
  assert.equal(object.sectionName[sections.link[group]!], ".symtab");
  assert.equal(object.symbolName[sections.info[group]!], "shared");
  // NOBITS has a size and no bytes
  const bss = object.findSection(".bss");
  assert.equal(sections.size[bss], 0x123456);
  assert.equal(object.bytes(bss).length, 0);
  assert.equal(object.findSection(".not-there"), NONE);
  assert.equal(object.relocs(bss).length, 0);
});

test("readelf agrees on the shipped arm64 objects", () => {
  for (const { name, bytes } of readArm64Objects()) {
    const path = fileURLToPath(new URL(`../kernel/arm64/${name}`, import.meta.url));
    const listing = (option: string) =>
      execFileSync("readelf", [option, path], { encoding: "utf8", maxBuffer: 1 << 26 });
    compareWithReadelf({ bytes, readelf: new Map(OPTIONS.map((option) => [option, listing(option)])) });
  }
});

test("elfy 1.0.0 reads 64-bit sh_addralign and sh_entsize two bytes early; ours are right", async () => {
  const { bytes } = assemble(ASSEMBLY);
  const object = openObject(bytesSource(bytes));
  const text = object.findSection(".text");
  assert.equal(object.sections.align[text], 16);
  assert.equal(object.sections.entrySize[object.findSection(".symtab")], 24);
  const { default: elfy } = await import("elfy");
  const parsed = elfy.parse(Buffer.from(bytes)).body.sections[text] as unknown as { name: string; addralign: number };
  assert.equal(parsed.name, ".text");
  // When this fails, elfy was repaired and src/elf/open.ts can take its values.
  assert.notEqual(parsed.addralign, 16);
});

test("extended section numbering: more than 65280 sections", () => {
  const count = 33_000; // each has its relocation section
  // A numbered section, a symbol in it and a reference from it to the one before.
  const lines = ["  .altmacro", "  .macro one n, m", '  .section .s\\n, "ax"', "f\\n: .long f\\m - .", "  .endm"];
  for (let n = 1; n <= count; n++) lines.push(`  one ${n} ${n === 1 ? 1 : n - 1}`);
  const { bytes } = assemble(`${lines.join("\n")}\n`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  assert.equal(view.getUint16(60, true), 0); // e_shnum stands in section 0
  assert.equal(view.getUint16(62, true), 0xffff); // and e_shstrndx, SHN_XINDEX
  const object = openObject(bytesSource(bytes));
  assert.ok(object.sections.length > 2 * count);
  let highest = 0;
  for (const n of [2, 100, 16_384, 32_500, 32_639, 32_640, 32_641, count]) {
    const section = object.findSection(`.s${n}`);
    assert.equal(object.sectionName[section], `.s${n}`);
    const symbol = object.symbolName.indexOf(`f${n}`);
    assert.equal(object.symbols.section[symbol], section);
    highest = Math.max(highest, section);
    const relocs = object.relocs(section);
    assert.equal(relocs.length, 1);
    assert.equal(object.symbols.section[relocs.symbol[0]!], object.findSection(`.s${n - 1}`));
  }
  assert.ok(highest > 0xff00, `${highest}`); // beyond SHN_LORESERVE
});
