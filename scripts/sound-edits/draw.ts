/** Seeded random choice: the same seed draws the same edits on every machine. mulberry32, public domain, by Tommy Ettinger. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }
}

/** What an edit makes of a file. */
export interface Edited {
  readonly text: string;
  /** One line for the subject: "rename a local variable of foo()". */
  readonly summary: string;
}

/** Makes one edit of its kind somewhere in the text, or finds no place for it. */
export type Edit = (text: string, draw: Draw) => Edited | undefined;
