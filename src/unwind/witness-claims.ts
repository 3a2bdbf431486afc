import { NONE } from "../base/table.ts";
import type { Arch } from "../isa/arch.ts";
import {
  BASE_FP_INDIRECT,
  BASE_LOST,
  BASE_SP_INDIRECT,
  BASE_UNDEFINED,
  BASE_WAIVED,
  FRAME_CALL,
  type FrameState,
  moved,
  NOT_SAVED,
  NOWHERE,
  offsetOf,
  type Place,
  place,
  SPACE_ALIGNED,
  SPACE_CFA,
  spaceOf,
} from "./state.ts";
import {
  CFA_DEREF,
  CFA_NOT_SAID,
  CFA_REGISTER,
  CFA_UNDEFINED,
  FRAME_FULL_REGS,
  FRAME_PARTIAL_REGS,
  FRAME_SIGNAL,
  findRule,
  RETURN_ADDRESS,
  RULE_AT_CFA,
  RULE_AT_REGISTER,
  RULE_IN_REGISTER,
  RULE_NOT_SAID,
  RULE_SAME,
  RULE_UNDEFINED,
  type WitnessRows,
} from "./witness-rows.ts";

// What a witness says, taken as a claim about the instructions: two rules may be written differently and both be true, and a claim of something
// that ours does not know is not wrong for that. So each is held against the frame state, never against another row.

/** The very rule that ours has. */
export const CLAIM_SAME = 0;
/** Another rule than ours, and the state proves it too. */
export const CLAIM_TRUE = 1;
/** The state proves that it does not hold. */
export const CLAIM_WRONG = 2;
/** Ours does not know. */
export const CLAIM_OPEN = 3;
/** Nothing is claimed. */
export const CLAIM_NONE = 4;

/** What about a claim that is wrong or open. Each is a class of disagreement, and named in docs/formats/unwind.md. */
export const claimWhy = {
  /** Ours gave up following the frame. */
  notFollowed: "not-followed",
  /** The right register, another distance. */
  cfaOffset: "cfa-offset",
  /** A register that holds another place, the caller's value, or another stack. */
  cfaRegister: "cfa-register",
  /** A register of which ours knows nothing. */
  cfaUnknown: "cfa-unknown",
  /** A slot of which ours does not know that it holds the CFA. */
  cfaSlot: "cfa-slot",
  /** One side says that there is no CFA. */
  cfaUndefined: "cfa-undefined",
  /** An expression that nobody evaluates. */
  expression: "expression",
  /** The register was changed, the caller's value is in a slot, and the witness says that the register still has it. */
  notTold: "not-told",
  /** The register has the caller's value; the slot that the witness names lies below the stack pointer (and its red zone), where an interrupt writes. */
  belowStack: "below-stack",
  /** The same of a slot that the register was not saved in on every way there: what it holds is nobody's value, interrupt or not. */
  neverStored: "never-stored",
  /** The register has the caller's value; whether the slot that the witness names has it is not known. */
  slotUnknown: "slot-unknown",
  /** The caller's value is in another slot. */
  otherSlot: "other-slot",
  /** The slot is named by a register that has the caller's value again, and so points into the caller's frame. */
  baseGone: "base-gone",
  /** The slot is named by a register of which ours knows nothing. */
  baseUnknown: "base-unknown",
  /** Ours does not know where the caller's value is. */
  lost: "lost",
  /** The witness says that it cannot be got back, and it can. */
  toldLost: "told-lost",
  /** In a register, or as a value: ours does not follow copies. */
  copy: "copy",
  returnAddress: "return-address",
  signal: "signal",
} as const;
export type ClaimWhy = (typeof claimWhy)[keyof typeof claimWhy];

export interface Claim {
  /** CLAIM_* */
  readonly verdict: number;
  readonly why?: ClaimWhy;
}

const same: Claim = { verdict: CLAIM_SAME };
const alsoTrue: Claim = { verdict: CLAIM_TRUE };
const nothing: Claim = { verdict: CLAIM_NONE };
const wrong = (why: ClaimWhy): Claim => ({ verdict: CLAIM_WRONG, why });
const open = (why: ClaimWhy): Claim => ({ verdict: CLAIM_OPEN, why });

/** One instruction's frame of ours, and one of a witness. */
export interface ClaimContext {
  readonly arch: Arch;
  readonly state: FrameState;
  /** Callee-saved registers that have the caller's value: findUnchanged */
  readonly unchanged: number;
  /** Callee-saved registers that were saved to a slot on every way there: findOnceSaved */
  readonly onceSaved: number;
  /** register -> slot that it was saved in and has been read back from, NOWHERE without one */
  readonly earlier: (register: number) => Place;
  /** Bytes below the stack pointer that nothing else writes: none in a kernel, 128 in x86-64 programs (psABI 1.0, 3.2.2). */
  readonly redZone: number;
  readonly witness: WitnessRows;
  /** -> frame of the witness */
  readonly frame: number;
}

