/** A set of rows: one bit each. */
export class BitSet {
  readonly #words: Uint32Array;

  /** For rows in [0, length). */
  constructor(length: number) {
    this.#words = new Uint32Array((length + 31) >>> 5);
  }

  has(row: number): boolean {
    return ((this.#words[row >>> 5] as number) & (1 << (row & 31))) !== 0;
  }

  add(row: number): void {
    this.#words[row >>> 5] = (this.#words[row >>> 5] as number) | (1 << (row & 31));
  }
}
