import { FLAG_EVENT_DOUBLE_OPEN } from "../unwind/flag-events.ts";
import { defineRule } from "./rule.ts";
import { reportFlagEvents } from "./ways.ts";

export const uaccessDoubleOpen = defineRule({
  id: "uaccess-double-open",
  summary: "Access to user memory is opened where it is open already.",
  severity: "warning",
  consequence: "the first close ends both regions: what follows it faults, or the pairing is wrong somewhere",
  messages: { default: { text: "{function}() opens user access where it is open already" } },
  check: (context, report) => reportFlagEvents(context, FLAG_EVENT_DOUBLE_OPEN, "AC", report),
});
