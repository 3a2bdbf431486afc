import { EVENT_RETURN_MODIFIED } from "../unwind/frame-events.ts";
import { defineRule } from "./rule.ts";
import { frameEvents, oneByFrame, reportModifiedFrames } from "./ways.ts";

export const returnWithModifiedFrame = defineRule({
  id: "return-with-modified-frame",
  summary: "A function returns while its stack frame is not the one that it was entered with.",
  severity: "error",
  consequence:
    "the return takes its address from a wrong slot, or the caller gets back registers that were not restored",
  messages: { default: { text: "{function}() returns with a modified stack frame" } },
  check(context, report) {
    reportModifiedFrames(context, oneByFrame(frameEvents(context, EVENT_RETURN_MODIFIED)), report);
  },
});
