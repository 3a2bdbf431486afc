import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { KIND_NOP, KIND_TRAP } from "../isa/insn-table.ts";
import type { Frames } from "./simulate.ts";
import { BASE_LOST, type FrameState } from "./state.ts";

/** What the walk came to. No-ops and traps count nowhere: they fill the room between functions. */
export interface Reach {
  /** Instructions that it came to over no path, ascending. A linked kernel has few of them, and several questions are about them alone. */
  readonly unreached: Int32Array;
  /** Bytes of the instructions that a path comes to. */
  readonly bytes: number;
  /** Of those, the bytes that were not followed: behind a finding, say. */
  readonly lostBytes: number;
}

const countedKind = new Uint8Array(256).fill(1);
for (const kind of [KIND_NOP, KIND_TRAP]) countedKind[kind] = 0;

const found = new WeakMap<Frames, Reach>();

/** All rows are looked through once, for all who ask. */
export function reachOf(flow: Pick<Flow, "kind" | "code">, frames: Frames): Reach {
  const known = found.get(frames);
  if (known !== undefined) return known;
  const { kind } = flow;
  const { size } = flow.code.insns;
  const { state, states } = frames;
  const isLost = lostStates(states.all);
  const anyLost = isLost.includes(1);
  let rows = new Int32Array(1024);
  let count = 0;
  let bytes = 0;
  let lostBytes = 0;
  for (let i = 0; i < state.length; i++) {
    const id = state[i] as number;
    const counts = countedKind[kind[i] as number] as number;
    if (id !== NONE) {
      bytes += counts * (size[i] as number);
      if (anyLost && isLost[id] !== 0) lostBytes += counts * (size[i] as number);
      continue;
    }
    if (counts === 0) continue;
    if (count === rows.length) {
      const full = rows;
      rows = new Int32Array(count * 2);
      rows.set(full);
    }
    rows[count++] = i;
  }
  const reach = { unreached: rows.slice(0, count), bytes, lostBytes };
  found.set(frames, reach);
  return reach;
}

/** state -> 1 when nothing is known and nothing is checked in it */
function lostStates(all: readonly FrameState[]): Uint8Array {
  const lost = new Uint8Array(all.length);
  for (let id = 0; id < all.length; id++) lost[id] = (all[id] as FrameState).base === BASE_LOST ? 1 : 0;
  return lost;
}
