import assert from "node:assert/strict";
import { test } from "node:test";
import { measureCoverage } from "../../src/analyze/coverage.ts";
import {
  ALTERNATIVES_12,
  ALTERNATIVES_14,
  HINTS_END,
  HINTS_RENUMBERED,
  HINTS_SIGNAL_END,
  HINTS_TYPES,
  type HintFormat,
} from "../../src/flow/formats.ts";
import { MARK_HINT, MARK_UNRET_BEGIN } from "../../src/flow/marks.ts";
import { nothingOutside } from "../../src/flow/outside.ts";
import {
  ORC_REG_BP,
  ORC_REG_SP,
  ORC_REG_UNDEFINED,
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_END_OF_STACK,
  UNWIND_HINT_TYPE_FUNC,
  UNWIND_HINT_TYPE_REGS,
  UNWIND_HINT_TYPE_REGS_PARTIAL,
  UNWIND_HINT_TYPE_SAVE,
  UNWIND_HINT_TYPE_UNDEFINED,
} from "../../src/orc/constants.ts";
import { assembleFlow, type BuiltFlow, rowOf } from "../support/built-flow.ts";

// What an object proves of the kernel that it was built from, and what its hints mean by that.

type Bytes = readonly [offset: number, register: number, type: number, first?: number, second?: number];

const hintText = (hints: readonly Bytes[]): string =>
  hints
    .map(
      ([offset, register, type, first = 0, second = 0], n) => `
hint_${n}: nop
	.pushsection .discard.unwind_hints
	.long	hint_${n} - .
	.short	${offset}
	.byte	${register}, ${type}, ${first}, ${second}
	.balign	4
	.popsection`,
    )
    .join("");

/** Code without a function that holds a no-op for every hint. */
const withHints = (hints: readonly Bytes[], more = ""): BuiltFlow =>
  assembleFlow(`code: nop\n${hintText(hints)}\n\tjmp code\n${more}`);

const OLD_ALTERNATIVE = `
	.section .altinstructions, "a"
	.long	code - ., 0
	.word	1
	.byte	1, 0`;
const ALTERNATIVE = `
	.section .altinstructions, "a"
	.long	code - ., 0
	.word	1, 0
	.byte	1, 0`;

const hintsOf = (b: BuiltFlow): HintFormat => b.flow.formats.hints;

test("hints prove their numbering where a type's register is that of one numbering only", () => {
  const cases: [Bytes[], HintFormat | undefined][] = [
    [[[0, 0, 7]], HINTS_TYPES],
    [[[0, 0, 1]], HINTS_TYPES],
    [[[0, 5, 4]], HINTS_TYPES],
    [[[8, 5, 5]], HINTS_TYPES],
    [[[8, 3, 5]], HINTS_RENUMBERED],
    [[[0, 5, 1]], HINTS_SIGNAL_END],
    [[[0, 0, 4, 0, 1]], HINTS_SIGNAL_END],
    [[[0, 0, 5]], HINTS_SIGNAL_END],
    [[[0, 0, 0, 0, 1]], HINTS_SIGNAL_END],
    [[[0, 0, 0, 1]], HINTS_END],
    // Any of them.
    [
      [
        [0, 5, 3],
        [0, 5, 2],
        [0, 0, 6],
        [0, 0, 7],
      ],
      HINTS_TYPES,
    ],
  ];
  for (const [hints, format] of cases) {
    const { formats } = withHints(hints).flow;
    assert.deepEqual([formats.hints, formats.assumed], [format, []], JSON.stringify(hints));
  }
});

test("what stands beside the hints proves theirs", () => {
  const open: Bytes[] = [
    [0, 5, 3],
    [0, 5, 2],
    [0, 0, 6],
  ];
  assert.equal(hintsOf(withHints(open, OLD_ALTERNATIVE)), HINTS_END);
  for (const section of [
    ".discard.annotate_insn",
    ".discard.annotate_data",
    ".discard.validate_unret",
    ".orc_header",
  ]) {
    const b = withHints(open, `\t.section ${section}\n\t.long 0`);
    assert.deepEqual([hintsOf(b), b.flow.formats.assumed], [HINTS_TYPES, []], section);
  }
  const rows = (bits: number): string => `
	.type	f, @function
f:	ret
	.size	f, . - f
	.section .orc_unwind, "a"
	.short	8, 0, ${bits}
	.section .orc_unwind_ip, "a"
	.long	f - .`;
  assert.equal(hintsOf(withHints(open, rows(0x0205))), HINTS_TYPES);
  assert.equal(hintsOf(withHints(open, rows(0x0203))), HINTS_RENUMBERED);
  assert.equal(hintsOf(withHints(open, rows(0x0005))), HINTS_END);
});

