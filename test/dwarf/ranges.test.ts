import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { WorkBudget } from "../../src/dwarf/budget.ts";
import * as dw from "../../src/dwarf/constants.ts";
import { DieReader } from "../../src/dwarf/die-reader.ts";
import { readCodeRanges } from "../../src/dwarf/ranges.ts";
import { DebugSections, readUnits } from "../../src/dwarf/units.ts";
import { abbrevs, addressOf, handObject, lengthPrefixed, type Part, u16, u32, u64, uleb } from "./hand-object.ts";

const code = { ".text": new Uint8Array(256), ".text.cold": new Uint8Array(256) };
const SECTION = ["", "text", "cold"];

const unitAttributes = [
  [dw.DW_AT_low_pc, dw.DW_FORM_addr],
  [dw.DW_AT_rnglists_base, dw.DW_FORM_sec_offset],
  [dw.DW_AT_addr_base, dw.DW_FORM_sec_offset],
] as const;

/** The code of one subprogram of a unit that starts at .text+0x10, as "section start-end" in hexadecimal. */
function rangesOf(
  version: 4 | 5,
  attributes: readonly (readonly [number, number])[],
  values: Part,
  sections: Readonly<Record<string, Part>> = {},
): string[] {
  const object = handObject({
    ...code,
    ...sections,
    ".debug_abbrev": abbrevs(
      { code: 1, tag: dw.DW_TAG_compile_unit, children: true, attributes: unitAttributes },
      { code: 2, tag: dw.DW_TAG_subprogram, attributes },
    ),
    ".debug_info": lengthPrefixed(
      version === 5 ? [u16(5), dw.DW_UT_compile, 8, u32(0)] : [u16(4), u32(0), 8],
      [1, addressOf(".text", 0x10), u32(12), u32(8)],
      [2, values],
      0,
    ),
  });
  const [unit] = readUnits(new DebugSections(object), new WorkBudget(1000));
  assert.ok(unit);
  const die = new DieReader(unit, [dw.DW_AT_low_pc, dw.DW_AT_high_pc, dw.DW_AT_ranges]);
  assert.ok(die.next() && die.next());
  const found: string[] = [];
  readCodeRanges(unit, die, { lowPc: 0, highPc: 1, ranges: 2 }, (section, start, end) => {
    found.push(`${SECTION[section]} ${start.toString(16)}-${end.toString(16)}`);
  });
  return found;
}

const LOW = [dw.DW_AT_low_pc, dw.DW_FORM_addr] as const;

test("low_pc with high_pc as an address, as a length, and without", () => {
  const high = (form: number) => [LOW, [dw.DW_AT_high_pc, form] as const];
  const low = addressOf(".text.cold", 0x20);
  assert.deepEqual(rangesOf(4, high(dw.DW_FORM_addr), [low, addressOf(".text.cold", 0x28)]), ["cold 20-28"]);
  assert.deepEqual(rangesOf(5, high(dw.DW_FORM_data8), [low, u64(0x10)]), ["cold 20-30"]);
  assert.deepEqual(rangesOf(5, high(dw.DW_FORM_udata), [low, uleb(1)]), ["cold 20-21"]);
  assert.deepEqual(rangesOf(5, high(dw.DW_FORM_data8), [low, u64(0)]), []);
  assert.deepEqual(rangesOf(5, [LOW], low), []);
  assert.deepEqual(rangesOf(5, high(dw.DW_FORM_data8), [u64(0x20), u64(0x10)]), [], "of no section");
});

const lists: Part = [
  [dw.DW_RLE_offset_pair, uleb(0), uleb(8)],
  [dw.DW_RLE_base_addressx, uleb(1), dw.DW_RLE_offset_pair, uleb(1), uleb(2)],
  [dw.DW_RLE_base_address, addressOf(".text", 0x40), dw.DW_RLE_offset_pair, uleb(2), uleb(4)],
  [dw.DW_RLE_startx_endx, uleb(0), uleb(2)],
  [dw.DW_RLE_startx_length, uleb(1), uleb(5)],
  [dw.DW_RLE_start_end, addressOf(".text", 0x60), addressOf(".text", 0x61)],
  [dw.DW_RLE_start_length, addressOf(".text.cold", 0x70), uleb(3)],
  [dw.DW_RLE_start_length, addressOf(".text.cold", 0x80), uleb(0)],
  dw.DW_RLE_end_of_list,
];
const listed = ["text 10-18", "cold 31-32", "text 42-44", "text 50-58", "cold 30-35", "text 60-61", "cold 70-73"];
const addresses = lengthPrefixed(
  u16(5),
  8,
  0,
  addressOf(".text", 0x50),
  addressOf(".text.cold", 0x30),
  addressOf(".text", 0x58),
);

test("range lists of DWARF 5, every kind of entry, by offset and by index", () => {
  const rnglists = lengthPrefixed(u16(5), 8, 0, u32(2), u32(9), u32(8), dw.DW_RLE_end_of_list, lists);
  const sections = { ".debug_addr": addresses, ".debug_rnglists": rnglists };
  const offset = [[dw.DW_AT_ranges, dw.DW_FORM_sec_offset]] as const;
  assert.deepEqual(rangesOf(5, offset, u32(21), sections), listed);
  const index = [[dw.DW_AT_ranges, dw.DW_FORM_rnglistx]] as const;
  assert.deepEqual(rangesOf(5, index, uleb(0), sections), listed);
  assert.deepEqual(rangesOf(5, index, uleb(1), sections), []);
});

test("range lists of DWARF 4: relocated pairs, offsets from the base, base entries, and a pair of relocated zeros", () => {
  const ranges: Part = [
    [addressOf(".text", 0), addressOf(".text", 0)],
    [addressOf(".text", 0x20), addressOf(".text", 0x28)],
    [u64(4), u64(6)],
    [new Uint8Array(8).fill(0xff), addressOf(".text.cold", 0x30)],
    [u64(1), u64(3)],
    [addressOf(".text", 0x70), addressOf(".text", 0x71)],
    [u64(0), u64(0)],
    [addressOf(".text", 0x90), addressOf(".text", 0x91)],
  ];
  const attributes = [[dw.DW_AT_ranges, dw.DW_FORM_sec_offset]] as const;
  assert.deepEqual(rangesOf(4, attributes, u32(0), { ".debug_ranges": ranges }), [
    "text 20-28",
    "text 14-16",
    "cold 31-33",
    "text 70-71",
  ]);
});

test("refused: lists without end, of an unknown kind, behind or without their section", () => {
  const attributes = [[dw.DW_AT_ranges, dw.DW_FORM_sec_offset]] as const;
  const refused: [4 | 5, Part, Readonly<Record<string, Part>>, FormatError["code"]][] = [
    [5, u32(0), { ".debug_rnglists": [dw.DW_RLE_offset_pair, 1, 2] }, "truncated"],
    [5, u32(0), { ".debug_rnglists": [9] }, "bad-value"],
    [5, u32(77), { ".debug_rnglists": [0] }, "out-of-range"],
    [5, u32(0), {}, "out-of-range"],
    [4, u32(0), { ".debug_ranges": [u64(1), u64(2)] }, "truncated"],
    [4, u32(0), {}, "out-of-range"],
  ];
  for (const [version, values, sections, errorCode] of refused) {
    const read = () => rangesOf(version, attributes, values, sections);
    assert.throws(read, (error) => error instanceof FormatError && error.code === errorCode);
  }
});
