import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { KIND_NOP, KIND_TRAP } from "../isa/insn-table.ts";
import type { Frames } from "./simulate.ts";

const found = new WeakMap<Frames, Int32Array>();

/**
 * Instructions that the walk came to over no path, ascending, without the no-ops and traps that fill the room between functions. A linked kernel has few
 * of them, and several questions are about them alone: all rows are looked through once.
 */
export function unreachedInsns({ kind }: Pick<Flow, "kind">, frames: Frames): Int32Array {
  const known = found.get(frames);
  if (known !== undefined) return known;
  const { state } = frames;
  let rows = new Int32Array(1024);
  let count = 0;
  for (let i = 0; i < state.length; i++) {
    if (state[i] !== NONE) continue;
    const k = kind[i];
    if (k === KIND_NOP || k === KIND_TRAP) continue;
    if (count === rows.length) {
      const full = rows;
      rows = new Int32Array(count * 2);
      rows.set(full);
    }
    rows[count++] = i;
  }
  const unreached = rows.slice(0, count);
  found.set(frames, unreached);
  return unreached;
}
