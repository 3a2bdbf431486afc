/** Several loops that sleep between rounds and are woken together. */
export class Bell {
  #waiting = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Until it rings, `millis` have passed, or the signal says so. */
  wait(millis: number, signal: AbortSignal): Promise<void> {
    return new Promise((done) => {
      if (signal.aborted) return done();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#waiting.delete(end);
        done();
      };
      const timer = setTimeout(end, millis);
      signal.addEventListener("abort", end, { once: true });
      this.#waiting.add(end);
    });
  }
}

export interface LoopOptions {
  readonly bell: Bell;
  readonly signal: AbortSignal;
  readonly idleMillis: number;
  readonly onError: (error: unknown) => void;
}

/** Runs `step` again at once while it finds something to do, and else after a while, until the signal says so. Errors are told and waited out. */
export async function loop(step: () => Promise<boolean>, options: LoopOptions): Promise<void> {
  const { bell, signal, idleMillis, onError } = options;
  let pause = idleMillis;
  while (!signal.aborted) {
    let isBusy = false;
    try {
      isBusy = await step();
      pause = idleMillis;
    } catch (error) {
      onError(error);
      pause = Math.min(60_000, pause * 2);
    }
    if (!isBusy) await bell.wait(pause, signal);
  }
}
