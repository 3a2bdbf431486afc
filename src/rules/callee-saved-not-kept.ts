import { NONE } from "../base/table.ts";
import { KIND_RETURN } from "../isa/insn-table.ts";
import { findLostRegisters } from "../unwind/kept-registers.ts";
import { CALLEE_LOSES_REGISTER } from "./finding.ts";
import { defineRule } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const calleeSavedNotKept = defineRule({
  id: "callee-saved-not-kept",
  summary: "A function no longer gives a callee-saved register back to its caller.",
  severity: "error",
  consequence: "the caller goes on with something else in a register that the calling convention lets it rely on",
  messages: {
    default: { text: "{function}() does not give back %{register}, which it did before" },
  },
  againstBase: true,
  check(context, report) {
    const { flow, returns, frames, outside } = context;
    const { name } = flow.code.arch.registers;
    const { symbolName } = flow.code.object;
    const kept = findLostRegisters(flow, returns, frames, (symbol) => outside.clobbers(symbol));
    for (const owner of kept.unfinished)
      context.leftOut(owner, "it is too large to be followed for the registers that it has to keep");
    for (const { owner, register, at, callee, exit, way } of kept.lost) {
      const before = frameWay(context, at);
      const leaves = flow.kind[exit] === KIND_RETURN ? "the return" : "the jump to another function";
      const called = callee === NONE ? undefined : (symbolName[callee] as string);
      report({
        message: "default",
        at,
        owner,
        data: { register: name[register] as string },
        way: {
          kind: "frame",
          insns: [...before.insns.slice(0, -1), ...way],
          notes: new Map([
            [at, called === undefined ? `overwrites %${name[register]}` : `${called}() loses %${name[register]}`],
          ]),
        },
        evidence: [
          {
            witness: "instructions",
            says:
              called === undefined
                ? `%${name[register]} is overwritten without having been saved, and not put back before ${leaves}`
                : at === exit
                  ? `${called}(), which it jumps to, does not give %${name[register]} back`
                  : `${called}() does not give %${name[register]} back, which is not saved then and not put back before ${leaves}`,
          },
        ],
        related: called === undefined ? [] : [{ function: called, says: CALLEE_LOSES_REGISTER }],
      });
    }
  },
});
