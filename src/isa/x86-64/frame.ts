import {
  NO_REGISTER,
  OP_ADD,
  OP_ADD_REGISTER,
  OP_AND,
  OP_LOAD,
  OP_POP,
  OP_POP_FLAGS,
  OP_PUSH,
  OP_PUSH_FLAGS,
  OP_PUSH_MEMORY,
  OP_STORE,
  OP_UNFOLLOWED,
  type OpBuilder,
} from "../insn-table.ts";
import * as d from "./descriptor.ts";
import { RAX, RBP, RSP } from "./registers.ts";

// As in decode.ts: constants of this module are folded into the code.
const {
  ACTION_ADD_ACCUMULATOR,
  ACTION_ADD_REG_TO_RM,
  ACTION_ADD_RM,
  ACTION_ADD_RM_TO_REG,
  ACTION_AND_ACCUMULATOR,
  ACTION_AND_RM,
  ACTION_DEC,
  ACTION_INC,
  ACTION_LEA,
  ACTION_IRET,
  ACTION_LEAVE,
  ACTION_MOVE_TO_REG,
  ACTION_MOVE_TO_RM,
  ACTION_POP_FLAGS,
  ACTION_POP_OPCODE,
  ACTION_POP_OTHER,
  ACTION_POP_RM,
  ACTION_PUSH_FLAGS,
  ACTION_PUSH_OPCODE,
  ACTION_PUSH_OTHER,
  ACTION_PUSH_RM,
  ACTION_SUB_ACCUMULATOR,
  ACTION_SUB_RM,
} = d;

/** Most rows that one instruction appends. */
export const MAX_OPS_PER_INSN = 2;

/** What the decoder found out about the operands of one instruction. One object, filled again and again. */
export interface Operands {
  /** The stack moves by 8 bytes: no operand-size prefix, or REX.W over it. */
  stack64: boolean;
  /** ModRM.mod is 3: rm is a register. */
  isRegister: boolean;
  /** Register number of ModRM.reg */
  reg: number;
  /** Register number of ModRM.rm, or of the opcode's low bits */
  rm: number;
  /** Base register of a memory operand that is base + displacement in the flat address space, else NO_REGISTER. */
  base: number;
  /** As base, but for lea, which reads no memory: a segment does not matter. */
  addressBase: number;
  /** Displacement in bytes */
  displacement: number;
  /** Sign-extended immediate */
  immediate: number;
}

/** Operands of nothing yet: one object serves a whole section. */
export function newOperands(): Operands {
  return {
    stack64: false,
    isRegister: false,
    reg: 0,
    rm: 0,
    base: NO_REGISTER,
    addressBase: NO_REGISTER,
    displacement: 0,
    immediate: 0,
  };
}

