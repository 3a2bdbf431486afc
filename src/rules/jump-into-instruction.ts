import { FAULT_INTO_INSTRUCTION, FAULT_OUTSIDE_CODE, ownerOf } from "../flow/flow.ts";
import { defineRule } from "./rule.ts";

export const jumpIntoInstruction = defineRule({
  id: "jump-into-instruction",
  summary: "A branch goes into the middle of an instruction, or to where no code is.",
  severity: "error",
  consequence: "the CPU executes bytes that nobody wrote as instructions",
  messages: {
    default: { text: "{function}() branches into the middle of an instruction" },
    outside: { text: "{function}() branches to a place without code" },
  },
  check(context, report) {
    for (const { insn, fault } of context.flow.faults) {
      if (fault !== FAULT_INTO_INSTRUCTION && fault !== FAULT_OUTSIDE_CODE) continue;
      report({
        message: fault === FAULT_INTO_INSTRUCTION ? "default" : "outside",
        at: insn,
        owner: ownerOf(context.flow, insn),
      });
    }
  },
});
