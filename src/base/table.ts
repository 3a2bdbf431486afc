// Struct-of-arrays tables. A column set is declared once; the builder, the finished table and the dump derive from it.

export const NONE = -1;

const arrayOf = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f64: Float64Array,
} as const;

export type ColumnKind = keyof typeof arrayOf;
export type Schema = Readonly<Record<string, ColumnKind>>;
type ColumnArray<K extends ColumnKind> = InstanceType<(typeof arrayOf)[K]>;

export type Columns<S extends Schema> = { [K in keyof S]: ColumnArray<S[K]> };
export type Table<S extends Schema> = Readonly<Columns<S>> & { readonly length: number };

/**
 * A table that still grows. Hot loops call `reserve`, lift `columns` to locals, write at `length` and raise it;
 * everything else calls `push`. `reserve` may replace the arrays, so locals are lifted again after it.
 */
export class TableBuilder<S extends Schema> {
  readonly schema: S;
  columns: Columns<S>;
  length = 0;
  #capacity: number;

  constructor(schema: S, capacity = 64) {
    this.schema = schema;
    this.#capacity = Math.max(1, capacity);
    this.columns = allocate(schema, this.#capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Makes room for `extra` more rows. */
  reserve(extra: number): void {
    const wanted = this.length + extra;
    if (wanted <= this.#capacity) return;
    let capacity = this.#capacity;
    while (capacity < wanted) capacity *= 2;
    const grown = allocate(this.schema, capacity);
    for (const key in this.schema) {
      const column = this.columns[key] as Int32Array<ArrayBuffer>;
      (grown[key] as Int32Array).set(column.subarray(0, this.length));
    }
    this.columns = grown;
    this.#capacity = capacity;
  }

  /** Appends one row and returns its index. */
  push(row: { readonly [K in keyof S]: number }): number {
    this.reserve(1);
    const at = this.length++;
    for (const key in this.schema) (this.columns[key] as Int32Array)[at] = row[key];
    return at;
  }

  /** The finished table: exact-length views; the builder is not to be used afterwards. */
  finish(): Table<S> {
    const out: Record<string, unknown> = { length: this.length };
    for (const key in this.schema) out[key] = (this.columns[key] as Int32Array).subarray(0, this.length);
    return out as Table<S>;
  }
}

function allocate<S extends Schema>(schema: S, capacity: number): Columns<S> {
  const out: Record<string, unknown> = {};
  for (const key in schema) out[key] = new arrayOf[schema[key] as ColumnKind](capacity);
  return out as Columns<S>;
}

/** One row as an object, for tests and messages. */
export function dumpRow<S extends Schema>(table: Table<S>, row: number): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [key, column] of Object.entries(table)) {
    if (typeof column !== "number") out[key] = (column as Int32Array)[row] as number;
  }
  return out;
}

/** First index in sorted `column[from..to)` whose value is not below `value`. */
export function lowerBound(column: ArrayLike<number>, value: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((column[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
