import { NONE } from "../../src/base/table.ts";
import type { Flow } from "../../src/flow/flow.ts";
import { OP_ADD, OP_POP, OP_PUSH, OP_PUSH_FLAGS, OP_PUSH_MEMORY } from "../../src/isa/insn-table.ts";
import { SUBJECT_CFA } from "../../src/unwind/witness-compare.ts";
import type { WitnessRows } from "../../src/unwind/witness-rows.ts";
import { FAR, Scan } from "./scan.ts";

// Why compilers' frame data differs from the instructions, each reason as a rule that predicts every instruction at which it does, from the
// instructions alone and from the register that a row counts from (one asks what a part's first row says): nothing that the comparison found goes into it. What no rule predicted is
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
    id: "restored-to-first-row",
    title:
      "rbp is popped in a part of a function that it was saved for elsewhere: .sframe goes back to that part's first row, not to the caller's",
    whose: "the assemblers",
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
/** Instructions, as FAR is: for what pushes the arguments of one call. */
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
      if (scan.writes(i, fp) && scan.target(i, OP_POP) !== fp && scan.target(i, OP_ADD) !== fp)
        loadedFramePointer(scan, i, predict);
      continue;
    }
    if (scan.isIret(i)) iretToSelf(scan, i, predict);
    else if (scan.operation(i, OP_PUSH_FLAGS) !== NONE) flagsPush(scan, i, predict);
    else if (scan.target(i, OP_ADD) === sp) {
      if (scan.source(i, OP_ADD) !== sp) stackSwitch(scan, i, predict);
      else if (compiler === "clang") hoistedRelease(scan, i, predict);
    } else if (scan.operation(i, OP_POP) !== NONE) {
      if (compiler === "clang") poppedSlot(scan, i, predict);
      else {
        earlyRestore(scan, i, predict);
        if (witness.witness === "sframe") restoredToFirstRow(scan, i, predict);
      }
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
  for (let i = scan.next(call), n = 0; i !== NONE && n < FEW; i = scan.onwards(i), n++) {
    if (scan.target(i, OP_ADD) === scan.registers.sp && scan.immediate(i, OP_ADD) > 0) return true;
    if (scan.writes(i, scan.registers.sp) || scan.isCall(i) || scan.isBranch(i)) return false;
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

/** From behind the pop to where the part is left. */
function restoredToFirstRow(scan: Scan, pop: number, predict: Predict): void {
  const { fp } = scan.registers;
  if (scan.target(pop, OP_POP) !== fp || !scan.isPart(pop) || !scan.isSavedAtStart(pop, fp)) return;
  for (let i = scan.next(pop), n = 0; i !== NONE && n < FAR; i = scan.next(i), n++) {
    predict("restored-to-first-row", i, fp);
    if (scan.isJump(i)) return;
  }
}

/** From behind the load, which is no pop and no copy, to where the function ends; C has saved the register before. */
function loadedFramePointer(scan: Scan, load: number, predict: Predict): void {
  const { fp } = scan.registers;
  if (scan.isPart(load) || scan.isPushedBefore(load, fp)) return;
  for (const i of scan.behind(load)) predict("loaded-frame-pointer", i, fp);
}
