import { NONE } from "../base/table.ts";
import { insnEnd } from "../flow/code.ts";
import { KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL, ownerOf } from "../flow/flow.ts";
import { KIND_CALL, KIND_NOP } from "../isa/insn-table.ts";
import { EVENT_INTO_FUNCTION, EVENT_OFF_SECTION, type FrameEvent } from "../unwind/frame-events.ts";
import { BASE_LOST, type FrameState } from "../unwind/state.ts";
import { defineRule, type Report, type RuleContext } from "./rule.ts";
import { calleeName, frameEvents, frameWay, ownerName } from "./ways.ts";

export const fallsThrough = defineRule({
  id: "falls-through",
  summary: "Control runs past the end of a function, or jumps into the middle of another one.",
  severity: "error",
  consequence: "the CPU executes whatever the linker put there, with a frame that belongs to another function",
  messages: {
    "next-function": { text: "{function}() falls through to the next function {next}()" },
    "after-call": {
      text: "{function}() runs past its end when {callee} returns: nothing says that it never does, and the tree's noreturn list lacks it",
    },
    "off-section": { text: "{function}() runs off the end of its section" },
    jump: { text: "{function}() jumps into the middle of {next}()" },
  },
  check(context, report) {
    // A call that goes nowhere sensible has a finding of its own.
    const faulty = new Set(context.flow.faults.map(({ insn }) => insn));
    for (const event of frameEvents(context, EVENT_INTO_FUNCTION)) {
      if (event.state.base === BASE_LOST) continue; // a finding lies on the way here
      const told = into(context, event);
      if (!faulty.has(told.at)) report(told);
    }
    for (const event of frameEvents(context, EVENT_OFF_SECTION)) {
      if (event.state.base === BASE_LOST) continue;
      const call = lastCall(context, event.insn);
      if (faulty.has(call)) continue;
      report({
        message: call === NONE ? "off-section" : "after-call",
        at: call === NONE ? event.insn : call,
        owner: event.owner,
        data: call === NONE ? {} : { callee: calleeName(context, call) },
        way: frameWay(context, event.insn),
      });
    }
    jumpsIntoOthers(context, report);
  },
});

/** Bytes of a landing pad: endbr64, bti. A jump right behind the one of a function is a tail call that does without it. */
const PAD_SIZE = 4;

/** Jumps to functions of other objects that are no tail calls: into their middle, or from behind a function's end. The walk ends at them. */
function jumpsIntoOthers(context: RuleContext, report: (report: Report) => void): void {
  const { flow, frames, outside } = context;
  const { code } = flow;
  for (const insn of flow.rows.of(KIND_TAIL_CALL, KIND_CONDITIONAL_TAIL)) {
    const row = code.reloc.at(insn);
    const symbol = flow.symbol.at(insn);
    if (row === NONE || symbol === NONE || code.object.symbols.section[symbol] !== NONE) continue;
    const relocs = code.object.relocs(code.insns.section[insn] as number);
    const behind =
      code.arch.relocs.displacementFrom === "insn-end" ? insnEnd(code, insn) : (relocs.offset[row] as number);
    const offset = (relocs.addend[row] as number) + behind - (relocs.offset[row] as number);
    if (offset === 0 && !isBehindItsFunction(context, insn)) continue;
    const state = frames.state[insn] as number;
    if (state === NONE || (frames.states.all[state] as FrameState).base === BASE_LOST) continue;
    const next = code.object.symbolName[symbol] as string;
    if (outside.isFunction(next) !== true || (offset === PAD_SIZE && outside.landing(next, 0) === "pad")) continue;
    const owner = frames.owner.of(insn);
    report({ message: "jump", at: insn, owner, data: { next }, way: frameWay(context, insn) });
  }
}

/** Code that a function runs on in and that no symbol covers. */
function isBehindItsFunction({ flow, frames }: RuleContext, insn: number): boolean {
  const { insns } = flow.code;
  return (
    frames.owner.of(insn) >= 0 &&
    ownerOf(flow, insn) === NONE &&
    flow.functions.symbolCovering(insns.section[insn] as number, insns.offset[insn] as number) === NONE
  );
}

function into(context: RuleContext, event: FrameEvent): Report {
  const { flow } = context;
  const next = ownerName(context, event.detail);
  const way = frameWay(context, event.insn);
  const following = flow.next.of(event.insn);
  const falls =
    following !== NONE && flow.functions.ofInsn[following] === event.detail && flow.target.at(event.insn) === NONE;
  if (!falls && flow.kind[event.insn] !== KIND_CALL)
    return { message: "jump", at: event.insn, owner: event.owner, data: { next }, way };
  const call = lastCall(context, event.insn);
  if (call === NONE) return { message: "next-function", at: event.insn, owner: event.owner, data: { next }, way };
  return { message: "after-call", at: call, owner: event.owner, data: { callee: calleeName(context, call) }, way };
}

/** The call that ends a function's code, with nothing but padding behind it, or NONE. */
function lastCall(context: RuleContext, insn: number): number {
  const { flow, frames } = context;
  let i = insn;
  // Padding lies between the last real instruction and the next function.
  while (i > 0 && flow.kind[i] === KIND_NOP && frames.cameFrom.of(i) === i - 1) i--;
  return flow.kind[i] === KIND_CALL && flow.symbol.at(i) !== NONE ? i : NONE;
}
