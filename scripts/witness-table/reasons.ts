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
  OP_ADD,
  OP_LOAD,
  OP_POP,
  OP_POP_FLAGS,
  OP_PUSH,
  OP_PUSH_FLAGS,
  OP_PUSH_MEMORY,
} from "../../src/isa/insn-table.ts";
import { SUBJECT_CFA } from "../../src/unwind/witness-compare.ts";
import { CFA_REGISTER, findWitnessRow, type WitnessRows } from "../../src/unwind/witness-rows.ts";

// Why compilers' frame data differs from the instructions, each reason as a rule that predicts every instruction at which it does, from the
// instructions alone and from the register that a row counts from: nothing that the comparison found goes into it. What no rule predicted is
// unexplained; what a rule predicted and the comparison did not find tells how far the rule is off. docs/formats/unwind.md has an example of each.

export const reasons = [
  {
    id: "flags-push",
    title:
      "inline assembly reads the flags by `pushf` and `pop`: no row between the two, where the CFA counts from rsp",
    whose: "the kernel's inline assembly",
  },
  {
    id: "iret-to-self",
    title: "inline assembly pushes a frame for `iretq` and returns to the next instruction",
    whose: "the kernel's inline assembly",
  },
  {
    id: "stack-switch",
    title: "inline assembly moves rsp to another stack and back by `pop %rsp`, in a function whose CFA counts from rsp",
    whose: "the kernel's inline assembly",
  },
  {
    id: "early-restore",
    title: "a register that held the realigned frame's caller is popped twice, and given back at the first pop",
    whose: "gcc 12",
  },
  {
    id: "popped-slot",
    title: "the rule of a popped register is kept up to the end of the epilogue",
    whose: "clang",
  },
  {
    id: "shared-return",
    title:
      "a return behind pops that a way without any push leads to as well: the rules of the popped registers hold there too",
    whose: "clang",
  },
  {
    id: "late-push",
    title:
      "a push of an argument out of a register that the next instruction overwrites: the push's row stands behind that",
    whose: "clang",
  },
  {
    id: "hoisted-release",
    title:
      "two epilogues' `add n, %rsp` was moved up before a compare and branch, and its rows stayed in the epilogues",
    whose: "clang",
  },
  {
    id: "loaded-frame-pointer",
    title: "assembly loads rbp out of its own memory",
    whose: "the kernel's assembly",
  },
] as const satisfies readonly { id: string; title: string; whose: string }[];
export type ReasonId = (typeof reasons)[number]["id"];

/** What a rule is told: an instruction and a subject (register or SUBJECT_*) at which witness and instructions will differ. */
export type Predict = (reason: ReasonId, insn: number, subject: number) => void;

/** Its number in the psABI's encoding of instructions. */
const RAX = 0;
/** How far each rule looks, instructions. */
const FAR = 64;
/** The same for what pushes the arguments of one call. */
const MOST_ARGUMENTS = 512;
/** The same for what is moved in between of two that belong together. */
const FEW = 8;

/** Which compiler's ways are expected; assembly has the one of the object that it stands in. */
export type Compiler = "gcc" | "clang";

/** Tells every prediction for `witness`. Linear in instructions. */
export function predictReasons(flow: Flow, witness: WitnessRows, compiler: Compiler, predict: Predict): void {
  const scan = new Scan(flow, witness);
  const { fp, sp } = flow.code.arch.registers;
  const isOrc = witness.witness === "orc";
  for (let i = 0; i < flow.kind.length; i++) {
    if (isOrc) {
      if (scan.operation(i, OP_LOAD) !== NONE && scan.target(i, OP_LOAD) === fp) loadedFramePointer(scan, i, predict);
      continue;
    }
    if (scan.isIret(i)) iretToSelf(scan, i, predict);
    else if (scan.operation(i, OP_PUSH_FLAGS) !== NONE) flagsPush(scan, i, predict);
    else if (scan.target(i, OP_ADD) === sp) {
      if (scan.source(i, OP_ADD) !== sp) stackSwitch(scan, i, predict);
      else if (compiler === "clang") hoistedRelease(scan, i, predict);
    } else if (scan.operation(i, OP_POP) !== NONE) {
      if (compiler === "clang") poppedSlot(scan, i, predict);
      else earlyRestore(scan, i, predict);
    } else if (compiler === "clang") latePush(scan, i, predict);
  }
}

