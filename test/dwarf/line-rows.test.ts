import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { openDebugSection } from "../../src/dwarf/debug-section.ts";
import { findRow, findSequence, type LineRows, readLineRows } from "../../src/dwarf/line-rows.ts";
import { readSourcePlaces } from "../../src/dwarf/source-places.ts";
import { addressOf, handObject, lengthPrefixed, type Part, sizeOf, sleb, text, u16, u32, uleb } from "./hand-object.ts";

const TEXT = 1; // sections of an object are numbered as they are written
const COLD = 2;

interface HeaderChoice {
  readonly version: number;
  readonly minInsnLength?: number;
  readonly opcodeBase?: number;
  readonly lineRange?: number;
  readonly tables?: Part;
}

// DWARF 5, 6.2.4.1: one directory and two files, names in line
const tablesV5: Part = [
  [1, uleb(1), uleb(0x08), uleb(1), text("/build")],
  [2, uleb(1), uleb(0x08), uleb(2), uleb(0x0b), uleb(2), text("main.c"), 0, text("inc/b.h"), 0],
];
const tablesV4: Part = [text("inc"), 0, text("main.c"), uleb(0), 0, 0, text("b.h"), uleb(1), 0, 0, 0];

/** A line number program with its header: line base -5, line range 14, as gas and gcc have them. */
function lineTable(choice: HeaderChoice, ...program: Part[]): Part[] {
  const { version, minInsnLength = 1, opcodeBase = 13, lineRange = 14 } = choice;
  const operandCounts = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 2, 2].slice(0, opcodeBase - 1);
  const body: Part[] = [
    minInsnLength,
    ...(version >= 4 ? [1] : []),
    1,
    256 - 5,
    lineRange,
    opcodeBase,
    operandCounts,
    choice.tables ?? (version >= 5 ? tablesV5 : tablesV4),
  ];
  return lengthPrefixed(u16(version), version >= 5 ? [8, 0] : [], u32(sizeOf(body)), body, program);
}

const setAddress = (section: string, offset: number): Part => [0, 9, 2, addressOf(section, offset)];
const endSequence = [0, 1, 1];
/** The special opcode of DWARF 5, 6.2.5.1. */
const special = (advance: number, lines: number, opcodeBase = 13) => lines + 5 + 14 * advance + opcodeBase;

const code = { ".text": new Uint8Array(64), ".text.cold": new Uint8Array(64) };

function rowsOf(...tables: Part[]): LineRows {
  const section = openDebugSection(handObject({ ...code, ".debug_line": tables }), ".debug_line");
  assert.ok(section);
  return readLineRows(section);
}

function dump({ rows }: LineRows): string[] {
  return Array.from(
    { length: rows.length },
    (_, i) => `${rows.offset[i]} ${rows.file[i]}:${rows.line[i]}:${rows.column[i]}`,
  );
}

/** Section, start and end of each sequence. */
function dumpSequences({ sequences }: LineRows): (number | undefined)[][] {
  const { section, start, end, length } = sequences;
  return Array.from({ length }, (_, i) => [section[i], start[i], end[i]]);
}

for (const version of [2, 3, 4, 5]) {
  test(`version ${version}: every standard and extended opcode`, () => {
    const lines = rowsOf(
      lineTable(
        { version },
        setAddress(".text", 4),
        [5, uleb(300)], // DW_LNS_set_column
        [3, sleb(199)], // DW_LNS_advance_line
        1, // DW_LNS_copy: 4 1:200:300
        [4, 2], // DW_LNS_set_file
        [2, 3], // DW_LNS_advance_pc
        [3, sleb(-150)],
        [10, 11, 7, 6], // prologue end, epilogue begin, basic block, negate_stmt
        1, // 7 2:50:300
        8, // DW_LNS_const_add_pc: 17
        [9, u16(6)], // DW_LNS_fixed_advance_pc
        [12, uleb(200)], // DW_LNS_set_isa
        special(2, -5), // 32 2:45:300
        [0, uleb(3), 4, uleb(129)], // DW_LNE_set_discriminator
        [0, uleb(5), 0x80, 1, 2, 3, 4], // DW_LNE_lo_user
        special(1, 8), // 33 2:53:300
        special(0, 1), // the same place again: the last row counts
        [2, 7],
        endSequence,
      ),
    );
    assert.deepEqual(dump(lines), ["4 1:200:300", "7 2:50:300", "32 2:45:300", "33 2:54:300"]);
    assert.deepEqual(dumpSequences(lines), [[TEXT, 4, 40]]);
  });
}

