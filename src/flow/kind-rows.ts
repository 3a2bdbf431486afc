const KINDS = 256;

/** Both lists in one, ascending as they are. */
function merge(a: Int32Array, b: Int32Array): Int32Array {
  if (a.length === 0) return b;
  const all = new Int32Array(a.length + b.length);
  for (let n = 0, i = 0, j = 0; n < all.length; n++)
    all[n] = (j === b.length || (i < a.length && (a[i] as number) < (b[j] as number)) ? a[i++] : b[j++]) as number;
  return all;
}

/**
 * Rows by their kind. A rule that is about returns, or calls, or jumps to other functions asks for those, and does not look through the million rows of a
 * linked kernel that are something else. Sorted when it is first asked.
 */
export class KindRows {
  readonly #among: Int32Array;
  readonly #kind: Uint8Array;
  /** kind -> where its rows begin in #rows; one more for the end */
  #start: Int32Array | undefined;
  #rows = new Int32Array(0);

  /**
   * @param among rows, ascending; others have no kind that anybody asks for
   * @param kind row -> kind; it does not change any more once something was asked
   */
  constructor(among: Int32Array, kind: Uint8Array) {
    this.#among = among;
    this.#kind = kind;
  }

  /** Rows that have one of these kinds, ascending. */
  of(...kinds: readonly number[]): Int32Array {
    const start = this.#start ?? this.#sort();
    const parts = kinds.map((kind) => this.#rows.subarray(start[kind] as number, start[kind + 1] as number));
    return parts.filter((part) => part.length > 0).reduce(merge, new Int32Array(0));
  }

  #sort(): Int32Array {
    const among = this.#among;
    const kind = this.#kind;
    const start = new Int32Array(KINDS + 1);
    for (let n = 0; n < among.length; n++) {
      const behind = (kind[among[n] as number] as number) + 1;
      start[behind] = (start[behind] as number) + 1;
    }
    for (let k = 0; k < KINDS; k++) start[k + 1] = (start[k + 1] as number) + (start[k] as number);
    const rows = new Int32Array(among.length);
    const next = start.slice();
    for (let n = 0; n < among.length; n++) {
      const row = among[n] as number;
      const k = kind[row] as number;
      rows[next[k] as number] = row;
      next[k] = (next[k] as number) + 1;
    }
    this.#rows = rows;
    this.#start = start;
    return start;
  }
}
