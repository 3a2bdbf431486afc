import { NONE } from "./table.ts";

/** From rows to rows, where the rows that have an entry lie close together: a column over the span from the first to the last of them. */
export class RowMap {
  readonly #first: number;
  readonly #column: Int32Array;
  #size = 0;

  /** For keys in [first, end). */
  constructor(first: number, end: number) {
    this.#first = first;
    this.#column = new Int32Array(Math.max(0, end - first)).fill(NONE);
  }

  get size(): number {
    return this.#size;
  }

  /** @param value not negative */
  set(row: number, value: number): void {
    if (this.#column[row - this.#first] === NONE) this.#size++;
    this.#column[row - this.#first] = value;
  }

  get(row: number): number | undefined {
    const at = row - this.#first;
    if (at < 0 || at >= this.#column.length) return undefined;
    const value = this.#column[at] as number;
    return value === NONE ? undefined : value;
  }

  has(row: number): boolean {
    return this.get(row) !== undefined;
  }

  /** Calls `visit` for every entry, by ascending row. */
  forEach(visit: (row: number, value: number) => void): void {
    const column = this.#column;
    for (let at = 0; at < column.length; at++) if (column[at] !== NONE) visit(this.#first + at, column[at] as number);
  }

  *keys(): IterableIterator<number> {
    for (let at = 0; at < this.#column.length; at++) if (this.#column[at] !== NONE) yield this.#first + at;
  }

  /** Entries by ascending row. */
  *[Symbol.iterator](): IterableIterator<readonly [row: number, value: number]> {
    for (let at = 0; at < this.#column.length; at++)
      if (this.#column[at] !== NONE) yield [this.#first + at, this.#column[at] as number];
  }
}
