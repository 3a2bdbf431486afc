import { NONE } from "./table.ts";

/** Rows of the table per entry: three keys and the value. */
const STRIDE = 4;

/**
 * Three 32-bit integers -> an integer that is not negative, in one typed array (open addressing, at most half full). Where a Map would need
 * a string or a double as its key, and would allocate for it.
 */
export class TripleMap {
  #slots: Int32Array<ArrayBuffer>;
  #mask: number;
  #size = 0;

  constructor(capacity = 64) {
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#slots = new Int32Array(slots * STRIDE).fill(NONE);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The value, or NONE. */
  get(a: number, b: number, c: number): number {
    return this.#slots[this.#find(a | 0, b | 0, c | 0) + 3] as number;
  }

  /** Sets a key that may be new or known. */
  set(a: number, b: number, c: number, value: number): void {
    if ((this.#size + 1) * 2 > this.#mask) this.#grow();
    const at = this.#find(a | 0, b | 0, c | 0);
    if (this.#slots[at + 3] === NONE) this.#size++;
    this.#slots[at] = a;
    this.#slots[at + 1] = b;
    this.#slots[at + 2] = c;
    this.#slots[at + 3] = value;
  }

  /** Place of the key, or of the free slot where it belongs. */
  #find(a: number, b: number, c: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    for (let slot = (hash ^ (hash >>> 13)) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * STRIDE;
      if (slots[at + 3] === NONE || (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c)) return at;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array((this.#mask + 1) * STRIDE).fill(NONE);
    for (let at = 0; at < old.length; at += STRIDE) {
      if (old[at + 3] === NONE) continue;
      const to = this.#find(old[at] as number, old[at + 1] as number, old[at + 2] as number);
      for (let n = 0; n < STRIDE; n++) this.#slots[to + n] = old[at + n] as number;
    }
  }
}
