import { NONE } from "../base/table.ts";
import { KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL } from "../flow/flow.ts";
import { KIND_CALL } from "../isa/insn-table.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const staticCallWithoutKey = defineRule({
  id: "static-call-without-key",
  summary: "A static call has no key: its place cannot be recorded for patching.",
  severity: "error",
  consequence:
    "the build cannot list the call in .static_call_sites, so that it keeps going to its first target, or the build fails",
  messages: { default: { text: "{function}() makes the static call {callee}, and nothing here names its key" } },
  applies: (checks) => checks.staticCalls && !checks.module,
  check(context, report) {
    const { code, symbol, rows } = context.flow;
    const { object } = code;
    const withoutKey = trampolinesWithoutKey(context);
    if (withoutKey.size === 0) return;
    const tell = tellSites(context, report);
    for (const i of rows.of(KIND_CALL, KIND_TAIL_CALL, KIND_CONDITIONAL_TAIL)) {
      const named = symbol.at(i);
      if (named === NONE || !withoutKey.has(named)) continue;
      // Where objects are linked before their calls are recorded, another one may name the key, unless the trampoline itself is here.
      if (context.checks.linkedFirst && object.symbols.section[named] === NONE) continue;
      // Replacements are templates: the calls in them are not recorded.
      if (object.sectionName[code.insns.section[i] as number] === ".altinstr_replacement") continue;
      tell(i, "default", { data: { callee: object.symbolName[named] as string } });
    }
  },
});

/** Symbols of trampolines whose keys nothing here names: of the many symbols that are called none or a few. */
function trampolinesWithoutKey({ flow }: RuleContext): ReadonlySet<number> {
  const { symbolName } = flow.code.object;
  const { names } = flow.code.arch;
  const found = new Map<number, string>();
  const keys = new Set<string>();
  for (let s = 1; s < symbolName.length; s++) {
    const name = symbolName[s] as string;
    if (names.isStaticCallKey(name)) keys.add(name);
    const key = names.staticCallKey(name);
    if (key !== undefined) found.set(s, key);
  }
  return new Set([...found].filter(([, key]) => !keys.has(key)).map(([s]) => s));
}
