import { NONE } from "../base/table.ts";
import { TripleMap } from "../base/triple-map.ts";
import type { Code } from "../flow/code.ts";
import type { Registers } from "../isa/arch.ts";
import { NO_REGISTER, OP_PUSH, OP_STORE } from "../isa/insn-table.ts";
import { isInert } from "./inert.ts";
import {
  BASE_LOST,
  BASE_UNDEFINED,
  BASE_WAIVED,
  FRAME_REGS,
  FRAME_REGS_PARTIAL,
  type FrameState,
  type FrameStates,
  NOWHERE,
} from "./state.ts";
import { applyOp, type Effect, forget } from "./transfer.ts";

/** Stands for an operation in the keys of effects: the registers of a mask hold nothing known any more. */
const CLOBBER = 0;

/** Applies instructions to states, and remembers every (state, operation) that it has seen: a kernel has few distinct ones. */
export class Transitions {
  readonly #states: FrameStates;
  readonly #insns: Code["insns"];
  readonly #ops: Code["ops"];
  readonly #registers: Registers;
  /** (state, operation with its registers, immediate or mask) -> #effects */
  readonly #known = new TripleMap(1024);
  readonly #effects: Effect[] = [];
  /** state -> the one behind a call */
  readonly #call: (FrameState | undefined)[] = [];

  constructor(states: FrameStates, code: Code) {
    this.#states = states;
    this.#insns = code.insns;
    this.#ops = code.ops;
    this.#registers = states.arch.registers;
  }

  /** State behind the instruction as far as its own operations go; undefined when it changes nothing. */
  after(before: FrameState, insn: number): Effect | undefined {
    return this.afterOps(before, insn, this.#insns.op.at(insn));
  }

  /**
   * The same of an instruction whose operations are known.
   * @param first the first of them, or NONE
   */
  afterOps(before: FrameState, insn: number, first: number): Effect | undefined {
    const writes = this.#insns.writes[insn] as number;
    // Most instructions neither have an operation nor write a register that anything is known of.
    if (first === NONE && (writes & before.tracked) === 0) return undefined;
    let state = before;
    let fault = 0;
    let handled = 0;
    let last: Effect | undefined;
    if (first !== NONE) {
      const ops = this.#ops;
      for (let row = first; row < ops.length && ops.insn[row] === insn; row++) {
        const op = ops.op[row] as number;
        const dst = ops.dst[row] as number;
        const src = ops.src[row] as number;
        if (!isInert(this.#registers, state, op, dst, src)) {
          last = this.#apply(state, op, dst, src, ops.imm[row] as number);
          state = last.state;
          if (last.fault !== 0) fault = last.fault;
        }
        if (dst !== NO_REGISTER && op !== OP_STORE) handled |= 1 << dst;
      }
      handled |= 1 << this.#registers.sp;
    }
    const clobbered = writes & ~handled & state.tracked;
    if (clobbered !== 0) {
      last = this.#clobber(state, clobbered);
      state = last.state;
      if (last.fault !== 0) fault = last.fault;
    }
    if (state === before && fault === 0) return undefined;
    // Nearly always one step did it all, and its remembered effect is the answer.
    return last !== undefined && last.fault === fault ? last : { state, fault };
  }

  #apply(state: FrameState, op: number, dst: number, src: number, imm: number): Effect {
    const operation = (op << 16) | (dst << 8) | src;
    const known = this.#known.get(state.id, operation, imm);
    if (known !== NONE) return this.#effects[known] as Effect;
    return this.#remember(state, operation, imm, applyOp(this.#states, state, op, dst, src, imm));
  }

  #clobber(state: FrameState, mask: number): Effect {
    const known = this.#known.get(state.id, CLOBBER, mask);
    if (known !== NONE) return this.#effects[known] as Effect;
    return this.#remember(state, CLOBBER, mask, this.#forgetAll(state, mask));
  }

  #remember(state: FrameState, operation: number, imm: number, effect: Effect): Effect {
    this.#known.set(state.id, operation, imm, this.#effects.length);
    this.#effects.push(effect);
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
    const draft = this.#states.draftOf(state);
    let fault = 0;
    for (let r = 0; r < draft.value.length; r++) {
      if (((mask >>> r) & 1) === 1) fault = forget(this.#states, draft, r) || fault;
    }
    return { state: fault !== 0 ? this.#states.lost() : this.#states.intern(draft), fault };
  }

  /** Behind a call that returns: registers that the callee may change hold nothing known. */
  afterCall(state: FrameState): FrameState {
    let after = this.#call[state.id];
    if (after === undefined) {
      const { calleeSaved, sp } = this.#states.arch.registers;
      const draft = this.#states.draftOf(state);
      for (let r = 0; r < draft.value.length; r++)
        if (r !== sp && r !== state.base && ((calleeSaved >>> r) & 1) === 0) draft.value[r] = NOWHERE;
      after = this.#states.intern(draft);
      this.#call[state.id] = after;
    }
    return after;
  }

  /** A call inside its function pushes the return address and goes on. */
  afterIntraCall(state: FrameState): FrameState {
    const { callPush } = this.#states.arch.registers;
    // Where the frame is undefined, pushing onto it leaves it so.
    return callPush === 0 || state.base === BASE_UNDEFINED
      ? state
      : this.#apply(state, OP_PUSH, NO_REGISTER, NO_REGISTER, 0).state;
  }
}
