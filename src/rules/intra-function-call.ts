import { NONE } from "../base/table.ts";
import { insnAt } from "../flow/code.ts";
import { FAULT_UNANNOTATED_INTRA_CALL, ownerOf } from "../flow/flow.ts";
import { sameFamily } from "../flow/functions.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { ownerName } from "./ways.ts";

export const intraFunctionCall = defineRule({
  id: "intra-function-call",
  summary: "A call goes to a place that is no function, and no annotation says that this is meant.",
  severity: "error",
  consequence: "the pushed return address stays on the stack, so every frame behind it is off by one slot",
  messages: {
    default: { text: "{function}() calls into itself without ANNOTATE_INTRA_FUNCTION_CALL" },
    elsewhere: { text: "{function}() calls into the middle of {callee}()" },
  },
  check(context, report) {
    const { code, functions } = context.flow;
    const told = new Set<string>();
    for (const { insn, fault, section, offset } of context.flow.faults) {
      const owner = ownerOf(context.flow, insn);
      const name = ownerName(context, owner, insn);
      if (told.has(name)) continue;
      if (fault === FAULT_UNANNOTATED_INTRA_CALL && (owner === NONE || isChecked(context, owner, insn))) {
        // One for a function: a macro that lacks the annotation is expanded many times.
        told.add(name);
        const there = functions.ofInsn[insnAt(code, section, offset)] ?? NONE;
        if (owner === NONE || there === NONE || sameFamily(functions.table, owner, there))
          report({ message: "default", at: insn, owner });
        else report({ message: "elsewhere", at: insn, owner, data: { callee: ownerName(context, there) } });
      }
    }
  },
});

/** An excluded function's stack is checked by nobody. Only where the assembler did not resolve the call it was to go somewhere else. */
function isChecked({ flow }: RuleContext, owner: number, insn: number): boolean {
  return flow.marks.excluded[owner] === 0 || flow.code.reloc.at(insn) !== NONE;
}