test("sequences belong to the section that their address is relocated to, in whatever order", () => {
  const lines = rowsOf(
    lineTable(
      { version: 5 },
      [setAddress(".text.cold", 0), special(0, 6), 2, 8, endSequence],
      [setAddress(".text", 32), special(0, 1), 2, 8, endSequence],
      [setAddress(".text", 0), special(0, 2), 2, 8, endSequence],
    ),
    lineTable({ version: 4 }, [setAddress(".text", 16), special(0, 3), 2, 8, endSequence]),
  );
  const place = (section: number, offset: number) => {
    const sequence = findSequence(lines.sequences, section, offset);
    return sequence < 0
      ? "none"
      : `${lines.sequences.table[sequence]}:${lines.rows.line[findRow(lines, sequence, offset)]}`;
  };
  assert.deepEqual(
    [0, 7, 8, 16, 23, 24, 32, 39, 40].map((offset) => place(TEXT, offset)),
    [..."0:3,0:3,none,1:4,1:4,none,0:2,0:2,none".split(",")],
  );
  assert.deepEqual(
    [0, 7, 8].map((offset) => place(COLD, offset)),
    ["0:7", "0:7", "none"],
  );
});

test("a sequence whose address no relocation places is left out", () => {
  const lines = rowsOf(lineTable({ version: 5 }, [0, 9, 2, u32(0), u32(0)], special(0, 1), 2, 8, endSequence));
  assert.equal(lines.sequences.length + lines.rows.length, 0);
});

test("one program may change the section without ending the sequence", () => {
  const lines = rowsOf(
    lineTable(
      { version: 3 },
      setAddress(".text", 0),
      special(0, 1),
      [2, 8],
      setAddress(".text.cold", 4),
      1,
      2,
      4,
      endSequence,
    ),
  );
  assert.deepEqual(dumpSequences(lines), [
    [TEXT, 0, 8],
    [COLD, 4, 8],
  ]);
});

test("addresses count in units of the smallest instruction, apart from the fixed advance", () => {
  const lines = rowsOf(
    lineTable(
      { version: 5, minInsnLength: 4 },
      setAddress(".text", 0),
      special(3, 0),
      [2, 2],
      1,
      [9, u16(2)],
      1,
      8,
      endSequence,
    ),
  );
  assert.deepEqual(dump(lines), ["12 1:1:0", "20 1:1:0", "22 1:1:0"]);
  assert.equal(lines.sequences.end[0], 22 + 17 * 4); // (255 - 13) / 14 instructions
});

test("standard opcodes that the header declares and nobody knows are passed over by their operands", () => {
  const lines = rowsOf(
    lineTable(
      { version: 4, opcodeBase: 15 },
      setAddress(".text", 0),
      [13, uleb(1000), 1],
      special(4, 2, 15),
      2,
      4,
      endSequence,
    ),
  );
  assert.deepEqual(dump(lines), ["4 1:3:0"]);
});

test("a short opcode table makes special opcodes of the rest", () => {
  const lines = rowsOf(
    lineTable({ version: 2, opcodeBase: 10 }, setAddress(".text", 0), 10 + 5 + 14, 2, 4, endSequence),
  );
  assert.deepEqual(dump(lines), ["1 1:1:0"]);
});

test("rows that go backwards are put in order", () => {
  const lines = rowsOf(
    lineTable(
      { version: 5 },
      setAddress(".text", 8),
      special(0, 1),
      setAddress(".text", 0),
      special(0, 1),
      [2, 16],
      endSequence,
    ),
  );
  assert.deepEqual(dump(lines), ["0 1:3:0", "8 1:2:0"]);
  assert.deepEqual([lines.sequences.start[0], lines.sequences.end[0]], [0, 16]);
});

