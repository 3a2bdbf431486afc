import { FLAG_EVENT_SAFE_CLOSES } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessSafeCloses = defineRule({
  id: "uaccess-safe-closes",
  summary: "A function that may be called with user access open closes it.",
  severity: "error",
  consequence: "its caller goes on in the belief that access is open, and faults",
  messages: {
    default: {
      text: "{function}(), which the tree lists as called with user access open, closes it without saving it first",
    },
  },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_SAFE_CLOSES, "AC", report),
});
