import { NONE } from "../base/table.ts";
import { functionName } from "../flow/functions.ts";
import { KIND_RETURN } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const listedNoreturnReturns = defineRule({
  id: "listed-noreturn-returns",
  summary: "A function that the tree lists as never returning now has a return that is reached.",
  severity: "error",
  consequence: "its callers have no code behind the call: it returns into whatever the compiler put there",
  messages: {
    default: { text: "{function}() returns, and the tree lists it as never returning" },
  },
  // Trees list functions that do return (xen_start_kernel of 6.12): the list is a promise to callers, and who made it is known by the base only.
  againstBase: true,
  check(context, report) {
    const { flow, frames } = context;
    const { table, ofInsn } = flow.functions;
    const listed = new Map<number, boolean>();
    const isListed = (f: number): boolean => {
      let verdict = listed.get(f);
      if (verdict === undefined) {
        // The list speaks of what others can call; a local function of that name is another one.
        verdict =
          flow.code.object.symbols.binding[table.symbol[f] as number] !== 0 &&
          context.isListedNoreturn(functionName(flow.code, flow.functions, f));
        listed.set(f, verdict);
      }
      return verdict;
    };
    const told = new Set<number>();
    for (let n = 0; n < flow.turns.length; n++) {
      const i = flow.turns[n] as number;
      if (flow.kind[i] !== KIND_RETURN || frames.state[i] === NONE) continue;
      const f = ofInsn[i] as number;
      const whole = f === NONE ? NONE : (table.parent[f] as number);
      if (whole === NONE || told.has(whole) || flow.marks.excluded[whole] === 1 || !isListed(whole)) continue;
      told.add(whole);
      report({ message: "default", at: i, owner: f, way: frameWay(context, i) });
    }
  },
});
