import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import { openObject } from "../../src/elf/object.ts";
import { assemble } from "../support/assemble.ts";
import { ownFrames } from "../support/own-frames.ts";

// Each call frame instruction as gas writes it. Every nop is a byte of code: rows are told as "at says".

const ENTRY = "cfa r7+8; r16 c-8";

/** What the directives of one function come to in both sections. */
function rowsOf(body: string, directives = ""): string[] {
  const { bytes } = assemble(`
	.cfi_sections .eh_frame, .debug_frame
	.text
f:	.cfi_startproc ${directives}
${body}
	nop
	.cfi_endproc
`);
  const object = openObject(bytesSource(bytes));
  const cfis = readCfi(object);
  for (const { faults } of cfis) assert.deepEqual(faults, []);
  const entries = [...ownFrames(object, cfis).values()];
  assert.equal(entries.length, 2, "one entry a section");
  const [first, second] = entries.map(({ rows }) => rows.map(({ at, says }) => `${at} ${says}`));
  assert.deepEqual(first, second, ".debug_frame says what .eh_frame says");
  return first!;
}

const cases: readonly [what: string, body: string, rows: readonly string[]][] = [
  ["nothing", "", [`0 ${ENTRY}`]],
  [
    "def_cfa_offset, offset",
    "nop\n.cfi_def_cfa_offset 16\n.cfi_offset 6, -16",
    [`0 ${ENTRY}`, "1 cfa r7+16; r6 c-16; r16 c-8"],
  ],
  ["def_cfa_register", "nop\n.cfi_def_cfa_register 6", [`0 ${ENTRY}`, "1 cfa r6+8; r16 c-8"]],
  ["def_cfa", "nop\n.cfi_def_cfa 10, 0", [`0 ${ENTRY}`, "1 cfa r10+0; r16 c-8"]],
  ["def_cfa_sf", "nop\n.cfi_escape 0x12, 6, 0x7e", [`0 ${ENTRY}`, "1 cfa r6+16; r16 c-8"]],
  ["def_cfa_offset_sf", "nop\n.cfi_escape 0x13, 0x7d", [`0 ${ENTRY}`, "1 cfa r7+24; r16 c-8"]],
  ["adjust_cfa_offset", "nop\n.cfi_adjust_cfa_offset 8", [`0 ${ENTRY}`, "1 cfa r7+16; r16 c-8"]],
  ["undefined, same_value", ".cfi_undefined 3\n.cfi_same_value 12", ["0 cfa r7+8; r3 undefined; r12 s; r16 c-8"]],
  ["register", ".cfi_register 16, 2", ["0 cfa r7+8; r16 in r2"]],
  ["val_offset", ".cfi_escape 0x14, 7, 1", ["0 cfa r7+8; r7 v-8; r16 c-8"]],
  ["val_offset_sf", ".cfi_escape 0x15, 7, 0x7f", ["0 cfa r7+8; r7 v+8; r16 c-8"]],
  ["offset_extended", ".cfi_escape 0x05, 70, 3", ["0 cfa r7+8; r16 c-8; r70 c-24"]],
  ["offset_extended_sf", ".cfi_escape 0x11, 3, 0x7f", ["0 cfa r7+8; r3 c+8; r16 c-8"]],
  ["GNU_negative_offset_extended", ".cfi_escape 0x2f, 3, 2", ["0 cfa r7+8; r3 c+16; r16 c-8"]],
  ["offset 0 is no negative zero", ".cfi_escape 0x83, 0", ["0 cfa r7+8; r3 c+0; r16 c-8"]],
  ["GNU_args_size says nothing of the frame", "nop\n.cfi_escape 0x2e, 32", [`0 ${ENTRY}`]],
  [
    "restore and restore_extended give the CIE's rule back, or none",
    "nop\n.cfi_offset 3, -16\n.cfi_offset 16, -24\nnop\n.cfi_restore 3\n.cfi_escape 0x06, 16",
    [`0 ${ENTRY}`, "1 cfa r7+8; r3 c-16; r16 c-24", `2 ${ENTRY}`],
  ],
  [
    "remember_state and restore_state nest, and the CFA comes back",
    `.cfi_remember_state
	.cfi_def_cfa 6, 16
	.cfi_offset 3, -24
	nop
	.cfi_remember_state
	.cfi_undefined 3
	nop
	.cfi_restore_state
	nop
	.cfi_restore_state`,
    [
      "0 cfa r6+16; r3 c-24; r16 c-8",
      "1 cfa r6+16; r3 undefined; r16 c-8",
      "2 cfa r6+16; r3 c-24; r16 c-8",
      `3 ${ENTRY}`,
    ],
  ],
  [
    "advance_loc1, 2 and 4",
    `.skip 100, 0x90
	.cfi_def_cfa_offset 16
	.skip 1000, 0x90
	.cfi_def_cfa_offset 24
	.skip 70000, 0x90
	.cfi_def_cfa_offset 32`,
    [`0 ${ENTRY}`, "100 cfa r7+16; r16 c-8", "1100 cfa r7+24; r16 c-8", "71100 cfa r7+32; r16 c-8"],
  ],
  [
    "MIPS_advance_loc8",
    "nop\n.cfi_escape 0x1d, 1, 0, 0, 0, 0, 0, 0, 0, 0x0e, 16\nnop",
    [`0 ${ENTRY}`, "2 cfa r7+16; r16 c-8"],
  ],
  [
    "def_cfa_expression: a slot of the frame",
    ".cfi_escape 0x0f, 3, 0x76, 0x70, 0x06",
    ["0 cfa exp(*r6-16+0); r16 c-8"],
  ],
  ["def_cfa_expression: behind a slot", ".cfi_escape 0x0f, 5, 0x77, 0, 0x06, 0x23, 8", ["0 cfa exp(*r7+0+8); r16 c-8"]],
  [
    "def_cfa_expression: a register and constants",
    ".cfi_escape 0x0f, 5, 0x76, 8, 0x34, 0x22, 0x96",
    ["0 cfa exp(r6+12); r16 c-8"],
  ],
  [
    "def_cfa_expression: constant - register is not followed",
    ".cfi_escape 0x0f, 4, 0x34, 0x76, 8, 0x1c",
    ["0 cfa exp; r16 c-8"],
  ],
  [
    "def_cfa_expression: that of a procedure linkage table",
    ".cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22",
    ["0 cfa exp; r16 c-8"],
  ],
  ["expression", ".cfi_escape 0x10, 3, 2, 0x76, 0x68", ["0 cfa r7+8; r3 exp(r6-24); r16 c-8"]],
  ["expression: bregx", ".cfi_escape 0x10, 3, 3, 0x92, 10, 0x78", ["0 cfa r7+8; r3 exp(r10-8); r16 c-8"]],
  ["val_expression", ".cfi_escape 0x16, 7, 2, 0x77, 16", ["0 cfa r7+8; r7 vexp(r7+16); r16 c-8"]],
  ["an empty expression", ".cfi_escape 0x0f, 0", ["0 cfa exp; r16 c-8"]],
];

