import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { readSFrameBytes } from "../../src/sframe/read.ts";
import { AMD64, describeSFrame, type HandFunction, type HandTable, sframeTable } from "../support/sframe-sections.ts";

// Sections by hand, with the rows that the specification gives them.

const SP = 1;
const words = (count: number, size = 0): number => (count << 1) | (size << 5);
const read = (table: HandTable): string[] => describeSFrame(readSFrameBytes(sframeTable(table)));

/** push %rbp; mov %rsp, %rbp */
const framed: HandFunction = {
  start: 0x1000,
  size: 32,
  rows: [
    { start: 0, info: SP | words(1), words: [8] },
    { start: 1, info: SP | words(2), words: [16, -16] },
    { start: 4, info: words(2), words: [16, -16] },
  ],
};
const framedRows = [
  "  0: CFA=r7+8 ra=[CFA-8] fp=home",
  "  1: CFA=r7+16 ra=[CFA-8] fp=[CFA-16]",
  "  4: CFA=r6+16 ra=[CFA-8] fp=[CFA-16]",
];
const amd64 = { abi: AMD64, fixedRa: -8 };

test("versions 1, 2 and 3 of the same function", () => {
  for (const version of [1, 2, 3])
    assert.deepEqual(read({ ...amd64, version, functions: [framed] }), ["-1:4096+32", ...framedRows]);
});

test("a start counts from the section, or from its field where the flag says so", () => {
  const second = { ...framed, start: 0x2000 };
  for (const [version, entrySize] of [
    [2, 20],
    [3, 16],
  ] as const) {
    const functions = [framed, second];
    const starts = (flags: number): number[] => [
      ...readSFrameBytes(sframeTable({ ...amd64, version, flags, functions })).functions.start,
    ];
    assert.deepEqual(starts(1), [0x1000, 0x2000]);
    assert.deepEqual(starts(4), [0x1000 + 28, 0x2000 + 28 + entrySize]);
  }
});

test("starts of version 3 have 64 bits, and a sign", () => {
  const functions = [
    { ...framed, start: -0x12_3456_7890 },
    { ...framed, start: 0x12_3456_7890 },
  ];
  const { start } = readSFrameBytes(sframeTable({ ...amd64, version: 3, functions })).functions;
  assert.deepEqual([...start], [-0x12_3456_7890, 0x12_3456_7890]);
});

test("rows of one, two and four bytes of start, and words of one, two and four", () => {
  const starts = [0x10, 0x1234, 0x12_3456];
  for (const [type, start] of starts.entries())
    for (const [size, offset] of [-100, -30_000, -100_000].entries()) {
      const rows = [{ start, info: SP | words(2, size), words: [100, offset] }];
      assert.deepEqual(read({ ...amd64, version: 2, functions: [{ size: 0x20_0000, info: type, rows }] }), [
        "-1:0+2097152",
        `  ${start}: CFA=r7+100 ra=[CFA-8] fp=[CFA${offset}]`,
      ]);
    }
});

test("a fixed place of the frame pointer is every row's, and has no word", () => {
  const rows = [{ start: 0, info: SP | words(1), words: [16] }];
  assert.deepEqual(read({ ...amd64, fixedFp: -16, version: 2, functions: [{ size: 4, rows }] }), [
    "-1:0+4",
    "  0: CFA=r7+16 ra=[CFA-8] fp=[CFA-16]",
  ]);
});

test("AArch64: words are CFA, return address, frame pointer; keys and mangled addresses; both byte orders", () => {
  const rows = [
    { start: 0, info: SP | words(1), words: [0] },
    { start: 4, info: 0x80 | SP | words(1), words: [0] },
    { start: 8, info: 0x80 | SP | words(3), words: [32, -24, -32] },
    { start: 12, info: 0x80 | words(3, 1), words: [320, -312, -320] },
  ];
  const expected = [
    "-1:64+64 key B",
    "  0: CFA=r31+0 ra=home fp=home",
    "  4: CFA=r31+0 ra=home fp=home mangled",
    "  8: CFA=r31+32 ra=[CFA-24] fp=[CFA-32] mangled",
    "  12: CFA=r29+320 ra=[CFA-312] fp=[CFA-320] mangled",
  ];
  const functions = [{ start: 64, size: 64, info: 0x21, rows }];
  for (const version of [1, 2, 3])
    for (const abi of [1, 2]) assert.deepEqual(read({ version, abi, functions }), expected);
});

