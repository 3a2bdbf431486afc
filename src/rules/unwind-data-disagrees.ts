import { defineRule } from "./rule.ts";
import { reportWrongPlace, wrongPlaces } from "./unwind-data.ts";

export const unwindDataDisagrees = defineRule({
  id: "unwind-data-disagrees",
  summary: "The unwind data is wrong: a row of it says of the caller's frame what the instructions contradict.",
  severity: "warning",
  consequence:
    "a debugger, a profiler or an unwinder that takes the data reads the caller's frame from the wrong place",
  messages: {
    wrong: { text: "{function}(): {witness} says that {claim}; {actual}" },
    // Between the two instructions only an interrupt sees it.
    late: { text: "{function}(): {witness} still says that {claim}; {actual} by then", severity: "note" },
  },
  showsFrames: true,
  check(context, report) {
    const { witnesses } = context;
    if (witnesses === undefined) return;
    for (const place of wrongPlaces(context))
      if (place.cause !== "untold") report(reportWrongPlace(context, place.cause, place));
    const open = new Map<number, string>();
    for (const { rows, comparison } of witnesses.frames())
      for (const { owner, verdict } of comparison.disagreements)
        if (verdict !== "unwind data wrong") open.set(owner, `${rows.witness}: ${verdict}`);
    for (const [owner, why] of open)
      context.leftOut(owner, `whether its unwind data is right was not decided everywhere (${why})`);
  },
});
