import {
  ORC_REG_AX,
  ORC_REG_BP,
  ORC_REG_BP_INDIRECT,
  ORC_REG_DI,
  ORC_REG_DX,
  ORC_REG_PREV_SP,
  ORC_REG_R10,
  ORC_REG_R13,
  ORC_REG_SP,
  ORC_REG_SP_INDIRECT,
  ORC_REG_UNDEFINED,
  ORC_TYPE_CALL,
  ORC_TYPE_END_OF_STACK,
  ORC_TYPE_REGS,
  ORC_TYPE_REGS_PARTIAL,
  ORC_TYPE_UNDEFINED,
} from "./constants.ts";

// How a kernel's ORC rows are laid out: six bytes, two offsets and 16 bits of fields. arch/x86/include/asm/orc_types.h

/** Position of a bit field in the 16 bits behind the offsets. */
export interface BitField {
  readonly shift: number;
  readonly width: number;
}

export interface OrcLayout {
  /** Kernels that have it, for people. */
  readonly name: string;
  /** number in the file -> ORC_REG_*; absent: no such register */
  readonly registers: readonly number[];
  readonly spReg: BitField;
  readonly bpReg: BitField;
  readonly type: BitField;
  /** value in the file -> ORC_TYPE_*; absent: no such type */
  readonly types: readonly number[];
  /** The frame was made by an interrupt: absent before 6.3, where the types of register frames say it. */
  readonly signal: BitField | undefined;
  /** The stack ends here, told of rows without a base; a type of its own since 6.4. */
  readonly end: BitField | undefined;
}

const numbering419 = [
  ORC_REG_UNDEFINED,
  ORC_REG_PREV_SP,
  ORC_REG_DX,
  ORC_REG_DI,
  ORC_REG_BP,
  ORC_REG_SP,
  ORC_REG_R10,
  ORC_REG_R13,
  ORC_REG_BP_INDIRECT,
  ORC_REG_SP_INDIRECT,
];
/** As seen in a tree after 6.19: alphabetical but for what means no register. */
const numberingSorted = [
  ORC_REG_UNDEFINED,
  ORC_REG_AX,
  ORC_REG_DX,
  ORC_REG_SP,
  ORC_REG_BP,
  ORC_REG_DI,
  ORC_REG_R10,
  ORC_REG_R13,
  ORC_REG_PREV_SP,
  ORC_REG_SP_INDIRECT,
  ORC_REG_BP_INDIRECT,
];
const typesWithoutUndefined = [ORC_TYPE_CALL, ORC_TYPE_REGS, ORC_TYPE_REGS_PARTIAL];
const types64 = [ORC_TYPE_UNDEFINED, ORC_TYPE_END_OF_STACK, ORC_TYPE_CALL, ORC_TYPE_REGS, ORC_TYPE_REGS_PARTIAL];

const spReg = { shift: 0, width: 4 };
const bpReg = { shift: 4, width: 4 };
const bit = (shift: number): BitField => ({ shift, width: 1 });

/** Up to 6.2. */
export const ORC_LAYOUT_END: OrcLayout = {
  name: "up to 6.2",
  registers: numbering419,
  spReg,
  bpReg,
  type: { shift: 8, width: 2 },
  types: typesWithoutUndefined,
  signal: undefined,
  end: bit(10),
};

/** 6.3 alone. */
export const ORC_LAYOUT_SIGNAL_END: OrcLayout = {
  ...ORC_LAYOUT_END,
  name: "6.3",
  signal: bit(10),
  end: bit(11),
};

export const ORC_LAYOUT_TYPES: OrcLayout = {
  name: "6.4 to 6.19",
  registers: numbering419,
  spReg,
  bpReg,
  type: { shift: 8, width: 3 },
  types: types64,
  signal: bit(11),
  end: undefined,
};

export const ORC_LAYOUT_RENUMBERED: OrcLayout = {
  ...ORC_LAYOUT_TYPES,
  name: "after 6.19",
  registers: numberingSorted,
};

/** Newest first. */
export const orcLayouts: readonly OrcLayout[] = [
  ORC_LAYOUT_RENUMBERED,
  ORC_LAYOUT_TYPES,
  ORC_LAYOUT_SIGNAL_END,
  ORC_LAYOUT_END,
];

/**
 * SHA-1 of the definitions that an object was made with -> their layout. Section `.orc_header`, scripts/orc_hash.sh, 6.5 and later. The first
 * was read in objects built from 6.12.117, the second from a tree after 6.19.
 */
export const orcLayoutByHeader: ReadonlyMap<string, OrcLayout> = new Map([
  ["fe5d32bf581bd63b2ca9a5c65ba5a625eab3fe24", ORC_LAYOUT_TYPES],
  ["137c36ad7627c4dd55932176bb0ecdbd5041fc82", ORC_LAYOUT_RENUMBERED],
]);