test("s390x: the CFA less 160 in eighths, padding, registers instead of offsets in version 2", () => {
  const rows = [
    { start: 0, info: SP | words(1), words: [0] },
    // stmg saves the return address alone; then both; then the frame pointer alone, behind padding
    { start: 6, info: SP | words(2), words: [0, -48] },
    { start: 12, info: SP | words(3), words: [20, -48, -72] },
    { start: 18, info: words(3), words: [20, 0, -72] },
    // return address in f2 (DWARF 17), frame pointer in f0 (DWARF 16)
    { start: 24, info: SP | words(3), words: [-1, (17 << 1) | 1, (16 << 1) | 1] },
  ];
  const expected = [
    "-1:0+64",
    "  0: CFA=r15+160 ra=home fp=home",
    "  6: CFA=r15+160 ra=[CFA-48] fp=home",
    "  12: CFA=r15+320 ra=[CFA-48] fp=[CFA-72]",
    "  18: CFA=r11+320 ra=home fp=[CFA-72]",
    "  24: CFA=r15+152 ra=r17+0 fp=r16+0",
  ];
  const table = (version: number): string[] => read({ version, abi: 4, functions: [{ size: 64, rows }] });
  assert.deepEqual(table(2), expected);
  // Version 3 has flexible rows for that.
  assert.deepEqual(table(3), [...expected.slice(0, -1), "  24: CFA=r15+152 ra=[CFA+35] fp=[CFA+33]"]);
});

test("s390x: an offset of the CFA that has more than 32 bits when it is whole is none", () => {
  const rows = [{ start: 0, info: SP | words(1, 2), words: [0x1000_0000] }];
  const { notes } = readSFrameBytes(sframeTable({ version: 2, abi: 4, functions: [{ size: 64, rows }] }));
  const text = "function 0 is not read: row 0: an offset of the CFA of more than 32 bits";
  assert.deepEqual(notes, [{ offset: 28, text }]);
});

test("flexible rows: pairs of a control word and an offset; padding; what each bit means", () => {
  const control = (register: number, deref: boolean, isRegister: boolean): number =>
    (register << 3) | (deref ? 2 : 0) | (isRegister ? 1 : 0);
  const rows = [
    { start: 0, info: words(2), words: [control(7, false, true), 8] },
    // gcc's realigned frame: the CFA in r10, then in a slot of the frame; the frame pointer where it points to
    { start: 5, info: words(2), words: [control(10, false, true), 0] },
    { start: 16, info: words(5), words: [control(10, false, true), 0, 0, control(6, true, true), 0] },
    { start: 20, info: words(5), words: [control(6, true, true), -8, 0, control(6, true, true), 0] },
    // everything said: return address and frame pointer on the stack, in a register, as a sum with the CFA
    { start: 30, info: words(6, 1), words: [control(7, false, true), 400, control(0, true, false), -8, 0x2, -16] },
    { start: 40, info: words(6), words: [0x39, 8, control(11, false, true), 0, control(0, true, false), -16] },
    { start: 50, info: words(6), words: [0x39, 8, control(2, true, true), 24, control(1, false, false), -16] },
    { start: 60, info: words(3), words: [0x39, 8, 0] },
  ];
  const functions = [{ size: 99, info: 0x80, info2: 1, rows }];
  assert.deepEqual(read({ ...amd64, version: 3, functions }), [
    "-1:0+99 signal",
    "  0: CFA=r7+8 ra=[CFA-8] fp=home",
    "  5: CFA=r10+0 ra=[CFA-8] fp=home",
    "  16: CFA=r10+0 ra=[CFA-8] fp=[r6+0]",
    "  20: CFA=[r6-8] ra=[CFA-8] fp=[r6+0]",
    "  30: CFA=r7+400 ra=[CFA-8] fp=[CFA-16]",
    "  40: CFA=r7+8 ra=r11+0 fp=[CFA-16]",
    "  50: CFA=r7+8 ra=[r2+24] fp=CFA-16",
    "  60: CFA=r7+8 ra=[CFA-8] fp=home",
  ]);
});

