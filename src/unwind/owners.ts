import { BitSet } from "../base/bit-set.ts";
import { NONE } from "../base/table.ts";

/** Exceptions that a Map holds; with more of them a column takes less. */
const MOST_KEPT = 1 << 16;

/**
 * For which function each instruction was walked: nearly always the innermost one that covers it, so only the others are kept (assembly
 * without a function that one runs into, replacements).
 */
export class Owners {
  readonly #ofInsn: Int32Array;
  /** insn -> state id, NONE where nothing was walked */
  readonly #state: Int32Array;
  readonly #others = new Map<number, number>();
  /** Rows that #others has. */
  readonly #isOther: BitSet;
  #column: Int32Array | undefined;

  constructor(ofInsn: Int32Array, state: Int32Array) {
    this.#ofInsn = ofInsn;
    this.#state = state;
    this.#isOther = new BitSet(state.length);
  }

  /** -> function, or NONE for code without one and where no path comes */
  of(insn: number): number {
    if (this.#state[insn] === NONE) return NONE;
    if (this.#column !== undefined) return this.#column[insn] as number;
    return this.#isOther.has(insn) ? (this.#others.get(insn) as number) : (this.#ofInsn[insn] as number);
  }

  /** Said of an instruction that is reached, at the latest when it is another function than the one that covers it. */
  set(insn: number, owner: number): void {
    if (this.#column !== undefined) this.#column[insn] = owner;
    else if (owner !== this.#ofInsn[insn]) {
      this.#others.set(insn, owner);
      this.#isOther.add(insn);
      if (this.#others.size > MOST_KEPT) this.#spill();
    }
  }

  #spill(): void {
    this.#column = this.#ofInsn.slice();
    for (const [insn, owner] of this.#others) this.#column[insn] = owner;
    this.#others.clear();
  }
}
