import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import * as dw from "../../src/dwarf/constants.ts";
import { readSourcePlaces } from "../../src/dwarf/source-places.ts";
import { SHF_EXECINSTR } from "../../src/elf/constants.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";
import { cpuMillis } from "../support/cpu-time.ts";
import {
  abbrevs,
  addressOf,
  type Declaration,
  handObject,
  lengthPrefixed,
  type Part,
  sizeOf,
  text,
  u16,
  u32,
  u64,
} from "./hand-object.ts";
import { compile, inlineSource, scratchFolder } from "./objects.ts";

/** No input of these sizes may take longer; a sound one takes a few milliseconds. */
const LIMIT_MS = 2000;

/** A small seeded generator (mulberry32), so that a failure can be had again. */
function seededRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Asks for the place and the function of every `step`th byte of code. */
function askAll(object: ElfObject, step: number): number {
  const places = readSourcePlaces(object);
  let answers = 0;
  for (let section = 1; section < object.sections.length; section++) {
    if (((object.sections.flags[section] as number) & SHF_EXECINSTR) === 0) continue;
    const size = Math.min(object.sections.size[section] as number, 4096);
    for (let offset = 0; offset < size; offset += step) {
      if (places.find(section, offset) !== undefined) answers++;
      places.findFunction(section, offset);
    }
  }
  return answers;
}

const folder = scratchFolder();
const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);
const MUTANTS = 1500;
const objects: readonly [string, () => string][] = [
  ["gcc -g", () => compile(folder, "inline.c", inlineSource, ["-O2", "-g"])],
  ["gcc -gdwarf-4", () => compile(folder, "inline.c", inlineSource, ["-O2", "-gdwarf-4"])],
  ["gcc -g1", () => compile(folder, "inline.c", inlineSource, ["-O2", "-g1"])],
  ["clang for x86-64", () => fixture("clang-x86_64.o")],
  ["clang for arm64", () => fixture("clang-aarch64.o")],
];
for (const [i, [name, path]] of objects.entries()) {
  test(`${MUTANTS} mutants of an object of ${name}: an answer or a FormatError, in time`, () => {
    const sound = readFileSync(path());
    const { sections, sectionName } = openObject(bytesSource(sound));
    const targets = sectionName.flatMap((name, index) => (/^\.(rela\.)?debug_/.test(name) ? [index] : []));
    const random = seededRandom(0x0b1ec7 + i);
    let answered = 0;
    let refused = 0;
    for (let mutant = 0; mutant < MUTANTS; mutant++) {
      const bytes = new Uint8Array(sound);
      for (let edit = random(4); edit >= 0; edit--) {
        const target = targets[random(targets.length)] as number;
        const at = (sections.fileOffset[target] as number) + random(sections.size[target] as number);
        bytes[at] = [0, 0xff, 0x7f, 0x80, random(256), (bytes[at] as number) ^ (1 << random(8))][random(6)] as number;
      }
      const started = cpuMillis();
      try {
        askAll(openObject(bytesSource(bytes)), 3);
        answered++;
      } catch (error) {
        assert.ok(error instanceof FormatError, `mutant ${mutant}: ${error instanceof Error ? error.stack : error}`);
        refused++;
      }
      const took = cpuMillis() - started;
      assert.ok(took < LIMIT_MS, `mutant ${mutant} took ${took} ms`);
    }
    assert.ok(answered > MUTANTS / 10 && refused > MUTANTS / 10, `${answered} answered, ${refused} refused`);
  });
}

/** A line table that gives line 2 to all of .text. */
const lineTable: Part = lengthPrefixed(
  u16(4),
  u32(sizeOf([1, 1, 1, 251, 14, 1, 0, text("a.c"), 0, 0, 0, 0])),
  [1, 1, 1, 251, 14, 1, 0, text("a.c"), 0, 0, 0, 0],
  [0, 9, 2, addressOf(".text", 0)],
  1 + 5 + 1, // opcode base 1: special, one line on
  1 + 5 + 14 * 15,
  [0, 1, 1],
);
const unitDeclaration: Declaration = {
  code: 1,
  tag: dw.DW_TAG_compile_unit,
  children: true,
  attributes: [[dw.DW_AT_stmt_list, dw.DW_FORM_sec_offset]],
};

function handPlaces(declarations: readonly Declaration[], entries: Part, others: Readonly<Record<string, Part>> = {}) {
  const object = handObject({
    ".text": new Uint8Array(16),
    ".debug_line": lineTable,
    ".debug_abbrev": abbrevs(unitDeclaration, ...declarations),
    ".debug_info": lengthPrefixed(u16(4), u32(0), 8, [1, u32(0), entries, 0]),
    ...others,
  });
  return readSourcePlaces(object);
}

function refuses(run: () => unknown, code: FormatError["code"]): void {
  const started = cpuMillis();
  assert.throws(run, (error) => error instanceof FormatError && error.code === code);
  assert.ok(cpuMillis() - started < LIMIT_MS);
}

const FIRST_ENTRY = 16; // behind the unit's header and root
const coveringText: Declaration["attributes"] = [
  [dw.DW_AT_low_pc, dw.DW_FORM_addr],
  [dw.DW_AT_high_pc, dw.DW_FORM_data1],
];
const textRange: Part = [addressOf(".text", 0), 16];