test("a control word of 32 bits is unsigned", () => {
  const rows = [{ start: 0, info: words(2, 2), words: [0xffff_fff9, -4] }];
  assert.deepEqual(read({ ...amd64, version: 3, functions: [{ size: 9, info2: 1, rows }] }), [
    "-1:0+9",
    `  0: CFA=r${0x1fff_ffff}-4 ra=[CFA-8] fp=home`,
  ]);
});

test("a row without words is the outermost frame in versions 2 and 3; version 1 knows none", () => {
  const functions = [{ size: 9, rows: [{ start: 0, info: SP, words: [] }] }];
  for (const version of [2, 3])
    assert.deepEqual(read({ ...amd64, version, functions }), ["-1:0+9", "  0: CFA=none ra=none fp=none"]);
  const { notes } = readSFrameBytes(sframeTable({ ...amd64, version: 1, functions }));
  assert.deepEqual(notes, [{ offset: 28, text: "function 0 is not read: row 0: no words" }]);
});

test("rows of repeated blocks, whose size version 1 does not have", () => {
  const rows = [
    { start: 0, info: SP | words(1), words: [8] },
    { start: 11, info: SP | words(1), words: [16] },
  ];
  const functions = [{ size: 64, info: 0x10, blockSize: 16, rows }];
  for (const version of [2, 3]) assert.equal(read({ ...amd64, version, functions })[0], "-1:0+64 blocks of 16");
  assert.equal(read({ ...amd64, version: 1, functions })[0], "-1:0+64 blocks of 0");
});

test("an auxiliary header and gaps are passed over", () => {
  for (const version of [1, 2, 3]) {
    const table: HandTable = {
      ...amd64,
      version,
      auxiliary: [1, 2, 3, 4, 5],
      gaps: [3, 7],
      functions: [framed, framed],
    };
    assert.deepEqual(read(table), ["-1:4096+32", ...framedRows, "-1:4096+32", ...framedRows]);
  }
});

test("tables behind each other, as a linker leaves them", () => {
  const first = sframeTable({ ...amd64, version: 2, functions: [framed] });
  const second = sframeTable({ ...amd64, version: 3, flags: 4, functions: [framed] });
  const at = (first.length + 7) & ~7;
  const both = new Uint8Array(at + second.length + 3);
  both.set(first);
  both.set(second, at);
  const sframe = readSFrameBytes(both);
  assert.deepEqual(
    sframe.headers.map(({ offset, version }) => [offset, version]),
    [
      [0, 2],
      [at, 3],
    ],
  );
  assert.deepEqual([...sframe.functions.table], [0, 1]);
  assert.deepEqual([...sframe.functions.start], [0x1000, at + 28 + 0x1000]);
  assert.deepEqual(sframe.notes, []);
});

test("a table of no functions", () => {
  assert.deepEqual(read({ ...amd64, version: 2, functions: [] }), []);
});

test("what is no header of the format is refused, with its place", () => {
  const good = sframeTable({ ...amd64, version: 2, functions: [framed] });
  const refused = (change: (bytes: Uint8Array) => Uint8Array, code: string, offset: number): void => {
    const input = change(good);
    assert.throws(
      () => readSFrameBytes(input),
      (error) =>
        error instanceof FormatError &&
        error.code === code &&
        error.place.offset === offset &&
        error.place.section === ".sframe",
      `${code} at ${offset}`,
    );
  };
  const set = (offset: number, value: number) => (bytes: Uint8Array) => bytes.with(offset, value);
  refused((bytes) => bytes.slice(0, 27), "truncated", 0);
  refused(() => new Uint8Array(0), "truncated", 0);
  refused(set(0, 0xe3), "bad-magic", 0);
  refused(set(2, 0), "unsupported", 2);
  refused(set(2, 4), "unsupported", 2);
  refused(set(3, 8), "unsupported", 3);
  // A flag that version 3 no longer has, and one that version 1 did not have yet.
  refused((bytes) => bytes.with(2, 3).with(3, 2), "unsupported", 3);
  refused((bytes) => bytes.with(2, 1).with(3, 4), "unsupported", 3);
  refused(set(4, 5), "unsupported", 4);
  refused(set(4, 4), "bad-value", 4);
  refused(set(8, 200), "truncated", 8);
  refused(set(11, 255), "truncated", 8);
  refused(set(16, 200), "truncated", 16);
  refused(set(23, 255), "truncated", 8);
  refused(set(24, 0), "bad-value", 20);
});

