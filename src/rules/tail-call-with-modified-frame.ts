import { EVENT_RETURN_MODIFIED, EVENT_TAIL_MODIFIED } from "../unwind/simulate.ts";
import { describeState } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { calleeName, frameEvents, frameWay, oneByFrame } from "./ways.ts";

export const tailCallWithModifiedFrame = defineRule({
  id: "tail-call-with-modified-frame",
  summary: "A function jumps to another one while its stack frame is not the one that it was entered with.",
  severity: "error",
  consequence:
    "the function that is jumped to returns through a wrong slot, or to a caller whose registers were not restored",
  messages: { default: { text: "{function}() jumps to {callee} with a modified stack frame" } },
  check(context, report) {
    const { code } = context.flow;
    const returns = frameEvents(context, EVENT_RETURN_MODIFIED);
    for (const event of oneByFrame(frameEvents(context, EVENT_TAIL_MODIFIED), returns)) {
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
