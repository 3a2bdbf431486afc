import { EVENT_RETURN_MODIFIED, EVENT_TAIL_MODIFIED } from "../unwind/frame-events.ts";
import { defineRule } from "./rule.ts";
import { frameEvents, oneByFrame, reportModifiedFrames } from "./ways.ts";

export const tailCallWithModifiedFrame = defineRule({
  id: "tail-call-with-modified-frame",
  summary: "A function jumps to another one while its stack frame is not the one that it was entered with.",
  severity: "error",
  consequence:
    "the function that is jumped to returns through a wrong slot, or to a caller whose registers were not restored",
  messages: { default: { text: "{function}() jumps to {callee} with a modified stack frame" } },
  check(context, report) {
    const returns = frameEvents(context, EVENT_RETURN_MODIFIED);
    reportModifiedFrames(context, oneByFrame(frameEvents(context, EVENT_TAIL_MODIFIED), returns), report);
  },
});
