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
} from "../isa/insn-table.ts";
import {
  BASE_FP_INDIRECT,
  BASE_LOST,
  BASE_SP_INDIRECT,
  BASE_UNDEFINED,
  BASE_WAIVED,
  type Draft,
  FRAME_REGS,
  FRAME_REGS_PARTIAL,
  type FrameState,
  type FrameStates,
  moved,
  NOT_SAVED,
  NOWHERE,
  offsetOf,
  type Place,
  place,
  SPACE_ALIGNED,
  SPACE_CFA,
  SPACE_HOLDS_SP,
  spaceOf,
} from "./state.ts";

// What one frame operation does to a frame state. Pure; the caller caches (state, operation) -> result.

/** The stack pointer gets a value that cannot be followed, and the CFA depends on it. */
export const FAULT_UNFOLLOWED = 1;
/** The stack pointer is aligned while the CFA depends on it and nothing else remembers it. */
export const FAULT_REALIGN = 2;
/** A stack operation where the frame is undefined. */
export const FAULT_UNDEFINED = 3;
/** The register that the CFA is computed from is overwritten, and the stack pointer does not know the CFA either. */
export const FAULT_BASE_LOST = 4;
/** The stack pointer is read from memory: a switch of stacks, and nothing in this function says how the new one is laid out. */
export const FAULT_LOADED = 5;

export interface Effect {
  readonly state: FrameState;
  /** FAULT_*, 0 for none. Outside of functions nobody asks. */
  readonly fault: number;
}

const WORD = 8;

export function applyOp(
  states: FrameStates,
  state: FrameState,
  op: number,
  dst: number,
  src: number,
  imm: number,
): Effect {
  if (state.base === BASE_LOST || state.base === BASE_WAIVED) return { state, fault: 0 };
  if (state.type === FRAME_REGS || state.type === FRAME_REGS_PARTIAL)
    return { state: applyToRegs(states, state, op, dst, src, imm), fault: 0 };
  if (state.base === BASE_UNDEFINED)
    return touchesStack(states, op, dst) ? { state: states.lost(), fault: FAULT_UNDEFINED } : { state, fault: 0 };
  const next = states.draftOf(state);
  const fault = apply(states, next, op, dst, src, imm);
  // After a switch of stacks the code goes on as if the new one were laid out like the old one, and is checked so.
  if (fault === FAULT_LOADED) return { state, fault };
  if (fault === FAULT_REALIGN) return { state: states.lost(), fault };
  // A frame that is found by the frame pointer survives whatever happens to the stack pointer.
  const survives = next.base === states.arch.registers.fp && fault !== FAULT_BASE_LOST;
  return { state: fault !== 0 && !survives ? states.lost() : states.intern(next), fault };
}

function touchesStack(states: FrameStates, op: number, dst: number): boolean {
  return (op >= OP_PUSH && op <= OP_POP_FLAGS) || op === OP_PUSH_MEMORY || dst === states.arch.registers.sp;
}

function apply(states: FrameStates, d: Draft, op: number, dst: number, src: number, imm: number): number {
  const { sp } = states.arch.registers;
  switch (op) {
    case OP_ADD:
      return dst === sp ? setSp(states, d, src, imm) : setRegister(states, d, dst, src, imm);
    case OP_AND:
      return dst === sp ? realign(states, d) : forget(states, d, dst);
    case OP_STORE:
      return store(states, d, dst, src, imm);
    case OP_LOAD:
      return load(states, d, dst, src, imm);
    case OP_PUSH:
      return push(states, d, src);
    case OP_PUSH_FLAGS:
    case OP_PUSH_MEMORY:
      return push(states, d, NO_REGISTER);
    case OP_POP:
      return pop(states, d, dst);
    case OP_POP_FLAGS:
      return pop(states, d, NO_REGISTER);
    case OP_ADD_REGISTER:
      d.value[sp] = NOWHERE;
      return d.base === sp || d.base === BASE_SP_INDIRECT ? FAULT_UNFOLLOWED : 0;
    default:
      d.value[sp] = NOWHERE;
      return FAULT_UNFOLLOWED;
  }
}

