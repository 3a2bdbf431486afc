import { NONE } from "../base/table.ts";
import { STB_LOCAL, STT_FILE, STT_FUNC } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { MARK_HINT } from "../flow/marks.ts";
import { KIND_CALL, KIND_JUMP } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const missingSymbolType = defineRule({
  id: "missing-symbol-type",
  summary: "A function calls a label of its section that is not marked as a function, or ends in a jump to one.",
  severity: "warning",
  consequence: "what is called is not checked as a function, and a stack trace through it may end",
  messages: {
    default: { text: "{function}() calls {callee}, whose symbol is no function" },
    "tail-call": { text: "{function}() ends in a jump to {callee}, whose symbol is no function" },
  },
  check(context, report) {
    const { flow } = context;
    const { code, functions, symbol, target, marks } = flow;
    const { object, insns } = code;
    const tell = tellSites(context, report);
    // What the assembler resolved stays in its section and names a local label; by a relocation control may go anywhere.
    const isResolved = (i: number): boolean => code.reloc.at(i) === NONE && functions.ofInsn[i] !== NONE;
    for (const i of flow.rows.of(KIND_CALL)) {
      if (!isResolved(i)) continue;
      const to = target.at(i);
      const named = symbol.at(i);
      if (to === NONE || named === NONE || object.symbols.type[named] === STT_FUNC) continue;
      const f = functions.ofInsn[to] as number;
      if (f !== NONE && functions.table.start[f] === insns.offset[to]) continue;
      tell(i, "default", { data: { callee: `${object.symbolName[named]}()` } });
    }
    for (const i of flow.toNobody) {
      if (flow.kind[i] !== KIND_JUMP || !isResolved(i)) continue;
      const to = target.at(i);
      // Assembly that is no function and states its own frame is meant to be jumped to.
      if (((marks.bits[to] as number) & MARK_HINT) !== 0) continue;
      const offset = insns.offset[to] as number;
      const named = functions.symbolCovering(insns.section[to] as number, offset);
      if (named === NONE || object.symbols.value[named] !== offset || !isOfCompiler(object, named)) continue;
      tell(i, "tail-call", { data: { callee: `${object.symbolName[named]}()` } });
    }
  },
});

/**
 * Whether a local symbol is of a C file: the symbols of a file stand behind its own (gABI, STT_FILE), and ld -r writes one for each file of assembly.
 * Assembly shares exits that are no functions by intention (copy_user_short_string of 6.1).
 */
function isOfCompiler({ symbols, symbolName }: ElfObject, symbol: number): boolean {
  if (symbols.binding[symbol] !== STB_LOCAL) return false;
  let file = symbol;
  while (file > 0 && symbols.type[file] !== STT_FILE) file--;
  return file > 0 && (symbolName[file] as string).endsWith(".c");
}