/** From behind the push up to the pop that takes the flags off again; without one the flags are part of something else. */
function flagsPush(scan: Scan, push: number, predict: Predict): void {
  const passed: number[] = [];
  let depth = 1;
  for (const i of scan.behind(push)) {
    passed.push(i);
    if (scan.isIret(i)) return;
    if (scan.isPush(i)) depth++;
    else if (scan.isPop(i)) depth--;
    else if (scan.writes(i, scan.registers.sp)) return;
    if (depth > 0) continue;
    for (const at of passed) if (scan.countsFromStack(at)) predict("flags-push", at, SUBJECT_CFA);
    return;
  }
}

/** From behind the first of the five pushes (ss, rsp, flags, cs, rip) up to the iretq. */
function iretToSelf(scan: Scan, iret: number, predict: Predict): void {
  let pushes = 0;
  for (let i = iret - 1; i >= 0 && iret - i < FAR && pushes < 5; i--) {
    if (scan.isPush(i)) pushes++;
    if (pushes < 5) continue;
    for (let at = i + 1; at <= iret; at++) if (scan.countsFromStack(at)) predict("iret-to-self", at, SUBJECT_CFA);
  }
}

/** From behind the move to another stack up to the `pop %rsp` that ends it; without one it is no such switch. */
function stackSwitch(scan: Scan, move: number, predict: Predict): void {
  const { sp } = scan.registers;
  const passed: number[] = [];
  for (const i of scan.behind(move)) {
    passed.push(i);
    if (scan.target(i, OP_POP) !== sp) continue;
    for (const at of passed) if (scan.countsFromStack(at)) predict("stack-switch", at, SUBJECT_CFA);
    return;
  }
}

/** pop R; ...; lea n(R), %rsp; pop R: between the two pops R has the realigned frame's pointer, not the caller's value. */
function earlyRestore(scan: Scan, pop: number, predict: Predict): void {
  const register = scan.target(pop, OP_POP);
  if (!scan.isCalleeSaved(register)) return;
  const passed: number[] = [];
  let isBase = false;
  for (const i of scan.behind(pop)) {
    passed.push(i);
    if (scan.target(i, OP_ADD) === scan.registers.sp && scan.source(i, OP_ADD) === register) isBase = true;
    else if (scan.target(i, OP_POP) === register) {
      if (isBase) for (const at of passed) predict("early-restore", at, register);
      return;
    } else if (scan.operation(i, OP_POP) === NONE) return;
  }
}

/** Over the pops behind it, and to where the function is left, where control goes straight there: an epilogue with a way on has rows behind its pops. */
function poppedSlot(scan: Scan, pop: number, predict: Predict): void {
  const register = scan.target(pop, OP_POP);
  if (!scan.isCalleeSaved(register)) return;
  const passed: number[] = [];
  let isEpilogue = true;
  for (let i = scan.next(pop); i !== NONE && passed.length < FAR; i = scan.next(i)) {
    if (isEpilogue && scan.operation(i, OP_POP) !== NONE) {
      predict("popped-slot", i, register);
      continue;
    }
    isEpilogue = false;
    if (scan.isBranch(i) || scan.isJump(i)) return;
    if (scan.isTarget(i)) {
      if (scan.leaves(i)) predict("shared-return", i, register);
      return;
    }
    passed.push(i);
    if (!scan.leaves(i)) continue;
    for (const at of passed) predict("popped-slot", at, register);
    return;
  }
}

/**
 * The instruction behind the push of an argument out of a register that is kept over calls, or out of memory that it points to, where it gives that
 * register another value: what the register allocator puts in when the push is the last that needs the old one.
 */
function latePush(scan: Scan, push: number, predict: Predict): void {
  const isPlain = scan.operation(push, OP_PUSH) !== NONE;
  const register = isPlain ? scan.source(push, OP_PUSH) : scan.target(push, OP_PUSH_MEMORY);
  // The first push of such a register saves it.
  if (!scan.isCalleeSaved(register) || !scan.isPushedBefore(push, register)) return;
  const i = scan.next(push);
  if (i === NONE || !scan.writes(i, register) || !scan.countsFromStack(i)) return;
  if (isArgument(scan, i)) predict("late-push", i, SUBJECT_CFA);
}

