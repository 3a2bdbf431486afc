import { defineDefect } from "./defect.ts";

export const gccRealignedRestore = defineDefect({
  id: "gcc-realigned-restore",
  summary: "gcc's epilogue of a realigned frame gives a register back that then holds the frame's pointer.",
  tool: "gcc",
  seen: { from: "12.2.0", to: "12.2.0" },
  rule: "unwind-data-disagrees",
  shapes: [
    "wrong; cfi; the moved register not-told and it points into the caller's frame; behind a pop; realigned frame",
  ],
});
