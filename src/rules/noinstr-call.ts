import { INSTR_EVENT_LEAVES } from "../unwind/instrumentation.ts";
import { instrumentationEvents, instrumentationWay, instrumentedCallee } from "./instrumented-callees.ts";
import { defineRule } from "./rule.ts";

export const noinstrCall = defineRule({
  id: "noinstr-call",
  summary: "Code that must not be instrumented calls code that may be.",
  severity: "error",
  consequence:
    "a tracer, a breakpoint or a sanitizer runs where the kernel is not ready for it: without RCU, with the user's page tables or registers",
  messages: {
    default: { text: "{function}() calls {callee}(), which may be instrumented, outside of an instrumentation region" },
    pointer: { text: "{function}() calls through a pointer outside of an instrumentation region" },
    slot: {
      text: "{function}() calls through {table}, which may hold {callee}(), outside of an instrumentation region",
    },
  },
  applies: (checks) => checks.noinstr,
  check(context, report) {
    for (const event of instrumentationEvents(context)) {
      if (event.kind !== INSTR_EVENT_LEAVES) continue;
      const { name, table } = instrumentedCallee(context, event.insn) as { name: string; table?: string };
      report({
        message: table !== undefined ? "slot" : name === "" ? "pointer" : "default",
        at: event.insn,
        owner: event.owner,
        data: table !== undefined ? { table, callee: name } : name === "" ? {} : { callee: name },
        way: instrumentationWay(event),
      });
    }
  },
});
