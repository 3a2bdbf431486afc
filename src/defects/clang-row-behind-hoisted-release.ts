import { defineDefect } from "./defect.ts";

export const clangRowBehindHoistedRelease = defineDefect({
  id: "clang-row-behind-hoisted-release",
  summary: "clang moves what two epilogues both begin with above the branch to them, and leaves its row behind.",
  tool: "clang",
  seen: { from: "19.1.7", to: "22.1.8" },
  rule: "unwind-data-disagrees",
  shapes: [
    "late; cfi; CFA cfa-offset by a slot; behind a release of the stack; plain frame; by several instructions, up to a branch",
    "late; cfi; CFA cfa-offset by more; behind a release of the stack; plain frame; by several instructions, up to a branch",
  ],
});
