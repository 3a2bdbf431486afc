import { lowerBound, NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { MARK_INSTEAD } from "../flow/marks.ts";
import type { Returns } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import type { Frames } from "./simulate.ts";
import { type FrameState, NOT_SAVED, NOWHERE, type Place } from "./state.ts";

// Which callee-saved registers still have, or have again, the caller's value. The frame state says in which slot a register was saved; whether it
// was changed after that makes no difference to a function, but it does to an unwinder that was told nothing of the slot.

/** insn -> bit set of the callee-saved registers that have the caller's value there on every way; 0 where no way leads. Linear. */
export function findUnchanged(flow: Flow, returns: Returns, frames: Frames): Uint32Array {
  const { calleeSaved } = flow.code.arch.registers;
  const { writes } = flow.code.insns;
  return walkAllWays(flow, returns, frames, calleeSaved, (from, to, before) => {
    const written = (writes[from] as number) & calleeSaved;
    return written === 0 ? before : (before & ~written) | restored(frames, from, to, written);
  });
}

/** insn -> bit set of the registers that were saved to a slot on every way there, whether or not they were read back since. Linear. */
export function findOnceSaved(flow: Flow, returns: Returns, frames: Frames): Uint32Array {
  const masks = Uint32Array.from(frames.states.all, ({ saved }) =>
    saved.reduce((mask, slot, r) => (slot === NOWHERE || slot === NOT_SAVED ? mask : mask | (1 << r)), 0),
  );
  return walkAllWays(
    flow,
    returns,
    frames,
    0,
    (from, _, before) => before | (masks[frames.state[from] as number] as number),
  );
}

/** From the bits before an instruction to those at one of its successors. */
type Edge = (from: number, to: number, before: number) => number;

/** Bits that hold on every way: two ways know what both know, so that each instruction is walked at most once a bit. */
function walkAllWays(flow: Flow, returns: Returns, frames: Frames, atRoots: number, edge: Edge): Uint32Array {
  const { marks, instead, functions } = flow;
  const { edges } = instead;
  const next = successors(flow, returns);
  const known = new Uint32Array(frames.state.length);
  const reached = new Uint8Array(frames.state.length);
  const isRoot = new Uint8Array(frames.state.length);
  const work: number[] = [];

  const arrive = (insn: number, incoming: number): void => {
    if (frames.state[insn] === NONE) return;
    const both = reached[insn] === 1 ? ((known[insn] as number) & incoming) >>> 0 : incoming >>> 0;
    if (reached[insn] === 1 && both === known[insn]) return;
    reached[insn] = 1;
    known[insn] = both;
    work.push(insn);
  };

  const roots = frames.cameFrom.roots();
  for (const root of roots) isRoot[root] = 1;
  for (const root of roots) arrive(root, atRoots);
  for (let insn = work.pop(); insn !== undefined; insn = work.pop()) {
    const before = known[insn] as number;
    if (((marks.bits[insn] as number) & MARK_INSTEAD) !== 0) {
      for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++)
        arrive(edges.to[e] as number, before);
      if (instead.skipped.has(insn)) continue;
    }
    const count = next.of(insn);
    for (let n = 0; n < count; n++) {
      const to = next.to[n] as number;
      // Whoever enters a function owes it what a caller does.
      if (isRoot[to] === 1 && functions.ofInsn[to] !== functions.ofInsn[insn]) continue;
      if (frames.state[to] !== NONE) arrive(to, edge(insn, to, before));
    }
  }
  return known;
}

/** Of the registers that an instruction writes, those that it reads back from the slot that they were saved in. */
function restored(frames: Frames, from: number, to: number, written: number): number {
  const { all } = frames.states;
  const before = (all[frames.state[from] as number] as FrameState).saved;
  const id = frames.state[to] as number;
  if (id === NONE) return 0;
  const after = (all[id] as FrameState).saved;
  let mask = 0;
  for (let r = 0; r < before.length; r++) {
    const slot = before[r] as Place;
    if (((written >>> r) & 1) === 1 && slot !== NOWHERE && slot !== NOT_SAVED && after[r] === NOWHERE) mask |= 1 << r;
  }
  return mask >>> 0;
}
