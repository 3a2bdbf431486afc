import { lowerBound, NONE } from "../base/table.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_NOP, KIND_OTHER } from "../isa/insn-table.ts";
import { describeState } from "../unwind/state.ts";
import { hasFrameRecord, isFollowedFrame } from "./frame-records.ts";
import { defineRule } from "./rule.ts";
import { calleeName, frameWay } from "./ways.ts";

export const callWithoutFramePointer = defineRule({
  id: "call-without-frame-pointer",
  summary: "A function calls another one before it has made its frame, in a kernel that is unwound by frame pointers.",
  severity: "warning",
  consequence: "a stack trace through the call leaves out this function's caller, and live patching cannot trust it",
  messages: { default: { text: "{function}() calls {callee} without a frame of its own" } },
  applies: (checks) => checks.unwinder === "frame-pointer",
  check(context, report) {
    const { flow, frames } = context;
    const { code, kind } = flow;
    const told = new Set<number>();
    for (let n = 0; n < flow.turns.length; n++) {
      const i = flow.turns[n] as number;
      if (kind[i] !== KIND_CALL && kind[i] !== KIND_INDIRECT_CALL) continue;
      const owner = ownerOf(flow, i);
      const state = frames.states.all[frames.state[i] as number];
      if (owner === NONE || !isFollowedFrame(state) || hasFrameRecord(context, state)) continue;
      if (isHookOrThunk(flow, i) || isInsteadOfOne(flow, i)) continue;
      const family = flow.functions.table.parent[owner] as number;
      // One missing prologue, however many calls stand behind it.
      if (told.has(family)) continue;
      told.add(family);
      report({
        message: "default",
        at: i,
        owner,
        data: { callee: calleeName(context, i) },
        way: frameWay(context, i),
        evidence: [{ witness: "instructions", says: describeState(code.arch, state) }],
      });
    }
  },
});

/**
 * The tracer's hook is called before the prologue, and finds the caller itself. Code that begins inside of an instruction's bytes is no callee but
 * part of a mitigation: it goes on where it was called (retbleed and SRSO untraining, arch/x86/lib/retpoline.S of 6.12).
 */
function isHookOrThunk(flow: Flow, insn: number): boolean {
  const callee = flow.symbol.at(insn);
  if (callee === NONE) return false;
  const { object, arch } = flow.code;
  const isHere = (object.symbols.section[callee] as number) > 0;
  return arch.names.isEntryHook(object.symbolName[callee] as string) || (isHere && flow.target.at(insn) === NONE);
}

/**
 * A call that a single other instruction replaces where the CPU has it (popcnt, arch/x86/include/asm/arch_hweight.h of 6.12): the callee stands
 * for an instruction, and no frame is made for it.
 */
function isInsteadOfOne(flow: Flow, insn: number): boolean {
  const { alternatives } = flow.instead;
  const { from, to, replacement, replacementEnd } = alternatives;
  for (let a = lowerBound(from, insn, 0, alternatives.length); a < alternatives.length && from[a] === insn; a++) {
    const only = replacement[a] as number;
    if (only === NONE || to[a] !== insn + 1) continue;
    let last = replacementEnd[a] as number;
    while (last > only && flow.kind[last - 1] === KIND_NOP) last--;
    if (last === only + 1 && flow.kind[only] === KIND_OTHER) return true;
  }
  return false;
}
