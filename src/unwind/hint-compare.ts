import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { MARK_HINT } from "../flow/marks.ts";
import type { Returns } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import {
  KIND_CALL,
  KIND_RETURN,
  KIND_TRAP,
  OP_ADD,
  OP_ADD_REGISTER,
  OP_AND,
  OP_LOAD,
  OP_POP,
  OP_UNFOLLOWED,
} from "../isa/insn-table.ts";
import {
  UNWIND_HINT_TYPE_END_OF_STACK,
  UNWIND_HINT_TYPE_FUNC,
  UNWIND_HINT_TYPE_SAVE,
  UNWIND_HINT_TYPE_UNDEFINED,
} from "../orc/constants.ts";
import type { Brought } from "./brought.ts";
import type { Frames } from "./simulate.ts";
import {
  BASE_LOST,
  BASE_UNDEFINED,
  BASE_WAIVED,
  FRAME_REGS,
  FRAME_REGS_PARTIAL,
  type FrameState,
  NOWHERE,
} from "./state.ts";
import {
  CLAIM_NONE,
  CLAIM_OPEN,
  CLAIM_SAME,
  CLAIM_TRUE,
  CLAIM_WRONG,
  type Claim,
  type ClaimContext,
  type ClaimWhy,
  claimWhy,
  judgeCfa,
  judgeRegister,
  judgeSignal,
} from "./witness-claims.ts";
import { statingHint } from "./witness-hints.ts";
import { findWitnessRow, type WitnessRows } from "./witness-rows.ts";

// A hint against the frame that control brings to it. The simulation takes the hint over, so that the frame that it has there proves nothing of the
// hint; what it had on each way, up to the instruction before, does: it comes from the instructions and from earlier hints, never from this one.

/** Why a hint may part from the frame that is brought, and neither is wrong. */
export const hintWhy = {
  /** Another function's frame: the return address was dropped, or another one pushed. */
  otherReturn: "other-return",
  /** Control brings no frame, and the hint states the first one. */
  begins: "begins",
  /** An earlier hint leaves the frame open. */
  leftOpen: "left-open",
  /** The stack pointer was loaded, which is not followed where a set of registers is on the stack. */
  switched: "switched",
  /** The set of registers that the hint names lies below the one that is brought: pushed since then. */
  pushedSet: "pushed-set",
  /** A function's frame is brought, and the hint names a set of registers, or the other way round. */
  otherKind: "other-kind",
  /** A call on the way comes back with more on the stack than was there, and how much is not known. */
  byCallee: "by-callee",
  /** The hint ends the stack of a function whose caller has ended it already. */
  endsInCaller: "ends-in-caller",
  /** Only a trap leads here, behind which nothing goes on. */
  behindTrap: "behind-trap",
} as const;
export type HintWhy = (typeof hintWhy)[keyof typeof hintWhy] | ClaimWhy;

/** One way to an instruction with a hint, and how the hint stands to the frame that it brings. */
export interface HintWay {
  readonly insn: number;
  /** Instruction that control comes from: a call for the entry of a function that it calls; NONE for one that anybody may call. */
  readonly from: number;
  readonly brought: FrameState;
  /** CLAIM_*: CLAIM_NONE where the hint claims nothing. */
  readonly verdict: number;
  /** With CLAIM_WRONG and CLAIM_OPEN. */
  readonly why?: HintWhy;
}

export interface HintComparison {
  /** Instructions that a hint states a frame of. */
  readonly hinted: number;
  /** Sorted by instruction, then where control comes from. */
  readonly ways: readonly HintWay[];
  /** Hinted instructions that no way leads to: the machine enters there, or code of another object. Ascending. */
  readonly alone: readonly number[];
}

/** @param witness from witnessHints */
export function compareHints(flow: Flow, returns: Returns, frames: Frames, witness: WitnessRows): HintComparison {
  const { hints, code } = flow;
  const { insns } = code;
  const ways: HintWay[] = [];
  const reached = new Set<number>();
  const stated = new Set<number>();
  const rowOf = (insn: number): number =>
    findWitnessRow(witness, insns.section[insn] as number, insns.offset[insn] as number);
  for (let h = 0; h < hints.length; h++)
    if (rowOf(hints.insn[h] as number) !== NONE) stated.add(hints.insn[h] as number);
  if (stated.size > 0)
    for (const way of [...frames.brought, ...entries(flow, frames, stated)]) {
      const row = rowOf(way.insn);
      if (row === NONE) continue;
      reached.add(way.insn);
      const claim = judge({ flow, returns, frames, witness }, witness.rows.frame[row] as number, way);
      ways.push({ insn: way.insn, from: way.from, brought: way.state, ...claim });
    }
  ways.sort((a, b) => a.insn - b.insn || a.from - b.from);
  const alone = [...stated].filter((insn) => !reached.has(insn)).sort((a, b) => a - b);
  return { hinted: stated.size, ways, alone };
}

