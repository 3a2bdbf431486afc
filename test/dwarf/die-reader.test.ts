import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { WorkBudget } from "../../src/dwarf/budget.ts";
import * as dw from "../../src/dwarf/constants.ts";
import { DieReader } from "../../src/dwarf/die-reader.ts";
import { DebugSections, readUnits, type Unit } from "../../src/dwarf/units.ts";
import {
  abbrevs,
  addressOf,
  handObject,
  lengthPrefixed,
  type Part,
  sleb,
  text,
  u16,
  u32,
  u64,
  uleb,
} from "./hand-object.ts";

function unitsOf(sections: Readonly<Record<string, Part>>, machine = 62): Unit[] {
  const object = handObject({ ".text": new Uint8Array(64), ...sections }, machine);
  return readUnits(new DebugSections(object), new WorkBudget(10_000));
}

const headerV5: Part = [u16(5), dw.DW_UT_compile, 8, u32(0)];
const headerV4: Part = [u16(4), u32(0), 8];

// 7.5.6: every form, its bytes and the value that they have; a block's value is where it lies and is not compared.
const forms: readonly [form: number, bytes: Part, value?: number][] = [
  [dw.DW_FORM_addr, addressOf(".text", 0x20), 0x20],
  [dw.DW_FORM_block2, [u16(3), 1, 2, 3]],
  [dw.DW_FORM_block4, [u32(2), 1, 2]],
  [dw.DW_FORM_data2, u16(0x1234), 0x1234],
  [dw.DW_FORM_data4, u32(0x12345678), 0x12345678],
  [dw.DW_FORM_data8, u64(2 ** 40 + 1), 2 ** 40 + 1],
  [dw.DW_FORM_string, text("abc")],
  [dw.DW_FORM_block, [uleb(200), new Uint8Array(200)]],
  [dw.DW_FORM_block1, [2, 1, 2]],
  [dw.DW_FORM_data1, 0xfe, 0xfe],
  [dw.DW_FORM_flag, 1, 1],
  [dw.DW_FORM_sdata, sleb(-300), -300],
  [dw.DW_FORM_strp, u32(7), 7],
  [dw.DW_FORM_udata, uleb(1_000_000), 1_000_000],
  [dw.DW_FORM_ref_addr, u32(0x99), 0x99],
  [dw.DW_FORM_ref1, 0x11, 0x11],
  [dw.DW_FORM_ref2, u16(0x2222), 0x2222],
  [dw.DW_FORM_ref4, u32(0x33), 0x33],
  [dw.DW_FORM_ref8, u64(0x44), 0x44],
  [dw.DW_FORM_ref_udata, uleb(0x1ff), 0x1ff],
  [dw.DW_FORM_indirect, [uleb(dw.DW_FORM_data2), u16(0xabcd)], 0xabcd],
  [dw.DW_FORM_indirect, [uleb(dw.DW_FORM_indirect), uleb(dw.DW_FORM_udata), uleb(700)], 700],
  [dw.DW_FORM_sec_offset, u32(0x55), 0x55],
  [dw.DW_FORM_exprloc, [1, 0x57]],
  [dw.DW_FORM_flag_present, [], 1],
  [dw.DW_FORM_strx, uleb(300), 300],
  [dw.DW_FORM_addrx, uleb(301), 301],
  [dw.DW_FORM_ref_sup4, u32(9), 9],
  [dw.DW_FORM_strp_sup, u32(10), 10],
  [dw.DW_FORM_data16, new Uint8Array(16)],
  [dw.DW_FORM_line_strp, u32(11), 11],
  [dw.DW_FORM_ref_sig8, u64(12), 12],
  [dw.DW_FORM_loclistx, uleb(303), 303],
  [dw.DW_FORM_rnglistx, uleb(304), 304],
  [dw.DW_FORM_ref_sup8, u64(13), 13],
  [dw.DW_FORM_strx1, 1, 1],
  [dw.DW_FORM_strx2, u16(0x101), 0x101],
  [dw.DW_FORM_strx3, [1, 2, 3], 0x30201],
  [dw.DW_FORM_strx4, u32(14), 14],
  [dw.DW_FORM_addrx1, 2, 2],
  [dw.DW_FORM_addrx2, u16(0x202), 0x202],
  [dw.DW_FORM_addrx3, [4, 5, 6], 0x60504],
  [dw.DW_FORM_addrx4, u32(15), 15],
  [dw.DW_FORM_GNU_addr_index, uleb(305), 305],
  [dw.DW_FORM_GNU_str_index, uleb(306), 306],
  [dw.DW_FORM_GNU_ref_alt, u32(16), 16],
  [dw.DW_FORM_GNU_strp_alt, u32(17), 17],
];