test("the hand-made object is sound where it is not meant to be broken", () => {
  const attributes = [...coveringText, [dw.DW_AT_name, dw.DW_FORM_string]] as const;
  const places = handPlaces([{ code: 2, tag: dw.DW_TAG_subprogram, attributes }], [2, textRange, text("f")]);
  assert.deepEqual(places.find(1, 3), { file: "a.c", line: 2, column: 0, inlineStack: [] });
  assert.deepEqual(places.findFunction(1, 3), { name: "f", file: "", line: 0 });
});

test("an origin that leads back to itself, alone and by way of another", () => {
  const attributes = [...coveringText, [dw.DW_AT_abstract_origin, dw.DW_FORM_ref4]] as const;
  const itself = handPlaces([{ code: 2, tag: dw.DW_TAG_subprogram, attributes }], [2, textRange, u32(FIRST_ENTRY)]);
  assert.equal(itself.find(1, 0)?.line, 2, "the line needs no name");
  refuses(() => itself.findFunction(1, 0), "bad-value");
  const declarations: Declaration[] = [
    { code: 2, tag: dw.DW_TAG_subprogram, attributes },
    { code: 3, tag: dw.DW_TAG_subprogram, attributes: [[dw.DW_AT_specification, dw.DW_FORM_ref4]] },
  ];
  const other = handPlaces(declarations, [2, textRange, u32(FIRST_ENTRY + 14), 3, u32(FIRST_ENTRY)]);
  refuses(() => other.findFunction(1, 0), "bad-value");
});

test("an origin outside of the section, and one in the middle of an entry", () => {
  const attributes = [...coveringText, [dw.DW_AT_abstract_origin, dw.DW_FORM_ref4]] as const;
  const at = (offset: number) =>
    handPlaces([{ code: 2, tag: dw.DW_TAG_subprogram, attributes }], [2, textRange, u32(offset)]);
  assert.equal(at(0xfffffff0).findFunction(1, 0)?.name, "");
  refuses(() => at(FIRST_ENTRY + 9).findFunction(1, 0), "bad-value"); // the length 16 as an abbreviation
});

test("entries nested a hundred thousand deep", () => {
  const declarations = [{ code: 2, tag: dw.DW_TAG_lexical_block, children: true, attributes: [] }];
  refuses(() => handPlaces(declarations, new Uint8Array(100_000).fill(2)).find(1, 0), "over-budget");
});

test("a thousand units that each read the same abbreviations from another start", () => {
  const table: Part = [Array.from({ length: 4000 }, () => [1, 17, 0, 0x10, 0x17, 0, 0]), 0];
  const units = Array.from({ length: 1000 }, (_, i) => lengthPrefixed(u16(4), u32(i * 7), 8, [1, u32(0)]));
  refuses(() => handPlaces([], [], { ".debug_info": units, ".debug_abbrev": table }).find(1, 0), "over-budget");
});

test("a thousand units that share one abbreviation of fifty thousand attributes", () => {
  const attributes = Array.from({ length: 50_000 }, () => [dw.DW_AT_name, dw.DW_FORM_flag_present] as const);
  const table = abbrevs({ code: 1, tag: dw.DW_TAG_compile_unit, attributes });
  const units = Array.from({ length: 1000 }, () => lengthPrefixed(u16(4), u32(0), 8, 1));
  refuses(() => handPlaces([], [], { ".debug_info": units, ".debug_abbrev": table }).find(1, 0), "over-budget");
});

test("twenty thousand functions that share one long range list", () => {
  const declarations = [
    { code: 2, tag: dw.DW_TAG_subprogram, attributes: [[dw.DW_AT_ranges, dw.DW_FORM_sec_offset]] },
  ] as const;
  const entries = Array.from({ length: 20_000 }, () => [2, u32(0)]);
  const ranges = [Array.from({ length: 20_000 }, () => [u64(4), u64(8)]), u64(0), u64(0)];
  refuses(() => handPlaces(declarations, entries, { ".debug_ranges": ranges }).find(1, 0), "over-budget");
});

test("entries of one byte with a thousand attributes each", () => {
  const attributes = Array.from({ length: 1000 }, () => [dw.DW_AT_call_line, dw.DW_FORM_implicit_const, 1] as const);
  const declarations = [{ code: 2, tag: dw.DW_TAG_lexical_block, attributes }];
  refuses(() => handPlaces(declarations, new Uint8Array(1_000_000).fill(2)).find(1, 0), "over-budget");
});

test("fifty thousand ranges that overlap without nesting are still cut in one sweep", () => {
  const declarations = [
    {
      code: 2,
      tag: dw.DW_TAG_subprogram,
      attributes: [
        [dw.DW_AT_low_pc, dw.DW_FORM_addr],
        [dw.DW_AT_high_pc, dw.DW_FORM_data4],
        [dw.DW_AT_name, dw.DW_FORM_string],
      ],
    },
  ] as const;
  const entries = Array.from({ length: 50_000 }, (_, i) => [2, addressOf(".text", i), u32(100_000), text("f")]);
  const started = cpuMillis();
  const places = handPlaces(declarations, entries);
  assert.equal(places.findFunction(1, 7)?.name, "f");
  assert.ok(cpuMillis() - started < LIMIT_MS);
});
