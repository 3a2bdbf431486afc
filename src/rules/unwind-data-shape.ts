import { NONE } from "../base/table.ts";
import { KIND_CONDITIONAL_TAIL } from "../flow/flow.ts";
import {
  KIND_BRANCH,
  KIND_CALL,
  KIND_INDIRECT_CALL,
  NO_REGISTER,
  OP_ADD,
  OP_LOAD,
  OP_POP,
  OP_PUSH,
  OP_PUSH_MEMORY,
  OP_STORE,
} from "../isa/insn-table.ts";
import { type FrameState, NOWHERE, SPACE_CFA, spaceOf } from "../unwind/state.ts";
import { claimWhy } from "../unwind/witness-claims.ts";
import { SUBJECT_CFA, SUBJECT_SIGNAL } from "../unwind/witness-compare.ts";
import { CFA_REGISTER, findWitnessRow, RETURN_ADDRESS } from "../unwind/witness-rows.ts";
import type { UnwindDataContext, WrongClaim, WrongPlace } from "./unwind-data.ts";

// What a place of wrong unwind data looks like, whatever function it is in and whichever registers that has: what a defect of the compiler is known by
// (src/defects). Two places of one shape may be one defect; a shape says as much as keeps another defect from having it too.

/**
 * "wrong; cfi; the popped register not-told, it holds a frame pointer; behind pop; realigned frame", a line of clauses:
 * how it comes to be wrong; who says it, "sframe" only where call frame information does not say it as well; what is said of what; the
 * instruction behind which they part; the kind of frame; of a late row how late it is.
 */
export function shapeOf(context: UnwindDataContext, place: WrongPlace): string {
  const { frames } = context;
  const isCfi = place.said.some(({ rows }) => rows.witness !== "sframe");
  const said = isCfi ? place.said.filter(({ rows }) => rows.witness !== "sframe") : place.said;
  const first = said[0]!.stretch;
  const run =
    place.cause === "late" ? lateRun(context, place.insn) : { insn: first.insn, cause: first.cause, length: 0 };
  const moved = movement(context, run.cause, run.insn);
  const state = frames.states.all[frames.state[run.insn] as number] as FrameState;
  const claims = said.map(
    (claim) => `${roleOf(claim.subject, moved.register)} ${claim.why}${detail(context, state, claim)}`,
  );
  return [
    place.cause,
    isCfi ? "cfi" : `sframe${unsayable(context, run.insn)}`,
    [...new Set(claims)].sort().join(", "),
    `behind ${moved.words}`,
    state.realignRegister === NO_REGISTER ? "plain frame" : "realigned frame",
    ...(run.length === 0
      ? []
      : [`by ${run.length === 1 ? "one instruction" : "several instructions"}${upTo(context, place.insn)}`]),
  ].join("; ");
}

/** Whether the late row begins where the ways part that have both left the code before it. */
function upTo({ flow }: UnwindDataContext, last: number): string {
  return flow.kind[last] === KIND_BRANCH || flow.kind[last] === KIND_CONDITIONAL_TAIL ? ", up to a branch" : "";
}

/** How far back a late row's beginning is looked for, instructions. */
const MOST_BACK = 64;

/** The instructions up to `last` that have its frame already; the one that made it stands before them. */
function lateRun({ frames }: UnwindDataContext, last: number): { insn: number; cause: number; length: number } {
  const state = frames.state[last];
  for (let insn = last, length = 1; ; length++) {
    const cause = frames.cameFrom.of(insn);
    if (cause === NONE || cause === insn || frames.state[cause] !== state || length === MOST_BACK)
      return { insn, cause, length };
    insn = cause;
  }
}

function roleOf(subject: number, moved: number): string {
  if (subject === SUBJECT_CFA) return "CFA";
  if (subject === SUBJECT_SIGNAL) return "signal";
  if (subject === RETURN_ADDRESS) return "return address";
  return subject === moved ? "the moved register" : "a register";
}

/** Whether call frame information says there that the CFA is found by a register that `.sframe` has no word for. */
function unsayable({ flow, witnesses }: UnwindDataContext, insn: number): string {
  const { arch, insns } = flow.code;
  const cfi = witnesses?.frames().find(({ rows }) => rows.witness !== "sframe")?.rows;
  const row = cfi && findWitnessRow(cfi, insns.section[insn] as number, insns.offset[insn] as number);
  if (cfi === undefined || row === undefined || row === NONE) return "";
  const frame = cfi.rows.frame[row] as number;
  const register = cfi.frames.cfaRegister[frame] as number;
  const { sp, fp } = arch.registers;
  const isAnother = cfi.frames.cfa[frame] === CFA_REGISTER && register !== sp && register !== fp;
  return isAnother ? " where the CFA is by a register that it cannot say" : "";
}

