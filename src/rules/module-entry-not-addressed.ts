import { STT_FUNC } from "../elf/constants.ts";
import { insnAt } from "../flow/code.ts";
import { ownerOf } from "../flow/flow.ts";
import { forEachAddressTaken, LandingPads } from "../flow/landing-pads.ts";
import { defineRule } from "./rule.ts";
import { loaderNames } from "./ways.ts";

export const moduleEntryNotAddressed = defineRule({
  id: "module-entry-not-addressed",
  summary:
    "A module's entry or exit function goes by its old fixed name, and nothing says that it is called by its address.",
  severity: "error",
  consequence: "its landing pad counts as needless and is overwritten when the module is loaded, before it is called",
  messages: {
    default: { text: "{function}() is called by its name alone: module_init() or module_exit() is missing" },
  },
  applies: (checks) => checks.landingPads && checks.module,
  check(context, report) {
    const { flow } = context;
    const { code } = flow;
    const { symbols, symbolName } = code.object;
    const pads = new LandingPads(flow);
    const found = new Map<string, number>();
    const key = (section: number, offset: number): string => `${section} ${offset}`;
    for (let s = 1; s < symbols.length; s++) {
      if (symbols.type[s] !== STT_FUNC || !loaderNames.has(symbolName[s] as string)) continue;
      const section = symbols.section[s] as number;
      const offset = symbols.value[s] as number;
      if (section > 0 && pads.at(section, offset) === "pad") found.set(key(section, offset), s);
    }
    if (found.size === 0) return;
    forEachAddressTaken(code, ({ toSection, toOffset }) => void found.delete(key(toSection, toOffset)));
    for (const s of found.values()) {
      if ((context.outside.addressUses(symbolName[s] as string) ?? []).length > 0) continue;
      const insn = insnAt(code, symbols.section[s] as number, symbols.value[s] as number);
      report({ message: "default", at: insn, owner: ownerOf(flow, insn) });
    }
  },
});
