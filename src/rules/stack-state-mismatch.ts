import { EVENT_MISMATCH } from "../unwind/frame-events.ts";
import { describeCfa, describeState } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { frameEvents, frameWay, frameWayOver, oneByFrame } from "./ways.ts";

export const stackStateMismatch = defineRule({
  id: "stack-state-mismatch",
  summary: "Two ways to one instruction come with different stack frames.",
  severity: "error",
  consequence:
    "whatever the code behind it assumes is wrong on one of the two ways: a return through a wrong slot, or a wrong stack trace",
  messages: { default: { text: "{function}(): two ways to one place have different stack frames" } },
  check(context, report) {
    const { arch } = context.flow.code;
    for (const event of oneByFrame(frameEvents(context, EVENT_MISMATCH))) {
      const held = event.other ?? event.state;
      report({
        message: "default",
        at: event.insn,
        owner: event.owner,
        way: frameWayOver(context, event.from, event.insn, describeCfa(arch, event.state)),
        otherWay: frameWay(context, event.insn),
        evidence: [
          { witness: "this way", says: describeState(arch, event.state) },
          { witness: "the other way", says: describeState(arch, held) },
        ],
      });
    }
  },
});
