import type { EntryFrame, Registers } from "../arch.ts";
import { NO_REGISTER } from "../insn-table.ts";

// Register numbers are the encoding's own (SDM volume 2, table 2-4), not DWARF's.
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

export const registers: Registers = {
  name: ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
  sp: RSP,
  fp: RBP,
  link: NO_REGISTER,
  // x86-64 psABI 1.0, section 3.2.1 and figure 3.4
  calleeSaved: (1 << RBX) | (1 << RBP) | (1 << R12) | (1 << R13) | (1 << R14) | (1 << R15),
  // gcc's find_drap_reg() takes r10, or r13 where r10 is the static chain; clang's base pointer setup takes rax
  realignBase: (1 << R10) | (1 << R13) | (1 << RAX),
  callPush: 8,
  // psABI 1.0, figure 3.36
  ofDwarf: [RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15],
};

/** At a function's first instruction the return address is at the top of the stack (psABI 1.0, figure 3.3). */
export const entryFrame: EntryFrame = { cfaOffset: 8, returnSlot: -8 };
