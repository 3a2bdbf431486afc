import { NONE, type Table, TableBuilder } from "../base/table.ts";

// What an instruction is to the control flow. Neutral: no mnemonic, no register of one architecture.
// Decoders set these from the bytes alone; src/flow refines them by relocations and annotations.

/** Bytes that are no instruction of this architecture. One row a byte (x86) or a word (arm64). */
export const KIND_UNKNOWN = 0;
/** Anything that only falls through. */
export const KIND_OTHER = 1;
/** Unconditional direct jump; `target` is set. */
export const KIND_JUMP = 2;
/** Conditional direct branch; `target` is set. */
export const KIND_BRANCH = 3;
/** Direct call; `target` is set. */
export const KIND_CALL = 4;
export const KIND_INDIRECT_JUMP = 5;
export const KIND_INDIRECT_CALL = 6;
/** Return to the caller. */
export const KIND_RETURN = 7;
/** A trap used as padding, behind returns, or by debuggers (int3): control goes on behind it when something comes there at all. */
export const KIND_TRAP = 8;
/** A trap by which the compiler or BUG()/WARN() says "never here, or reported": a dead end unless annotated (ud2). */
export const KIND_BUG = 9;
export const KIND_NOP = 10;
/** Leaves this context for another one (iret, sysret, eret): no successor here. */
export const KIND_CONTEXT_RETURN = 11;
/** Enters another context and may come back behind it (syscall, svc). */
export const KIND_CONTEXT_CALL = 12;
/** Landing pad for indirect branches (endbr64, bti). */
export const KIND_LANDING_PAD = 13;
/** Opens access to user memory (stac). */
export const KIND_ACCESS_OPEN = 14;
/** Closes access to user memory (clac). */
export const KIND_ACCESS_CLOSE = 15;
/** Sets the direction flag (std). */
export const KIND_DIRECTION_SET = 16;
/** Clears the direction flag (cld). */
export const KIND_DIRECTION_CLEAR = 17;
/** kind -> name, for dumps and golden files. */
export const kindName: readonly string[] = [
  "unknown",
  "other",
  "jump",
  "branch",
  "call",
  "indirect-jump",
  "indirect-call",
  "return",
  "trap",
  "bug",
  "nop",
  "context-return",
  "context-call",
  "landing-pad",
  "access-open",
  "access-close",
  "direction-set",
  "direction-clear",
];

// Bits of the `flags` column.
/** An indirect branch that asks for no landing pad (x86 notrack prefix). */
export const FLAG_NOTRACK = 1 << 0;
/** Decodes, but is invalid or reserved in 64-bit mode or undefined on every machine: told in coverage. */
export const FLAG_INVALID = 1 << 1;
/** The instruction has a PC-relative memory operand or address (rip-relative, adr/adrp): a relocation in it is PC-relative data. */
export const FLAG_PC_RELATIVE = 1 << 2;
/** The instruction reads or writes memory at an absolute or PC-relative table address indexed by a register. */
export const FLAG_INDEXED = 1 << 3;
/** The instruction only forms an address, that of `target` (x86 lea with a rip-relative operand). */
export const FLAG_FORMS_ADDRESS = 1 << 5;
/** A far jump or return: it leaves by a segment, and return thunks and indirect thunks have no form for that. */
export const FLAG_FAR = 1 << 4;

const insnSchema = {
  /** -> section (ELF index); i32 in an object of more than 65,536 sections */ section: "u16",
  /** byte offset in its section */ offset: "u32",
  /** length in bytes */ size: "u8",
  /** KIND_* */ kind: "u8",
  /** FLAG_* */ flags: "u8",
  /** JUMP, BRANCH, CALL, and with FLAG_FORMS_ADDRESS: section offset that the displacement alone reaches (before relocation), may lie outside; else NONE */
  target: "i32",
  /** Integer registers that the instruction writes, one bit each (bit = register number), stack pointer included */
  writes: "u32",
  /** -> first row of its frame operations in OpTable, or NONE */ op: "i32",
} as const;
/** Sorted by section, then offset. Rows of one section follow each other without a gap: every byte belongs to a row. */
export type InsnTable = Table<typeof insnSchema>;
export type InsnBuilder = TableBuilder<typeof insnSchema>;

