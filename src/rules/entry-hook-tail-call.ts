import { NONE } from "../base/table.ts";
import { KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL } from "../flow/flow.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const entryHookTailCall = defineRule({
  id: "entry-hook-tail-call",
  summary: "A function jumps to the tracer's entry hook instead of calling it.",
  severity: "error",
  consequence:
    "the hook's place is recorded as a call that can be patched to a no-op, and with it the function loses its end",
  messages: { default: { text: "{function}() jumps to the tracer's entry hook instead of calling it" } },
  applies: (checks) => checks.entryHook,
  check(context, report) {
    const { code, symbol, rows } = context.flow;
    const tell = tellSites(context, report);
    for (const i of rows.of(KIND_TAIL_CALL, KIND_CONDITIONAL_TAIL)) {
      const named = symbol.at(i);
      if (named !== NONE && code.arch.names.isEntryHook(code.object.symbolName[named] as string)) tell(i);
    }
  },
});