for (const [what, body, rows] of cases) {
  test(what, () => assert.deepEqual(rowsOf(`\t${body}`), rows));
}

test("a CIE without rules of its own", () => {
  assert.deepEqual(rowsOf("\tnop\n\t.cfi_def_cfa 7, 8", "simple"), ["0 cfa none", "1 cfa r7+8"]);
});

const faulty: readonly [what: string, bytes: string, message: RegExp][] = [
  ["an instruction that nobody knows", "0x3f", /call frame instruction 0x3f/],
  ["a state that was not remembered", "0x0b", /no state was remembered/],
  ["an offset without a register to add it to", "0x0f, 0, 0x0e, 8", /no register and offset to change/],
  ["a register that no machine has", "0x07, 0xff, 0xff, 0x7f", /register 2097151/],
  ["an expression longer than its entry", "0x0f, 0x40", /64 bytes wanted/],
  ["an operand that its expression cuts", "0x0f, 1, 0x76", /1 bytes wanted/],
  ["a signed return address on a machine without", "0x2d", /call frame instruction 0x2d/],
];

for (const [what, bytesOf, message] of faulty) {
  test(`${what} is a fault of its entry, and the next one counts`, () => {
    const { bytes } = assemble(`
	.text
f:	.cfi_startproc
	nop
	.cfi_escape ${bytesOf}
	nop
	.cfi_endproc
g:	.cfi_startproc
	nop
	.cfi_endproc
`);
    const object = openObject(bytesSource(bytes));
    const [cfi] = readCfi(object);
    assert.equal(cfi?.faultCount, 1);
    assert.match(cfi.faults[0]!.message, message);
    assert.equal(cfi.faults[0]!.place.section, ".eh_frame");
    const rows = [...ownFrames(object, [cfi]).values()].map((entry) => entry.rows);
    assert.deepEqual(rows, [[{ at: 2, says: ENTRY }]]);
    assert.equal(cfi.rows.length, 1);
  });
}
