import { decodedAs } from "../flow/decoded-as.ts";
import { FLAG_FAR, KIND_RETURN } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { isAnnotatedSafe, runsBeforeUserSpace, tellSites } from "./sites.ts";

export const nakedReturn = defineRule({
  id: "naked-return",
  summary: "A return does not go through the return thunk, in a kernel that is built with return thunks.",
  severity: "warning",
  consequence:
    "on CPUs that predict returns from a trained table (Retbleed, SRSO) an attacker chooses where it goes speculatively",
  messages: { default: { text: "{function}() returns by a naked return instead of the return thunk" } },
  applies: (checks) => checks.returnThunk,
  check(context, report) {
    const { flags } = context.flow.code.insns;
    const tell = tellSites(context, report);
    for (const i of decodedAs(context.flow, KIND_RETURN)) {
      if (((flags[i] as number) & FLAG_FAR) !== 0) continue;
      if (!isAnnotatedSafe(context, i) && !runsBeforeUserSpace(context, i)) tell(i);
    }
  },
});
