import { NONE } from "./table.ts";

/** Rows of #slots per entry: the key and its value. */
const STRIDE = 2;

/** Integers that are not negative -> integers, in one typed array (open addressing, at most three quarters full): 11 to 22 bytes an entry. */
export class IntMap {
  #slots: Int32Array<ArrayBuffer>;
  #mask: number;
  #size = 0;

  /** @param entries about how many there will be; it grows as needed */
  constructor(entries = 8) {
    let slots = 16;
    while (slots * 3 < entries * 4) slots *= 2;
    this.#slots = new Int32Array(slots * STRIDE).fill(NONE);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  get(key: number): number | undefined {
    const at = this.#find(key);
    return this.#slots[at] === NONE ? undefined : (this.#slots[at + 1] as number);
  }

  set(key: number, value: number): void {
    if ((this.#size + 1) * 4 > (this.#mask + 1) * 3) this.#grow();
    const at = this.#find(key);
    if (this.#slots[at] === NONE) this.#size++;
    this.#slots[at] = key;
    this.#slots[at + 1] = value;
  }

  /** In no order that means anything. */
  *entries(): IterableIterator<readonly [key: number, value: number]> {
    for (let at = 0; at < this.#slots.length; at += STRIDE)
      if (this.#slots[at] !== NONE) yield [this.#slots[at] as number, this.#slots[at + 1] as number];
  }

  /** Place of the key, or of the free slot where it belongs. */
  #find(key: number): number {
    const slots = this.#slots;
    let hash = Math.imul(key, 0x9e3779b1);
    hash ^= hash >>> 15;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * STRIDE;
      if (slots[at] === NONE || slots[at] === key) return at;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array((this.#mask + 1) * STRIDE).fill(NONE);
    for (let from = 0; from < old.length; from += STRIDE) {
      if (old[from] === NONE) continue;
      const to = this.#find(old[from] as number);
      this.#slots[to] = old[from] as number;
      this.#slots[to + 1] = old[from + 1] as number;
    }
  }
}