test("without any proof the newest is taken, and coverage says so", () => {
  const b = withHints(
    [
      [0, 5, 3],
      [0, 5, 2],
    ],
    ALTERNATIVE,
  );
  assert.deepEqual([hintsOf(b), b.flow.formats.assumed], [HINTS_TYPES, [".discard.unwind_hints"]]);
  const { flow, returns, frames, flags } = b;
  const notes = measureCoverage({
    flow,
    returns,
    frames,
    flags,
    outside: nothingOutside,
  } as unknown as Parameters<typeof measureCoverage>[0]).notes.map(({ why }) => why);
  assert.ok(
    notes.some((why) => /^\.discard\.unwind_hints is read as in the newest kernel/.test(why)),
    notes.join("\n"),
  );
  // A frame that is undefined is so in every numbering.
  assert.deepEqual(withHints([[0, 0, 0]]).flow.formats.assumed, []);
  assert.deepEqual(assembleFlow("FUNC f\n\tret\nEND f").flow.formats.assumed, []);
});

test("hints up to 6.2: the end of a stack is a byte, an entry is one, interrupt frames have no byte", () => {
  const b = withHints(
    [
      [0, 0, 0, 1],
      [0, 0, 4, 1],
      [0, 0, 0, 0],
      [8, 5, 1, 0],
      [16, 4, 2, 0],
      [8, 5, 0, 0],
      [8, 5, 3, 0],
      [0, 0, 5, 0],
    ],
    OLD_ALTERNATIVE,
  );
  const { hints, marks } = b.flow;
  const told = Array.from({ length: hints.length }, (_, h) => {
    const { spOffset, spReg, type, signal } = rowOf(hints, h);
    return [spOffset, spReg, type, signal];
  });
  assert.deepEqual(told, [
    [0, ORC_REG_UNDEFINED, UNWIND_HINT_TYPE_END_OF_STACK, 0],
    [0, ORC_REG_UNDEFINED, UNWIND_HINT_TYPE_END_OF_STACK, 0],
    [0, ORC_REG_UNDEFINED, UNWIND_HINT_TYPE_UNDEFINED, 0],
    [8, ORC_REG_SP, UNWIND_HINT_TYPE_REGS, 1],
    [16, ORC_REG_BP, UNWIND_HINT_TYPE_REGS_PARTIAL, 1],
    [8, ORC_REG_SP, UNWIND_HINT_TYPE_CALL, 0],
    [8, ORC_REG_SP, UNWIND_HINT_TYPE_FUNC, 0],
    [0, ORC_REG_UNDEFINED, UNWIND_HINT_TYPE_SAVE, 0],
  ]);
  const entries = Array.from(
    { length: hints.length },
    (_, h) => (marks.bits[hints.insn[h]!]! & MARK_UNRET_BEGIN) !== 0,
  );
  assert.deepEqual(entries, [false, true, false, false, false, false, false, false]);
  assert.ok((marks.bits[b.at("hint_0")]! & MARK_HINT) !== 0);
  assert.equal(b.frame("hint_3"), "CFA=rsp+8, regs");
});

test("hints of 6.3: signal, then end; after 6.19: other register numbers", () => {
  const old = withHints([
    [8, 5, 1, 1, 0],
    [0, 0, 0, 0, 1],
  ]).flow.hints;
  assert.deepEqual(
    [[...old.type], [...old.signal]],
    [
      [UNWIND_HINT_TYPE_REGS, UNWIND_HINT_TYPE_END_OF_STACK],
      [1, 0],
    ],
  );
  const late = withHints([
    [8, 3, 5],
    [16, 4, 2],
  ]).flow.hints;
  assert.deepEqual([...late.spReg], [ORC_REG_SP, ORC_REG_BP]);
});

test("the size of entries of .altinstructions: the object knows better than a tree", () => {
  const old = withHints([], OLD_ALTERNATIVE).flow.formats;
  assert.equal(old.alternatives, ALTERNATIVES_12);
  assert.equal(withHints([], ALTERNATIVE).flow.formats.alternatives, ALTERNATIVES_14);
  assert.deepEqual(assembleFlow("code: nop").flow.formats.assumed, []);
  // No relocation anywhere: nothing says what an entry is.
  const nothing = withHints([], `\t.section .altinstructions, "a"\n\t.space 84`).flow.formats;
  assert.deepEqual([nothing.alternatives, nothing.assumed], [ALTERNATIVES_14, [".altinstructions"]]);
});
