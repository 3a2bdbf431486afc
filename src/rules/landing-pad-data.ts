import { NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { MOST_EVENTS } from "../unwind/machine-flags.ts";
import { bareAddresses, bareUses, holderFinder } from "./bare-addresses.ts";
import type { Related } from "./finding.ts";
import { defineRule, type Report } from "./rule.ts";

/** Further variables that one finding names. */
const MOST_HOLDERS = 5;

export const landingPadData = defineRule({
  id: "landing-pad-data",
  summary: "Data holds the address of code that has no landing pad.",
  severity: "error",
  consequence:
    "the first indirect branch to that address raises a control-protection fault on machines with indirect branch tracking",
  messages: {
    default: { text: "{holder} holds the address of {function}(), which does not begin with a landing pad" },
    inside: { text: "{holder} holds an address inside of {function}() where no landing pad is" },
    target: { text: "{function} holds the address of {target}() in another object, where no landing pad is" },
    elsewhere: {
      text: "{holder} in another object holds the address of {function}(), which does not begin with a landing pad",
    },
  },
  applies: (checks) => checks.landingPads,
  check(context, report) {
    const { flow } = context;
    const holderOf = holderFinder(context);
    const reports = new Map<string, Report>();
    const add = (key: string, made: Report, also: Related): void => {
      const first = reports.get(key);
      if (first === undefined) reports.set(key, made);
      else if ((first.related?.length ?? 0) < MOST_HOLDERS)
        reports.set(key, { ...first, related: [...(first.related ?? []), also] });
    };
    for (const { taken, to, target, isInside } of bareAddresses(context)) {
      if (taken.insn !== NONE) continue;
      const holder = holderOf(taken.section, taken.offset);
      if (to === NONE) {
        const spot = { section: taken.section, offset: taken.offset, name: holder };
        const related = [{ function: target, says: "has no landing pad there" }];
        add(
          `${target} ${holder}`,
          { message: "target", at: NONE, spot, owner: NONE, data: { target }, related },
          { function: holder, says: "holds it more than once" },
        );
      } else {
        add(
          `${to}`,
          { message: isInside ? "inside" : "default", at: to, owner: ownerOf(flow, to), data: { holder } },
          { function: holder, says: "holds its address too" },
        );
      }
    }
    for (const { to, use } of bareUses(context)) {
      if (use.isCode) continue;
      const related = { function: use.holder, says: `holds its address in ${use.object}` };
      add(
        `${to}`,
        {
          message: "elsewhere",
          at: to,
          owner: ownerOf(flow, to),
          data: { holder: use.holder },
          related: [related],
        },
        related,
      );
    }
    const counts = new Map<number, number>();
    for (const made of reports.values()) {
      const count = made.owner === NONE ? 0 : (counts.get(made.owner) ?? 0) + 1;
      counts.set(made.owner, count);
      if (count <= MOST_EVENTS) report(made);
    }
  },
});
