import { MARK_INTRA_CALL, MARK_RETPOLINE_SAFE } from "../flow/marks.ts";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP, KIND_NOP, KIND_RETURN } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

const safeKinds: ReadonlySet<number> = new Set([KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP, KIND_RETURN, KIND_NOP]);

export const misplacedAnnotation = defineRule({
  id: "misplaced-annotation",
  summary: "An annotation stands at an instruction of another kind than it speaks of.",
  severity: "warning",
  consequence:
    "the instruction that it was written for is not covered by it, and the tree's own tool refuses the object",
  messages: {
    "retpoline-safe": {
      text: "{function}() has ANNOTATE_RETPOLINE_SAFE at an instruction that is no indirect branch, return or no-op",
    },
    "intra-call": { text: "{function}() has ANNOTATE_INTRA_FUNCTION_CALL at an instruction that is no direct call" },
  },
  check(context, report) {
    const { code, marks } = context.flow;
    const { bits } = marks;
    const tell = tellSites(context, report);
    for (let i = 0; i < bits.length; i++) {
      const mark = bits[i] as number;
      if ((mark & (MARK_RETPOLINE_SAFE | MARK_INTRA_CALL)) === 0) continue;
      const kind = code.insns.kind[i] as number;
      if ((mark & MARK_RETPOLINE_SAFE) !== 0 && !safeKinds.has(kind)) tell(i, "retpoline-safe");
      if ((mark & MARK_INTRA_CALL) !== 0 && kind !== KIND_CALL) tell(i, "intra-call");
    }
  },
});
