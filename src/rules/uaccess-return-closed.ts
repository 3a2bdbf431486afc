import { FLAG_EVENT_RETURN_CLOSED } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessReturnClosed = defineRule({
  id: "uaccess-return-closed",
  summary: "A function that is entered with user access open returns with it closed.",
  severity: "error",
  consequence: "its caller, which opened access, faults on its next access to user memory",
  messages: {
    default: {
      text: "{function}() returns with user access closed, although the tree lists it as called with access open",
    },
  },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_RETURN_CLOSED, "AC", report),
});
