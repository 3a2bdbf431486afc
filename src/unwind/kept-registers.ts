import { lowerBound, NONE } from "../base/table.ts";
import { type Flow, KIND_CONDITIONAL_TAIL, KIND_INDIRECT_TAIL, KIND_TAIL_CALL, ownerOf } from "../flow/flow.ts";
import { MARK_INSTEAD } from "../flow/marks.ts";
import { functionOfSymbol, type Returns } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import {
  KIND_CALL,
  KIND_INDIRECT_CALL,
  KIND_RETURN,
  NO_REGISTER,
  OP_ADD,
  OP_LOAD,
  OP_PUSH,
  OP_STORE,
} from "../isa/insn-table.ts";
import type { Frames } from "./simulate.ts";
import { BASE_LOST, FRAME_CALL, type FrameState, moved, NOWHERE, type Place } from "./state.ts";
import { applyOp } from "./transfer.ts";

// Which callee-saved registers a function does not give back. The frame walk sees a register that was saved and not restored; here are those
// that are overwritten without having been saved, which nothing on the stack tells of.
//
//   holds[r]   callee-saved register whose value at the entry register r has now, or NOTHING
//   spoilt     callee-saved registers whose stack slot holds something else than the value at the entry
//   elsewhere  callee-saved registers whose value at the entry was written to memory that is no known stack slot
//
// Two ways to one instruction know what both know. Only functions with a write over an unsaved register are walked, or with a call of a function
// that loses one: in compiled code there are none, since compilers save first.

/** A way out of a function on which a callee-saved register does not have the caller's value. */
export interface LostRegister {
  /** The function (the parent of its parts). */
  readonly owner: number;
  readonly register: number;
  /** Instruction that overwrites it, or a call. */
  readonly at: number;
  /** Symbol that the call at `at` names, which loses it; NONE where the function itself does. */
  readonly callee: number;
  /** Return or tail call that it reaches so. */
  readonly exit: number;
  /** Instructions from `at` to `exit`. */
  readonly way: readonly number[];
}

export interface KeptRegisters {
  /** One entry for each function and register, sorted by function and register. */
  readonly lost: readonly LostRegister[];
  /** Functions that are too large to be walked: nothing is said of them. */
  readonly unfinished: readonly number[];
}

/** Bit set (1 << register) of the callee-saved registers that calls of another object's symbol lose; undefined: not known, taken to be none. */
export type Clobbers = (symbol: string) => number | undefined;

const NOTHING = -1;
/** How many callers of callers of one object are looked at behind a function that loses a register. */
const MAX_ROUNDS = 8;
/** Instructions of one function that are walked, each with what is known there; nothing is said of a larger one. */
const MAX_WALKED = 200_000;

interface Knowledge {
  readonly holds: Int8Array;
  spoilt: number;
  elsewhere: number;
}

/** Linear in the code, and in that of the functions that are walked; each is walked at most MAX_ROUNDS times. */
export function findLostRegisters(
  flow: Flow,
  returns: Returns,
  frames: Frames,
  clobbers: Clobbers = () => undefined,
): KeptRegisters {
  const unsaved = unsavedMasks(flow, frames);
  const callees = new Callees(flow, clobbers);
  const found = new Map<number, readonly LostRegister[]>();
  const unfinished = new Set<number>();
  let wanted = writers(flow, frames, unsaved);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (round === 0) for (const f of callers(flow, frames, unsaved, callees)) wanted.add(f);
    let changed = false;
    for (const [owner, roots] of rootsOf(wanted, flow, frames)) {
      const lost = walk(flow, returns, frames, callees, owner, roots);
      if (lost === undefined) unfinished.add(owner);
      else {
        found.set(owner, lost);
        if (callees.learn(owner, lost)) changed = true;
      }
    }
    if (!changed) break;
    wanted = new Set(callers(flow, frames, unsaved, callees).filter((f) => !unfinished.has(f)));
  }
  const lost = [...found.values()].flat().sort((a, b) => a.owner - b.owner || a.register - b.register);
  return { lost, unfinished: [...unfinished].sort((a, b) => a - b) };
}

