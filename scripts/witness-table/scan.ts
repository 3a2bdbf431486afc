import { NONE } from "../../src/base/table.ts";
import { type Flow, KIND_INDIRECT_TAIL, KIND_TABLE_JUMP, KIND_TAIL_CALL } from "../../src/flow/flow.ts";
import {
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_RETURN,
  NO_REGISTER,
  OP_POP,
  OP_POP_FLAGS,
  OP_PUSH,
  OP_PUSH_FLAGS,
  OP_PUSH_MEMORY,
} from "../../src/isa/insn-table.ts";
import { CFA_REGISTER, findRule, findWitnessRow, type WitnessRows } from "../../src/unwind/witness-rows.ts";

/** How far control is followed, instructions. */
export const FAR = 64;

/** What the rules ask of instructions and rows. */
export class Scan {
  readonly registers: Flow["code"]["arch"]["registers"];
  readonly #flow: Flow;
  readonly #witness: WitnessRows;
  readonly #targets = new Set<number>();

  constructor(flow: Flow, witness: WitnessRows) {
    flow.target.forEach((insn, to) => {
      if (flow.kind[insn] === KIND_BRANCH || flow.kind[insn] === KIND_JUMP) this.#targets.add(to);
    });
    for (const to of flow.instead.edges.to.subarray(0, flow.instead.edges.length)) this.#targets.add(to);
    this.#flow = flow;
    this.#witness = witness;
    this.registers = flow.code.arch.registers;
  }

  /** The row of the instruction's first frame operation `op`, or NONE. */
  operation(insn: number, op: number): number {
    const { insns, ops } = this.#flow.code;
    for (let row = insns.op.at(insn); row !== NONE && row < ops.length && ops.insn[row] === insn; row++)
      if (ops.op[row] === op) return row;
    return NONE;
  }

  target(insn: number, op: number): number {
    const row = this.operation(insn, op);
    return row === NONE ? NO_REGISTER : (this.#flow.code.ops.dst[row] as number);
  }

  source(insn: number, op: number): number {
    const row = this.operation(insn, op);
    return row === NONE ? NO_REGISTER : (this.#flow.code.ops.src[row] as number);
  }

  immediate(insn: number, op: number): number {
    const row = this.operation(insn, op);
    return row === NONE ? 0 : (this.#flow.code.ops.imm[row] as number);
  }

  isPush(insn: number): boolean {
    return [OP_PUSH, OP_PUSH_MEMORY, OP_PUSH_FLAGS].some((op) => this.operation(insn, op) !== NONE);
  }

  isPop(insn: number): boolean {
    return [OP_POP, OP_POP_FLAGS].some((op) => this.operation(insn, op) !== NONE);
  }

  isCall(insn: number): boolean {
    const kind = this.#flow.kind[insn];
    return kind === KIND_CALL || kind === KIND_INDIRECT_CALL;
  }

  /** As it was decoded: inside of a function the flow takes it for one that goes on. */
  isIret(insn: number): boolean {
    return this.#flow.code.insns.kind[insn] === KIND_CONTEXT_RETURN;
  }

  isBranch(insn: number): boolean {
    return this.#flow.kind[insn] === KIND_BRANCH;
  }

  isJump(insn: number): boolean {
    return this.#flow.kind[insn] === KIND_JUMP;
  }

  /** A branch or jump leads here, or a static branch, or what the exception table names. */
  isTarget(insn: number): boolean {
    return this.#targets.has(insn);
  }

  branchTarget(insn: number): number {
    return this.#flow.target.at(insn);
  }

  isCalleeSaved(register: number): boolean {
    return register < 32 && ((this.registers.calleeSaved >>> register) & 1) === 1;
  }

  writes(insn: number, register: number): boolean {
    return (((this.#flow.code.insns.writes[insn] as number) >>> register) & 1) === 1;
  }

  /** REX.W 8D, Intel SDM volume 2, LEA */
  isLea(insn: number): boolean {
    const { object, insns } = this.#flow.code;
    return object.bytes(insns.section[insn] as number)[(insns.offset[insn] as number) + 1] === 0x8d;
  }

  /** The instructions of its function at lower addresses, downwards. */
  *above(insn: number): Generator<number> {
    const { ofInsn } = this.#flow.functions;
    for (let i = insn - 1; i >= 0 && ofInsn[i] === ofInsn[insn]; i--) yield i;
  }

  /** In a part of a function that was laid elsewhere (".cold"). */
  isPart(insn: number): boolean {
    const { ofInsn, table } = this.#flow.functions;
    const f = ofInsn[insn] as number;
    return f !== NONE && table.parent[f] !== f;
  }

  /** The row of the function's, or the part's, first instruction has a rule for the register. */
  isSavedAtStart(insn: number, register: number): boolean {
    const { ofInsn, table } = this.#flow.functions;
    const f = ofInsn[insn] as number;
    const row = findWitnessRow(this.#witness, table.section[f] as number, table.start[f] as number);
    return row !== NONE && findRule(this.#witness, this.#witness.rows.frame[row] as number, register) !== NONE;
  }

  /** Whether the function pushes the register at a lower address. */
  isPushedBefore(insn: number, register: number): boolean {
    for (const i of this.above(insn)) if (this.source(i, OP_PUSH) === register) return true;
    return false;
  }

  /** Control does not go on behind it in this function. */
  leaves(insn: number): boolean {
    return LEAVES.has(this.#flow.kind[insn] as number);
  }

  next(insn: number): number {
    return this.leaves(insn) ? NONE : this.#flow.next.of(insn);
  }

  /** The instructions that control comes to behind `insn` when no branch is taken, FAR of them at most. */
  *behind(insn: number): Generator<number> {
    let i = this.next(insn);
    for (let n = 0; i !== NONE && n < FAR; n++) {
      yield i;
      i = this.onwards(i);
    }
  }

  /** Where control goes from there when no branch is taken, NONE where it leaves. */
  onwards(insn: number): number {
    return this.isJump(insn) ? this.#flow.target.at(insn) : this.next(insn);
  }

  /** The row here has the CFA at a distance from the stack pointer. */
  countsFromStack(insn: number): boolean {
    const { section, offset } = this.#flow.code.insns;
    const row = findWitnessRow(this.#witness, section[insn] as number, offset[insn] as number);
    if (row === NONE) return false;
    const { frames, rows } = this.#witness;
    const frame = rows.frame[row] as number;
    return frames.cfa[frame] === CFA_REGISTER && frames.cfaRegister[frame] === this.registers.sp;
  }
}

const LEAVES: ReadonlySet<number> = new Set([
  KIND_RETURN,
  KIND_TAIL_CALL,
  KIND_INDIRECT_TAIL,
  KIND_INDIRECT_JUMP,
  KIND_TABLE_JUMP,
  KIND_BUG,
]);