/** Hinted instructions at which a function begins, or which something here calls: a call makes the frame of an entry. */
function entries(flow: Flow, frames: Frames, stated: ReadonlySet<number>): Brought[] {
  const state = frames.states.entry();
  const found: Brought[] = [];
  const { firstInsn, parent, length } = flow.functions.table;
  for (let f = 0; f < length; f++) {
    const insn = firstInsn[f] as number;
    if (parent[f] === f && stated.has(insn)) found.push({ insn, from: NONE, state });
  }
  for (const from of flow.rows.of(KIND_CALL)) {
    if (frames.state[from] === NONE) continue;
    const insn = flow.target.at(from);
    if (insn !== NONE && stated.has(insn)) found.push({ insn, from, state });
  }
  return found;
}

type Judged = Pick<HintWay, "verdict" | "why">;
const open = (why: HintWhy): Judged => ({ verdict: CLAIM_OPEN, why });
const wrong = (why: HintWhy): Judged => ({ verdict: CLAIM_WRONG, why });
const isSet = (type: number): boolean => type === FRAME_REGS || type === FRAME_REGS_PARTIAL;

interface Evidence {
  readonly flow: Flow;
  readonly returns: Returns;
  readonly frames: Frames;
  readonly witness: WitnessRows;
}

function judge(evidence: Evidence, frame: number, way: Brought): Judged {
  const { flow, frames, witness } = evidence;
  const { insn, from, state } = way;
  const type = flow.hints.type[statingHint(flow.hints, insn)];
  const stated = frames.states.all[frames.state[insn] as number];
  if (type === UNWIND_HINT_TYPE_UNDEFINED || stated === undefined) return { verdict: CLAIM_NONE };
  if (from !== NONE && flow.kind[from] === KIND_TRAP) return open(hintWhy.behindTrap);
  if (state.base === BASE_LOST) return open(claimWhy.notFollowed);
  if (state.base === BASE_WAIVED) return open(hintWhy.leftOpen);
  const isEnd = type === UNWIND_HINT_TYPE_END_OF_STACK;
  if (state.base === BASE_UNDEFINED) return isEnd ? { verdict: CLAIM_SAME } : open(hintWhy.begins);
  const isBoth = isSet(state.type) && isSet(stated.type);
  if (!isEnd && !isBoth && (isSet(state.type) || isSet(stated.type))) return open(hintWhy.otherKind);
  const judged = isEnd
    ? judgeEnd(frames, way)
    : isBoth
      ? judgeSet(state, stated)
      : judgeCall(flow, witness, frame, state);
  if (judged.verdict !== CLAIM_WRONG) return judged;
  if (type === UNWIND_HINT_TYPE_FUNC && !isTopSaved(flow, state)) return open(hintWhy.otherReturn);
  const why = notFollowed(evidence, way);
  if (why === undefined) return judged;
  const left = why === hintWhy.byCallee && from !== NONE ? leftBy(evidence, from) : undefined;
  return left !== undefined && isBoth ? judgeSet(left, stated) : open(why);
}

function judgeEnd({ state, states }: Frames, { from, state: brought }: Brought): Judged {
  const caller = from === NONE ? NONE : (state[from] as number);
  const isCalled = caller !== NONE && states.all[caller]?.base === BASE_UNDEFINED && brought.base !== BASE_UNDEFINED;
  return isCalled ? open(hintWhy.endsInCaller) : wrong(claimWhy.cfaUndefined);
}

function judgeCall({ code: { arch } }: Flow, witness: WitnessRows, frame: number, state: FrameState): Judged {
  const context: ClaimContext = {
    arch,
    state,
    unchanged: 0,
    onceSaved: 0,
    earlier: () => NOWHERE,
    redZone: 0,
    witness,
    frame,
  };
  const claims = [
    judgeCfa(context),
    ...witness.tracked.map((register) => judgeRegister(context, register)),
    judgeSignal(context),
  ];
  return worst(claims);
}

/** Wrong before open, and either before what holds. */
function worst(claims: readonly Claim[]): Claim {
  for (const verdict of [CLAIM_WRONG, CLAIM_OPEN, CLAIM_TRUE]) {
    const found = claims.find((claim) => claim.verdict === verdict);
    if (found !== undefined) return found;
  }
  return { verdict: CLAIM_SAME };
}

