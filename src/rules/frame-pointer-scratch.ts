import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { OP_LOAD, OP_POP } from "../isa/insn-table.ts";
import { describeState, moved, NOT_SAVED, NOWHERE, type Place } from "../unwind/state.ts";
import { hasFrameRecord, isFollowedFrame } from "./frame-records.ts";
import { defineRule } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const framePointerScratch = defineRule({
  id: "frame-pointer-scratch",
  summary: "A function uses the frame pointer for something else, in a kernel that is unwound by frame pointers.",
  severity: "warning",
  consequence: "a stack trace that begins in this function, or in an interrupt of it, follows a value that is no frame",
  messages: {
    default: { text: "{function}() saves %{register} and gives it back without having made a frame with it" },
  },
  applies: (checks) => checks.unwinder === "frame-pointer",
  check(context, report) {
    const { flow, frames } = context;
    const { insns, ops, arch } = flow.code;
    const { fp, sp, name } = arch.registers;
    const told = new Set<number>();
    for (let row = 0; row < ops.length; row++) {
      if (ops.dst[row] !== fp || (ops.op[row] !== OP_POP && ops.op[row] !== OP_LOAD)) continue;
      const i = ops.insn[row] as number;
      const owner = ownerOf(flow, i);
      const state = frames.states.all[frames.state[i] as number];
      // leave, whose first operation moves the stack pointer, gives back from a frame by what it is.
      if (owner === NONE || insns.op.at(i) !== row || !isFollowedFrame(state) || hasFrameRecord(context, state))
        continue;
      const saved = state.saved[fp];
      if (saved === NOWHERE || saved === NOT_SAVED) continue;
      // Behind a switch of stacks it is another task's: what lies on a stack that nobody runs on is laid out by a contract of its own.
      if (state.switchSlot !== undefined) continue;
      const base = ops.op[row] === OP_POP ? sp : (ops.src[row] as number);
      const slot = base < state.value.length ? moved(state.value[base] as Place, ops.imm[row] as number) : NOWHERE;
      const family = flow.functions.table.parent[owner] as number;
      if (slot !== saved || told.has(family)) continue;
      told.add(family);
      report({
        message: "default",
        at: i,
        owner,
        data: { register: name[fp] as string },
        way: frameWay(context, i),
        evidence: [{ witness: "instructions", says: describeState(arch, state) }],
      });
    }
  },
});
