import { FLAG_EVENT_RETURN_DIRECTION } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const directionFlagReturn = defineRule({
  id: "direction-flag-return",
  summary: "A function returns with the direction flag set.",
  severity: "error",
  consequence: "string instructions of its callers run backwards and overwrite what lies before their buffers",
  messages: { default: { text: "{function}() returns with the direction flag set" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_RETURN_DIRECTION, "DF", report),
});
