import { NONE } from "../base/table.ts";
import { STB_LOCAL } from "../elf/constants.ts";
import { functionName } from "../flow/functions.ts";
import { KIND_CALL, KIND_RETURN } from "../isa/insn-table.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const declaredNoreturnReturns = defineRule({
  id: "declared-noreturn-returns",
  summary: "A function that the source declares to never return now does, or is one that the tree's list lacks.",
  severity: "error",
  consequence: "its callers have no code behind the call: it returns into whatever the compiler put there",
  messages: {
    default: { text: "{function}() returns, and is declared to never return" },
    elsewhere: { text: "{function}() calls {callee}, which is declared to never return, and which does" },
    "unlisted-call": {
      text: "{function}() calls {callee}, which is declared to never return and does not, and the tree's list lacks it",
      severity: "note",
    },
    unlisted: { text: "{function}() is declared to never return, and the tree's list lacks it", severity: "note" },
  },
  // Kernels have such functions (xen_start_kernel), and lists lack some: who made the contradiction is known by the base only.
  againstBase: true,
  check(context, report) {
    const declared = context.witnesses?.noreturn() ?? [];
    if (declared.length === 0) return;
    const names = new Set(declared.map(({ name }) => name));
    // A body that the source does not have is assembly outside of C's functions, and line tables say nothing of it: told where it is declared.
    const entries = new Map(declared.flatMap(({ name, isDefined, entry }) => (isDefined ? [] : [[name, entry]])));
    const { flow, frames, returns, outside } = context;
    const { table, ofInsn } = flow.functions;
    const { symbolName, symbols } = flow.code.object;
    const evidence = [{ witness: "debug information", says: "DW_AT_noreturn" }];
    const isJudged = (f: number): boolean =>
      f !== NONE && flow.marks.excluded[f] !== 1 && names.has(declaredName(context, f));
    const told = new Set<number>();
    const asked = new Set<string>();
    for (let n = 0; n < flow.turns.length; n++) {
      const i = flow.turns[n] as number;
      if (frames.state[i] === NONE) continue;
      if (flow.kind[i] === KIND_RETURN) {
        const f = ofInsn[i] as number;
        const whole = f === NONE ? NONE : (table.parent[f] as number);
        if (told.has(whole) || !isJudged(whole)) continue;
        told.add(whole);
        const entry = entries.get(declaredName(context, f));
        const placed = entry === undefined ? {} : { entry };
        report({ message: "default", at: i, owner: f, way: frameWay(context, i), evidence, ...placed });
      } else if (flow.kind[i] === KIND_CALL) {
        const symbol = flow.symbol.at(i);
        if (symbol === NONE || symbols.section[symbol] !== NONE) continue;
        const callee = symbolName[symbol] as string;
        if (!names.has(callee)) continue;
        const never = outside.neverReturns(callee);
        const message = never === false ? "elsewhere" : "unlisted-call";
        // Who returns for all that is known: a weak body may not be the one that is called, and what assembly without a type does is not followed.
        const isSure = outside.isWeak?.(callee) !== true && outside.isFunction(callee) !== false;
        if (never === undefined || (never ? context.isListedNoreturn(callee) : !isSure)) continue;
        const owner = ofInsn[i] as number;
        const key = `${owner} ${callee}`;
        if (asked.has(key)) continue;
        asked.add(key);
        report({
          message,
          at: i,
          owner,
          data: { callee: `${callee}()` },
          way: frameWay(context, i),
          evidence,
          related: [{ function: callee, says: never ? "never returns" : "returns" }],
        });
      }
    }
    for (let f = 0; f < table.length; f++) {
      const first = table.firstInsn[f] as number;
      if (table.parent[f] !== f || first === NONE || returns.neverReturns[f] !== 1 || !isJudged(f)) continue;
      if (symbols.binding[table.symbol[f] as number] === STB_LOCAL) continue;
      const name = functionName(flow.code, flow.functions, f);
      if (!context.isListedNoreturn(name)) report({ message: "unlisted", at: first, owner: f, evidence });
    }
  },
});

/** Name in the source: copies that the compiler made of a function are called after it (`.constprop.0`, `.isra.0`). */
function declaredName({ flow }: RuleContext, f: number): string {
  return functionName(flow.code, flow.functions, f).replace(/(\.(constprop|isra|cold|part)(\.\d+)?)+$/, "");
}
