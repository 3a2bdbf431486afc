import { EVENT_RETURN_MODIFIED } from "../unwind/simulate.ts";
import { describeState } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { calleeName, frameEvents, frameWay, oneByFrame } from "./ways.ts";

export const returnWithModifiedFrame = defineRule({
  id: "return-with-modified-frame",
  summary: "A function returns while its stack frame is not the one that it was entered with.",
  severity: "error",
  consequence:
    "the return takes its address from a wrong slot, or the caller gets back registers that were not restored",
  messages: { default: { text: "{function}() returns with a modified stack frame" } },
  check(context, report) {
    const { code } = context.flow;
    for (const event of oneByFrame(frameEvents(context, EVENT_RETURN_MODIFIED))) {
      report({
        message: "default",
        at: event.insn,
        owner: event.owner,
        data: { callee: calleeName(context, event.insn) },
        way: frameWay(context, event.insn),
        evidence: [
          { witness: "instructions", says: describeState(code.arch, event.state) },
          { witness: "entry", says: describeState(code.arch, context.frames.states.entry()) },
        ],
      });
    }
  },
});