/**
 * What narrows a claim further: by how much a CFA is off; what a register that is said to be unchanged has instead; whether the code right above gives
 * back one that is said to be in a slot which not every way has stored.
 */
function detail(context: UnwindDataContext, state: FrameState, { rows, subject, why, stretch }: WrongClaim): string {
  if (why === claimWhy.neverStored)
    return isPoppedAbove(context, stretch.insn, subject) ? " and popped right above" : "";
  if (why === claimWhy.cfaOffset) {
    const off = Math.abs((rows.frames.cfaOffset[stretch.frame] as number) - state.offset);
    return off === 8 ? " by a slot" : " by more";
  }
  if (why !== claimWhy.notTold) return "";
  return spaceOf(state.value[subject] ?? NOWHERE) === SPACE_CFA ? " and it points into the caller's frame" : "";
}

/** A pop of the register stands before the instruction, and nothing but other pops between. */
function isPoppedAbove({ flow, frames }: UnwindDataContext, insn: number, register: number): boolean {
  const { insns, ops, sectionStart } = flow.code;
  const first = sectionStart[insns.section[insn] as number] as number;
  for (let at = insn - 1; at >= first && frames.state[at] !== NONE; at--) {
    const row = insns.op.at(at);
    if (row === NONE || ops.op[row] !== OP_POP) return false;
    if (ops.dst[row] === register) return true;
  }
  return false;
}

interface Movement {
  readonly words: string;
  /** Register that the instruction saves or gives back, or NO_REGISTER. */
  readonly register: number;
}

/** What the instruction did, behind which the two part. */
function movement({ flow, frames }: UnwindDataContext, cause: number, insn: number): Movement {
  const { insns, ops } = flow.code;
  const { sp } = flow.code.arch.registers;
  const stateAt = (at: number) => frames.states.all[frames.state[at] as number] as FrameState;
  const nothing = (words: string): Movement => ({ words, register: NO_REGISTER });
  if (cause === NONE || cause === insn) return nothing("the entry");
  const kind = flow.kind[cause];
  if (kind === KIND_CALL || kind === KIND_INDIRECT_CALL) return nothing("a call");
  const row = insns.op.at(cause);
  if (row === NONE) return nothing("another instruction");
  const dst = ops.dst[row] as number;
  const src = ops.src[row] as number;
  const isSaved = (at: number, register: number) => (stateAt(at).saved[register] ?? NOWHERE) !== NOWHERE;
  const saves = (from: number, to: number, register: number) => !isSaved(from, register) && isSaved(to, register);
  const isPush = (op: number | undefined) => op === OP_PUSH || op === OP_PUSH_MEMORY;
  /** A frame is there already, and none of the pushes right before it made it. */
  const isArgument = (): boolean => {
    for (let at = cause; ; at--) {
      const first = insns.op.at(at);
      if (ops.op[first] === OP_PUSH && saves(at, at === cause ? insn : at + 1, ops.src[first] as number)) return false;
      const before = frames.cameFrom.of(at);
      if (before !== at - 1 || insns.op.at(before) === NONE || !isPush(ops.op[insns.op.at(before)]))
        return stateAt(at).contract !== frames.states.entry().contract;
    }
  };
  switch (ops.op[row]) {
    case OP_PUSH:
      if (saves(cause, insn, src)) return { words: "a push that saves", register: src };
      return nothing(isArgument() ? "a push of an argument" : "a push");
    case OP_PUSH_MEMORY:
      return nothing(isArgument() ? "a push of an argument" : "a push");
    case OP_POP:
      return { words: saves(insn, cause, dst) ? "a pop that gives back" : "a pop", register: dst };
    case OP_STORE:
      return saves(cause, insn, src) ? { words: "a store that saves", register: src } : nothing("a store");
    case OP_LOAD:
      return { words: saves(insn, cause, dst) ? "a load that gives back" : "a load", register: dst };
    case OP_ADD:
      if (dst !== sp) return nothing("a copy");
      if (src !== sp) return nothing("another stack pointer");
      return nothing((ops.imm[row] as number) > 0 ? "a release of the stack" : "a reservation on the stack");
  }
  return nothing("another instruction");
}
