/** How far a long piece of work is, in words: "312 of 2862, about 14 min left". */
export class Pace {
  readonly #total: number;
  readonly #began = performance.now();
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  count(): void {
    this.#done++;
  }

  /** @param more done beyond what was counted */
  line(more = 0): string {
    const done = Math.min(this.#done + more, this.#total);
    const text = `${done} of ${this.#total}`;
    // The first objects tell little of the rest.
    if (done < 10) return text;
    const seconds = ((performance.now() - this.#began) / 1000 / done) * (this.#total - done);
    return `${text}, about ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`} left`;
  }
}