/** Appends the frame operations of one instruction; false when it has none that can be expressed. */
export function appendFrameOps(ops: OpBuilder, insn: number, id: number, o: Operands): boolean {
  switch (id) {
    // the most frequent first: the cases are compared one by one
    case ACTION_MOVE_TO_RM:
      if (o.isRegister) return append(ops, insn, OP_ADD, o.rm, o.reg, 0);
      return o.base !== NO_REGISTER && append(ops, insn, OP_STORE, o.base, o.reg, o.displacement);
    case ACTION_MOVE_TO_REG:
      if (o.isRegister) return append(ops, insn, OP_ADD, o.reg, o.rm, 0);
      if (o.base !== NO_REGISTER) return append(ops, insn, OP_LOAD, o.reg, o.base, o.displacement);
      // A stack pointer kept at an absolute, indexed or per-CPU address.
      return o.reg === RSP && append(ops, insn, OP_LOAD, RSP, NO_REGISTER, 0);
    case ACTION_PUSH_OPCODE:
      return o.stack64 && append(ops, insn, OP_PUSH, NO_REGISTER, o.rm, 0);
    case ACTION_POP_OPCODE:
      return o.stack64 && append(ops, insn, OP_POP, o.rm, NO_REGISTER, 0);
    case ACTION_PUSH_OTHER:
      return o.stack64 && append(ops, insn, OP_PUSH, NO_REGISTER, NO_REGISTER, 0);
    case ACTION_POP_OTHER:
      return o.stack64 && append(ops, insn, OP_POP, NO_REGISTER, NO_REGISTER, 0);
    case ACTION_PUSH_RM:
      if (!o.stack64) return false;
      if (o.isRegister) return append(ops, insn, OP_PUSH, NO_REGISTER, o.rm, 0);
      if (o.base === NO_REGISTER) return append(ops, insn, OP_PUSH, NO_REGISTER, NO_REGISTER, 0);
      return append(ops, insn, OP_PUSH_MEMORY, o.base, NO_REGISTER, o.displacement);
    case ACTION_POP_RM:
      return o.stack64 && append(ops, insn, OP_POP, o.isRegister ? o.rm : NO_REGISTER, NO_REGISTER, 0);
    case ACTION_PUSH_FLAGS:
      return o.stack64 && append(ops, insn, OP_PUSH_FLAGS, NO_REGISTER, NO_REGISTER, 0);
    case ACTION_POP_FLAGS:
      return o.stack64 && append(ops, insn, OP_POP_FLAGS, NO_REGISTER, NO_REGISTER, 0);
    case ACTION_LEA:
      if (o.addressBase === NO_REGISTER) return false;
      return append(ops, insn, OP_ADD, o.reg, o.addressBase, o.displacement);
    case ACTION_ADD_RM:
      return o.isRegister && append(ops, insn, OP_ADD, o.rm, o.rm, o.immediate);
    case ACTION_SUB_RM:
      return o.isRegister && appendSub(ops, insn, o.rm, o.immediate);
    case ACTION_AND_RM:
      return o.isRegister && append(ops, insn, OP_AND, o.rm, NO_REGISTER, o.immediate);
    case ACTION_ADD_ACCUMULATOR:
      return append(ops, insn, OP_ADD, RAX, RAX, o.immediate);
    case ACTION_SUB_ACCUMULATOR:
      return appendSub(ops, insn, RAX, o.immediate);
    case ACTION_AND_ACCUMULATOR:
      return append(ops, insn, OP_AND, RAX, NO_REGISTER, o.immediate);
    case ACTION_ADD_REG_TO_RM:
      if (!o.isRegister || o.rm !== RSP) return false;
      return append(ops, insn, OP_ADD_REGISTER, o.rm, o.reg, 0);
    case ACTION_ADD_RM_TO_REG:
      if (!o.isRegister || o.reg !== RSP) return false;
      return append(ops, insn, OP_ADD_REGISTER, o.reg, o.rm, 0);
    case ACTION_INC:
      return o.isRegister && append(ops, insn, OP_ADD, o.rm, o.rm, 1);
    case ACTION_DEC:
      return o.isRegister && append(ops, insn, OP_ADD, o.rm, o.rm, -1);
    case ACTION_IRET: // RIP, CS, RFLAGS, RSP, SS (SDM volume 2, IRET)
      return append(ops, insn, OP_ADD, RSP, RSP, 5 * 8);
    case ACTION_LEAVE:
      if (!o.stack64) return false;
      append(ops, insn, OP_ADD, RSP, RBP, 0);
      return append(ops, insn, OP_POP, RBP, NO_REGISTER, 0);
    default:
      return false;
  }
}

/** The stack pointer gets a value that no frame operation expresses. */
export function appendUnfollowed(ops: OpBuilder, insn: number): void {
  append(ops, insn, OP_UNFOLLOWED, RSP, NO_REGISTER, 0);
}

/** dst -= immediate; its negative does not fit in the column when it is -2^31. */
function appendSub(ops: OpBuilder, insn: number, register: number, immediate: number): boolean {
  return immediate !== -0x8000_0000 && append(ops, insn, OP_ADD, register, register, -immediate);
}

/** The caller has reserved the row. */
function append(ops: OpBuilder, insn: number, op: number, dst: number, src: number, imm: number): true {
  const at = ops.length++;
  const columns = ops.columns;
  columns.insn[at] = insn;
  columns.op[at] = op;
  columns.dst[at] = dst;
  columns.src[at] = src;
  columns.imm[at] = imm;
  return true;
}