/** What calls lose: by what is known of this object's functions, or of other objects. */
class Callees {
  readonly #flow: Flow;
  readonly #clobbers: Clobbers;
  /** function (parent) -> registers that it loses */
  readonly #own = new Map<number, number>();
  readonly #others = new Map<number, number>();

  constructor(flow: Flow, clobbers: Clobbers) {
    this.#flow = flow;
    this.#clobbers = clobbers;
  }

  /** Takes in what a function loses; true when that is more than was known. */
  learn(owner: number, lost: readonly LostRegister[]): boolean {
    const before = this.#own.get(owner) ?? 0;
    const mask = lost.reduce((all, { register }) => all | (1 << register), before);
    this.#own.set(owner, mask);
    return mask !== before;
  }

  /** Bit set of the registers that the call or tail call at an instruction loses; 0 for every other instruction. */
  lostAt(insn: number): number {
    const k = this.#flow.kind[insn] as number;
    if (k !== KIND_CALL && k !== KIND_TAIL_CALL && k !== KIND_CONDITIONAL_TAIL) return 0;
    const symbol = this.#flow.symbol.at(insn);
    if (symbol === NONE) return 0;
    const callee = functionOfSymbol(this.#flow, symbol);
    if (callee !== NONE) return this.#own.get(this.#flow.functions.table.parent[callee] as number) ?? 0;
    let mask = this.#others.get(symbol);
    if (mask === undefined) {
      mask = this.#clobbers(this.#flow.code.object.symbolName[symbol] as string) ?? 0;
      this.#others.set(symbol, mask);
    }
    return mask;
  }
}

/** state -> callee-saved registers that are not saved in it */
function unsavedMasks(flow: Flow, frames: Frames): Uint32Array {
  const { calleeSaved } = flow.code.arch.registers;
  return Uint32Array.from(frames.states.all, (state) => (isFollowed(state) ? calleeSaved & ~savedMask(state) : 0));
}

/** Functions that write a callee-saved register that is not saved then. */
function writers(flow: Flow, frames: Frames, unsaved: Uint32Array): Set<number> {
  const { calleeSaved } = flow.code.arch.registers;
  const { parent } = flow.functions.table;
  const { writes } = flow.code.insns;
  const wanted = new Set<number>();
  for (let i = 0; i < writes.length; i++) {
    if (((writes[i] as number) & calleeSaved) === 0) continue;
    const id = frames.state[i] as number;
    if (id === NONE || ((writes[i] as number) & (unsaved[id] as number)) === 0) continue;
    const f = frames.owner.of(i);
    if (f >= 0) wanted.add(parent[f] as number);
  }
  return wanted;
}

/** Functions that call what loses a register that is not saved then. */
function callers(flow: Flow, frames: Frames, unsaved: Uint32Array, callees: Callees): number[] {
  const { parent } = flow.functions.table;
  const found = new Set<number>();
  for (let n = 0; n < flow.turns.length; n++) {
    const i = flow.turns[n] as number;
    const id = frames.state[i] as number;
    if (id === NONE || (callees.lostAt(i) & (unsaved[id] as number)) === 0) continue;
    const f = frames.owner.of(i);
    if (f >= 0) found.add(parent[f] as number);
  }
  return [...found];
}

/** function -> the instructions that it is entered at */
function rootsOf(wanted: ReadonlySet<number>, flow: Flow, frames: Frames): Map<number, number[]> {
  const { parent } = flow.functions.table;
  const roots = new Map<number, number[]>([...wanted].map((f) => [f, []]));
  if (roots.size === 0) return roots;
  for (const i of frames.cameFrom.roots()) {
    const f = frames.owner.of(i);
    if (f >= 0) roots.get(parent[f] as number)?.push(i);
  }
  return roots;
}

function isFollowed(state: FrameState): boolean {
  return state.type === FRAME_CALL && state.base < BASE_LOST;
}

function savedMask(state: FrameState): number {
  let mask = 0;
  for (let r = 0; r < state.saved.length; r++) if (state.saved[r] !== NOWHERE) mask |= 1 << r;
  return mask;
}

/** undefined for a function that is too large */
function walk(
  flow: Flow,
  returns: Returns,
  frames: Frames,
  callees: Callees,
  owner: number,
  roots: readonly number[],
): readonly LostRegister[] | undefined {
  const { marks, instead, kind, functions } = flow;
  const { calleeSaved, name } = flow.code.arch.registers;
  const { edges } = instead;
  const next = successors(flow, returns);
  const known = new Map<number, Knowledge>();
  /** insn * registers + register -> instruction over which it came there lost */
  const lostFrom = new Map<number, number>();
  const exits: number[] = [];
  const work: number[] = [];
  const registers = name.length;

  const arrive = (insn: number, from: number, incoming: Knowledge): void => {
    const f = ownerOf(flow, insn);
    if (f === NONE || functions.table.parent[f] !== owner || frames.state[insn] === NONE) return;
    const held = known.get(insn);
    for (let r = 0; r < registers; r++) {
      if (((calleeSaved >>> r) & 1) === 0 || incoming.holds[r] === r || from === NONE) continue;
      if (!lostFrom.has(insn * registers + r)) lostFrom.set(insn * registers + r, from);
    }
    if (held === undefined) {
      known.set(insn, copyOf(incoming));
      work.push(insn);
    } else if (join(held, incoming)) work.push(insn);
  };

  const start: Knowledge = { holds: new Int8Array(registers).fill(NOTHING), spoilt: 0, elsewhere: 0 };
  for (let r = 0; r < registers; r++) if (((calleeSaved >>> r) & 1) === 1) start.holds[r] = r;
  for (const root of roots) arrive(root, NONE, start);
  for (let insn = work.pop(); insn !== undefined; insn = work.pop()) {
    if (known.size > MAX_WALKED) return undefined;
    const before = known.get(insn) as Knowledge;
    if (((marks.bits[insn] as number) & MARK_INSTEAD) !== 0) {
      for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++)
        arrive(edges.to[e] as number, insn, before);
      if (instead.skipped.has(insn)) continue;
    }
    if (isExit(kind[insn] as number)) exits.push(insn);
    const after = copyOf(before);
    transfer(flow, frames, insn, after);
    const lostByCall = callees.lostAt(insn);
    for (let r = 0; lostByCall >>> r !== 0; r++) if (((lostByCall >>> r) & 1) === 1) after.holds[r] = NOTHING;
    const count = next.of(insn);
    for (const to of next.to.slice(0, count)) arrive(to, insn, after);
  }
  const lost = new Map<number, LostRegister>();
  for (const exit of [...new Set(exits)].sort((a, b) => a - b)) {
    const state = frames.states.all[frames.state[exit] as number] as FrameState;
    if (!isFollowed(state)) continue;
    const { holds } = known.get(exit) as Knowledge;
    const lostByCall = callees.lostAt(exit);
    for (let r = 0; r < registers; r++) {
      const isKept = holds[r] === r && ((lostByCall >>> r) & 1) === 0;
      // A register that still lies in its slot is told as a modified frame.
      if (((calleeSaved >>> r) & 1) === 0 || isKept || state.saved[r] !== NOWHERE || lost.has(r)) continue;
      const way = wayOf(r, exit);
      const at = way[0] as number;
      const callee = ((callees.lostAt(at) >>> r) & 1) === 1 ? flow.symbol.at(at) : NONE;
      lost.set(r, { owner, register: r, at, callee, exit, way });
    }
  }
  return [...lost.values()];