export function judgeCfa({ arch, state, unchanged, witness, frame }: ClaimContext): Claim {
  const { frames } = witness;
  const cfa = frames.cfa[frame];
  const register = frames.cfaRegister[frame] as number;
  const offset = frames.cfaOffset[frame] as number;
  const behind = frames.cfaBehind[frame] as number;
  if (cfa === CFA_NOT_SAID) return nothing;
  if (state.base === BASE_LOST || state.base === BASE_WAIVED) return open(claimWhy.notFollowed);
  if ((state.base === BASE_UNDEFINED) !== (cfa === CFA_UNDEFINED)) return wrong(claimWhy.cfaUndefined);
  if (cfa === CFA_UNDEFINED) return same;
  const hasCallers = ((unchanged >>> register) & 1) === 1;
  const value = state.value[register] ?? NOWHERE;
  if (cfa === CFA_REGISTER) {
    if (state.base === register) return state.offset === offset ? same : wrong(claimWhy.cfaOffset);
    if (value === place(SPACE_CFA, -offset)) return alsoTrue;
    // On a switched stack the stack pointer says nothing of this frame.
    const isSwitched = state.base === BASE_SP_INDIRECT && register === arch.registers.sp;
    if (spaceOf(value) === SPACE_CFA || spaceOf(value) === SPACE_ALIGNED || hasCallers || isSwitched)
      return wrong(claimWhy.cfaRegister);
    return open(claimWhy.cfaUnknown);
  }
  if (cfa !== CFA_DEREF) return open(claimWhy.expression);
  if (state.base === BASE_FP_INDIRECT && register === arch.registers.fp && behind === 0 && offset === state.offset)
    return same;
  if (state.base === BASE_SP_INDIRECT && register === arch.registers.sp && offset === 0)
    return behind === state.offset ? same : wrong(claimWhy.cfaOffset);
  if (behind === 0 && state.realignSlot !== NOWHERE && moved(value, offset) === state.realignSlot) return alsoTrue;
  return hasCallers ? wrong(claimWhy.baseGone) : open(claimWhy.cfaSlot);
}

/** @param register a callee-saved one, or RETURN_ADDRESS */
export function judgeRegister(context: ClaimContext, register: number): Claim {
  const { arch, state, unchanged, witness, frame } = context;
  const isWholeSet = ((witness.frames.flags[frame] as number) & (FRAME_FULL_REGS | FRAME_PARTIAL_REGS)) !== 0;
  if (!witness.tracked.includes(register) || isWholeSet || state.type !== FRAME_CALL) return nothing;
  const at = findRule(witness, frame, register);
  const rule = at === NONE ? RULE_SAME : (witness.rules.rule[at] as number);
  if (rule === RULE_NOT_SAID) return nothing;
  if (state.base === BASE_LOST) return open(claimWhy.notFollowed);
  const base = at === NONE ? NONE : (witness.rules.base[at] as number);
  const offset = at === NONE ? 0 : (witness.rules.offset[at] as number);
  if (register === RETURN_ADDRESS) return judgeReturn(arch, rule, offset);
  const slot = state.saved[register] as Place;
  const isUnchanged = ((unchanged >>> register) & 1) === 1;
  switch (rule) {
    case RULE_SAME:
      return judgeSame(slot, isUnchanged);
    case RULE_UNDEFINED:
      return isUnchanged || (slot !== NOWHERE && slot !== NOT_SAVED) ? wrong(claimWhy.toldLost) : same;
    case RULE_AT_CFA:
      return judgePlace(context, register, place(SPACE_CFA, offset), isUnchanged);
    case RULE_AT_REGISTER: {
      const value = state.value[base] ?? NOWHERE;
      if (spaceOf(value) === SPACE_CFA || spaceOf(value) === SPACE_ALIGNED)
        return judgePlace(context, register, moved(value, offset), isUnchanged);
      return ((unchanged >>> base) & 1) === 1 ? wrong(claimWhy.baseGone) : open(claimWhy.baseUnknown);
    }
    case RULE_IN_REGISTER:
      return base === register && offset === 0 ? judgeSame(slot, isUnchanged) : open(claimWhy.copy);
  }
  return open(claimWhy.expression);
}

function judgeReturn(arch: Arch, rule: number, offset: number): Claim {
  const { returnSlot } = arch.entryFrame;
  if (returnSlot === undefined) return open(claimWhy.lost);
  return rule === RULE_AT_CFA && offset === returnSlot ? same : wrong(claimWhy.returnAddress);
}

function judgeSame(slot: Place, isUnchanged: boolean): Claim {
  if (isUnchanged) return slot === NOWHERE ? same : alsoTrue;
  return slot === NOWHERE || slot === NOT_SAVED ? open(claimWhy.lost) : wrong(claimWhy.notTold);
}

/** @param claimed where the witness says that the caller's value is */
function judgePlace(
  { arch, state, onceSaved, earlier, redZone }: ClaimContext,
  register: number,
  claimed: Place,
  isUnchanged: boolean,
): Claim {
  const slot = state.saved[register] as Place;
  if (claimed === slot) return same;
  if (slot !== NOWHERE && slot !== NOT_SAVED)
    return spaceOf(slot) === spaceOf(claimed) ? wrong(claimWhy.otherSlot) : open(claimWhy.slotUnknown);
  if (!isUnchanged) return open(claimWhy.lost);
  const top = state.value[arch.registers.sp] as Place;
  if (spaceOf(top) === spaceOf(claimed) && offsetOf(claimed) < offsetOf(top) - redZone)
    return wrong(((onceSaved >>> register) & 1) === 1 ? claimWhy.belowStack : claimWhy.neverStored);
  // Compilers do not use the slot of a saved register for anything else.
  return earlier(register) === claimed ? alsoTrue : open(claimWhy.slotUnknown);
}

/** Whether the frame was interrupted rather than left by a call. */
export function judgeSignal({ state, witness, frame }: ClaimContext): Claim {
  if (state.base >= BASE_LOST) return nothing;
  const isSignal = ((witness.frames.flags[frame] as number) & FRAME_SIGNAL) !== 0;
  return isSignal === (state.signal === 1) ? same : wrong(claimWhy.signal);
}
