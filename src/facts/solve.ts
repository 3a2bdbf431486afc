// Answers that go from function to function: the least fixpoint of "my own, and those of what I leave to", as sets of bits.

/** Nodes of a graph with the bits that each has by itself; solve() adds to each the bits of all that it can reach. */
export class BitGraph {
  readonly #bits: number[] = [];
  /** Edges as pairs; from reaches to. */
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  /** Returns the number of the new node. */
  add(bits: number): number {
    this.#bits.push(bits);
    return this.#bits.length - 1;
  }

  edge(from: number, to: number): void {
    this.#from.push(from);
    this.#to.push(to);
  }

  /** Gives a node bits of its own beyond those that it was made with. */
  raise(node: number, bits: number): void {
    this.#bits[node] = (this.#bits[node] as number) | bits;
  }

  /** node -> bits. Each edge is looked at once for each bit. */
  solve(): Uint8Array {
    const bits = Uint8Array.from(this.#bits);
    const first = new Int32Array(bits.length + 1);
    for (const to of this.#to) first[to + 1] = (first[to + 1] as number) + 1;
    for (let i = 0; i < bits.length; i++) first[i + 1] = (first[i + 1] as number) + (first[i] as number);
    const callers = new Int32Array(this.#to.length);
    const at = first.slice();
    for (let e = 0; e < callers.length; e++) {
      const to = this.#to[e] as number;
      callers[at[to] as number] = this.#from[e] as number;
      at[to] = (at[to] as number) + 1;
    }
    const work: number[] = [];
    for (let i = 0; i < bits.length; i++) if (bits[i] !== 0) work.push(i);
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      for (let e = first[node] as number; e < (first[node + 1] as number); e++) {
        const caller = callers[e] as number;
        const joined = (bits[caller] as number) | (bits[node] as number);
        if (joined === bits[caller]) continue;
        bits[caller] = joined;
        work.push(caller);
      }
    }
    return bits;
  }
}
