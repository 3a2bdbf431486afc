import type { Claim, Work } from "../store/store.ts";
import { errorWords, type Log } from "./log.ts";

export interface LeaseParts {
  readonly store: Pick<Work, "progress">;
  readonly log: Log;
  /** Between two signs of life: less than half of the store's lease. */
  readonly beatMillis: number;
  /** The service is to end: what is under way is given back. */
  readonly stop: AbortSignal;
}

/** Says that the worker lives, and learns whether the review is still its own. */
export class Lease {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly signal: AbortSignal;
  phase = "starting";
  isLost = false;

  constructor({ store, beatMillis, stop, log }: LeaseParts, claim: Claim) {
    this.signal = AbortSignal.any([this.#abort.signal, stop]);
    let isBeating = false;
    this.#timer = setInterval(() => {
      if (isBeating) return;
      isBeating = true;
      store
        .progress(claim, this.phase)
        .then((isHeld) => {
          if (isHeld) return;
          this.isLost = true;
          this.#abort.abort();
        })
        // The store may be back in time. Where it is not, the lease ends and the next call says so.
        .catch((error: unknown) => log("warn", "no sign of life", { error: errorWords(error) }))
        .finally(() => {
          isBeating = false;
        });
    }, beatMillis).unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
