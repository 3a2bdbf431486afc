import { NONE } from "../base/table.ts";
import { decodedAs } from "../flow/decoded-as.ts";
import { MARK_HINT } from "../flow/marks.ts";
import { FLAG_FAR, KIND_CONTEXT_CALL, KIND_CONTEXT_RETURN, KIND_OTHER, NO_REGISTER } from "../isa/insn-table.ts";
import { BASE_LOST, describeState, type FrameState } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";
import { frameWay } from "./ways.ts";

export const unsupportedInFunction = defineRule({
  id: "unsupported-in-function",
  summary: "A function leaves by an instruction that belongs into entry code, and no hint says what comes behind it.",
  severity: "warning",
  consequence: "whatever comes back, if anything does, finds a stack that no caller and no unwinder can go on from",
  messages: {
    enters: { text: "{function}() enters another context, and no unwind hint says how it comes back" },
    returns: { text: "{function}() returns to another context instead of to its caller" },
    far: { text: "{function}() leaves by a far jump or a far return" },
  },
  check(context, report) {
    const { flow, frames } = context;
    const { arch, insns } = flow.code;
    // Where calls do not push, calls of a hypervisor or of firmware keep to the convention of calls (arm64: SMCCC, Arm DEN 0028).
    if (arch.registers.link !== NO_REGISTER) return;
    const tell = tellSites(context, report);
    // Far branches are among the odd rows; `lret` is that and a return.
    const wanted = new Set([...insns.odd, ...decodedAs(flow, KIND_CONTEXT_CALL, KIND_CONTEXT_RETURN)]);
    for (const i of [...wanted].sort((a, b) => a - b)) {
      const message = messageOf(insns.kind[i] as number, flow.kind[i] as number, insns.flags[i] as number);
      if (message === undefined) continue;
      const id = frames.state[i] as number;
      if (id === NONE || frames.owner.of(i) < 0) continue;
      const state = frames.states.all[id] as FrameState;
      const behind = flow.next.of(i);
      // Behind another finding it is not told again.
      if (state.base === BASE_LOST) continue;
      if (behind !== NONE && ((flow.marks.bits[behind] as number) & MARK_HINT) !== 0) continue;
      const says = describeState(arch, state);
      tell(i, message, { way: frameWay(context, i), evidence: [{ witness: "instructions", says }] });
    }
  },
});

/** @param refined what the instruction is in its place: an iret inside of a function goes on behind itself */
function messageOf(kind: number, refined: number, flags: number): string | undefined {
  if ((flags & FLAG_FAR) !== 0) return "far";
  if (kind === KIND_CONTEXT_CALL) return "enters";
  return kind === KIND_CONTEXT_RETURN && refined !== KIND_OTHER ? "returns" : undefined;
}
