import { lowerBound, NONE } from "../base/table.ts";
import { insnEnd } from "../flow/code.ts";
import type { Flow } from "../flow/flow.ts";
import {
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_END_OF_STACK,
  UNWIND_HINT_TYPE_FUNC,
  UNWIND_HINT_TYPE_REGS,
  UNWIND_HINT_TYPE_REGS_PARTIAL,
  UNWIND_HINT_TYPE_RESTORE,
  UNWIND_HINT_TYPE_SAVE,
} from "../orc/constants.ts";
import { hintBase } from "./frame-checks.ts";
import type { Frames } from "./simulate.ts";
import { BASE_FP_INDIRECT, BASE_SP_INDIRECT, BASE_UNDEFINED, type FrameState } from "./state.ts";
import { ownFrame } from "./witness-own.ts";
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
  RULE_NOT_SAID,
  WitnessBuilder,
  type WitnessRows,
} from "./witness-rows.ts";

/**
 * The hints of assembly (`.discard.unwind_hints`, UNWIND_HINT of include/linux/objtool.h) as a witness.
 *
 * A row covers the one instruction that the hint stands before: that is all that its author has said. What holds behind it follows from what the
 * instructions then do, and is in the rows of those, not in this one's. Of several hints at an instruction the last one counts. One that saves a frame
 * states none and has no row; one that restores states what the instructions had at the save. One that leaves the frame open (UNDEFINED) has a row
 * that does not say. An entry has no place for registers: only what was saved is known, and that of the frame pointer and the return address alone.
 */
export function witnessHints(flow: Flow, frames: Frames): WitnessRows {
  const { hints, code } = flow;
  const { fp } = code.arch.registers;
  const builder = new WitnessBuilder("hints", [fp, RETURN_ADDRESS]);
  for (let h = 0; h < hints.length; h++) {
    const insn = hints.insn[h] as number;
    if (hints.type[h] === UNWIND_HINT_TYPE_SAVE || statingHint(hints, insn) !== h) continue;
    const draft = frameOf(flow, frames, h);
    const { section, offset } = code.insns;
    if (draft !== undefined)
      builder.add(section[insn] as number, offset[insn] as number, insnEnd(code, insn), builder.frame(draft));
  }
  return builder.finish();
}

/** The last hint at an instruction that states a frame; one that saves it where there is no other; NONE without a hint. */
export function statingHint({ insn, type, length }: Flow["hints"], at: number): number {
  let found = NONE;
  for (let h = lowerBound(insn, at, 0, length); h < length && insn[h] === at; h++)
    if (found === NONE || type[h] !== UNWIND_HINT_TYPE_SAVE) found = h;
  return found;
}

function frameOf(flow: Flow, frames: Frames, hint: number): FrameDraft | undefined {
  const { hints, code } = flow;
  const { arch } = code;
  const { fp, sp } = arch.registers;
  const flags = hints.signal[hint] === 1 ? FRAME_SIGNAL : 0;
  const cfaOffset = hints.spOffset[hint] as number;
  const notSaid = { register: fp, rule: RULE_NOT_SAID };
  const rules = [notSaid, { register: RETURN_ADDRESS, rule: RULE_AT_CFA, offset: arch.entryFrame.returnSlot ?? 0 }];
  const isAtBase = (more: number, rules: FrameDraft["rules"]): FrameDraft => {
    const base = hintBase(flow, hints.spReg[hint] as number);
    const all = { flags: flags | more, rules };
    if (base === BASE_UNDEFINED) return { cfa: CFA_UNDEFINED, flags, rules: [] };
    if (base === BASE_SP_INDIRECT) return { cfa: CFA_DEREF, cfaRegister: sp, cfaBehind: cfaOffset, ...all };
    if (base === BASE_FP_INDIRECT) return { cfa: CFA_DEREF, cfaRegister: fp, cfaOffset, ...all };
    return { cfa: CFA_REGISTER, cfaRegister: base, cfaOffset, ...all };
  };
  switch (hints.type[hint]) {
    case UNWIND_HINT_TYPE_CALL:
      return isAtBase(0, rules);
    case UNWIND_HINT_TYPE_REGS:
      return isAtBase(FRAME_FULL_REGS, []);
    case UNWIND_HINT_TYPE_REGS_PARTIAL:
      return isAtBase(FRAME_PARTIAL_REGS, []);
    case UNWIND_HINT_TYPE_FUNC:
      return { cfa: CFA_REGISTER, cfaRegister: sp, cfaOffset: arch.entryFrame.cfaOffset, rules };
    case UNWIND_HINT_TYPE_END_OF_STACK:
      return { cfa: CFA_UNDEFINED, flags: flags | FRAME_END_OF_STACK, rules: [] };
    case UNWIND_HINT_TYPE_RESTORE: {
      const id = frames.state[hints.insn[hint] as number] as number;
      if (id === NONE) return undefined;
      const restored = ownFrame(arch, frames.states.all[id] as FrameState, 0);
      const known = restored.rules.filter(({ register, rule }) => register === RETURN_ADDRESS || rule === RULE_AT_CFA);
      const told = known.filter(({ register }) => register === fp || register === RETURN_ADDRESS);
      const isSilent = told.length === 0 || told.some(({ register }) => register === fp);
      return { ...restored, rules: isSilent ? told : [notSaid, ...told] };
    }
    default:
      return { cfa: CFA_NOT_SAID, flags, rules: [] };
  }
}
