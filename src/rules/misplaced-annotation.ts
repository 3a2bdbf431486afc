import { KIND_INDIRECT_TAIL, KIND_TABLE_JUMP } from "../flow/flow.ts";
import { MARK_INTRA_CALL, MARK_RETPOLINE_SAFE } from "../flow/marks.ts";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_NOP, KIND_RETURN } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

const safeKinds: ReadonlySet<number> = new Set([
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_TAIL,
  KIND_TABLE_JUMP,
  KIND_RETURN,
  KIND_NOP,
]);

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
    const { code, marks, kind } = context.flow;
    const { bits, promised } = marks;
    const tell = tellSites(context, report);
    for (const i of promised) {
      const mark = bits[i] as number;
      if ((mark & MARK_RETPOLINE_SAFE) !== 0 && !safeKinds.has(kind[i] as number)) tell(i, "retpoline-safe");
      if ((mark & MARK_INTRA_CALL) !== 0 && code.insns.kind[i] !== KIND_CALL) tell(i, "intra-call");
    }
  },
});
