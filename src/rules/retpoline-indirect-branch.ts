import { decodedAs } from "../flow/decoded-as.ts";
import { FLAG_FAR, KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { isAnnotatedSafe, runsBeforeUserSpace, tellSites } from "./sites.ts";

export const retpolineIndirectBranch = defineRule({
  id: "retpoline-indirect-branch",
  summary: "An indirect branch does not go through a thunk, in a kernel that is built with retpolines.",
  severity: "warning",
  consequence: "an attacker who trains the branch predictor chooses what the CPU executes speculatively there",
  messages: {
    call: { text: "{function}() makes an indirect call that goes through no thunk" },
    jump: { text: "{function}() makes an indirect jump that goes through no thunk" },
  },
  applies: (checks) => checks.retpoline,
  check(context, report) {
    const { kind, flags } = context.flow.code.insns;
    const tell = tellSites(context, report);
    for (const i of decodedAs(context.flow, KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP)) {
      const isJump = kind[i] === KIND_INDIRECT_JUMP;
      if (isJump && ((flags[i] as number) & FLAG_FAR) !== 0) continue;
      if (isAnnotatedSafe(context, i) || runsBeforeUserSpace(context, i)) continue;
      tell(i, isJump ? "jump" : "call");
    }
  },
});
