import { FLAG_EVENT_RETURN_OPEN } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessReturnOpen = defineRule({
  id: "uaccess-return-open",
  summary: "A function returns with access to user memory still open.",
  severity: "error",
  consequence:
    "the task goes on with SMAP off until it next leaves the kernel, so a stray dereference of a user pointer is no longer caught",
  messages: { default: { text: "{function}() returns with user access open" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_RETURN_OPEN, "AC", report),
});
