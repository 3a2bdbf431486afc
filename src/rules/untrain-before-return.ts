import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { findEarlyBranches } from "../flow/untraining.ts";
import type { Related } from "./finding.ts";
import { defineRule } from "./rule.ts";
import { ownerName } from "./ways.ts";

const messageOf = { "returns-first": "return", "branches-first": "branch", "runs-off": "end" } as const;

export const untrainBeforeReturn = defineRule({
  id: "untrain-before-return",
  summary: "On a way into the kernel a return or an indirect branch comes before the return predictor is untrained.",
  severity: "error",
  consequence: "user space has trained the predictor, and chooses where the kernel goes speculatively (Retbleed, SRSO)",
  messages: {
    return: { text: "{function}() comes to a return before the return predictor is untrained" },
    branch: { text: "{function}() comes to an indirect branch before the return predictor is untrained" },
    end: { text: "{function}() comes to the end of its section before the return predictor is untrained" },
  },
  applies: (checks) => checks.untrain,
  check(context, report) {
    const { flow } = context;
    for (const { insn, kind, way } of findEarlyBranches(flow, context.returns, context.outside)) {
      const entry = way[0] as number;
      const entered = ownerName(context, ownerOf(flow, entry), entry);
      const here = ownerName(context, ownerOf(flow, insn), insn);
      const related: Related[] = entered === here ? [] : [{ function: entered, says: "the kernel is entered there" }];
      const callee = flow.symbol.at(insn);
      if (callee !== NONE && kind !== "runs-off") {
        const name = flow.code.object.symbolName[callee] as string;
        related.push({
          function: name,
          says: `it ${kind === "returns-first" ? "returns" : "branches indirectly"} first, in another object`,
        });
      }
      report({
        message: messageOf[kind],
        at: insn,
        owner: ownerOf(flow, insn),
        way: { kind: "frame", insns: way },
        related,
      });
    }
  },
});
