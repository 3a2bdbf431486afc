import { NONE } from "../base/table.ts";
import { STT_FUNC } from "../elf/constants.ts";
import { insnAt, insnCovering } from "../flow/code.ts";
import { defineRule } from "./rule.ts";

export const missingSymbolSize = defineRule({
  id: "missing-symbol-size",
  summary: "A function's symbol does not say where the function is.",
  severity: "warning",
  consequence:
    "nobody knows where the function ends: it is not checked, and stack traces and live patches name its code wrongly",
  messages: {
    default: { text: "{function}() has no size" },
    end: { text: "{function}() begins at the end of its section, where no code is" },
    inside: { text: "{function}() begins inside an instruction" },
  },
  check(context, report) {
    const { code, functions } = context.flow;
    const { object } = code;
    const { symbols } = object;
    for (const [symbol, f] of functions.ofSymbol) {
      if (symbols.type[symbol] !== STT_FUNC) continue;
      const section = symbols.section[symbol] as number;
      const start = symbols.value[symbol] as number;
      if (start >= (object.sections.size[section] as number)) {
        report({ message: "end", at: (code.sectionEnd[section] as number) - 1, owner: f });
        continue;
      }
      const at = insnAt(code, section, start);
      if (at === NONE) report({ message: "inside", at: insnCovering(code, section, start), owner: f });
      else if (symbols.size[symbol] === 0) report({ message: "default", at, owner: f });
    }
  },
});
