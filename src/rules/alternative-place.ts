import { defineRule } from "./rule.ts";
import { tellSites } from "./sites.ts";

export const alternativePlace = defineRule({
  id: "alternative-place",
  summary: "An alternative replaces nothing, or begins inside of what another one replaces.",
  severity: "error",
  consequence:
    "patching at boot leaves out the replacement, or overwrites half of an instruction that another one put there",
  messages: {
    empty: { text: "{function}() has an alternative for no instruction at all" },
    overlap: { text: "{function}() has an alternative that begins inside of another one" },
  },
  check(context, report) {
    const { alternatives } = context.flow.instead;
    const tell = tellSites(context, report);
    let openFrom = -1;
    let openTo = -1;
    for (let a = 0; a < alternatives.length; a++) {
      const from = alternatives.from[a] as number;
      const to = alternatives.to[a] as number;
      if (alternatives.originalSize[a] === 0) tell(from, "empty");
      // Sorted by where they begin. Nested ones begin together (ALTERNATIVE_2), and the rows share their end.
      if (from !== openFrom && from < openTo && a > 0) tell(from, "overlap");
      if (to > openTo) {
        openFrom = from;
        openTo = to;
      }
    }
  },
});
