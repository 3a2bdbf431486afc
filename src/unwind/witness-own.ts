import { NONE } from "../base/table.ts";
import { TripleMap } from "../base/triple-map.ts";
import { insnEnd } from "../flow/code.ts";
import type { Flow } from "../flow/flow.ts";
import type { Arch } from "../isa/arch.ts";
import type { Frames } from "./simulate.ts";
import {
  BASE_FP_INDIRECT,
  BASE_LOST,
  BASE_SP_INDIRECT,
  BASE_UNDEFINED,
  BASE_WAIVED,
  FRAME_CALL,
  FRAME_REGS,
  FRAME_REGS_PARTIAL,
  type FrameState,
  NOT_SAVED,
  NOWHERE,
  offsetOf,
  type Place,
  SPACE_ALIGNED,
  SPACE_CFA,
  spaceOf,
  FRAME_END_OF_STACK as TYPE_END_OF_STACK,
} from "./state.ts";
import {
  CFA_DEREF,
  CFA_NOT_SAID,
  CFA_REGISTER,
  CFA_UNDEFINED,
  FRAME_END_OF_STACK,
  FRAME_FULL_REGS,
  FRAME_PARTIAL_REGS,
  FRAME_SIGNAL,
  type FrameDraft,
  RETURN_ADDRESS,
  RULE_AT_CFA,
  RULE_AT_REGISTER,
  RULE_NOT_SAID,
  RULE_SAME,
  RULE_UNDEFINED,
  type RuleDraft,
  WitnessBuilder,
  type WitnessRows,
} from "./witness-rows.ts";

/**
 * The instructions themselves as a witness: the simulated frame before each of them, with every callee-saved register. Where an annotation
 * waives the frame, and where no way leads, there is no row; where the walk gave up, the row does not say.
 * @param unchanged from findUnchanged
 */
export function witnessOwn(flow: Flow, frames: Frames, unchanged: Uint32Array): WitnessRows {
  const { code } = flow;
  const { arch, insns } = code;
  const { registers } = arch;
  const kept = registers.name.map((_, r) => r).filter((r) => ((registers.calleeSaved >>> r) & 1) === 1);
  const builder = new WitnessBuilder("instructions", [...kept, RETURN_ADDRESS]);
  /** (state, unchanged) -> frame */
  const known = new TripleMap();
  const frameAt = (insn: number): number => {
    const id = frames.state[insn] as number;
    const state = id === NONE ? undefined : (frames.states.all[id] as FrameState);
    if (state === undefined || state.base === BASE_WAIVED) return NONE;
    const mask = unchanged[insn] as number;
    let frame = known.get(id, mask | 0, 0);
    if (frame === NONE) {
      frame = builder.frame(ownFrame(arch, state, mask));
      known.set(id, mask | 0, 0, frame);
    }
    return frame;
  };
  for (const section of code.sections) {
    const last = code.sectionEnd[section] as number;
    let open = NONE;
    let start = 0;
    let end = 0;
    for (let i = code.sectionStart[section] as number; i < last; i++) {
      const frame = frameAt(i);
      const offset = insns.offset[i] as number;
      if (frame !== open) {
        if (open !== NONE) builder.add(section, start, offset, open);
        open = frame;
        start = offset;
      }
      end = insnEnd(code, i);
    }
    if (open !== NONE) builder.add(section, start, end, open);
  }
  return builder.finish();
}

/** A frame state in the terms of witnesses. @param unchanged registers that have the caller's value */
export function ownFrame(arch: Arch, state: FrameState, unchanged: number): FrameDraft {
  const { fp, sp } = arch.registers;
  let flags = state.signal === 1 ? FRAME_SIGNAL : 0;
  if (state.base === BASE_LOST || state.base === BASE_WAIVED) return { cfa: CFA_NOT_SAID, flags, rules: [] };
  if (state.base === BASE_UNDEFINED) {
    if (state.type === TYPE_END_OF_STACK) flags |= FRAME_END_OF_STACK;
    return { cfa: CFA_UNDEFINED, flags, rules: [] };
  }
  if (state.type === FRAME_REGS) flags |= FRAME_FULL_REGS;
  if (state.type === FRAME_REGS_PARTIAL) flags |= FRAME_PARTIAL_REGS;
  const rules = state.type === FRAME_CALL ? ownRules(arch, state, unchanged) : [];
  if (state.base === BASE_FP_INDIRECT)
    return { cfa: CFA_DEREF, cfaRegister: fp, cfaOffset: state.offset, flags, rules };
  if (state.base === BASE_SP_INDIRECT)
    return { cfa: CFA_DEREF, cfaRegister: sp, cfaBehind: state.offset, flags, rules };
  return { cfa: CFA_REGISTER, cfaRegister: state.base, cfaOffset: state.offset, flags, rules };
}

function ownRules(arch: Arch, state: FrameState, unchanged: number): RuleDraft[] {
  const { calleeSaved } = arch.registers;
  const { returnSlot } = arch.entryFrame;
  const rules: RuleDraft[] = [];
  for (let register = 0; register < state.saved.length; register++) {
    if (((calleeSaved >>> register) & 1) === 0) continue;
    const slot = state.saved[register] as Place;
    if (slot === NOWHERE) {
      const isSame = ((unchanged >>> register) & 1) === 1;
      rules.push({ register, rule: isSame ? RULE_SAME : RULE_UNDEFINED });
    } else rules.push({ register, ...placeRule(arch, state, slot) });
  }
  // What a machine with a link register does with it the frame state does not follow.
  if (returnSlot === undefined) rules.push({ register: RETURN_ADDRESS, rule: RULE_NOT_SAID });
  else rules.push({ register: RETURN_ADDRESS, rule: RULE_AT_CFA, offset: returnSlot });
  return rules;
}

function placeRule(arch: Arch, state: FrameState, slot: Place): Omit<RuleDraft, "register"> {
  if (slot === NOT_SAVED) return { rule: RULE_UNDEFINED };
  if (spaceOf(slot) === SPACE_CFA) return { rule: RULE_AT_CFA, offset: offsetOf(slot) };
  // A slot of a realigned frame is found by what points into that frame.
  for (const base of [arch.registers.fp, arch.registers.sp]) {
    const value = state.value[base] as Place;
    if (spaceOf(value) === SPACE_ALIGNED)
      return { rule: RULE_AT_REGISTER, base, offset: offsetOf(slot) - offsetOf(value) };
  }
  return { rule: RULE_NOT_SAID };
}
