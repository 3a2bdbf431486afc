import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import type { Cfi } from "../../src/dwarf/cfi-tables.ts";
import { EM_AARCH64 } from "../../src/elf/constants.ts";
import { cpuMillis } from "../support/cpu-time.ts";
import { ownFrames } from "../support/own-frames.ts";
import { addressOf, handObject, type Part, sizeOf, sleb, text, u32, u64, uleb } from "./hand-object.ts";

// Entries byte by byte: versions, formats, augmentations, and what is wrong with them. DWARF 5, 6.4.1; LSB core 5.0, 10.6.

const NOPS = new Uint8Array(64).fill(0x90);
/** DW_CFA_def_cfa r7+8, DW_CFA_offset r16 c-8 */
const START: Part = [0x0c, 7, 8, 0x90, 1];
const ENTRY = "cfa r7+8; r16 c-8";

/** A CIE of .debug_frame at offset 0, then entries, in the 32-bit format. */
function entry32(...body: Part[]): Part {
  return [u32(sizeOf(body)), body];
}
function entry64(...body: Part[]): Part {
  return [u32(0xffff_ffff), u64(sizeOf(body)), body];
}
/** Version to return column: what stands behind the id. */
const cieBody = (version: number, augmentation = ""): Part => [
  version,
  text(augmentation),
  version >= 4 ? [8, 0] : [],
  uleb(1),
  sleb(-8),
  16,
];

function read(section: ".debug_frame" | ".eh_frame", part: Part, machine?: number): { cfi: Cfi; says: string[] } {
  const object = handObject(
    { ".text": NOPS, ".text.b": NOPS, ".text.long": new Uint8Array(4e6), [section]: part },
    machine,
  );
  const cfis = readCfi(object);
  assert.equal(cfis.length, 1);
  const says = [...ownFrames(object, cfis)].map(
    ([key, { start, end, rows }]) =>
      `${key} ${start}..${end}: ${rows.map((row) => `${row.at} ${row.says}`).join(" | ")}`,
  );
  return { cfi: cfis[0]!, says };
}

for (const version of [1, 3, 4]) {
  test(`.debug_frame, CIE version ${version}`, () => {
    const cie = entry32(u32(0xffff_ffff), cieBody(version), START);
    const fde = entry32(u32(0), addressOf(".text.b", 4), u64(10), [0x42, 0x0e, 16]);
    const { cfi, says } = read(".debug_frame", [cie, fde]);
    assert.deepEqual(says, [`.debug_frame+${sizeOf(cie)} 4..14: 4 ${ENTRY} | 6 cfa r7+16; r16 c-8`]);
    assert.equal(cfi.fdes.section[0], 2);
    assert.equal(cfi.cies[0]?.version, version);
    assert.equal(cfi.cies[0]?.returnRegister, 16);
  });
}

test(".debug_frame in the 64-bit format, its CIE behind its FDE", () => {
  const fde = entry64(u64(44), addressOf(".text", 0), u64(8), new Uint8Array(8));
  assert.equal(sizeOf(fde), 44);
  const { says, cfi } = read(".debug_frame", [fde, entry64(u32(0xffff_ffff), u32(0xffff_ffff), cieBody(3), START)]);
  assert.deepEqual(says, [`.debug_frame+0 0..8: 0 ${ENTRY}`]);
  assert.equal(cfi.faultCount, 0);
});

test("addresses of 4 bytes, which version 4 can say", () => {
  const cie = entry32(u32(0xffff_ffff), [4, 0, 4, 0, 1, sleb(-8), 16], START);
  const fde = entry32(u32(0), { section: ".text", offset: 2, size: 4 }, u32(6));
  assert.deepEqual(read(".debug_frame", [cie, fde]).says, [`.debug_frame+${sizeOf(cie)} 2..8: 2 ${ENTRY}`]);
});

/** An .eh_frame with one CIE of this augmentation and one FDE. */
function ehFrame(augmentation: string, data: Part, pointers: Part, rest: Part = []): Part {
  const hasLength = augmentation.startsWith("z");
  const old = augmentation.startsWith("eh") ? u64(0) : [];
  const body: Part = [1, text(augmentation), old, uleb(1), sleb(-8), 16, hasLength ? [uleb(sizeOf(data)), data] : data];
  const cie = entry32(u32(0), body, START);
  const back = sizeOf(cie) + 4;
  return [cie, entry32(u32(back), pointers, rest)];
}

