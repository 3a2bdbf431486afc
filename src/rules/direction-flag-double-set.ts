import { FLAG_EVENT_DOUBLE_SET } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const directionFlagDoubleSet = defineRule({
  id: "direction-flag-double-set",
  summary: "The direction flag is set where it is set already.",
  severity: "warning",
  consequence: "a clear is missing on this way, or the pairing is wrong somewhere",
  messages: { default: { text: "{function}() sets the direction flag where it is set already" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_DOUBLE_SET, "DF", report),
});
