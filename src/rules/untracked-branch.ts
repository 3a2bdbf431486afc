import { FLAG_NOTRACK } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const untrackedBranch = defineRule({
  id: "untracked-branch",
  summary: "An indirect branch asks the CPU not to look for a landing pad at its target.",
  severity: "warning",
  consequence:
    "the branch may go anywhere, although the kernel relies on indirect branch tracking to keep it to landing pads",
  messages: { default: { text: "{function}() makes an indirect branch with a notrack prefix" } },
  check(context, report) {
    const { flags, odd } = context.flow.code.insns;
    const tell = tellSites(context, report);
    for (const i of odd) if (((flags[i] as number) & FLAG_NOTRACK) !== 0) tell(i);
  },
});
