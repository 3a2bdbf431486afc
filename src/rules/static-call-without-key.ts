import { NONE } from "../base/table.ts";
import { KIND_CONDITIONAL_TAIL, KIND_TAIL_CALL } from "../flow/flow.ts";
import { KIND_CALL } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
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
    const { code, kind, symbol, turns } = context.flow;
    const { object } = code;
    const { names } = code.arch;
    let keys: ReadonlySet<string> | undefined;
    const missing: (boolean | undefined)[] = new Array(object.symbols.length).fill(undefined);
    const tell = tellSites(context, report);
    for (let n = 0; n < turns.length; n++) {
      const i = turns[n] as number;
      const k = kind[i];
      if (k !== KIND_CALL && k !== KIND_TAIL_CALL && k !== KIND_CONDITIONAL_TAIL) continue;
      const named = symbol.at(i);
      if (named === NONE) continue;
      // Of the symbols that are called few are trampolines, and each is called often.
      let isMissing = missing[named];
      if (isMissing === undefined) {
        const key = names.staticCallKey(object.symbolName[named] as string);
        keys ??= key === undefined ? undefined : new Set(object.symbolName.filter(names.isStaticCallKey));
        isMissing = key !== undefined && keys?.has(key) === false;
        missing[named] = isMissing;
      }
      if (!isMissing) continue;
      // Where objects are linked before their calls are recorded, another one may name the key, unless the trampoline itself is here.
      if (context.checks.linkedFirst && object.symbols.section[named] === NONE) continue;
      // Replacements are templates: the calls in them are not recorded.
      if (object.sectionName[code.insns.section[i] as number] === ".altinstr_replacement") continue;
      tell(i, "default", { data: { callee: object.symbolName[named] as string } });
    }
  },
});
