import { NONE } from "../base/table.ts";
import { defineRule } from "./rule.ts";
import { reportWrongPlace, wrongPlaces } from "./unwind-data.ts";

export const frameChangeUntold = defineRule({
  id: "frame-change-untold",
  summary: "A function now calls with a frame of which the unwind data was not told.",
  severity: "warning",
  consequence: "a debugger or a profiler that takes the data loses the stack at that call",
  messages: {
    default: { text: "{function}() changes {subject} without telling the unwind data, and calls" },
  },
  // Code that switches stacks does so in every kernel: what a patch adds is worth a word.
  againstBase: true,
  showsFrames: true,
  check(context, report) {
    for (const place of wrongPlaces(context))
      if (place.cause === "untold" && place.call !== NONE) report(reportWrongPlace(context, "default", place));
  },
});