test("a function that cannot be read is a note, and the others are read", () => {
  const broken: [HandFunction, string][] = [
    [{ ...framed, info: 3, rows: [] }, "rows of type 3"],
    [{ ...framed, rowsAt: 1 << 20 }, "its rows go on behind the last row"],
    [{ ...framed, count: 99 }, "99 rows are more than there are"],
    [{ ...framed, info: 0x10 }, "repeated blocks of no bytes"],
    [{ ...framed, rows: [{ start: 0, info: words(1, 3), words: [0] }] }, "row 0 has words of size 3"],
    [
      { ...framed, rows: [{ start: 0, info: words(3), words: [0, 0, 0] }] },
      "row 0: 3 words, of which 2 have a meaning",
    ],
    [{ ...framed, rows: [...framed.rows].reverse() }, "row 1 begins in front of the one before it"],
  ];
  for (const [each, problem] of broken) {
    const sframe = readSFrameBytes(sframeTable({ ...amd64, version: 2, functions: [framed, each, framed] }));
    assert.deepEqual(sframe.notes, [{ offset: 48, text: `function 1 is not read: ${problem}` }]);
    assert.deepEqual([...sframe.functions.entry], [28, 68]);
    assert.deepEqual([...sframe.functions.rowStart, ...sframe.functions.rowEnd], [0, 3, 3, 6]);
  }
});

test("flexible rows that say nothing sensible are notes", () => {
  const bad: [readonly number[], string][] = [
    [[0], "no rule for the CFA"],
    [[2, 8], "no rule for the CFA"], // memory[CFA + 8]
    [[8, 8], "no rule for the CFA"], // CFA + 8
    [[0x3d, 8], "control word 0x3d"],
    [[0x39], "a control word without its offset"],
    [[0x39, 8, 0, 0, 0], "5 words, of which 4 have a meaning"],
  ];
  for (const [row, problem] of bad) {
    const rows = [{ start: 0, info: words(row.length), words: row }];
    const { notes } = readSFrameBytes(sframeTable({ ...amd64, version: 3, functions: [{ size: 9, info2: 1, rows }] }));
    assert.deepEqual(notes, [{ offset: 28, text: `function 0 is not read: row 0: ${problem}` }]);
  }
  const { notes } = readSFrameBytes(
    sframeTable({ ...amd64, version: 3, functions: [{ size: 9, info2: 2, rows: [] }] }),
  );
  assert.deepEqual(notes, [{ offset: 28, text: "function 0 is not read: function of type 2" }]);
});

test("a count that does not add up is a note", () => {
  const { notes } = readSFrameBytes(sframeTable({ ...amd64, version: 2, functions: [framed], rowCount: 5 }));
  assert.deepEqual(notes, [{ offset: 12, text: "the header counts 5 rows, there are 3" }]);
});

test("functions that share rows do not multiply the work", () => {
  const rows = Array.from({ length: 5000 }, () => ({ start: 0, info: SP | words(1), words: [8] }));
  // The last row is no row: each function would be read up to there, and be given up.
  rows.push({ start: 0, info: SP | words(1, 3), words: [8] });
  const shared = { size: 9, rows: [], rowsAt: 0, count: rows.length };
  const functions: HandFunction[] = [{ size: 9, rows }, ...Array.from({ length: 5000 }, () => shared)];
  const sframe = readSFrameBytes(sframeTable({ ...amd64, version: 2, functions }));
  assert.equal(sframe.notes.length, functions.length);
  assert.match(sframe.notes[0]!.text, /words of size 3/);
  for (const { text } of sframe.notes.slice(1)) assert.match(text, /5001 rows are more than there are/);
});
