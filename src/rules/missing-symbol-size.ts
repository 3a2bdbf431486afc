import { NONE } from "../base/table.ts";
import { STT_FUNC, STT_NOTYPE } from "../elf/constants.ts";
import { insnAt, insnCovering } from "../flow/code.ts";
import { KIND_NOP, KIND_TRAP } from "../isa/insn-table.ts";
import { defineRule, type RuleContext } from "./rule.ts";

export const missingSymbolSize = defineRule({
  id: "missing-symbol-size",
  summary: "The symbol of a function does not say where the function is.",
  severity: "warning",
  consequence:
    "nobody knows where the function ends: it is not checked, and stack traces and live patches name its code wrongly",
  messages: {
    default: { text: "{function}() has no size" },
    end: { text: "{function}() begins at the end of its section, where no code is" },
    inside: { text: "{function}() begins inside an instruction" },
    label: { text: "{label} labels code that has neither a type nor a size, and that nothing here leads to" },
  },
  check(context, report) {
    const { code, functions } = context.flow;
    const { object } = code;
    const { symbols } = object;
    functions.ofSymbol.forEach((symbol, f) => {
      if (symbols.type[symbol] !== STT_FUNC) return;
      const section = symbols.section[symbol] as number;
      const start = symbols.value[symbol] as number;
      if (start >= (object.sections.size[section] as number)) {
        report({ message: "end", at: (code.sectionEnd[section] as number) - 1, owner: f });
        return;
      }
      // Of all names of a function.
      const at = functions.table.firstInsn[f] as number;
      if (at === NONE) report({ message: "inside", at: insnCovering(code, section, start), owner: f });
      else if (symbols.size[symbol] === 0) report({ message: "default", at, owner: f });
    });
    if (!context.checks.unreachable) return;
    for (const s of functions.labels) {
      const at = unclaimedCode(context, s);
      if (at !== NONE) report({ message: "label", at, owner: NONE, data: { label: object.symbolName[s] as string } });
    }
  },
});

// Templates and leftovers: nothing leads to them by a branch (arch/x86/kernel/vmlinux.lds.S).
const TEMPLATE = /^\.(altinstr_|discard)/;

/** First instruction behind a bare label whose code belongs to no symbol and is on no path; NONE for every other symbol. */
function unclaimedCode({ flow, frames }: RuleContext, symbol: number): number {
  const { code, functions } = flow;
  const { symbols, sectionName } = code.object;
  const section = symbols.section[symbol] as number;
  if (symbols.type[symbol] !== STT_NOTYPE || symbols.size[symbol] !== 0) return NONE;
  const at = insnAt(code, section, symbols.value[symbol] as number);
  if (at === NONE || frames.state[at] !== NONE || flow.kind[at] === KIND_NOP || flow.kind[at] === KIND_TRAP)
    return NONE;
  if (TEMPLATE.test(sectionName[section] as string)) return NONE;
  if (functions.symbolCovering(section, symbols.value[symbol] as number) !== NONE) return NONE;
  return flow.target.includes(at) ? NONE : at;
}
