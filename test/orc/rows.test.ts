import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";
import {
  ORC_REG_AX,
  ORC_REG_BP,
  ORC_REG_PREV_SP,
  ORC_REG_SP,
  ORC_REG_SP_INDIRECT,
  ORC_REG_UNDEFINED,
  ORC_TYPE_CALL,
  ORC_TYPE_END_OF_STACK,
  ORC_TYPE_REGS,
  ORC_TYPE_REGS_PARTIAL,
  ORC_TYPE_UNDEFINED,
} from "../../src/orc/constants.ts";
import {
  ORC_LAYOUT_END,
  ORC_LAYOUT_RENUMBERED,
  ORC_LAYOUT_SIGNAL_END,
  ORC_LAYOUT_TYPES,
  type OrcLayout,
} from "../../src/orc/layout.ts";
import { chooseOrcLayout, layoutOfEntries, readOrcRows } from "../../src/orc/rows.ts";
import { assemble } from "../support/assemble.ts";
import { rowOf } from "../support/built-flow.ts";

type Row = readonly [place: string, spOffset: number, bpOffset: number, bits: number];

/** A function `f` of 32 bytes and a second one, `g`, behind it, with the rows given. */
function orcObject(rows: readonly Row[], more = ""): ElfObject {
  return openObject(
    bytesSource(
      assemble(`
	.text
	.globl f, g
	.type f, @function
f:	.space 32, 0x90
	.size f, . - f
	.type g, @function
g:	.space 32, 0x90
	.size g, . - g
	.section .orc_unwind, "a"
${rows.map(([, sp, bp, bits]) => `\t.short ${sp}, ${bp}, ${bits}`).join("\n")}
	.section .orc_unwind_ip, "a"
${rows.map(([place]) => `\t.long ${place} - .`).join("\n")}
${more}
`).bytes,
    ),
  );
}

function rowsOf(object: ElfObject, layout: OrcLayout) {
  const table = readOrcRows(object, layout);
  return Array.from({ length: table.length }, (_, n) => {
    const { section, ...row } = rowOf(table, n);
    assert.equal(object.sectionName[section!], ".text");
    return Object.values(row);
  });
}

function refuses(object: () => ElfObject, layout: OrcLayout, code: string, says: RegExp): void {
  assert.throws(
    () => readOrcRows(object(), layout),
    (error) => error instanceof FormatError && error.code === code && says.test(error.message),
  );
}

test("rows of 6.4 to 6.19: types, signal, all registers", () => {
  const object = orcObject([
    ["f", 8, 0, 0x0205],
    ["f + 1", 16, -16, 0x0215],
    ["f + 4", 16, -16, 0x0214],
    ["f + 8", -8, 0, 0x0248],
    ["f + 16", 0, 0, 0x0b05],
    ["f + 17", 8, 0, 0x0c05],
    ["f + 20", 0, 0, 0x0100],
    ["g", 64, 0, 0x0209],
    ["g + 32", 0, 0, 0],
  ]);
  assert.deepEqual(rowsOf(object, ORC_LAYOUT_TYPES), [
    [0, ORC_REG_SP, 8, ORC_REG_UNDEFINED, 0, ORC_TYPE_CALL, 0],
    [1, ORC_REG_SP, 16, ORC_REG_PREV_SP, -16, ORC_TYPE_CALL, 0],
    [4, ORC_REG_BP, 16, ORC_REG_PREV_SP, -16, ORC_TYPE_CALL, 0],
    [8, 8, -8, ORC_REG_BP, 0, ORC_TYPE_CALL, 0],
    [16, ORC_REG_SP, 0, ORC_REG_UNDEFINED, 0, ORC_TYPE_REGS, 1],
    [17, ORC_REG_SP, 8, ORC_REG_UNDEFINED, 0, ORC_TYPE_REGS_PARTIAL, 1],
    [20, ORC_REG_UNDEFINED, 0, ORC_REG_UNDEFINED, 0, ORC_TYPE_END_OF_STACK, 0],
    [32, ORC_REG_SP_INDIRECT, 64, ORC_REG_UNDEFINED, 0, ORC_TYPE_CALL, 0],
    [64, ORC_REG_UNDEFINED, 0, ORC_REG_UNDEFINED, 0, ORC_TYPE_UNDEFINED, 0],
  ]);
});

