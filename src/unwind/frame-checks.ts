import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import type { HintTable } from "../flow/hints.ts";
import {
  ORC_REG_BP_INDIRECT,
  ORC_REG_SP_INDIRECT,
  orcRegisterName,
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_RESTORE,
  UNWIND_HINT_TYPE_SAVE,
} from "../orc/constants.ts";
import type { CameFrom } from "./came-from.ts";
import {
  BASE_FP_INDIRECT,
  BASE_SP_INDIRECT,
  BASE_UNDEFINED,
  FRAME_CALL,
  type FrameState,
  NOWHERE,
  type Place,
  spaceOf,
} from "./state.ts";

// Questions about frame states that the simulation asks.

/** Whether two states of one contract have the stack pointer at different distances from the same origin. */
export function drifts(sp: number, a: FrameState, b: FrameState): boolean {
  const one = a.value[sp] as Place;
  const other = b.value[sp] as Place;
  return one !== other && one !== NOWHERE && other !== NOWHERE && spaceOf(one) === spaceOf(other);
}

/** Whether a frame differs from the one at a function's entry in what the caller relies on. */
export function isModified(state: FrameState, entry: FrameState): boolean {
  if (state.type !== FRAME_CALL) return true;
  if (state.base !== entry.base || state.offset !== entry.offset || state.realignRegister !== entry.realignRegister)
    return true;
  for (let r = 0; r < state.saved.length; r++) if (state.saved[r] !== NOWHERE) return true;
  return false;
}

/**
 * insn -> row of `hints` that states its frame. Of several at one instruction the last of the table counts, but for one that restores, which goes
 * before; where the last one saves, none of them states anything. As tools/objtool/check.c takes them (read_unwind_hints).
 */
export function statingHints(hints: HintTable): ReadonlyMap<number, number> {
  const rows = new Map<number, number>();
  for (let end = 0, from = 0; end < hints.length; from = end) {
    let restores = NONE;
    for (; end < hints.length && hints.insn[end] === hints.insn[from]; end++)
      if (hints.type[end] === UNWIND_HINT_TYPE_RESTORE) restores = end;
    const last = end - 1;
    if (hints.type[last] === UNWIND_HINT_TYPE_SAVE) continue;
    rows.set(hints.insn[last] as number, restores === NONE ? last : restores);
  }
  return rows;
}

/** Base of a frame by the register that a hint names. */
export function hintBase(flow: Flow, orcRegister: number): number {
  if (orcRegister === ORC_REG_SP_INDIRECT) return BASE_SP_INDIRECT;
  if (orcRegister === ORC_REG_BP_INDIRECT) return BASE_FP_INDIRECT;
  const name = orcRegisterName[orcRegister];
  const register = name === undefined ? -1 : flow.code.arch.registers.name.indexOf(name);
  return register < 0 ? BASE_UNDEFINED : register;
}

/**
 * Behind a mismatch the walk goes on with one of the two frames, and nobody knows which of them is right: a modified frame at an exit that was
 * reached over it says nothing new. Linear over all questions: the way back from an instruction ends where an earlier one has been.
 * @param conflicted instructions at which frames did not match
 */
export function doubtfulWay(conflicted: ReadonlySet<number>, cameFrom: CameFrom): (insn: number) => boolean {
  if (conflicted.size === 0) return () => false;
  const SOUND = 1;
  const DOUBTFUL = 2;
  const verdict = new Uint8Array(cameFrom.length);
  return (insn) => {
    const way: number[] = [];
    let i = insn;
    for (; verdict[i] === 0; i = cameFrom.of(i)) {
      way.push(i);
      if (conflicted.has(i)) verdict[i] = DOUBTFUL;
      else if (cameFrom.of(i) === i) verdict[i] = SOUND;
      else continue;
      break;
    }
    const found = verdict[i] as number;
    for (const step of way) verdict[step] = found;
    return found === DOUBTFUL;
  };
}

/** How far behind a hint its statement is looked for, instructions. */
const MOST_STATED = 4096;

/** Answers whether a hint on the way to an instruction says that this is a frame of another kind than a function's own. */
export function statedFrames(
  { hints, functions }: Flow,
  stating: ReadonlyMap<number, number>,
  cameFrom: CameFrom,
): (insn: number) => boolean {
  const hinted = new Set<number>();
  for (const [insn, h] of stating)
    if (hints.type[h] === UNWIND_HINT_TYPE_CALL) hinted.add(functions.ofInsn[insn] as number);
  return (insn) => {
    if (hinted.size === 0 || !hinted.has(functions.ofInsn[insn] as number)) return false;
    let at = insn;
    for (let n = 0; n < MOST_STATED && !stating.has(at); n++) {
      const before = cameFrom.of(at);
      if (before === at) return false;
      at = before;
    }
    const h = stating.get(at);
    return h !== undefined && hints.type[h] === UNWIND_HINT_TYPE_CALL;
  };
}
