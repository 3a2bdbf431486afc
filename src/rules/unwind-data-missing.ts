import type { Evidence } from "./finding.ts";
import { defineRule } from "./rule.ts";
import { calleeName, frameWay } from "./ways.ts";

export const unwindDataMissing = defineRule({
  id: "unwind-data-missing",
  summary: "The unwind data speaks of a function and has no row at one of its calls.",
  severity: "warning",
  consequence: "a debugger or a profiler that takes the data cannot go on to the caller from there",
  messages: {
    default: { text: "{function}() has no unwind data where it calls {callee}" },
  },
  showsFrames: true,
  check(context, report) {
    const { flow, witnesses } = context;
    const told = new Map<number, Evidence[]>();
    const ownerOf = new Map<number, number>();
    for (const { rows, comparison } of witnesses?.frames() ?? []) {
      for (const { owner, insn } of comparison.missing) {
        if (flow.marks.excluded[owner] === 1) continue;
        ownerOf.set(insn, owner);
        told.set(insn, [...(told.get(insn) ?? []), { witness: rows.witness, says: "no row" }]);
      }
    }
    for (const [insn, evidence] of told)
      report({
        message: "default",
        at: insn,
        owner: ownerOf.get(insn) as number,
        words: { callee: calleeName(context, insn) },
        way: frameWay(context, insn),
        evidence,
      });
  },
});
