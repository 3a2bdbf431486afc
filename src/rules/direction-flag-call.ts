import { FLAG_EVENT_CALL_DIRECTION } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const directionFlagCall = defineRule({
  id: "direction-flag-call",
  summary: "A function is called with the direction flag set.",
  severity: "error",
  consequence: "the callee relies on the ABI that the flag is clear: its string instructions run backwards",
  messages: { default: { text: "{function}() calls {callee} with the direction flag set" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_CALL_DIRECTION, "DF", report),
});
