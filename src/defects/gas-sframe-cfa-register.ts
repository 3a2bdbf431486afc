import { defineDefect } from "./defect.ts";

export const gasSframeCfaRegister = defineDefect({
  id: "gas-sframe-cfa-register",
  summary: "gas writes a row of the stack pointer to .sframe where the CFA is found by another register.",
  tool: "gas",
  seen: { from: "2.40", to: "2.40" },
  rule: "unwind-data-disagrees",
  shapes: [
    "wrong; sframe where the CFA is by a register that it cannot say; CFA cfa-offset by a slot; behind a copy; plain frame",
  ],
});
