import { defineDefect } from "./defect.ts";

export const clangPoppedRegisters = defineDefect({
  id: "clang-popped-registers",
  summary: "clang's epilogues keep the rules of the registers that they have popped.",
  tool: "clang",
  seen: { from: "19.1.7", to: "22.1.8" },
  everywhere: "LLVM's epilogues have no directive for a register before a return: two of three functions have it",
  rule: "unwind-data-disagrees",
  shapes: ["wrong; cfi; the moved register below-stack; behind a pop that gives back; plain frame"],
});
