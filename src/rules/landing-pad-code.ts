import { NONE } from "../base/table.ts";
import { countedFor } from "../flow/counted-for.ts";
import { ownerOf } from "../flow/flow.ts";
import { MOST_EVENTS } from "../unwind/machine-flags.ts";
import { bareAddresses, bareUses } from "./bare-addresses.ts";
import { defineRule } from "./rule.ts";

export const landingPadCode = defineRule({
  id: "landing-pad-code",
  summary: "An instruction takes the address of code that has no landing pad.",
  severity: "error",
  consequence:
    "the first indirect branch to that address raises a control-protection fault on machines with indirect branch tracking",
  messages: {
    default: { text: "{function}() takes the address of {target}(), which does not begin with a landing pad" },
    inside: { text: "{function}() takes an address inside of {target}() where no landing pad is" },
    elsewhere: { text: "{function}() has no landing pad where {holder}() in another object takes its address" },
  },
  applies: (checks) => checks.landingPads,
  check(context, report) {
    const told = new Set<string>();
    const counts = new Map<number, number>();
    for (const { taken, to, target, isInside } of bareAddresses(context)) {
      if (taken.insn === NONE) continue;
      const owner = ownerOf(context.flow, taken.insn);
      // One missing pad is one defect for each function that relies on it.
      const key = `${owner} ${to} ${target}`;
      if (told.has(key)) continue;
      told.add(key);
      const whom = countedFor(context.flow, owner, taken.insn);
      const count = (counts.get(whom) ?? 0) + 1;
      counts.set(whom, count);
      if (count > MOST_EVENTS) continue;
      report({
        message: isInside ? "inside" : "default",
        at: taken.insn,
        owner,
        data: { target },
        related: [{ function: target, says: "has no landing pad there" }],
      });
    }
    for (const { to, use } of bareUses(context)) {
      if (!use.isCode) continue;
      const owner = ownerOf(context.flow, to);
      const key = `${to} ${use.object} ${use.holder}`;
      if (told.has(key)) continue;
      told.add(key);
      report({
        message: "elsewhere",
        at: to,
        owner,
        data: { holder: use.holder },
        related: [{ function: use.holder, says: `takes its address in ${use.object}` }],
      });
    }
  },
});
