import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { compareHints } from "../unwind/hint-compare.ts";
import { describeState } from "../unwind/state.ts";
import { CLAIM_WRONG, claimWhy } from "../unwind/witness-claims.ts";
import { witnessHints } from "../unwind/witness-hints.ts";
import { describeFrame, findWitnessRow } from "../unwind/witness-rows.ts";
import { defineRule } from "./rule.ts";
import { frameWayOver } from "./ways.ts";

export const unwindHintDisagrees = defineRule({
  id: "unwind-hint-disagrees",
  summary: "An unwind hint now says of the frame what the instructions on the way to it contradict.",
  severity: "warning",
  consequence:
    "the kernel's unwinder takes the hint, and reads the caller's frame from the wrong place or by the wrong address",
  messages: {
    default: { text: "{function}() has a hint whose {subject} is not what control brings to it" },
  },
  // A kernel has such a hint (asm_exc_int3, 6.3 to 6.19): what a patch adds is worth a word.
  againstBase: true,
  check(context, report) {
    const { flow, frames, returns } = context;
    if (flow.hints.length === 0) return;
    const { arch, insns } = flow.code;
    const witness = witnessHints(flow, frames);
    const told = new Set<number>();
    for (const { insn, from, brought, verdict, why } of compareHints(flow, returns, frames, witness).ways) {
      if (verdict !== CLAIM_WRONG || told.has(insn)) continue;
      const owner = ownerOf(flow, insn);
      if (owner !== NONE && flow.marks.excluded[owner] === 1) continue;
      told.add(insn);
      const row = findWitnessRow(witness, insns.section[insn] as number, insns.offset[insn] as number);
      const state = describeState(arch, brought);
      report({
        message: "default",
        at: insn,
        owner,
        data: { subject: why === claimWhy.signal ? "signal" : "frame" },
        way: frameWayOver(context, from, insn, state),
        evidence: [
          { witness: "instructions", says: `${state}${brought.signal === 1 ? ", signal" : ""}` },
          { witness: "hints", says: describeFrame(arch, witness, witness.rows.frame[row] as number) },
        ],
      });
    }
  },
});
