import { NONE } from "./table.ts";

// A column of 32-bit values that few rows have: a bit a row says which, and the values of those stand side by side, found by counting the
// bits before (rank). 2 bits a row and 4 bytes a value, where a plain column takes 4 bytes a row.

const WORD_SHIFT = 5;

function countBits(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Row -> value, NONE for every row without one. */
export class SparseColumn {
  readonly length: number;
  /** One bit a row. */
  readonly #present: Uint32Array;
  /** word of #present -> values before it */
  readonly #before: Uint32Array;
  readonly #values: Int32Array;

  constructor(length: number, present: Uint32Array, values: Int32Array) {
    this.length = length;
    this.#present = present;
    this.#values = values;
    this.#before = new Uint32Array(present.length);
    for (let word = 0, count = 0; word < present.length; word++) {
      this.#before[word] = count;
      count += countBits(present[word] as number);
    }
  }

  /** The row's value, NONE also outside of the table. */
  at(row: number): number {
    const word = row >>> WORD_SHIFT;
    const present = this.#present[word] as number;
    const bit = 1 << (row & 31);
    if ((present & bit) === 0) return NONE;
    return this.#values[(this.#before[word] as number) + countBits(present & (bit - 1))] as number;
  }

  /** The value of the first row at `row` or behind it that has one, or NONE. */
  from(row: number): number {
    const word = row >>> WORD_SHIFT;
    if (word >= this.#present.length) return NONE;
    const bit = 1 << (row & 31);
    const at = (this.#before[word] as number) + countBits((this.#present[word] as number) & (bit - 1));
    return at < this.#values.length ? (this.#values[at] as number) : NONE;
  }

  /** Calls `visit` for every row that has a value, from row `from` up to `to`, ascending. */
  forEach(visit: (row: number, value: number) => void, from = 0, to = this.length): void {
    if (from >= to) return;
    const first = from >>> WORD_SHIFT;
    const last = Math.min((to - 1) >>> WORD_SHIFT, this.#present.length - 1);
    for (let word = first; word <= last; word++) {
      let at = this.#before[word] as number;
      for (let left = this.#present[word] as number; left !== 0; left &= left - 1, at++) {
        const row = (word << WORD_SHIFT) + 31 - Math.clz32(left & -left);
        if (row >= from && row < to) visit(row, this.#values[at] as number);
      }
    }
  }

  includes(value: number): boolean {
    return this.#values.includes(value);
  }
}

/** Rows come in ascending order, each once. */
export class SparseColumnBuilder {
  #present: Uint32Array<ArrayBuffer>;
  #values: Int32Array<ArrayBuffer>;
  #count = 0;

  /** @param rows about how many rows there are; it grows as needed */
  constructor(rows: number, values = rows >>> 3) {
    this.#present = new Uint32Array((rows >>> WORD_SHIFT) + 1);
    this.#values = new Int32Array(Math.max(16, values));
  }

  /** @param row behind every row that has a value already */
  add(row: number, value: number): void {
    const word = row >>> WORD_SHIFT;
    if (word >= this.#present.length) this.#reserveWords(word + 1);
    if (this.#count === this.#values.length) this.#reserveValues(this.#count + 1);
    this.#present[word] = (this.#present[word] as number) | (1 << (row & 31));
    this.#values[this.#count++] = value;
  }

  /**
   * Adds what of a plain column is not NONE, with `addend` added to each value.
   * @param row the row of column[0], behind every row that has a value already
   */
  addPlain(column: Int32Array, length: number, row: number, addend: number): void {
    this.#reserveWords(((row + length) >>> WORD_SHIFT) + 1);
    this.#reserveValues(this.#count + length);
    const present = this.#present;
    const values = this.#values;
    let count = this.#count;
    // A word at a time, and without a branch that nobody can foresee: what is written for a row without a value is written over by the next.
    for (let i = 0; i < length; ) {
      const word = (row + i) >>> WORD_SHIFT;
      const end = Math.min(length, ((word + 1) << WORD_SHIFT) - row);
      let bits = 0;
      for (; i < end; i++) {
        const value = column[i] as number;
        const has = value === NONE ? 0 : 1;
        values[count] = value + addend;
        count += has;
        bits |= has << (row + i);
      }
      present[word] = (present[word] as number) | bits;
    }
    this.#count = count;
  }

  #reserveWords(words: number): void {
    if (words <= this.#present.length) return;
    const grown = new Uint32Array(Math.max(words, this.#present.length * 2));
    grown.set(this.#present);
    this.#present = grown;
  }

  #reserveValues(wanted: number): void {
    if (wanted <= this.#values.length) return;
    const grown = new Int32Array(Math.max(wanted, this.#values.length * 2));
    grown.set(this.#values);
    this.#values = grown;
  }

  /** The column of a table of `length` rows; the builder is not to be used afterwards. */
  finish(length: number): SparseColumn {
    const words = (length + 31) >>> WORD_SHIFT;
    return new SparseColumn(length, this.#present.subarray(0, words), this.#values.subarray(0, this.#count));
  }
}
