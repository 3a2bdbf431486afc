import { NONE } from "../base/table.ts";
import type { Code } from "../flow/code.ts";
import { NO_REGISTER, OP_PUSH, OP_STORE } from "../isa/insn-table.ts";
import {
  BASE_LOST,
  BASE_WAIVED,
  FRAME_REGS,
  FRAME_REGS_PARTIAL,
  type FrameState,
  type FrameStates,
  NOWHERE,
} from "./state.ts";
import { applyOp, type Effect, forget } from "./transfer.ts";

/** More states than any object has: keys of (operation, state) pairs stay distinct and exact. */
const STATE_SPAN = 0x400_0000;

/** Applies instructions to states, and remembers every (state, operation) that it has seen: a kernel has few distinct ones. */
export class Transitions {
  readonly #states: FrameStates;
  readonly #code: Code;
  readonly #opId = new Map<number, number>();
  readonly #byOp = new Map<number, Effect>();
  readonly #byClobber = new Map<number, Map<number, Effect>>();
  readonly #call = new Map<number, FrameState>();

  constructor(states: FrameStates, code: Code) {
    this.#states = states;
    this.#code = code;
  }

  /** State behind the instruction as far as its own operations go; undefined when it changes nothing. */
  after(before: FrameState, insn: number): Effect | undefined {
    const { insns, ops } = this.#code;
    let state = before;
    let fault = 0;
    let handled = 0;
    const first = insns.op[insn] as number;
    if (first !== NONE) {
      for (let row = first; row < ops.length && ops.insn[row] === insn; row++) {
        const op = ops.op[row] as number;
        const dst = ops.dst[row] as number;
        const effect = this.#apply(state, op, dst, ops.src[row] as number, ops.imm[row] as number);
        state = effect.state;
        if (effect.fault !== 0) fault = effect.fault;
        if (dst !== NO_REGISTER && op !== OP_STORE) handled |= 1 << dst;
      }
      handled |= 1 << this.#states.arch.registers.sp;
    }
    const clobbered = (insns.writes[insn] as number) & ~handled & state.tracked;
    if (clobbered !== 0) {
      const effect = this.#clobber(state, clobbered);
      state = effect.state;
      if (effect.fault !== 0) fault = effect.fault;
    }
    return state === before && fault === 0 ? undefined : { state, fault };
  }

  #apply(state: FrameState, op: number, dst: number, src: number, imm: number): Effect {
    const opKey = ((op * 256 + dst) * 256 + src) * 0x1_0000_0000 + (imm >>> 0);
    let id = this.#opId.get(opKey);
    if (id === undefined) {
      id = this.#opId.size;
      this.#opId.set(opKey, id);
    }
    const key = id * STATE_SPAN + state.id;
    let effect = this.#byOp.get(key);
    if (effect === undefined) {
      effect = applyOp(this.#states, state, op, dst, src, imm);
      this.#byOp.set(key, effect);
    }
    return effect;
  }

  #clobber(state: FrameState, mask: number): Effect {
    let byMask = this.#byClobber.get(state.id);
    if (byMask === undefined) {
      byMask = new Map();
      this.#byClobber.set(state.id, byMask);
    }
    let effect = byMask.get(mask);
    if (effect === undefined) {
      effect = this.#forgetAll(state, mask);
      byMask.set(mask, effect);
    }
    return effect;
  }

  #forgetAll(state: FrameState, mask: number): Effect {
    if (
      state.base === BASE_LOST ||
      state.base === BASE_WAIVED ||
      state.type === FRAME_REGS ||
      state.type === FRAME_REGS_PARTIAL
    ) {
      return { state, fault: 0 };
    }
    const draft = { ...state, value: state.value.slice(), saved: state.saved.slice() };
    let fault = 0;
    for (let r = 0; r < draft.value.length; r++) {
      if (((mask >>> r) & 1) === 1) fault = forget(this.#states, draft, r) || fault;
    }
    return { state: fault !== 0 ? this.#states.lost() : this.#states.intern(draft), fault };
  }

  /** Behind a call that returns: registers that the callee may change hold nothing known. */
  afterCall(state: FrameState): FrameState {
    let after = this.#call.get(state.id);
    if (after === undefined) {
      const { calleeSaved, sp } = this.#states.arch.registers;
      const value = state.value.map((v, r) =>
        r === sp || r === state.base || ((calleeSaved >>> r) & 1) === 1 ? v : NOWHERE,
      );
      after = this.#states.intern({ ...state, value });
      this.#call.set(state.id, after);
    }
    return after;
  }

  /** A call inside its function pushes the return address and goes on. */
  afterIntraCall(state: FrameState): FrameState {
    const { callPush } = this.#states.arch.registers;
    return callPush === 0 ? state : this.#apply(state, OP_PUSH, NO_REGISTER, NO_REGISTER, 0).state;
  }
}
