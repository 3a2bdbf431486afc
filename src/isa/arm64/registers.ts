import type { Registers } from "../arch.ts";
import { NO_REGISTER } from "../insn-table.ts";

// Register numbers are those of AADWARF64, "DWARF register names": x0..x30 are 0..30, sp is 31.
// The encodings use 31 for sp or for the zero register, by instruction; the zero register is NO_REGISTER here.

export const FP = 29;
export const LINK = 30;
export const SP = 31;

/** Bits of x19..x29: AAPCS64, "General-purpose registers". x18 is the platform register; x30 is the link register. */
const CALLEE_SAVED = 0x3ff8_0000;

export const registers: Registers = {
  name: [...Array.from({ length: 31 }, (_, number) => `x${number}`), "sp"],
  sp: SP,
  fp: FP,
  link: LINK,
  calleeSaved: CALLEE_SAVED,
  realignBase: 0,
  callPush: 0,
  // AADWARF64, "DWARF register names"
  ofDwarf: Array.from({ length: 32 }, (_, number) => number),
};

/** The register of a 5-bit field in which 31 is the zero register. */
export function zeroAt31(field: number): number {
  return field === 31 ? NO_REGISTER : field;
}
