import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { unnamedBases } from "../unwind/orc-registers.ts";
import { isOrcSection } from "../unwind/orc-rows.ts";
import { describeState, type FrameState } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const orcInexpressible = defineRule({
  id: "orc-inexpressible",
  summary: "The caller's frame is found by a register that no unwind row of this kernel can name.",
  severity: "warning",
  consequence: "up to 6.12 the build's tool then writes no unwind rows at all for the object; the unwinder stops here",
  messages: { default: { text: "{function}() finds its frame by %{register}, which ORC cannot name" } },
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
      if (told.has(owner)) continue;
      told.add(owner);
      const state = frames.states.all[id] as FrameState;
      report({
        message: "default",
        at: i,
        owner,
        data: { register: arch.registers.name[state.base] as string },
        way: frameWay(context, i),
        evidence: [{ witness: "instructions", says: describeState(arch, state) }],
      });
    }
  },
});