test("rows up to 6.2: two bits of type, the end of a stack is a bit, interrupt frames are told by their type", () => {
  const object = orcObject([
    ["f", 8, 0, 0x0005],
    ["f + 1", 0, 0, 0x0105],
    ["f + 2", 0, 0, 0x0205],
    ["f + 3", 0, 0, 0x0400],
    ["f + 4", 0, 0, 0x0000],
  ]);
  assert.deepEqual(
    rowsOf(object, ORC_LAYOUT_END).map((row) => row.slice(5)),
    [
      [ORC_TYPE_CALL, 0],
      [ORC_TYPE_REGS, 1],
      [ORC_TYPE_REGS_PARTIAL, 1],
      [ORC_TYPE_END_OF_STACK, 0],
      [ORC_TYPE_UNDEFINED, 0],
    ],
  );
});

test("rows of 6.3: signal before the end", () => {
  const object = orcObject([
    ["f", 8, 0, 0x0005],
    ["f + 1", 0, 0, 0x0505],
    ["f + 2", 0, 0, 0x0800],
  ]);
  assert.deepEqual(
    rowsOf(object, ORC_LAYOUT_SIGNAL_END).map((row) => row.slice(5)),
    [
      [ORC_TYPE_CALL, 0],
      [ORC_TYPE_REGS, 1],
      [ORC_TYPE_END_OF_STACK, 0],
    ],
  );
});

test("rows after 6.19: other numbers for the same registers, and one more", () => {
  const object = orcObject([
    ["f", 8, 0, 0x0203],
    ["f + 1", 16, -16, 0x0284],
    ["f + 2", 0, 0, 0x0201],
  ]);
  assert.deepEqual(
    rowsOf(object, ORC_LAYOUT_RENUMBERED).map((row) => [row[1], row[3]]),
    [
      [ORC_REG_SP, ORC_REG_UNDEFINED],
      [ORC_REG_BP, ORC_REG_PREV_SP],
      [ORC_REG_AX, ORC_REG_UNDEFINED],
    ],
  );
});

test("rows in any order are told by place; of one place the one with a frame counts, then the last", () => {
  // At a seam of linked objects one's closing row and the other's first one meet; sorttable puts closing rows first (scripts/sorttable.h).
  const object = orcObject([
    ["g", 8, 0, 0x0205],
    ["f", 16, 0, 0x0205],
    ["g", 0, 0, 0],
    ["f", 24, 0, 0x0205],
  ]);
  assert.deepEqual(
    rowsOf(object, ORC_LAYOUT_TYPES).map(([offset, , spOffset]) => [offset, spOffset]),
    [
      [0, 24],
      [32, 8],
    ],
  );
});

test("the header's hash says the layout; one that nobody knows needs the tree", () => {
  const header = (hash: string): string =>
    `\t.section .orc_header, "a"\n${hash
      .match(/../g)
      ?.map((byte) => `\t.byte 0x${byte}`)
      .join("\n")}`;
  // The rows are those of another layout: the header is believed.
  const rows: Row[] = [["f", 8, 0, 0x0205]];
  const known = orcObject(rows, header("137c36ad7627c4dd55932176bb0ecdbd5041fc82"));
  assert.deepEqual(chooseOrcLayout(known), { layout: ORC_LAYOUT_RENUMBERED, why: "the object's .orc_header" });
  const built = orcObject(rows, header("fe5d32bf581bd63b2ca9a5c65ba5a625eab3fe24"));
  assert.equal(chooseOrcLayout(built, ORC_LAYOUT_END).layout, ORC_LAYOUT_TYPES);
  const unknown = orcObject(rows, header("00112233445566778899aabbccddeeff00112233"));
  assert.throws(() => chooseOrcLayout(unknown), /hash 00112233445566778899aabbccddeeff00112233 is not known/);
  assert.deepEqual(chooseOrcLayout(unknown, ORC_LAYOUT_TYPES), { layout: ORC_LAYOUT_TYPES, why: "the tree" });
  assert.throws(() => chooseOrcLayout(orcObject(rows, header("0011"))), /2 bytes, a hash has 20/);
});