const pcrel4 = (offset: number): Part => ({ section: ".text", offset, size: 4 });

const augmentations: readonly [augmentation: string, data: Part, pointers: Part, rest: Part][] = [
  ["", [], [addressOf(".text", 4), u64(8)], []],
  ["eh", [], [addressOf(".text", 4), u64(8)], []],
  ["zR", [0x1b], [pcrel4(4), u32(8), 0], []],
  ["zPLR", [0x9b, u32(0), 0x1b, 0x1b], [pcrel4(4), u32(8), 4, u32(77)], []],
  ["zRS", [0x03], [pcrel4(4), u32(8), 0], []],
  ["zRBG", [0x1b], [pcrel4(4), u32(8), 0], []],
  // A letter that nobody knows has its data stepped over.
  ["zR?", [0x1b, 1, 2, 3], [pcrel4(4), u32(8), 2, 9, 9], []],
];

for (const [augmentation, data, pointers, rest] of augmentations) {
  test(`.eh_frame, augmentation "${augmentation}"`, () => {
    const { cfi, says } = read(".eh_frame", ehFrame(augmentation, data, pointers, [rest, 0x42, 0x0e, 16]));
    assert.deepEqual(cfi.faults, []);
    assert.deepEqual(
      says.map((each) => each.replace(/^\S+ /, "")),
      [`4..12: 4 ${ENTRY} | 6 cfa r7+16; r16 c-8`],
    );
    assert.equal(cfi.cies[0]?.isSignal, augmentation.includes("S"));
    assert.equal(cfi.cies[0]?.hasKeyB, augmentation.includes("B"));
  });
}

test("set_loc moves by a pointer", () => {
  const program: Part = [0x01, pcrel4(9), 0x0e, 16];
  const { says } = read(".eh_frame", ehFrame("zR", [0x1b], [pcrel4(4), u32(8), 0], program));
  assert.deepEqual(
    says.map((each) => each.replace(/^\S+ /, "")),
    [`4..12: 4 ${ENTRY} | 9 cfa r7+16; r16 c-8`],
  );
});

test("what a row says behind the end of the function is left out", () => {
  const { says } = read(".eh_frame", ehFrame("zR", [0x1b], [pcrel4(4), u32(8), 0], [0x48, 0x0e, 16]));
  assert.deepEqual(
    says.map((each) => each.replace(/^\S+ /, "")),
    [`4..12: 4 ${ENTRY}`],
  );
});

test("a signed return address on arm64, remembered with the rest", () => {
  const cie = entry32(u32(0xffff_ffff), [1, 0, 4, sleb(-8), 30], [0x0c, 31, 0]);
  const fde = entry32(u32(0), addressOf(".text", 0), u64(32), [0x41, 0x2d, 0x0a, 0x41, 0x2d, 0x41, 0x0b, 0x41, 0x2c]);
  const { says } = read(".debug_frame", [cie, fde], EM_AARCH64);
  assert.deepEqual(
    says.map((each) => each.replace(/^\S+ /, "")),
    ["0..32: 0 cfa r31+0 | 4 cfa r31+0; signed | 8 cfa r31+0 | 12 cfa r31+0; signed | 16 cfa r31+0"],
  );
});

test("code that lies in no section of the object is counted", () => {
  const { cfi, says } = read(".eh_frame", ehFrame("", [], [u64(4), u64(8)]));
  assert.deepEqual(says, []);
  assert.equal(cfi.unplaced, 1);
  assert.equal(cfi.faultCount, 0);
});

