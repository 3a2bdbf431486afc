import { defineDefect } from "./defect.ts";

export const gccGasSframeRestore = defineDefect({
  id: "gcc-gas-sframe-restore",
  summary: "gas and LLVM's assembler restore a function's first row in .sframe, not what held before its directives.",
  // Which assembler it was an object of C does not say: gcc 12 stands for the gas beside it.
  tool: "gcc",
  seen: { from: "12.2.0", to: "12.2.0" },
  rule: "unwind-data-disagrees",
  // DWARF is right: the same directives made it.
  shapes: ["wrong; sframe; the moved register below-stack; behind a pop that gives back; plain frame"],
});
