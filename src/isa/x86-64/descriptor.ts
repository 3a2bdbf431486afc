import {
  KIND_ACCESS_CLOSE,
  KIND_ACCESS_OPEN,
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_DIRECTION_CLEAR,
  KIND_DIRECTION_SET,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_NOP,
  KIND_OTHER,
  KIND_RETURN,
  KIND_TRAP,
} from "../insn-table.ts";

// What the decoder has to know of one opcode, in one 32-bit descriptor, and the flat table of all of them.
//
//   bits 0-3    immediate class (IMM_*)
//   bit  4      a ModRM byte follows
//   bit  5      a prefix, no opcode
//   bit  6      an escape to another map (0f, VEX, EVEX)
//   bit  7      the real descriptor is chosen by ModRM.reg and ModRM.mod; bits 17-23 are the group
//   bits 8-11   which general registers the encoding names as written (WRITES_*)
//   bits 12-16  KIND_*; 0 (unknown) makes the whole descriptor an invalid opcode
//   bits 17-23  action (ACTION_*): what needs code of its own; or the group
//   bit  24     takes a lock prefix when its destination is memory
//   bit  25     ModRM always names registers, whatever ModRM.mod says (mov to and from control and debug registers)
//   bit  26     the real descriptor is chosen by the mandatory prefix; bits 17-23 are the set
// Source of every opcode table here: Intel SDM volume 2, appendix A (opcode maps) and the instruction pages; AMD64 APM volume 3
// for the AMD instructions.

/** No immediate. */
export const IMM_NONE = 0;
export const IMM_8 = 1;
export const IMM_16 = 2;
/** 16 bits with an operand-size prefix, else 32 (SDM "Iz"). */
export const IMM_Z = 3;
/** As IMM_Z, 64 bits with REX.W (SDM "Iv" of mov). */
export const IMM_V = 4;
/** An absolute address: 64 bits, 32 with an address-size prefix (SDM "Ob", "Ov"). */
export const IMM_ADDRESS = 5;
/** 16 and 8 bits (enter). */
export const IMM_ENTER = 6;
/** An 8-bit displacement from the end of the instruction. */
export const IMM_REL8 = 7;
/** A 32-bit displacement; an operand-size prefix does not change it in 64-bit mode (SDM, "JMP", "CALL", "Jcc"). */
export const IMM_REL32 = 8;
/** Two immediate bytes (extrq, insertq). */
export const IMM_8_8 = 9;
export const IMM_32 = 10;
export const IMM_MASK = 15;

/** immediate class * 4 + (operand-size prefix: 1) + (REX.W: 2) -> bytes; the address class is longer by its own rule. */
export const immediateSize = new Uint8Array(16 * 4);
for (let variant = 0; variant < 4; variant++) {
  const narrow = variant === 1;
  const sizes = [0, 1, 2, narrow ? 2 : 4, narrow ? 2 : variant >= 2 ? 8 : 4, 8, 3, 1, 4, 2, 4];
  sizes.forEach((size, immediate) => {
    immediateSize[immediate * 4 + variant] = size;
  });
}

export const MODRM = 1 << 4;
export const PREFIX = 1 << 5;
export const ESCAPE = 1 << 6;
export const BY_REG = 1 << 7;

// Bits 8-11: the general registers that the encoding names as written.
/** ModRM.reg */
export const W_REG = 1 << 8;
/** ModRM.rm where it names a register; without a ModRM byte the low three bits of the opcode */
export const W_RM = 1 << 9;
/** As 8-bit registers: without REX numbers 4 to 7 are ah, ch, dh and bh. */
export const W_BYTE = 1 << 10;
/** VEX.vvvv */
export const W_VVVV = 1 << 11;
export const W_ANY = W_REG | W_RM | W_VVVV;
export const W_REG8 = W_REG | W_BYTE;
export const W_RM8 = W_RM | W_BYTE;

export const KIND_SHIFT = 12;
export const ACTION_SHIFT = 17;
export const ACTION_MASK = 127;
export const LOCKABLE = 1 << 24;
export const REGISTERS_ONLY = 1 << 25;
export const BY_PREFIX = 1 << 26;

// Actions up to ACTION_LAST_FRAME are frame operations (frame.ts).
export const ACTION_PUSH_OPCODE = 1;
export const ACTION_POP_OPCODE = 2;
export const ACTION_PUSH_OTHER = 3;
export const ACTION_POP_OTHER = 4;
export const ACTION_PUSH_RM = 5;
export const ACTION_POP_RM = 6;
export const ACTION_PUSH_FLAGS = 7;
export const ACTION_POP_FLAGS = 8;
// From here to ACTION_LAST_WIDE: nothing to follow without REX.W.
export const ACTION_FIRST_WIDE = 9;
export const ACTION_MOVE_TO_RM = 9;
export const ACTION_MOVE_TO_REG = 10;
export const ACTION_LEA = 11;
export const ACTION_ADD_RM = 12;
export const ACTION_SUB_RM = 13;
export const ACTION_AND_RM = 14;
export const ACTION_ADD_ACCUMULATOR = 15;
export const ACTION_SUB_ACCUMULATOR = 16;
export const ACTION_AND_ACCUMULATOR = 17;
/** add or sub of a register to ModRM.rm */
export const ACTION_ADD_REG_TO_RM = 18;
/** add or sub of ModRM.rm to ModRM.reg */
export const ACTION_ADD_RM_TO_REG = 19;
export const ACTION_INC = 20;
export const ACTION_DEC = 21;
/** iret of five 8-byte words: where it ends no context, it is a move of the stack pointer */
export const ACTION_IRET = 22;
export const ACTION_LAST_WIDE = 22;
export const ACTION_LEAVE = 23;
export const ACTION_LAST_FRAME = 23;
/** 90: nop, pause, or xchg with r8 */
export const ACTION_NOP = 24;
/** A string instruction: with rep it counts in rcx. */
export const ACTION_STRING = 25;
/** 0f 01 with a register ModRM: the whole ModRM byte is the opcode. */
export const ACTION_SYSTEM = 26;
/** f3 0f 1e with a register ModRM: endbr, rdssp, or a hint */
export const ACTION_SHADOW_STACK_HINT = 27;
/** xabort and xbegin: only ModRM f8 */
export const ACTION_TRANSACTION = 28;
/** An indirect near branch, which may carry notrack. */
export const ACTION_INDIRECT = 29;
/** df e0: fnstsw %ax */
export const ACTION_X87_STATUS = 30;
/** Decodes, and raises an invalid-opcode exception on every processor. */
export const ACTION_UNDEFINED = 31;
/** A far jump or return. */
export const ACTION_FAR = 32;