test("every form is read to its last byte, wanted or not", () => {
  const WANTED = 0x2001; // an attribute of the users' range
  const AFTER = 0x2002;
  const declarations = forms.map(([form], i) => ({
    code: i + 2,
    tag: dw.DW_TAG_lexical_block,
    attributes: [
      [WANTED, form],
      [AFTER, dw.DW_FORM_data4],
    ] as [number, number][],
  }));
  const root = { code: 1, tag: dw.DW_TAG_compile_unit, children: true, attributes: [] };
  const entries = forms.map(([, bytes], i): Part => [uleb(i + 2), bytes, u32(0xdead_0000 + i)]);
  const [unit] = unitsOf({
    ".debug_abbrev": abbrevs(root, ...declarations),
    ".debug_info": lengthPrefixed(headerV5, 1, entries, 0),
  });
  assert.ok(unit);
  const both = new DieReader(unit, [WANTED, AFTER]);
  const after = new DieReader(unit, [AFTER]);
  assert.ok(both.next() && after.next());
  for (const [i, [form, , value]] of forms.entries()) {
    const name = `form 0x${form.toString(16)}`;
    assert.ok(both.next() && after.next(), name);
    if (value !== undefined) assert.equal(both.value[0], value, name);
    if (form !== dw.DW_FORM_indirect) assert.equal(both.form[0], form, name);
    assert.equal(both.value[1], 0xdead_0000 + i, name);
    assert.equal(after.value[0], 0xdead_0000 + i, name);
    assert.equal(both.depth, 1);
  }
  assert.equal(both.next(), false);
  assert.equal(both.next(), false);
});

test("an implicit constant takes no bytes of the entry", () => {
  const [unit] = unitsOf({
    ".debug_abbrev": abbrevs({
      code: 1,
      tag: dw.DW_TAG_compile_unit,
      attributes: [
        [dw.DW_AT_decl_line, dw.DW_FORM_implicit_const, -70],
        [dw.DW_AT_decl_file, dw.DW_FORM_data1],
        [dw.DW_AT_noreturn, dw.DW_FORM_flag_present],
      ],
    }),
    ".debug_info": lengthPrefixed(headerV5, 1, 9),
  });
  assert.ok(unit);
  const die = new DieReader(unit, [dw.DW_AT_decl_file, dw.DW_AT_decl_line, dw.DW_AT_noreturn, dw.DW_AT_name]);
  assert.ok(die.next());
  assert.deepEqual([...die.value.slice(0, 3)], [9, -70, 1]);
  assert.equal(die.form[3], 0);
});

test("children are left out by their sibling, and without one by reading past them", () => {
  const declarations = [
    { code: 1, tag: dw.DW_TAG_compile_unit, children: true, attributes: [] },
    { code: 2, tag: dw.DW_TAG_structure_type, children: true, attributes: [[dw.DW_AT_sibling, dw.DW_FORM_ref1]] },
    { code: 3, tag: dw.DW_TAG_structure_type, children: true, attributes: [] },
    { code: 4, tag: dw.DW_TAG_subprogram, attributes: [[dw.DW_AT_decl_line, dw.DW_FORM_data1]] },
  ] as const;
  // offsets in the unit: 12 root, 13 structure, 15 and 17 subprograms, 19 end, 20 second structure ...
  const [unit] = unitsOf({
    ".debug_abbrev": abbrevs(...declarations),
    ".debug_info": lengthPrefixed(
      headerV5,
      1,
      [2, 20, 4, 1, 4, 2, 0],
      [3, [3, 4, 3, 0], 4, 4, 0],
      [4, 5],
      0,
      [0, 0, 0],
    ),
  });
  assert.ok(unit);
  const seen = (skip: boolean) => {
    const die = new DieReader(unit, [dw.DW_AT_decl_line]);
    const found: string[] = [];
    while (die.next()) {
      found.push(`${die.depth}:${die.tag === dw.DW_TAG_subprogram ? die.value[0] : "-"}`);
      if (skip && die.tag === dw.DW_TAG_structure_type) die.skipChildren();
    }
    return found.join(" ");
  };
  assert.equal(seen(false), "0:- 1:- 2:1 2:2 1:- 2:- 3:3 2:4 1:5");
  assert.equal(seen(true), "0:- 1:- 1:- 1:5");
});

