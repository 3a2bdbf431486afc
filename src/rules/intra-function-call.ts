import { FAULT_UNANNOTATED_INTRA_CALL, ownerOf } from "../flow/flow.ts";
import { defineRule } from "./rule.ts";

export const intraFunctionCall = defineRule({
  id: "intra-function-call",
  summary: "A call goes to a place that is no function, and no annotation says that this is meant.",
  severity: "error",
  consequence: "the pushed return address stays on the stack, so every frame behind it is off by one slot",
  messages: { default: { text: "{function}() calls into itself without ANNOTATE_INTRA_FUNCTION_CALL" } },
  check(context, report) {
    for (const { insn, fault } of context.flow.faults) {
      if (fault === FAULT_UNANNOTATED_INTRA_CALL)
        report({ message: "default", at: insn, owner: ownerOf(context.flow, insn) });
    }
  },
});
