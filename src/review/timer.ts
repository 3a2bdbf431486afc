/**
 * Milliseconds by phase, in the order in which phases began; a phase that comes again adds to its row. Time of a phase inside another
 * counts for the inner one alone, so that the rows add up to the time that went by.
 */
export class PhaseTimer {
  readonly #rows = new Map<string, number>();
  /** Phases that are under way, outermost first. */
  readonly #open: string[] = [];
  readonly #now: () => number;
  #since = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Phases nest; two at the same time are not for this timer. */
  async time<T>(phase: string, work: () => Promise<T> | T): Promise<T> {
    this.#settle();
    if (!this.#rows.has(phase)) this.#rows.set(phase, 0);
    this.#open.push(phase);
    try {
      return await work();
    } finally {
      this.#settle();
      this.#open.pop();
    }
  }

  rows(): { phase: string; millis: number }[] {
    return [...this.#rows].map(([phase, millis]) => ({ phase, millis: Math.round(millis) }));
  }

  /** Gives the time since the last change to the innermost phase. */
  #settle(): void {
    const now = this.#now();
    const inner = this.#open.at(-1);
    if (inner !== undefined) this.#rows.set(inner, (this.#rows.get(inner) as number) + now - this.#since);
    this.#since = now;
  }
}
