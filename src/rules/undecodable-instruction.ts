import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { FLAG_INVALID, KIND_UNKNOWN } from "../isa/insn-table.ts";
import { defineRule } from "./rule.ts";
import { frameWay, ownerName } from "./ways.ts";

export const undecodableInstruction = defineRule({
  id: "undecodable-instruction",
  summary: "Control reaches bytes that are no instruction of this architecture.",
  severity: "error",
  consequence: "the CPU raises an invalid-opcode exception there, or executes something that this tool cannot follow",
  messages: {
    default: { text: "{function}() runs into bytes that are no instruction" },
    invalid: { text: "{function}() executes an instruction that is invalid in this form" },
  },
  check(context, report) {
    const { flow, frames } = context;
    const { flags, odd } = flow.code.insns;
    // Behind the first such byte nothing of what is decoded means anything: one for a function.
    const told = new Set<string>();
    for (const i of odd) {
      const isUnknown = flow.kind[i] === KIND_UNKNOWN;
      if ((!isUnknown && ((flags[i] as number) & FLAG_INVALID) === 0) || frames.state[i] === NONE) continue;
      const owner = ownerOf(flow, i);
      const name = ownerName(context, owner, i);
      if (told.has(name) || (owner !== NONE && flow.marks.excluded[owner] === 1)) continue;
      told.add(name);
      report({ message: isUnknown ? "default" : "invalid", at: i, owner, way: frameWay(context, i) });
    }
  },
});
