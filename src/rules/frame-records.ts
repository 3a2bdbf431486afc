import { BASE_LOST, FRAME_CALL, type FrameState, NOT_SAVED, NOWHERE } from "../unwind/state.ts";
import type { RuleContext } from "./rule.ts";

// What an unwinder that follows frame pointers relies on: the frame pointer points at the slot that holds the caller's.

/** Whether the walk followed the frame here, so that something can be said about it. */
export function isFollowedFrame(state: FrameState | undefined): state is FrameState {
  return state !== undefined && state.type === FRAME_CALL && state.base < BASE_LOST;
}

/** The frame pointer points at its own saved value: the unwinder finds the caller's frame and, above it, the return address. */
export function hasFrameRecord(context: RuleContext, state: FrameState): boolean {
  const { fp } = context.flow.code.arch.registers;
  const saved = state.saved[fp];
  return saved !== NOWHERE && saved !== NOT_SAVED && state.value[fp] === saved;
}