/** sp = src + imm */
function setSp(states: FrameStates, s: Draft, src: number, imm: number): number {
  const { sp, fp } = states.arch.registers;
  const from = s.value[src] as Place;
  if (s.base === BASE_SP_INDIRECT && src === sp) return 0;
  if (imm === 0 && spaceOf(from) === SPACE_HOLDS_SP && s.base === sp && offsetOf(from) === s.offset) {
    s.base = BASE_SP_INDIRECT;
    s.value[sp] = NOWHERE;
    return 0;
  }
  const to = moved(from, imm);
  s.value[sp] = to;
  if (s.base === fp) {
    // On another stack, whose top holds the place on this one.
    if (imm === 0 && spaceOf(from) === SPACE_HOLDS_SP) s.value[sp] = from;
    return 0;
  }
  if (spaceOf(to) === SPACE_CFA) {
    baseOnSp(states, s);
    return 0;
  }
  if (to === NOWHERE || s.base === sp) return s.base === sp || s.base === BASE_SP_INDIRECT ? FAULT_UNFOLLOWED : 0;
  return 0;
}

/**
 * How far a place is below its origin, in bytes. Not by negation, which makes -0 of 0: a number that is no integer to V8, so that every state there is would
 * be laid out anew, and the code compiled for them thrown away.
 */
function below(at: Place): number {
  return 0 - offsetOf(at);
}

/** The stack pointer knows the CFA again: it becomes the base, and a realigned frame has ended. */
function baseOnSp(states: FrameStates, s: Draft): void {
  const { sp } = states.arch.registers;
  s.base = sp;
  s.offset = below(s.value[sp] as Place);
  s.realignRegister = NO_REGISTER;
  s.realignSlot = NOWHERE;
}

/** dst = src + imm, for another register than the stack pointer */
function setRegister(states: FrameStates, s: Draft, dst: number, src: number, imm: number): number {
  const { sp, fp } = states.arch.registers;
  const to = moved(s.value[src] as Place, imm);
  const makesFrame = dst === fp && src === sp && imm === 0 && s.base === sp && s.saved[fp] === to && to !== NOWHERE;
  if (s.base === dst && spaceOf(to) !== SPACE_CFA) return forget(states, s, dst);
  s.value[dst] = to;
  if (makesFrame) s.base = fp;
  // A frame pointer that was made without keeping the caller's.
  if (dst === fp && src === sp && imm === 0 && s.base === sp && s.saved[fp] === NOWHERE) s.saved[fp] = NOT_SAVED;
  if (s.base === dst) s.offset = below(to);
  return 0;
}

/** dst gets a value that nothing is known of. */
export function forget(states: FrameStates, d: Draft, dst: number): number {
  const { sp } = states.arch.registers;
  d.value[dst] = NOWHERE;
  if (d.base !== dst) return 0;
  if (spaceOf(d.value[sp] as Place) === SPACE_CFA) {
    baseOnSp(states, d);
    return 0;
  }
  return FAULT_BASE_LOST;
}

function realign(states: FrameStates, s: Draft): number {
  const { sp, fp, realignBase } = states.arch.registers;
  if (s.base === sp) {
    // The registers that compilers take, before any other: another one may hold the CFA for a reason of its own.
    let candidate = NO_REGISTER;
    let isUsual = false;
    for (let r = 0; r < s.value.length; r++) {
      const usual = ((realignBase >>> r) & 1) === 1;
      if (r === sp || s.value[r] !== place(SPACE_CFA, 0) || (isUsual && !usual)) continue;
      candidate = r;
      isUsual = usual;
    }
    if (candidate === NO_REGISTER) return FAULT_REALIGN;
    s.base = candidate;
    s.offset = 0;
    s.realignRegister = candidate;
  } else if (s.base !== fp && s.base !== s.realignRegister) return FAULT_REALIGN;
  s.value[sp] = place(SPACE_ALIGNED, 0);
  return 0;
}

function isCalleeSaved(states: FrameStates, register: number): boolean {
  return register !== NO_REGISTER && ((states.arch.registers.calleeSaved >>> register) & 1) === 1;
}

/** memory[dst + imm] = src */
function store(states: FrameStates, s: Draft, dst: number, src: number, imm: number): number {
  const { sp } = states.arch.registers;
  const base = s.value[dst] as Place;
  if (src === sp && dst !== sp) {
    const own = s.value[sp] as Place;
    if (imm === 0 && base === NOWHERE) {
      if (s.base === sp) s.value[dst] = place(SPACE_HOLDS_SP, s.offset);
      else if (s.base === states.arch.registers.fp && spaceOf(own) === SPACE_CFA)
        s.value[dst] = place(SPACE_HOLDS_SP, -offsetOf(own));
    }
    s.switchSlot = imm;
    return 0;
  }
  const slot = moved(base, imm);
  if (slot !== NOWHERE) keep(states, s, src, slot);
  return 0;
}