// Frame operations: what an instruction does to the stack pointer, the frame pointer, copies of them, and to stack slots.
// Only full-width (64-bit) register operations appear; anything narrower is visible in `writes` alone.

/** dst = src + imm (mov, lea disp(base), add/sub imm). imm 0 is a copy. */
export const OP_ADD = 1;
/** dst = dst & imm (stack alignment). */
export const OP_AND = 2;
/** memory[dst + imm] = src, 8 bytes. */
export const OP_STORE = 3;
/** dst = memory[src + imm], 8 bytes. src is NO_REGISTER for an address of another form, and then dst is the stack pointer. */
export const OP_LOAD = 4;
/** sp -= 8; memory[sp] = src. src is NO_REGISTER for an immediate, memory or segment operand. */
export const OP_PUSH = 5;
/** dst = memory[sp]; sp += 8. dst is NO_REGISTER for a memory or segment operand. */
export const OP_POP = 6;
/** A push of the flags register. */
export const OP_PUSH_FLAGS = 7;
/** A pop of the flags register. */
export const OP_POP_FLAGS = 8;
/** dst, which is the stack pointer, gets a value that no other operation expresses. */
export const OP_UNFOLLOWED = 9;
/** A push of memory[dst + imm] (a realigned frame copies its return address so): sp -= 8; memory[sp] = memory[dst + imm]. */
export const OP_PUSH_MEMORY = 10;
/** dst = dst + (a register): an amount that is not known. dst is the stack pointer. */
export const OP_ADD_REGISTER = 11;
/** op -> name, for dumps and golden files. */
export const opName: readonly string[] = [
  "none",
  "add",
  "and",
  "store",
  "load",
  "push",
  "pop",
  "push-flags",
  "pop-flags",
  "unfollowed",
  "push-memory",
  "add-register",
];

/** In `dst` and `src`: no register. */
export const NO_REGISTER = 255;

export const opSchema = {
  /** -> InsnTable; rows of one instruction follow each other, in the order in which they take effect */ insn: "i32",
  /** OP_* */ op: "u8",
  /** register number or NO_REGISTER */ dst: "u8",
  /** register number or NO_REGISTER */ src: "u8",
  /** immediate or displacement in bytes, sign-extended to 32 bits */ imm: "i32",
} as const;
/** Sorted by insn. */
export type OpTable = Table<typeof opSchema>;
export type OpBuilder = TableBuilder<typeof opSchema>;

export interface DecodeOutput {
  readonly insns: InsnBuilder;
  readonly ops: OpBuilder;
}

/**
 * Tables for about `byteCount` bytes of code; they grow as needed.
 * @param sectionCount sections of the object: where they are more than 16 bits count, the column of sections is a wider one
 */
export function newDecodeOutput(byteCount = 256, sectionCount = 0): DecodeOutput {
  const schema = sectionCount <= 0x1_0000 ? insnSchema : { ...insnSchema, section: "i32" as unknown as "u16" };
  return {
    insns: new TableBuilder(schema, Math.max(16, (byteCount / 3) | 0)),
    ops: new TableBuilder(opSchema, Math.max(16, (byteCount / 8) | 0)),
  };
}

/** Row of the instruction that starts at `offset` between rows `from` and `to` (one section), or NONE. */
export function findInsnAt(insns: InsnTable, offset: number, from: number, to: number): number {
  const at = findInsnCovering(insns, offset, from, to);
  return at !== NONE && insns.offset[at] === offset ? at : NONE;
}

/** Row of the instruction whose bytes include `offset` between rows `from` and `to` (one section), or NONE. */
export function findInsnCovering(insns: InsnTable, offset: number, from: number, to: number): number {
  const column = insns.offset;
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((column[middle] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  const at = low - 1;
  if (at < from) return NONE;
  return offset < (column[at] as number) + (insns.size[at] as number) ? at : NONE;
}
