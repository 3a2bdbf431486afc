import { lowerBound, NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { MARK_INSTEAD } from "../flow/marks.ts";
import type { Returns } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import type { Frames } from "./simulate.ts";
import { type FrameState, NOT_SAVED, NOWHERE, type Place } from "./state.ts";

// Which callee-saved registers still have, or have again, the caller's value. The frame state says in which slot a register was saved; whether it
// was changed after that makes no difference to a function, but it does to an unwinder that was told nothing of the slot.

/**
 * insn -> bit set of the callee-saved registers that have the caller's value there on every way; 0 where no way leads. Two ways know what both
 * know, so that each instruction is walked at most once a register: linear.
 */
export function findUnchanged(flow: Flow, returns: Returns, frames: Frames): Uint32Array {
  const { marks, instead, code, functions } = flow;
  const { calleeSaved } = code.arch.registers;
  const { writes } = code.insns;
  const { edges } = instead;
  const next = successors(flow, returns);
  const unchanged = new Uint32Array(frames.state.length);
  const reached = new Uint8Array(frames.state.length);
  const isRoot = new Uint8Array(frames.state.length);
  const work: number[] = [];

  const arrive = (insn: number, incoming: number): void => {
    if (frames.state[insn] === NONE) return;
    const known = reached[insn] === 1 ? (unchanged[insn] as number) & incoming : incoming;
    if (reached[insn] === 1 && known === unchanged[insn]) return;
    reached[insn] = 1;
    unchanged[insn] = known;
    work.push(insn);
  };
  const go = (from: number, to: number, before: number): void => {
    // Whoever enters a function owes it all registers, as a caller does.
    if (isRoot[to] === 1 && functions.ofInsn[to] !== functions.ofInsn[from]) return;
    const written = (writes[from] as number) & calleeSaved;
    arrive(to, written === 0 ? before : (before & ~written) | restored(frames, from, to, written));
  };

  const roots = frames.cameFrom.roots();
  for (const root of roots) isRoot[root] = 1;
  for (const root of roots) arrive(root, calleeSaved);
  for (let insn = work.pop(); insn !== undefined; insn = work.pop()) {
    const before = unchanged[insn] as number;
    if (((marks.bits[insn] as number) & MARK_INSTEAD) !== 0) {
      for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++)
        arrive(edges.to[e] as number, before);
      if (instead.skipped.has(insn)) continue;
    }
    const count = next.of(insn);
    // `next` is shared only with itself here: nothing asks it before the loop ends.
    for (let n = 0; n < count; n++) go(insn, next.to[n] as number, before);
  }
  return unchanged;
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
