import { NONE } from "../base/table.ts";
import { STT_FUNC } from "../elf/constants.ts";
import { KIND_CALL } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const missingSymbolType = defineRule({
  id: "missing-symbol-type",
  summary: "A function calls a label of its section that is not marked as a function.",
  severity: "warning",
  consequence: "what is called is not checked as a function, and a stack trace through it may end",
  messages: { default: { text: "{function}() calls {callee}, whose symbol is no function" } },
  check(context, report) {
    const { flow } = context;
    const { code, functions, symbol, target } = flow;
    const { object, insns } = code;
    const tell = tellSites(context, report);
    const calls = flow.rows.of(KIND_CALL);
    for (let n = 0; n < calls.length; n++) {
      const i = calls[n] as number;
      // A call by a relocation may go anywhere; one that the assembler resolved stays in its section and names a local label.
      if (code.reloc.at(i) !== NONE || functions.ofInsn[i] === NONE) continue;
      const to = target.at(i);
      const named = symbol.at(i);
      if (to === NONE || named === NONE || object.symbols.type[named] === STT_FUNC) continue;
      const f = functions.ofInsn[to] as number;
      if (f !== NONE && functions.table.start[f] === insns.offset[to]) continue;
      tell(i, "default", { data: { callee: `${object.symbolName[named]}()` } });
    }
  },
});
