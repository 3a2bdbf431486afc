import { defineDefect } from "./defect.ts";

export const clangRowBehindPushedArgument = defineDefect({
  id: "clang-row-behind-pushed-argument",
  summary: "clang tells of a pushed argument only behind an instruction that it has moved in between.",
  tool: "clang",
  seen: { from: "19.1.7", to: "22.1.8" },
  rule: "unwind-data-disagrees",
  shapes: ["late; cfi; CFA cfa-offset by a slot; behind a push of an argument; plain frame; by one instruction"],
});