test("files of the tables and of DW_LNE_define_file, on arm64 as on x86-64", () => {
  const program: Part = [
    setAddress(".text", 0),
    [4, 2],
    special(0, 1),
    [0, uleb(11), 3, text("gen.c"), uleb(1), 0, uleb(200)], // DW_LNE_define_file
    [4, 3],
    special(4, 1),
    [4, 9],
    special(4, 1),
    [2, 4],
    endSequence,
  ];
  for (const machine of [62, 183]) {
    const old = handObject({ ...code, ".debug_line": lineTable({ version: 4 }, program) }, machine);
    const files = [0, 4, 8].map((offset) => readSourcePlaces(old).find(TEXT, offset)?.file);
    assert.deepEqual(files, ["inc/b.h", "inc/gen.c", ""]);
    const tables: Part = [tablesV5];
    const table = lineTable(
      { version: 5, tables },
      setAddress(".text", 0),
      special(0, 1),
      [4, 0],
      special(4, 0),
      [2, 4],
      endSequence,
    );
    const places = readSourcePlaces(handObject({ ...code, ".debug_line": table }, machine));
    assert.equal(places.find(TEXT, 0)?.file, "/build/inc/b.h");
    assert.equal(places.find(TEXT, 5)?.file, "/build/main.c");
  }
});

test("file tables of DWARF 5 with every form of a name, an MD5 sum and unknown contents", () => {
  const tables: Part = [
    [
      1,
      uleb(1),
      uleb(0x1f),
      uleb(2),
      { section: ".debug_line_str", offset: 3, size: 4 },
      { section: ".debug_line_str", offset: 10, size: 4 },
    ],
    [4, uleb(1), uleb(0x0e), uleb(2), uleb(0x0f), uleb(5), uleb(0x1e), uleb(0x2001), uleb(0x09)],
    [uleb(2), { section: ".debug_str", offset: 0, size: 4 }, uleb(0), new Uint8Array(16), uleb(3), 1, 2, 3],
    [{ section: ".debug_str", offset: 4, size: 4 }, uleb(1), new Uint8Array(16), uleb(0)],
  ];
  const object = handObject({
    ...code,
    ".debug_line_str": [0, 0, 0, text("/build"), text("../src/./x")],
    ".debug_str": [text("a.c"), text("b.c")],
    ".debug_line": lineTable({ version: 5, tables }, setAddress(".text", 0), special(0, 1), [2, 4], endSequence),
  });
  assert.equal(readSourcePlaces(object).find(TEXT, 0)?.file, "/src/x/b.c");
});

const refused: readonly [string, Part, FormatError["code"]][] = [
  ["a version of the future", lineTable({ version: 6 }), "unsupported"],
  ["a table longer than the section", [u32(1000), u16(5)], "truncated"],
  ["a reserved length", [u32(0xfffffff5), u16(5)], "bad-value"],
  ["a header longer than the table", lengthPrefixed(u16(4), u32(100), [1, 1, 1, 251, 14, 13]), "out-of-range"],
  ["line range 0", lineTable({ version: 4, lineRange: 0 }), "bad-value"],
  ["an opcode cut short", lineTable({ version: 4 }, setAddress(".text", 0), [2, 0x80]), "truncated"],
  ["an extended opcode longer than the program", lineTable({ version: 4 }, [0, 100, 0x80, 1]), "truncated"],
  ["an extended opcode of length 0", lineTable({ version: 4 }, [0, 0, 1]), "bad-value"],
  ["an endless LEB128", lineTable({ version: 4 }, [2, new Uint8Array(12).fill(0x80)]), "bad-value"],
  ["an address of 3 bytes", lineTable({ version: 4 }, [0, 4, 2, 1, 2, 3]), "unsupported"],
  [
    "a table of 2^35 files without a byte each",
    lineTable(
      {
        version: 5,
        tables: [
          [0, 0],
          [0, uleb(2 ** 35)],
        ],
      },
      setAddress(".text", 0),
      1,
      2,
      4,
      endSequence,
    ),
    "out-of-range",
  ],
  [
    "a file name without end",
    lineTable({ version: 4, tables: [0, 0x61, 0x62] }, setAddress(".text", 0), 1, 2, 4, endSequence),
    "truncated",
  ],
];
for (const [name, table, errorCode] of refused) {
  test(`refused: ${name}`, () => {
    const places = readSourcePlaces(handObject({ ...code, ".debug_line": [table] }));
    assert.throws(
      () => places.find(TEXT, 0),
      (error) => error instanceof FormatError && error.code === errorCode,
    );
  });
}