test("without a header the rows of function entries prove the layout", () => {
  const entry = (bits: number, ...rest: Row[]): OrcLayout | undefined =>
    layoutOfEntries(orcObject([["f", 8, 0, bits], ["f + 1", 16, 0, bits], ...rest]));
  assert.equal(entry(0x0205), ORC_LAYOUT_TYPES);
  assert.equal(entry(0x0203), ORC_LAYOUT_RENUMBERED);
  assert.equal(entry(0x0005), ORC_LAYOUT_END);
  assert.equal(entry(0x0005, ["f + 2", 0, 0, 0x0400]), ORC_LAYOUT_END);
  assert.equal(entry(0x0005, ["f + 2", 0, 0, 0x0505]), ORC_LAYOUT_SIGNAL_END);
  assert.equal(entry(0x0005, ["f + 2", 0, 0, 0x0800]), ORC_LAYOUT_SIGNAL_END);
  // Two that cannot both be, and none at a function's entry.
  assert.equal(entry(0x0205, ["g", 8, 0, 0x0005]), undefined);
  const inside = orcObject([["f + 1", 8, 0, 0x0205]]);
  assert.equal(layoutOfEntries(inside), undefined);
  assert.equal(chooseOrcLayout(inside).why, "nothing: as up to 6.19");
  assert.deepEqual(chooseOrcLayout(inside, undefined, ORC_LAYOUT_END), {
    layout: ORC_LAYOUT_END,
    why: "the object's other sections",
  });
});

test("what no tool writes is one clear error", () => {
  refuses(() => orcObject([["f", 8, 0, 0x020f]]), ORC_LAYOUT_TYPES, "bad-value", /row 0 has fields 0x20f/);
  refuses(() => orcObject([["f", 8, 0, 0x0705]]), ORC_LAYOUT_TYPES, "bad-value", /row 0 has fields 0x705/);
  refuses(() => orcObject([["f", 8, 0, 0x0305]]), ORC_LAYOUT_END, "bad-value", /row 0/);
  refuses(() => orcObject([["f + 65", 8, 0, 0x0205]]), ORC_LAYOUT_TYPES, "out-of-range", /relocation 0 names no place/);
  refuses(() => orcObject([["f - 1", 8, 0, 0x0205]]), ORC_LAYOUT_TYPES, "out-of-range", /relocation 0/);
  refuses(() => orcObject([["elsewhere", 8, 0, 0x0205]]), ORC_LAYOUT_TYPES, "out-of-range", /relocation 0/);
  refuses(
    () => orcObject([["f", 8, 0, 0x0205]], '\t.section .orc_unwind, "a"\n\t.byte 1'),
    ORC_LAYOUT_TYPES,
    "bad-value",
    /7 bytes of rows beside 4 bytes of places/,
  );
  refuses(
    () =>
      orcObject(
        [["f", 8, 0, 0x0205]],
        '\t.section .orc_unwind, "a"\n\t.short 8, 0, 0x0205\n\t.section .orc_unwind_ip, "a"\n\t.long 0',
      ),
    ORC_LAYOUT_TYPES,
    "bad-value",
    /row 1 has no relocation/,
  );
  const plain = openObject(bytesSource(assemble("\tret").bytes));
  assert.throws(() => readOrcRows(plain, ORC_LAYOUT_TYPES), /no section \.orc_unwind/);
});