test("names by index, addresses by index and the bases that they count from, on both machines", () => {
  for (const machine of [62, 183]) {
    const [unit] = unitsOf(
      {
        ".debug_abbrev": abbrevs({
          code: 1,
          tag: dw.DW_TAG_compile_unit,
          attributes: [
            [dw.DW_AT_comp_dir, dw.DW_FORM_strx1],
            [dw.DW_AT_low_pc, dw.DW_FORM_addrx],
            [dw.DW_AT_str_offsets_base, dw.DW_FORM_sec_offset],
            [dw.DW_AT_addr_base, dw.DW_FORM_sec_offset],
          ],
        }),
        ".debug_info": lengthPrefixed(headerV5, [1, 1, uleb(1), u32(8), u32(8)]),
        ".debug_str": [text("no"), text("/build")],
        ".debug_str_offsets": lengthPrefixed(u16(5), u16(0), u32(0), { section: ".debug_str", offset: 3, size: 4 }),
        ".debug_addr": lengthPrefixed(u16(5), 8, 0, addressOf(".text", 1), addressOf(".text", 40)),
      },
      machine,
    );
    assert.equal(unit?.compDir, "/build");
    assert.deepEqual(unit?.base, { section: 1, offset: 40 });
  }
});

test("units of other kinds are passed over, units of versions 2 to 4 are read", () => {
  const units = unitsOf({
    ".debug_abbrev": abbrevs({
      code: 1,
      tag: dw.DW_TAG_compile_unit,
      attributes: [[dw.DW_AT_comp_dir, dw.DW_FORM_string]],
    }),
    ".debug_info": [
      lengthPrefixed(u16(5), dw.DW_UT_type, 8, u32(0), u64(1), u32(0), [1, text("type")]),
      lengthPrefixed(u16(5), dw.DW_UT_skeleton, 8, u32(0), u64(1), [1, text("skeleton")]),
      lengthPrefixed(u16(5), dw.DW_UT_partial, 8, u32(0), [1, text("five")]),
      lengthPrefixed(headerV4, [1, text("four")]),
      lengthPrefixed(u16(2), u32(0), 8, [1, text("two")]),
      [u32(0xffffffff), u64(17), u16(4), u64(0), 8, [1, text("wide")]],
    ],
  });
  assert.deepEqual(
    units.map((unit) => `${unit.version} ${unit.compDir}`),
    ["5 five", "4 four", "2 two", "4 wide"],
  );
});

const refused: readonly [string, Part, Part, FormatError["code"]][] = [
  ["an undeclared abbreviation", abbrevs(), lengthPrefixed(headerV5, 7), "bad-value"],
  [
    "a form that does not exist",
    abbrevs({ code: 1, tag: 17, attributes: [[3, 0x7f]] }),
    lengthPrefixed(headerV5, 1, 0),
    "unsupported",
  ],
  [
    "an indirect implicit constant",
    abbrevs({ code: 1, tag: 17, attributes: [[3, 0x16]] }),
    lengthPrefixed(headerV5, 1, 0x21, 0),
    "unsupported",
  ],
  [
    "a block longer than the unit",
    abbrevs({ code: 1, tag: 17, attributes: [[3, 0x09]] }),
    lengthPrefixed(headerV5, 1, uleb(2 ** 40)),
    "truncated",
  ],
  ["abbreviations without end", [1, 17, 0, 3], lengthPrefixed(headerV5, 1), "truncated"],
  ["abbreviations behind their section", abbrevs(), lengthPrefixed(u16(4), u32(99), 8, 1), "out-of-range"],
  ["a unit longer than the section", abbrevs(), [u32(99), u16(5)], "truncated"],
  ["a version of the future", abbrevs(), lengthPrefixed(u16(6), 1, 8, u32(0)), "unsupported"],
  ["addresses of 2 bytes", abbrevs(), lengthPrefixed(u16(4), u32(0), 2, 1), "unsupported"],
];
for (const [name, abbrev, info, errorCode] of refused) {
  test(`refused: ${name}`, () => {
    const read = () => {
      for (const unit of unitsOf({ ".debug_abbrev": abbrev, ".debug_info": [info] })) new DieReader(unit, []).next();
    };
    assert.throws(read, (error) => error instanceof FormatError && error.code === errorCode);
  });
}
