import { IntMap } from "../base/int-map.ts";
import { NONE } from "../base/table.ts";

/** From where each instruction was first reached: nearly always from the row before it, so only the others are kept. */
export class CameFrom {
  /** insn -> state id, NONE where nothing was walked */
  readonly #state: Int32Array;
  readonly #others: IntMap;

  constructor(state: Int32Array) {
    this.#state = state;
    this.#others = new IntMap(state.length >>> 4);
  }

  get length(): number {
    return this.#state.length;
  }

  /** -> instruction that first led here, itself for a root, NONE where no path comes */
  of(insn: number): number {
    if (this.#state[insn] === NONE) return NONE;
    return this.#others.get(insn) ?? insn - 1;
  }

  /** Said once of an instruction, when it is reached. */
  set(insn: number, from: number): void {
    if (from !== insn - 1) this.#others.set(insn, from);
  }

  /** Instructions that are walked from without coming from another, ascending. */
  roots(): number[] {
    const found: number[] = [];
    for (const [insn, from] of this.#others.entries()) if (insn === from) found.push(insn);
    return found.sort((a, b) => a - b);
  }
}
