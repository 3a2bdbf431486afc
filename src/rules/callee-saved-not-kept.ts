import { KIND_RETURN } from "../isa/insn-table.ts";
import { findLostRegisters } from "../unwind/kept-registers.ts";
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
    const { flow, returns, frames } = context;
    const { name } = flow.code.arch.registers;
    for (const { owner, register, at, exit, way } of findLostRegisters(flow, returns, frames)) {
      const before = frameWay(context, at);
      report({
        message: "default",
        at,
        owner,
        data: { register: name[register] as string },
        way: {
          kind: "frame",
          insns: [...before.insns.slice(0, -1), ...way],
          notes: new Map([[at, `overwrites %${name[register]}`]]),
        },
        evidence: [
          {
            witness: "instructions",
            says: `%${name[register]} is overwritten without having been saved, and not put back before ${flow.kind[exit] === KIND_RETURN ? "the return" : "the jump to another function"}`,
          },
        ],
      });
    }
  },
});
