import { NONE } from "../base/table.ts";
import { STT_FUNC, STT_NOTYPE } from "../elf/constants.ts";
import { MARK_NOCFI } from "../flow/marks.ts";
import { KIND_BUG, KIND_CALL, KIND_JUMP } from "../isa/insn-table.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const kcfiUncheckedCall = defineRule({
  id: "kcfi-unchecked-call",
  summary: "An indirect branch does not check the type of its target, in a kernel with FineIBT.",
  severity: "warning",
  consequence:
    "a function pointer that was overwritten is followed; and FineIBT, which moves the check into the callee, breaks the call",
  messages: { default: { text: "{function}() makes an indirect branch without a check of its target's type" } },
  applies: (checks) => checks.kcfiEverywhere,
  check(context, report) {
    const { code, functions } = context.flow;
    const { kind, section, offset } = code.insns;
    const { symbols } = code.object;
    const exempt = exemptSymbols(context);
    const tell = tellSites(context, report);
    for (const i of thunkSites(context)) {
      const symbol = functions.symbolCovering(section[i] as number, offset[i] as number);
      if (symbol === NONE || exempt.has(symbol)) continue;
      if (symbols.type[symbol] !== STT_FUNC && symbols.type[symbol] !== STT_NOTYPE) continue;
      // `cmp; je 1f; ud2; 1: call thunk`: the trap right before the branch belongs to its check and to nothing else.
      if (i === 0 || section[i - 1] !== section[i] || kind[i - 1] !== KIND_BUG) tell(i);
    }
  },
});

/** Direct branches to an indirect thunk. Replacements are templates that the original's check stands before. */
function thunkSites(context: RuleContext): number[] {
  const { code } = context.flow;
  const { object } = code;
  const { names } = code.arch;
  const isThunk = new Uint8Array(object.symbolName.length);
  object.symbolName.forEach((name, s) => {
    if (names.isIndirectThunk(name)) isThunk[s] = 1;
  });
  const sites: number[] = [];
  for (const section of code.sections) {
    if (object.sectionName[section] === ".altinstr_replacement") continue;
    const relocs = object.relocs(section);
    code.reloc.forEach(
      (i, r) => {
        const kind = code.insns.kind[i] as number;
        if (isThunk[relocs.symbol[r] as number] === 1 && kind >= KIND_JUMP && kind <= KIND_CALL) sites.push(i);
      },
      code.sectionStart[section],
      code.sectionEnd[section],
    );
  }
  return sites;
}

/** Symbols that ANNOTATE_NOCFI_SYM names (kernel include/linux/annotate.h, 6.18). */
function exemptSymbols(context: RuleContext): ReadonlySet<number> {
  const { code, functions, marks } = context.flow;
  const exempt = new Set<number>();
  for (let i = 0; i < marks.bits.length; i++) {
    if (((marks.bits[i] as number) & MARK_NOCFI) === 0) continue;
    exempt.add(functions.symbolCovering(code.insns.section[i] as number, code.insns.offset[i] as number));
  }
  return exempt;
}
