import { FLAG_FAR, KIND_INDIRECT_JUMP, KIND_RETURN, KIND_TRAP } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { isAnnotatedSafe, tellSites } from "./sites.ts";

export const straightLineSpeculation = defineRule({
  id: "straight-line-speculation",
  summary:
    "No trap stands behind a return or an indirect jump, in a kernel that is built against straight-line speculation.",
  severity: "warning",
  consequence: "the CPU may execute what follows in memory speculatively, past the end of the function",
  messages: {
    return: { text: "{function}() has no int3 behind a return" },
    jump: { text: "{function}() has no int3 behind an indirect jump" },
  },
  applies: (checks) => checks.straightLine,
  check(context, report) {
    const { kind, flags, section, length } = context.flow.code.insns;
    const tell = tellSites(context, report);
    for (let i = 0; i < length; i++) {
      const k = kind[i];
      if ((k !== KIND_RETURN && k !== KIND_INDIRECT_JUMP) || ((flags[i] as number) & FLAG_FAR) !== 0) continue;
      if (isAnnotatedSafe(context, i)) continue;
      if (i + 1 < length && section[i + 1] === section[i] && kind[i + 1] === KIND_TRAP) continue;
      tell(i, k === KIND_RETURN ? "return" : "jump");
    }
  },
});
