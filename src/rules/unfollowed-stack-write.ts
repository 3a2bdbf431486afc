import { EVENT_FAULT } from "../unwind/frame-events.ts";
import { describeState } from "../unwind/state.ts";
import { FAULT_BASE_LOST, FAULT_LOADED, FAULT_REALIGN, FAULT_UNFOLLOWED } from "../unwind/transfer.ts";
import { defineRule } from "./rule.ts";
import { frameEvents, frameWay } from "./ways.ts";

const messageOf: Readonly<Record<number, string>> = {
  [FAULT_UNFOLLOWED]: "write",
  [FAULT_REALIGN]: "realign",
  [FAULT_BASE_LOST]: "base",
  [FAULT_LOADED]: "load",
};

export const unfollowedStackWrite = defineRule({
  id: "unfollowed-stack-write",
  summary: "The stack pointer, or the register that the frame is found by, gets a value that cannot be followed.",
  severity: "error",
  consequence: "from here on neither this check nor an unwinder knows where the caller's frame is",
  messages: {
    write: { text: "{function}() writes the stack pointer in a way that cannot be followed" },
    realign: { text: "{function}() aligns the stack pointer although nothing else remembers the frame" },
    base: { text: "{function}() overwrites the register that its frame is found by" },
    load: {
      text: "{function}() loads the stack pointer from memory: the new stack is taken to be laid out like the old one",
      severity: "note",
    },
  },
  check(context, report) {
    const { arch } = context.flow.code;
    for (const event of frameEvents(context, EVENT_FAULT)) {
      const message = messageOf[event.detail];
      if (message === undefined) continue;
      report({
        message,
        at: event.insn,
        owner: event.owner,
        way: frameWay(context, event.insn),
        evidence: [{ witness: "instructions", says: `before it: ${describeState(arch, event.state)}` }],
      });
    }
  },
});
