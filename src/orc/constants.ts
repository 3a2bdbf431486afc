// One numbering for every kernel's ORC, whatever its own is: layouts translate into it. It is that of the kernels from 6.4 to 6.19.

// Registers. arch/x86/include/asm/orc_types.h, the same from 4.14 to 6.19; AX is later.
export const ORC_REG_UNDEFINED = 0;
export const ORC_REG_PREV_SP = 1;
export const ORC_REG_DX = 2;
export const ORC_REG_DI = 3;
export const ORC_REG_BP = 4;
export const ORC_REG_SP = 5;
export const ORC_REG_R10 = 6;
export const ORC_REG_R13 = 7;
export const ORC_REG_BP_INDIRECT = 8;
export const ORC_REG_SP_INDIRECT = 9;
export const ORC_REG_AX = 10;

/** Registers as people and JSON name them, by number. */
export const orcRegisterWord = [
  "undefined",
  "prev_sp",
  "dx",
  "di",
  "bp",
  "sp",
  "r10",
  "r13",
  "bp_indirect",
  "sp_indirect",
  "ax",
] as const;
export type OrcRegisterWord = (typeof orcRegisterWord)[number];

// What a row describes. arch/x86/include/asm/orc_types.h, 6.4 and later
export const ORC_TYPE_UNDEFINED = 0;
export const ORC_TYPE_END_OF_STACK = 1;
export const ORC_TYPE_CALL = 2;
export const ORC_TYPE_REGS = 3;
export const ORC_TYPE_REGS_PARTIAL = 4;

/** Types as people and JSON name them, by number. */
export const orcTypeWord = ["undefined", "end_of_stack", "call", "regs", "regs_partial"] as const;
export type OrcTypeWord = (typeof orcTypeWord)[number];

// Unwind hint types: those of the rows, and three that only hints have. include/linux/objtool_types.h, 6.4 and later
export const UNWIND_HINT_TYPE_UNDEFINED = ORC_TYPE_UNDEFINED;
export const UNWIND_HINT_TYPE_END_OF_STACK = ORC_TYPE_END_OF_STACK;
export const UNWIND_HINT_TYPE_CALL = ORC_TYPE_CALL;
export const UNWIND_HINT_TYPE_REGS = ORC_TYPE_REGS;
export const UNWIND_HINT_TYPE_REGS_PARTIAL = ORC_TYPE_REGS_PARTIAL;
export const UNWIND_HINT_TYPE_FUNC = 5;
export const UNWIND_HINT_TYPE_SAVE = 6;
export const UNWIND_HINT_TYPE_RESTORE = 7;

/** ORC register number -> name of the machine register, where it is one. */
export const orcRegisterName: Readonly<Record<number, string>> = {
  [ORC_REG_DX]: "rdx",
  [ORC_REG_DI]: "rdi",
  [ORC_REG_BP]: "rbp",
  [ORC_REG_SP]: "rsp",
  [ORC_REG_R10]: "r10",
  [ORC_REG_R13]: "r13",
  [ORC_REG_AX]: "rax",
};
