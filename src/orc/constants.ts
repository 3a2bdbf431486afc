// ORC register numbers. arch/x86/include/asm/orc_types.h, the same from 4.14 to 6.19.
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

// Unwind hint types from 6.4 on. include/linux/objtool_types.h
export const UNWIND_HINT_TYPE_UNDEFINED = 0;
export const UNWIND_HINT_TYPE_END_OF_STACK = 1;
export const UNWIND_HINT_TYPE_CALL = 2;
export const UNWIND_HINT_TYPE_REGS = 3;
export const UNWIND_HINT_TYPE_REGS_PARTIAL = 4;
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
};