const faulty: readonly [what: string, section: ".debug_frame" | ".eh_frame", part: Part, message: RegExp][] = [
  ["a CIE in front of the section", ".eh_frame", entry32(u32(99), u64(0), u64(0)), /in front of the section/],
  ["a CIE one byte in front of the section", ".eh_frame", entry32(u32(5), u64(0), u64(0)), /in front of the section/],
  ["a CIE behind the section", ".debug_frame", entry32(u32(0x1000), u64(0), u64(0)), /behind the section's end/],
  ["an FDE as its own CIE", ".debug_frame", entry32(u32(0), u64(0), u64(0)), /an FDE stands where a CIE is named/],
  ["a version that nobody knows", ".debug_frame", entry32(u32(0xffff_ffff), [2, 0, 1, 1, 1]), /CIE version 2/],
  [
    "an augmentation that nobody knows",
    ".eh_frame",
    entry32(u32(0), cieBody(1, "?")),
    /augmentation that is not known/,
  ],
  ["augmentation data that runs out", ".eh_frame", entry32(u32(0), cieBody(1, "zR"), [0], START), /longer than said/],
  [
    "augmentation data behind the entry",
    ".eh_frame",
    entry32(u32(0), cieBody(1, "z"), [50]),
    /augmentation of 50 bytes/,
  ],
  ["addresses with segments", ".debug_frame", entry32(u32(0xffff_ffff), [4, 0, 8, 2, 1, 1, 1]), /segments of 2/],
  ["a pointer encoding that nobody knows", ".eh_frame", ehFrame("zR", [0x05], [u64(0)]), /pointer encoding 0x5/],
  ["a CIE that advances", ".debug_frame", entry32(u32(0xffff_ffff), cieBody(1), 0x41), /a CIE advances/],
  ["a CIE that restores", ".debug_frame", entry32(u32(0xffff_ffff), cieBody(1), 0xc3), /a CIE restores/],
  [
    "a location in another section",
    ".eh_frame",
    ehFrame("zR", [0x1b], [pcrel4(4), u32(8), 0], [1, u32(9)]),
    /another section/,
  ],
  [
    "a location that goes back",
    ".eh_frame",
    ehFrame("zR", [0x1b], [pcrel4(4), u32(8), 0], [0x42, 1, pcrel4(5)]),
    /goes backwards/,
  ],
  [
    "code outside of its section",
    ".eh_frame",
    ehFrame("zR", [0x1b], [pcrel4(60), u32(5), 0]),
    /outside of its section/,
  ],
  ["a negative range", ".eh_frame", ehFrame("zR", [0x1b], [pcrel4(4), u32(0xffff_ffff), 0]), /negative range/],
];

for (const [what, section, part, message] of faulty) {
  test(`${what} is a fault`, () => {
    const { cfi, says } = read(section, part);
    assert.equal(cfi.faultCount, 1);
    assert.match(cfi.faults[0]!.message, message);
    assert.deepEqual(says, []);
    assert.equal(cfi.rows.length + cfi.rules.length, 0);
  });
}

test("an entry whose length leaves the section ends the reading of it", () => {
  assert.throws(() => read(".debug_frame", [u32(20), 0]), { name: "FormatError", code: "truncated" });
  assert.throws(() => read(".debug_frame", [u32(0xffff_fff1), 0]), { name: "FormatError", code: "bad-value" });
});

test("a million rows of two hundred rules from a few bytes each are over the budget, soon", () => {
  const rules: Part = Array.from({ length: 150 }, (_, n): Part => [0x07, uleb(n)]);
  const cie = entry32(u32(0xffff_ffff), cieBody(1), rules);
  const body = new Uint8Array(3_000_000);
  for (let n = 0; n < body.length; n += 2) body.set([0x41, 0x83 + (n & 2)], n);
  const fde = entry32(u32(0), addressOf(".text.long", 0), u64(4e6), body);
  const before = cpuMillis();
  assert.throws(
    () => read(".debug_frame", [cie, fde]),
    (error) => error instanceof FormatError && error.code === "over-budget",
  );
  assert.ok(cpuMillis() - before < 5000);
});

test("a thousand entries that name one long CIE read it once", () => {
  const cie = entry32(u32(0xffff_ffff), cieBody(1), new Uint8Array(500_000));
  const fdes = Array.from({ length: 1000 }, () => entry32(u32(0), addressOf(".text", 0), u64(4)));
  const { cfi } = read(".debug_frame", [cie, fdes]);
  assert.equal(cfi.fdes.length, 1000);
  assert.equal(cfi.rows.length, 1000);
});
