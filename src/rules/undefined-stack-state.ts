import { EVENT_FAULT, EVENT_NO_SAVE } from "../unwind/frame-events.ts";
import { describeState } from "../unwind/state.ts";
import { FAULT_UNDEFINED } from "../unwind/transfer.ts";
import { defineRule } from "./rule.ts";
import { frameEvents, frameWay } from "./ways.ts";

export const undefinedStackState = defineRule({
  id: "undefined-stack-state",
  summary: "A stack operation in a function where the frame is undefined.",
  severity: "error",
  consequence: "an unwinder that stops here cannot tell where the caller's frame is",
  messages: {
    default: { text: "{function}() uses the stack where its frame is undefined" },
    "no-save": { text: "{function}(): an unwind hint restores a frame that no hint before it saved" },
  },
  check(context, report) {
    const { arch } = context.flow.code;
    const undefinedUse = frameEvents(context, EVENT_FAULT).filter((event) => event.detail === FAULT_UNDEFINED);
    for (const event of [...undefinedUse, ...frameEvents(context, EVENT_NO_SAVE)]) {
      report({
        message: event.kind === EVENT_NO_SAVE ? "no-save" : "default",
        at: event.insn,
        owner: event.owner,
        way: frameWay(context, event.from === event.insn ? event.insn : event.from < 0 ? event.insn : event.from),
        evidence: [{ witness: "instructions", says: describeState(arch, event.state) }],
      });
    }
  },
});
