import { INSTEAD_JUMP_LABEL } from "../flow/instead.ts";
import { KIND_JUMP, KIND_NOP } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const jumpLabelPlace = defineRule({
  id: "jump-label-place",
  summary: "A jump label names an instruction that is neither a no-op nor a jump.",
  severity: "error",
  consequence: "switching the label at run time overwrites an instruction that was meant to be executed",
  messages: { default: { text: "{function}() has a jump label at an instruction that is neither a no-op nor a jump" } },
  check(context, report) {
    const { code, instead } = context.flow;
    const { edges } = instead;
    const tell = tellSites(context, report);
    for (let e = 0; e < edges.length; e++) {
      if (edges.kind[e] !== INSTEAD_JUMP_LABEL) continue;
      const insn = edges.from[e] as number;
      const kind = code.insns.kind[insn];
      if (kind !== KIND_NOP && kind !== KIND_JUMP) tell(insn);
    }
  },
});