  function wayOf(register: number, exit: number): number[] {
    const way = [exit];
    const seen = new Set(way);
    for (let i = exit; ; ) {
      const from = lostFrom.get(i * registers + register);
      if (from === undefined || seen.has(from)) return way.reverse();
      way.push(from);
      seen.add(from);
      i = from;
    }
  }
}

function isExit(kind: number): boolean {
  return (
    kind === KIND_RETURN || kind === KIND_TAIL_CALL || kind === KIND_CONDITIONAL_TAIL || kind === KIND_INDIRECT_TAIL
  );
}

function copyOf(k: Knowledge): Knowledge {
  return { holds: k.holds.slice(), spoilt: k.spoilt, elsewhere: k.elsewhere };
}

/** Takes from `held` what `incoming` does not know; true when that changed it. */
function join(held: Knowledge, incoming: Knowledge): boolean {
  let changed = false;
  for (let r = 0; r < held.holds.length; r++) {
    if (held.holds[r] === NOTHING || held.holds[r] === incoming.holds[r]) continue;
    held.holds[r] = NOTHING;
    changed = true;
  }
  const spoilt = held.spoilt | incoming.spoilt;
  const elsewhere = held.elsewhere | incoming.elsewhere;
  if (spoilt !== held.spoilt || elsewhere !== held.elsewhere) changed = true;
  held.spoilt = spoilt;
  held.elsewhere = elsewhere;
  return changed;
}

