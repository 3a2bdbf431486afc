import { FLAG_EVENT_CALL_OPEN } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessCallOpen = defineRule({
  id: "uaccess-call-open",
  summary: "A function is called while access to user memory is open.",
  severity: "error",
  consequence:
    "everything that the callee does runs with SMAP off, and when it sleeps the open access is lost or leaks into another task",
  messages: { default: { text: "{function}() calls {callee} with user access open" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_CALL_OPEN, "AC", report),
});