export const OTHER = KIND_OTHER << KIND_SHIFT;
export const JUMP = KIND_JUMP << KIND_SHIFT;
export const BRANCH = KIND_BRANCH << KIND_SHIFT;
export const CALL = KIND_CALL << KIND_SHIFT;
export const INDIRECT_JUMP = KIND_INDIRECT_JUMP << KIND_SHIFT;
export const INDIRECT_CALL = KIND_INDIRECT_CALL << KIND_SHIFT;
export const RETURN = KIND_RETURN << KIND_SHIFT;
export const TRAP = KIND_TRAP << KIND_SHIFT;
export const BUG = KIND_BUG << KIND_SHIFT;
export const NOP = KIND_NOP << KIND_SHIFT;
export const CONTEXT_RETURN = KIND_CONTEXT_RETURN << KIND_SHIFT;
export const CONTEXT_CALL = KIND_CONTEXT_CALL << KIND_SHIFT;
export const ACCESS_OPEN = KIND_ACCESS_OPEN << KIND_SHIFT;
export const ACCESS_CLOSE = KIND_ACCESS_CLOSE << KIND_SHIFT;
export const DIRECTION_SET = KIND_DIRECTION_SET << KIND_SHIFT;
export const DIRECTION_CLEAR = KIND_DIRECTION_CLEAR << KIND_SHIFT;

export function action(id: number): number {
  return id << ACTION_SHIFT;
}

// Offsets of the opcode maps in the flat table.
export const MAP_PRIMARY = 0;
export const MAP_0F = 0x100;
export const MAP_0F38 = 0x200;
export const MAP_0F3A = 0x300;
/** VEX maps 1, 2 and 3 */
export const MAP_VEX = 0x400;
/** VEX map 7 */
export const MAP_VEX7 = 0x700;
/** EVEX maps 1, 2, 3 */
export const MAP_EVEX = 0x800;
/** EVEX maps 5 and 6 */
export const MAP_EVEX5 = 0xb00;
/** 0f 01 with a register ModRM: four mandatory prefixes times 64 ModRM bytes */
export const MAP_SYSTEM = 0xd00;
/** Groups of 16: eight with a memory operand, eight with a register. */
export const GROUPS = 0xe00;
const MAX_GROUPS = 128;
/** Sets of 4: no prefix, 66, f3, f2 */
export const PREFIX_SETS = GROUPS + MAX_GROUPS * 16;
const MAX_PREFIX_SETS = 128;

/** All descriptors: maps, groups and prefix sets. */
export const descriptors = new Int32Array(PREFIX_SETS + MAX_PREFIX_SETS * 4);
/** The registers that an entry writes whatever its operands are, one bit each. */
export const fixedWrites = new Uint16Array(descriptors.length);

export type Entry = number | readonly [descriptor: number, alsoWrites: number];

export function put(at: number, entry: Entry): void {
  descriptors[at] = typeof entry === "number" ? entry : entry[0];
  fixedWrites[at] = typeof entry === "number" ? 0 : entry[1];
}

/** Fills opcodes of a map; `opcodes` is a list of hexadecimal opcodes and ranges, as in "10-17 2a". */
export function fill(map: number, opcodes: string, entry: Entry): void {
  for (const range of opcodes.split(" ")) {
    const [first, last = first] = range.split("-");
    for (let opcode = parseInt(first as string, 16); opcode <= parseInt(last as string, 16); opcode++) {
      put(map + opcode, entry);
    }
  }
}

let groupCount = 0;
/** A group: eight entries for a memory operand, and eight for a register operand (the same unless given). */
export function group(memory: readonly Entry[], register: readonly Entry[] = memory): number {
  const id = groupCount++;
  for (let reg = 0; reg < 8; reg++) {
    put(GROUPS + id * 16 + reg, memory[reg] ?? 0);
    put(GROUPS + id * 16 + 8 + reg, register[reg] ?? 0);
  }
  return OTHER | MODRM | BY_REG | action(id);
}

let prefixSetCount = 0;
/** An opcode whose meaning the mandatory prefix chooses. */
export function byPrefix(none: Entry, with66: Entry, withF3: Entry, withF2: Entry): number {
  const id = prefixSetCount++;
  [none, with66, withF3, withF2].forEach((entry, pp) => {
    put(PREFIX_SETS + id * 4 + pp, entry);
  });
  return OTHER | BY_PREFIX | action(id);
}