// struct pt_regs of x86-64 (arch/x86/include/asm/ptrace.h): what the machine pushes, from `ip` on, stands behind sixteen registers.
const HARDWARE_PART = 16 * 8;
/** `ip`, `cs`, `flags`, `sp` and `ss` */
const HARDWARE_SIZE = 5 * 8;

/** Both say where a set of registers was saved, in whole or in the part that the machine pushes. */
function judgeSet(brought: FrameState, stated: FrameState): Judged {
  const isWhole = stated.type === FRAME_REGS;
  // The place of the machine's part: with a whole set the hint names what stands before it.
  const place = (state: FrameState): number => state.offset + (state.type === FRAME_REGS ? HARDWARE_PART : 0);
  if (stated.base !== brought.base) return open(claimWhy.cfaUnknown);
  const below = place(brought) - place(stated);
  if (below >= HARDWARE_SIZE + (isWhole ? HARDWARE_PART : 0)) return open(hintWhy.pushedSet);
  if (below !== 0) return wrong(claimWhy.cfaOffset);
  if (stated.signal !== brought.signal) return wrong(claimWhy.signal);
  return { verdict: stated.type === brought.type ? CLAIM_SAME : CLAIM_TRUE };
}

/**
 * The word on top, which a function's hint calls its return address, is a saved register. What else it may be is not followed: entry code puts the
 * address of other code there (arch_rethook_trampoline, ftrace_regs_caller), or drops its own (srso_alias_safe_ret of arch/x86/lib/retpoline.S).
 */
function isTopSaved({ code }: Flow, { value, saved }: FrameState): boolean {
  const top = value[code.arch.registers.sp];
  return top !== NOWHERE && saved.some((slot) => slot !== NOWHERE && slot === top);
}

/** How far back it is looked, instructions. */
const MOST_BACK = 256;
/** What writes its `dst`. */
const writing: ReadonlySet<number> = new Set([OP_ADD, OP_AND, OP_LOAD, OP_POP, OP_UNFOLLOWED, OP_ADD_REGISTER]);

/** What happened to the stack pointer since the hint before that the frame that is brought does not follow. */
function notFollowed(evidence: Evidence, { from, state }: Brought): HintWhy | undefined {
  const { flow, frames } = evidence;
  const { insns, ops, arch } = flow.code;
  const { sp } = arch.registers;
  let at = from;
  for (let n = 0; n < MOST_BACK && at !== NONE; n++) {
    const first = insns.op.at(at);
    for (let row = first; first !== NONE && row < ops.length && ops.insn[row] === at; row++) {
      const op = ops.op[row] as number;
      if (ops.dst[row] !== sp || !writing.has(op)) continue;
      // A set of registers is followed by pushes, pops and additions alone; a function's frame by all that is not loaded.
      if (isSet(state.type) ? op !== OP_ADD || ops.src[row] !== sp : op === OP_LOAD || op === OP_UNFOLLOWED)
        return hintWhy.switched;
    }
    if (flow.kind[at] === KIND_CALL && leftBy(evidence, at) !== undefined) return hintWhy.byCallee;
    const before = frames.cameFrom.of(at);
    if (before === at || isStated(flow, at)) return undefined;
    at = before;
  }
  return undefined;
}

/** How much of a callee is looked at, instructions. */
const MOST_CALLEE = 1024;

/**
 * The frame behind a call of a function here that saves a set of registers for its caller (error_entry and paranoid_entry of arch/x86/entry/entry_64.S):
 * what it has at its returns, without the return address. undefined where it has none, or another one at each.
 */
function leftBy({ flow, returns, frames }: Evidence, call: number): FrameState | undefined {
  const entry = flow.target.at(call);
  if (flow.kind[call] !== KIND_CALL || entry === NONE) return undefined;
  const { all } = frames.states;
  const next = successors(flow, returns);
  const seen = new Set([entry]);
  let left: FrameState | undefined;
  for (const insn of seen) {
    const state = all[frames.state[insn] as number];
    if (state === undefined || seen.size > MOST_CALLEE) return undefined;
    if (flow.kind[insn] === KIND_RETURN) {
      if (!isSet(state.type) || (left !== undefined && left !== state)) return undefined;
      left = state;
    }
    const count = next.of(insn);
    for (let n = 0; n < count; n++) seen.add(next.to[n] as number);
  }
  const { callPush } = flow.code.arch.registers;
  return left === undefined
    ? undefined
    : frames.states.plain(left.base, left.offset - callPush, left.type, left.signal);
}

function isStated({ marks, hints }: Flow, insn: number): boolean {
  if (((marks.bits[insn] as number) & MARK_HINT) === 0) return false;
  const hint = statingHint(hints, insn);
  return hint !== NONE && hints.type[hint] !== UNWIND_HINT_TYPE_SAVE;
}
