import { defineDefect } from "./defect.ts";

export const clangRowOfJoinedReturns = defineDefect({
  id: "clang-row-of-joined-returns",
  summary:
    "clang makes one return of two, and the row of the one that pops stays, wrong of the way that saved nothing.",
  tool: "clang",
  seen: { from: "19.1.7", to: "22.1.8" },
  rule: "unwind-data-disagrees",
  shapes: ["wrong; cfi; a register never-stored and popped right above; behind another instruction; plain frame"],
});
