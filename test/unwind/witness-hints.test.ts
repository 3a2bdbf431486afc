import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { openObject } from "../../src/elf/object.ts";
import { buildCode, insnEnd } from "../../src/flow/code.ts";
import { buildFlow } from "../../src/flow/flow.ts";
import {
  formatsOfObject,
  HINTS_END,
  HINTS_RENUMBERED,
  HINTS_SIGNAL_END,
  HINTS_TYPES,
  type HintFormat,
} from "../../src/flow/formats.ts";
import { buildFunctions } from "../../src/flow/functions.ts";
import { solveReturns } from "../../src/flow/returns.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { simulateFrames } from "../../src/unwind/simulate.ts";
import { witnessHints } from "../../src/unwind/witness-hints.ts";
import { describeFrame, findWitnessRow } from "../../src/unwind/witness-rows.ts";
import { assemble } from "../support/assemble.ts";
import { assembleFlow } from "../support/built-flow.ts";

test("every type of hint, each for its one instruction", () => {
  const b = assembleFlow(`
FUNC f
	push	%rbp
	HINT_SAVE
	push	%rax
	HINT	2, 5, 24
	nop
	HINT	2, 4, 16
	nop
	HINT	2, 9, 8
	nop
	HINT	2, 8, -8, 1
	nop
	HINT	3, 5, 0, 1
	nop
	HINT	4, 2, 16
	nop
	HINT_END_OF_STACK
	nop
	HINT	0
	nop
	HINT_FUNC
	nop
	HINT_RESTORE
	pop	%rbp
	ret
END f
end:	nop
`);
  const { insns } = b.code;
  const witness = witnessHints(b.flow, b.frames);
  const says: string[] = [];
  for (let i = b.at("f"); i < b.at("end"); i++) {
    const row = findWitnessRow(witness, insns.section[i]!, insns.offset[i]!);
    says.push(row === NONE ? "-" : describeFrame(x86_64, witness, witness.rows.frame[row]!));
    if (row !== NONE) assert.equal(witness.rows.end[row], insnEnd(b.code, i));
  }
  assert.deepEqual(says, [
    "-",
    "-",
    "CFA=rsp+24, rbp not said, ra at CFA-8",
    "CFA=rbp+16, rbp not said, ra at CFA-8",
    "CFA=(rsp+0)+8, rbp not said, ra at CFA-8",
    "CFA=(rbp-8), rbp not said, ra at CFA-8, signal",
    "CFA=rsp+0, signal, full registers",
    "CFA=rdx+16, partial registers",
    "CFA undefined, end of stack",
    "CFA not said",
    "CFA=rsp+8, rbp not said, ra at CFA-8",
    "CFA=rsp+16, rbp at CFA-16, ra at CFA-8",
    "-",
  ]);
  assert.equal(witness.overlaps, 0);
});

test("of two hints at one instruction the last counts, and a save beside another is none", () => {
  const b = assembleFlow(`
f:	HINT	3, 5, 0, 1
	HINT_SAVE
	nop
	HINT	3, 5, 0, 1
	HINT	4, 5, 8, 1
both:	nop
	hlt
`);
  const witness = witnessHints(b.flow, b.frames);
  const frames = Array.from(witness.rows.frame, (frame) => describeFrame(x86_64, witness, frame));
  assert.deepEqual(frames, ["CFA=rsp+0, signal, full registers", "CFA=rsp+8, signal, partial registers"]);
});

type Entry = readonly [offset: number, register: number, type: number, ...rest: number[]];

/** What the entries say, read as that layout has them: one nop each. */
function readAs(hints: HintFormat, entries: readonly Entry[]): string[] {
  const text = entries.map(
    ([offset, register, type, ...rest], n) => `h${n}:	nop
	.pushsection .discard.unwind_hints
	.long	h${n} - .
	.short	${offset}
	.byte	${[register, type, rest[0] ?? 0, rest[1] ?? 0].join(", ")}
	.balign	4
	.popsection`,
  );
  const object = openObject(bytesSource(assemble(`\t.text\n${text.join("\n")}\n\thlt\n`).bytes));
  const code = buildCode(object, x86_64);
  const flow = buildFlow(code, buildFunctions(code), { ...formatsOfObject(object), hints });
  const witness = witnessHints(
    flow,
    simulateFrames(
      flow,
      solveReturns(flow, () => undefined),
    ),
  );
  return code.insns.offset.reduce<string[]>((says, offset, i) => {
    const row = findWitnessRow(witness, code.insns.section[i]!, offset);
    if (i < entries.length) says.push(row === NONE ? "-" : describeFrame(x86_64, witness, witness.rows.frame[row]!));
    return says;
  }, []);
}

test("struct unwind_hint of 6.2 and before: a byte says that the stack ends, and the type that it was interrupted", () => {
  const entries: Entry[] = [
    [8, 5, 0],
    [0, 5, 1],
    [16, 3, 2],
    [8, 5, 3],
    [0, 0, 4, 1],
    [0, 0, 0, 1],
    [0, 0, 0, 0],
    [0, 0, 5],
    [0, 0, 6],
  ];
  assert.deepEqual(readAs(HINTS_END, entries), [
    "CFA=rsp+8, rbp not said, ra at CFA-8",
    "CFA=rsp+0, signal, full registers",
    "CFA=rdi+16, signal, partial registers",
    "CFA=rsp+8, rbp not said, ra at CFA-8",
    "CFA undefined, end of stack",
    "CFA undefined, end of stack",
    "CFA not said",
    "-",
    // What was saved says nothing of a frame either.
    "CFA not said",
  ]);
});

test("struct unwind_hint of 6.3: signal, then end", () => {
  const entries: Entry[] = [
    [8, 5, 0, 1],
    [0, 5, 1, 0],
    [0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0],
    [0, 0, 4, 0, 1],
  ];
  assert.deepEqual(readAs(HINTS_SIGNAL_END, entries), [
    "CFA=rsp+8, rbp not said, ra at CFA-8, signal",
    "CFA=rsp+0, full registers",
    "CFA undefined, end of stack",
    "CFA not said",
    "CFA undefined, end of stack",
  ]);
});

test("struct unwind_hint since 6.4, and with the registers renumbered", () => {
  const entries = (sp: number, indirect: number): Entry[] => [
    [8, sp, 2, 0],
    [0, sp, 3, 1],
    [16, sp, 4, 0],
    [8, indirect, 2, 0],
    [0, 0, 1],
    [0, 0, 0],
  ];
  const says = [
    "CFA=rsp+8, rbp not said, ra at CFA-8",
    "CFA=rsp+0, signal, full registers",
    "CFA=rsp+16, partial registers",
    "CFA=(rsp+0)+8, rbp not said, ra at CFA-8",
    "CFA undefined, end of stack",
    "CFA not said",
  ];
  assert.deepEqual(readAs(HINTS_TYPES, entries(5, 9)), says);
  assert.deepEqual(readAs(HINTS_RENUMBERED, entries(3, 9)), says);
});