function transfer(flow: Flow, frames: Frames, insn: number, k: Knowledge): void {
  const { insns, ops, arch } = flow.code;
  const { calleeSaved, sp } = arch.registers;
  const { states } = frames;
  let state = states.all[frames.state[insn] as number] as FrameState;
  let handled = 0;
  const first = insns.op.at(insn);
  if (first !== NONE) {
    for (let row = first; row < ops.length && ops.insn[row] === insn; row++) {
      const op = ops.op[row] as number;
      const dst = ops.dst[row] as number;
      const src = ops.src[row] as number;
      const imm = ops.imm[row] as number;
      const after = applyOp(states, state, op, dst, src, imm).state;
      if (op === OP_STORE || op === OP_PUSH) saveTo(k, src, slotOf(state, op, dst, imm, sp), state, after, calleeSaved);
      else if (dst !== NO_REGISTER) {
        handled |= 1 << dst;
        if (dst < state.saved.length && state.saved[dst] !== NOWHERE && after.saved[dst] === NOWHERE)
          k.holds[dst] = ((k.spoilt >>> dst) & 1) === 1 ? NOTHING : dst;
        else if (op === OP_ADD && imm === 0 && src !== NO_REGISTER) k.holds[dst] = k.holds[src] as number;
        else if (op === OP_LOAD && ((k.elsewhere >>> dst) & 1) === 1) k.holds[dst] = dst;
        else k.holds[dst] = NOTHING;
      }
      state = after;
    }
  }
  const written = (insns.writes[insn] as number) & ~handled;
  for (let r = 0; written >>> r !== 0 && r < k.holds.length; r++) if (((written >>> r) & 1) === 1) k.holds[r] = NOTHING;
  const kind = flow.kind[insn] as number;
  if (kind !== KIND_CALL && kind !== KIND_INDIRECT_CALL) return;
  for (let r = 0; r < k.holds.length; r++) if (((calleeSaved >>> r) & 1) === 0) k.holds[r] = NOTHING;
}

function slotOf(state: FrameState, op: number, base: number, imm: number, sp: number): Place {
  return op === OP_PUSH
    ? moved(state.value[sp] as Place, 0)
    : base === NO_REGISTER
      ? NOWHERE
      : moved(state.value[base] as Place, imm);
}

/** A register is written to a stack slot, or to memory that is none. */
function saveTo(k: Knowledge, src: number, slot: Place, state: FrameState, after: FrameState, calleeSaved: number) {
  if (src === NO_REGISTER || src >= k.holds.length) return;
  if (state.saved[src] === NOWHERE && after.saved[src] !== NOWHERE) {
    if (k.holds[src] === src) k.spoilt &= ~(1 << src);
    else k.spoilt |= 1 << src;
  } else if (slot === NOWHERE && ((calleeSaved >>> src) & 1) === 1 && k.holds[src] === src) k.elsewhere |= 1 << src;
}
