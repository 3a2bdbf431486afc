import { FLAG_EVENT_STACK_EXHAUSTED } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessFlagsExhausted = defineRule({
  id: "uaccess-flags-exhausted",
  summary: "Flags are pushed more often than a checker can follow.",
  severity: "warning",
  consequence: "user access is not checked behind this place",
  messages: { default: { text: "{function}() pushes its flags more often than can be followed" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_STACK_EXHAUSTED, "AC", report),
});
