import { NONE } from "../base/table.ts";
import { functionOfSymbol } from "../flow/returns.ts";
import { INSTR_EVENT_RETURN_OPEN, INSTR_EVENT_TAIL_OPEN } from "../unwind/instrumentation.ts";
import { instrumentationEvents, instrumentationWay } from "./instrumented-callees.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { calleeName } from "./ways.ts";

export const noinstrReturnOpen = defineRule({
  id: "noinstr-return-open",
  summary: "A function that must not be instrumented returns inside of an instrumentation region.",
  severity: "warning",
  consequence: "an instrumentation_end() is missing: everything that follows counts as allowed to be instrumented",
  messages: {
    default: { text: "{function}() returns with its instrumentation region open" },
    tail: { text: "{function}() ends in a jump to {callee} with its instrumentation region open" },
  },
  applies: (checks) => checks.noinstr,
  check(context, report) {
    for (const event of instrumentationEvents(context)) {
      if (event.kind !== INSTR_EVENT_RETURN_OPEN && event.kind !== INSTR_EVENT_TAIL_OPEN) continue;
      const isTail = event.kind === INSTR_EVENT_TAIL_OPEN;
      if (isTail && neverComesBack(context, event.insn)) continue;
      report({
        message: isTail ? "tail" : "default",
        at: event.insn,
        owner: event.owner,
        data: isTail ? { callee: calleeName(context, event.insn) } : {},
        way: instrumentationWay(event),
      });
    }
  },
});

/** Behind a jump to what never returns nothing is left to close. */
function neverComesBack(context: RuleContext, insn: number): boolean {
  const { flow, returns, outside } = context;
  const symbol = flow.symbol.at(insn);
  if (symbol === NONE) return false;
  const name = flow.code.object.symbolName[symbol] as string;
  const f = functionOfSymbol(flow, symbol);
  if (context.isListedNoreturn(name)) return true;
  return f === NONE ? outside.neverReturns(name) === true : returns.neverReturns[f] === 1;
}
