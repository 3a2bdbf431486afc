import { FLAG_EVENT_REDUNDANT_CLOSE } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessRedundantClose = defineRule({
  id: "uaccess-redundant-close",
  summary: "Access to user memory is closed where it is not open.",
  severity: "warning",
  consequence: "an open is missing on this way, so the accesses before it fault, or the close is paid for nothing",
  messages: { default: { text: "{function}() closes user access where it is not open" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_REDUNDANT_CLOSE, "AC", report),
});
