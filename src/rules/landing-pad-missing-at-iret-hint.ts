import { STB_LOCAL } from "../elf/constants.ts";
import { ownerOf } from "../flow/flow.ts";
import { LandingPads } from "../flow/landing-pads.ts";
import { FRAME_REGS_PARTIAL } from "../unwind/state.ts";
import { defineRule } from "./rule.ts";

export const landingPadMissingAtIretHint = defineRule({
  id: "landing-pad-missing-at-iret-hint",
  summary: "An entry of the kernel that a hint gives an interrupt's frame begins without a landing pad.",
  severity: "error",
  consequence:
    "the machine enters it by the interrupt table as by an indirect branch, and raises a control-protection fault on the way in",
  messages: {
    default: { text: "{function}() begins with an interrupt's frame on its stack and without a landing pad" },
  },
  applies: (checks) => checks.landingPads,
  check(context, report) {
    const { flow } = context;
    const { insns, object } = flow.code;
    const { symbols } = object;
    // Places of the sections that have such hints which other objects can name.
    let visible: Map<number, Set<number>> | undefined;
    const isVisible = (section: number, offset: number): boolean => {
      if (visible === undefined) {
        visible = new Map();
        for (let h = 0; h < flow.hints.length; h++)
          if (flow.hints.type[h] === FRAME_REGS_PARTIAL)
            visible.set(insns.section[flow.hints.insn[h] as number] as number, new Set());
        for (let s = 1; s < symbols.length; s++)
          if (symbols.binding[s] !== STB_LOCAL)
            visible.get(symbols.section[s] as number)?.add(symbols.value[s] as number);
      }
      return visible.get(section)?.has(offset) === true;
    };
    const pads = new LandingPads(flow);
    for (let h = 0; h < flow.hints.length; h++) {
      if (flow.hints.type[h] !== FRAME_REGS_PARTIAL) continue;
      const insn = flow.hints.insn[h] as number;
      const section = insns.section[insn] as number;
      const offset = insns.offset[insn] as number;
      if (!isVisible(section, offset)) continue;
      const landing = pads.at(section, offset);
      if (landing === "none" || landing === "bound")
        report({ message: "default", at: insn, owner: ownerOf(flow, insn) });
    }
  },
});
