import type { Registers } from "../isa/arch.ts";
import { OP_ADD, OP_AND, OP_LOAD, OP_STORE } from "../isa/insn-table.ts";
import { BASE_UNDEFINED, type FrameState } from "./state.ts";

/** Registers have numbers below this, NO_REGISTER is above. */
const REGISTERS = 32;

/**
 * Whether an operation surely changes nothing and faults nowhere: a move between registers and memory that the state does not speak of. Most
 * operations of a kernel are told here. It follows from applyOp(), and a test holds the two together.
 */
export function isInert(registers: Registers, state: FrameState, op: number, dst: number, src: number): boolean {
  if (state.base >= BASE_UNDEFINED || dst >= REGISTERS) return false;
  if (op === OP_STORE) {
    if (src >= REGISTERS || src === registers.sp) return false;
    // Through a register that points at no known place, or of a register that nobody wants back.
    if ((state.tracked & (1 << dst)) === 0) return true;
    return (registers.calleeSaved & (1 << src)) === 0 && src !== state.realignRegister;
  }
  if (dst === registers.sp) return false;
  switch (op) {
    case OP_LOAD:
      return ((state.tracked | state.kept) & (1 << dst)) === 0;
    case OP_ADD:
      return src < REGISTERS && (state.tracked & ((1 << dst) | (1 << src))) === 0;
    case OP_AND:
      return (state.tracked & (1 << dst)) === 0;
    default:
      return false;
  }
}

/** No mask says when the operation changes nothing. */
export const ALWAYS = -1;

/**
 * Registers, a bit each, such that an operation is inert in every state that watches none of them (FrameState.watched). It says less than isInert(), and
 * says it before any state is known.
 */
export function touchedBy(registers: Registers, op: number, dst: number, src: number): number {
  if (op === OP_AND) return dst < REGISTERS && dst !== registers.sp ? 1 << dst : ALWAYS;
  if (dst >= REGISTERS || src >= REGISTERS) return ALWAYS;
  const isSaved = (register: number): boolean => ((registers.calleeSaved >>> register) & 1) === 1;
  if (op === OP_STORE) {
    if (src === registers.sp) return ALWAYS;
    // Only what is saved for the caller, and a realigned frame's register, are worth a look at where they go.
    return isSaved(src) ? 1 << dst : 1 << src;
  }
  if (dst === registers.sp) return ALWAYS;
  // A register that is saved for the caller may be given back from a known place.
  if (op === OP_LOAD) return isSaved(dst) ? (1 << dst) | (1 << src) : 1 << dst;
  return op === OP_ADD ? (1 << dst) | (1 << src) : ALWAYS;
}
