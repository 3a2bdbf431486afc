import { insnEnd } from "../flow/code.ts";
import { KIND_NOP } from "../isa/insn-table.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { tellSites } from "./sites.ts";

// arch/x86/include/asm/cpufeatures.h. The original is one call, of a function that counts the bits of a register (arch_hweight.h, since 2.6.35).
const X86_FEATURE_POPCNT = 4 * 32 + 23;

export const alternativePlace = defineRule({
  id: "alternative-place",
  summary: "An alternative replaces nothing, or too much, or begins inside of what another one replaces.",
  severity: "error",
  consequence:
    "patching at boot leaves out the replacement, or an instruction, or overwrites half of one that another alternative put there",
  messages: {
    empty: { text: "{function}() has an alternative for no instruction at all" },
    "takes-in": {
      text: "{function}() has an alternative for a call that counts bits, which replaces what follows the call too",
    },
    overlap: { text: "{function}() has an alternative that begins inside of another one" },
  },
  check(context, report) {
    const { alternatives } = context.flow.instead;
    const tell = tellSites(context, report);
    let openFrom = -1;
    let openTo = -1;
    for (let a = 0; a < alternatives.length; a++) {
      const from = alternatives.from[a] as number;
      const to = alternatives.to[a] as number;
      if (alternatives.originalSize[a] === 0) tell(from, "empty");
      else if (alternatives.feature[a] === X86_FEATURE_POPCNT && hasMoreThanOne(context, a)) tell(from, "takes-in");
      // Sorted by where they begin. Nested ones begin together (ALTERNATIVE_2), and the rows share their end.
      if (from !== openFrom && from < openTo && a > 0) tell(from, "overlap");
      if (to > openTo) {
        openFrom = from;
        openTo = to;
      }
    }
  },
});

/** Whether an original is more than one instruction and no-ops behind it. */
function hasMoreThanOne({ flow }: RuleContext, row: number): boolean {
  const { code, instead, kind } = flow;
  const from = instead.alternatives.from[row] as number;
  const end = (code.insns.offset[from] as number) + (instead.alternatives.originalSize[row] as number);
  for (let i = from + 1; i < (instead.alternatives.to[row] as number) && insnEnd(code, i) <= end; i++)
    if (kind[i] !== KIND_NOP) return true;
  return false;
}
