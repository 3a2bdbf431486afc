import type { FrameState } from "./state.ts";

/** A way to an instruction with a hint, and the frame that it brings: the hint's own is taken over in its place. */
export interface Brought {
  readonly insn: number;
  /** Instruction that control comes from. */
  readonly from: number;
  readonly state: FrameState;
}

/** Collects them while the walk goes on: of a way that is gone again, the last, when the least is known. */
export class BroughtFrames {
  readonly #frames = new Map<number, Map<number, FrameState>>();

  set(insn: number, from: number, state: FrameState): void {
    let ways = this.#frames.get(insn);
    if (ways === undefined) {
      ways = new Map();
      this.#frames.set(insn, ways);
    }
    ways.set(from, state);
  }

  /** In no order. */
  all(): Brought[] {
    return [...this.#frames].flatMap(([insn, ways]) => [...ways].map(([from, state]) => ({ insn, from, state })));
  }
}
