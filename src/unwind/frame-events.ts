import type { FrameState } from "./state.ts";

// What is wrong with the frames of an object, as the walk over it tells.

/** Two paths reach `insn` with different contracts. */
export const EVENT_MISMATCH = 1;
export const EVENT_RETURN_MODIFIED = 2;
export const EVENT_TAIL_MODIFIED = 3;
/** Control runs or jumps from one function into another. */
export const EVENT_INTO_FUNCTION = 4;
export const EVENT_OFF_SECTION = 5;
/** The stack pointer was written in a way that is not followed; `detail` is FAULT_*. */
export const EVENT_FAULT = 6;
/** A hint restores a frame that no hint before it saved. */
export const EVENT_NO_SAVE = 7;
/** Two paths reach `insn` with the stack pointer in different known places, and the frame pointer hides it. */
export const EVENT_DRIFT = 8;

export interface FrameEvent {
  readonly kind: number;
  readonly insn: number;
  /** The function on whose behalf it happened. */
  readonly owner: number;
  /** Instruction that control came from, or NONE. */
  readonly from: number;
  /** State that arrives (or holds before the instruction). */
  readonly state: FrameState;
  /** EVENT_MISMATCH, EVENT_DRIFT: state that was there. */
  readonly other?: FrameState;
  /** EVENT_INTO_FUNCTION: the function that is entered. EVENT_FAULT: FAULT_*. */
  readonly detail: number;
}
