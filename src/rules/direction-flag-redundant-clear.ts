import { FLAG_EVENT_REDUNDANT_CLEAR } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const directionFlagRedundantClear = defineRule({
  id: "direction-flag-redundant-clear",
  summary: "The direction flag is cleared where it is clear already.",
  severity: "warning",
  consequence:
    "a set is missing on this way: the string instructions before it ran in the wrong direction, or the clear is paid for nothing",
  messages: { default: { text: "{function}() clears the direction flag where it is clear already" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_REDUNDANT_CLEAR, "DF", report),
});
