import { EVENT_DRIFT } from "../unwind/frame-events.ts";
import { describeCfa, describeRegister } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { frameEvents, frameWay, frameWayOver } from "./ways.ts";

export const stackPointerDrift = defineRule({
  id: "stack-pointer-drift",
  summary: "Two ways to one instruction come with different stack pointers, and a frame pointer hides it.",
  severity: "error",
  consequence:
    "what the code behind it finds relative to the stack pointer, local variables and the stack canary among them, is something else on one of the two ways",
  messages: {
    default: { text: "{function}(): two ways to one place have different stack pointers under one frame pointer" },
  },
  check(context, report) {
    const { arch } = context.flow.code;
    const { sp } = arch.registers;
    const told = new Set<number>();
    for (const event of frameEvents(context, EVENT_DRIFT)) {
      // The drift goes on behind it, and every later meeting of the two ways sees it again.
      if (told.has(event.owner)) continue;
      told.add(event.owner);
      const held = event.other ?? event.state;
      const one = `${describeCfa(arch, event.state)}, ${describeRegister(arch, event.state, sp)}`;
      const other = `${describeCfa(arch, held)}, ${describeRegister(arch, held, sp)}`;
      report({
        message: "default",
        at: event.insn,
        owner: event.owner,
        way: { ...frameWayOver(context, event.from, event.insn, one), register: sp },
        otherWay: { ...frameWay(context, event.insn), arrives: other, register: sp },
        evidence: [
          { witness: "this way", says: one },
          { witness: "the other way", says: other },
        ],
      });
    }
  },
});
