/** Milliseconds by phase, in the order in which phases began; a phase that comes again adds to its row. */
export class PhaseTimer {
  readonly #rows = new Map<string, number>();

  async time<T>(phase: string, work: () => Promise<T> | T): Promise<T> {
    const began = performance.now();
    if (!this.#rows.has(phase)) this.#rows.set(phase, 0);
    try {
      return await work();
    } finally {
      this.#rows.set(phase, (this.#rows.get(phase) as number) + performance.now() - began);
    }
  }

  rows(): { phase: string; millis: number }[] {
    return [...this.#rows].map(([phase, millis]) => ({ phase, millis: Math.round(millis) }));
  }
}