/** Register `src` was written to stack slot `slot`. */
function keep(states: FrameStates, s: Draft, src: number, slot: Place): void {
  const { fp } = states.arch.registers;
  if (src !== NO_REGISTER && src === s.realignRegister && s.base === src) {
    const frame = s.value[fp] as Place;
    if (spaceOf(frame) === SPACE_ALIGNED && spaceOf(slot) === SPACE_ALIGNED) {
      s.base = BASE_FP_INDIRECT;
      s.offset = offsetOf(slot) - offsetOf(frame);
      s.realignSlot = slot;
      return;
    }
  }
  if (isCalleeSaved(states, src) && s.saved[src] === NOWHERE) s.saved[src] = slot;
}

/** Register `dst` was read back from stack slot `slot`; its value is handled by the caller. True: it is the CFA again. */
function restore(s: Draft, dst: number, slot: Place): boolean {
  if (slot === NOWHERE || dst === NO_REGISTER) return false;
  if (dst === s.realignRegister && slot === s.realignSlot) {
    s.base = dst;
    s.offset = 0;
    s.realignSlot = NOWHERE;
    s.value[dst] = place(SPACE_CFA, 0);
    return true;
  }
  if (s.saved[dst] === slot) s.saved[dst] = NOWHERE;
  return false;
}

/** dst = memory[src + imm] */
function load(states: FrameStates, s: Draft, dst: number, src: number, imm: number): number {
  const { sp } = states.arch.registers;
  if (dst === sp) {
    if (s.base !== sp) {
      s.value[sp] = NOWHERE;
      return 0;
    }
    // __switch_to_asm style: the old stack pointer was stored at this displacement of one task, the new one is read from another.
    return s.switchSlot === imm && src !== sp && src !== NO_REGISTER ? 0 : FAULT_LOADED;
  }
  const slot = moved(s.value[src] as Place, imm);
  if (restore(s, dst, slot)) return 0;
  return forget(states, s, dst);
}

function push(states: FrameStates, s: Draft, src: number): number {
  const { sp } = states.arch.registers;
  const slot = moved(s.value[sp] as Place, -WORD);
  s.value[sp] = slot;
  if (s.base === sp) s.offset += WORD;
  if (slot !== NOWHERE) keep(states, s, src, slot);
  return 0;
}

function pop(states: FrameStates, s: Draft, dst: number): number {
  const { sp } = states.arch.registers;
  if (dst === sp) {
    // A frame that is found by the frame pointer survives a switch of stacks and back (call_on_stack() with frame pointers).
    if (s.base === states.arch.registers.fp) {
      const top = s.value[sp] as Place;
      s.value[sp] = spaceOf(top) === SPACE_HOLDS_SP ? place(SPACE_CFA, -offsetOf(top)) : NOWHERE;
      return 0;
    }
    if (s.base !== BASE_SP_INDIRECT) return FAULT_UNFOLLOWED;
    s.base = sp;
    s.value[sp] = place(SPACE_CFA, -s.offset);
    return 0;
  }
  const slot = s.value[sp] as Place;
  // The frame's own register read back from another slot than its own: whatever comes after finds no frame through it.
  if (s.base === dst && dst === states.arch.registers.fp && s.saved[dst] !== slot) return FAULT_BASE_LOST;
  const isCfa = restore(s, dst, slot);
  s.value[sp] = moved(slot, WORD);
  if (s.base === sp) s.offset -= WORD;
  if (isCfa || dst === NO_REGISTER) return 0;
  return forget(states, s, dst);
}

/** Frames that hints describe (interrupt frames) only follow the moves of the stack pointer. */
function applyToRegs(
  states: FrameStates,
  state: FrameState,
  op: number,
  dst: number,
  src: number,
  imm: number,
): FrameState {
  const { sp } = states.arch.registers;
  if (state.base !== sp && state.base !== BASE_SP_INDIRECT) return state;
  let by = 0;
  if (op === OP_PUSH || op === OP_PUSH_FLAGS || op === OP_PUSH_MEMORY) by = WORD;
  else if (op === OP_POP || op === OP_POP_FLAGS) by = -WORD;
  else if (op === OP_ADD && dst === sp && src === sp) by = -imm;
  if (by === 0) return state;
  return states.plain(state.base, state.offset + by, state.type, state.signal);
}