/** From there control goes to a call without a choice, and what was pushed is taken off behind it. */
function isArgument(scan: Scan, start: number): boolean {
  for (let i = start, n = 0; i !== NONE && n < MOST_ARGUMENTS; i = scan.onwards(i), n++) {
    if (scan.isBranch(i) || scan.isPop(i)) return false;
    if (scan.isCall(i)) return isReleased(scan, i);
  }
  return false;
}

/** What was pushed for the call is taken off behind it; a few instructions may stand between. */
function isReleased(scan: Scan, call: number): boolean {
  for (let i = scan.next(call), n = 0; i !== NONE && n < FEW; i = scan.next(i), n++) {
    if (scan.target(i, OP_ADD) === scan.registers.sp && scan.immediate(i, OP_ADD) > 0) return true;
    if (scan.writes(i, scan.registers.sp) || scan.isCall(i) || scan.isTarget(i)) return false;
  }
  return false;
}

/** From behind the release, over compares and branches, up to the epilogues: where both ways of a branch lead to one. */
function hoistedRelease(scan: Scan, release: number, predict: Predict): void {
  // One that keeps the flags (lea) was put there for the branch, with its row.
  if (scan.immediate(release, OP_ADD) <= 0 || scan.isLea(release) || !releasesRoom(scan, release)) return;
  if (takesArgumentsOff(scan, release)) return;
  const found: number[] = [];
  const first = scan.next(release);
  if (first === NONE || scan.isTarget(first) || !leadsToEpilogues(scan, first, found)) return;
  if (!found.some((i) => scan.isBranch(i))) return;
  for (const i of found) if (scan.countsFromStack(i)) predict("hoisted-release", i, SUBJECT_CFA);
}

/** Above it the function makes as much room as is released: by a `sub`, or by a push of rax, which clang takes for eight bytes. */
function releasesRoom(scan: Scan, release: number): boolean {
  const bytes = scan.immediate(release, OP_ADD);
  for (const i of scan.above(release)) {
    const isOwn = scan.target(i, OP_ADD) === scan.registers.sp && scan.source(i, OP_ADD) === scan.registers.sp;
    if (isOwn && scan.immediate(i, OP_ADD) === -bytes) return true;
    if (bytes === 8 && scan.source(i, OP_PUSH) === RAX) return true;
  }
  return false;
}

/** Control comes straight from a call, and to that from a push that neither saves a register nor makes room. */
function takesArgumentsOff(scan: Scan, release: number): boolean {
  let hasCall = false;
  for (const i of scan.above(release)) {
    if (scan.isBranch(i) || scan.isJump(i) || scan.leaves(i)) return false;
    if (scan.isCall(i)) {
      if (hasCall) return false;
      hasCall = true;
    } else if (hasCall && scan.isPush(i)) {
      const register = scan.source(i, OP_PUSH);
      if (register !== RAX && (!scan.isCalleeSaved(register) || scan.isPushedBefore(i, register))) return true;
    }
    if (scan.isTarget(i)) return false;
  }
  return false;
}

/** Adds the instructions from `start` that stand before epilogues. @returns false where a way leads elsewhere */
function leadsToEpilogues(scan: Scan, start: number, found: number[]): boolean {
  for (let i = start; i !== NONE && found.length < FAR; i = scan.next(i)) {
    if (scan.isPop(i) || scan.leaves(i) || found.includes(i)) return true;
    if (scan.isCall(i) || scan.writes(i, scan.registers.sp)) return false;
    found.push(i);
    if (scan.isBranch(i))
      return leadsToEpilogues(scan, scan.next(i), found) && leadsToEpilogues(scan, scan.branchTarget(i), found);
  }
  return false;
}

/** From behind the load to where the function ends; C has saved the register before. */
function loadedFramePointer(scan: Scan, load: number, predict: Predict): void {
  const { fp } = scan.registers;
  if (scan.isPushedBefore(load, fp)) return;
  for (const i of scan.behind(load)) predict("loaded-frame-pointer", i, fp);
}

/** What the rules ask of instructions and rows. */
class Scan {
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
