import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { unnamedBases } from "../unwind/orc-registers.ts";
import { isOrcSection } from "../unwind/orc-rows.ts";
import { describeState, type FrameState } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const orcInexpressible = defineRule({
  id: "orc-inexpressible",
  summary: "The caller's frame is found by a register that no unwind row of this kernel can name, or by none.",
  severity: "warning",
  consequence: "up to 6.12 the build's tool then writes no unwind rows at all for the object; the unwinder stops here",
  messages: {
    default: { text: "{function}() finds its frame by %{register}, which ORC cannot name" },
    none: { text: "{function}(): a hint states a frame without a register that it is found by" },
  },
  applies: (checks) => checks.unwinder === "orc",
  check(context, report) {
    const { flow, frames } = context;
    const { arch, insns } = flow.code;
    const unnamed = unnamedBases(flow, frames);
    if (!unnamed.includes(1)) return;
    const told = new Set<number>();
    for (let i = 0; i < frames.state.length; i++) {
      const id = frames.state[i] as number;
      if (id === NONE || unnamed[id] === 0 || !isOrcSection(flow, insns.section[i] as number)) continue;
      const owner = ownerOf(flow, i);
      // Of code without a function each stretch is told.
      const before = i === 0 ? NONE : (frames.state[i - 1] as number);
      if (owner === NONE ? before !== NONE && unnamed[before] === 1 : told.has(owner)) continue;
      told.add(owner);
      const state = frames.states.all[id] as FrameState;
      const register = arch.registers.name[state.base];
      report({
        message: register === undefined ? "none" : "default",
        at: i,
        owner,
        data: register === undefined ? {} : { register },
        way: frameWay(context, i),
        evidence: [{ witness: "instructions", says: describeState(arch, state) }],
      });
    }
  },
});
