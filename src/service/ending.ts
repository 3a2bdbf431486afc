// How an attempt at a review ends that came to no result, the same for every worker.

import { ToolError } from "../base/errors.ts";
import { machineReason } from "../kernel/machine.ts";
import type { Claim, Work } from "../store/store.ts";
import type { Lease } from "./lease.ts";
import { errorWords, type Log } from "./log.ts";

export interface EndingParts {
  readonly store: Pick<Work, "giveUp" | "putBack">;
  readonly log: Log;
  /** The service is to end. */
  readonly stop: AbortSignal;
}

/** What the machine could not do is tried again after so long: a disk that is full now is so in half a minute too. */
const MACHINE_BACKOFF_SECONDS = [120, 900, 3600];

/** In front of a reason of the machine where it is stored: it names no file and may be told to anybody. */
const MACHINE = "the machine: ";

/** After an error: drops a review that is somebody else's by now, gives back what a stop of the service cut off, and has the rest tried again. */
export async function endAttempt({ store, log, stop }: EndingParts, claim: Claim, lease: Lease, error: unknown) {
  const { review, attempt } = claim;
  if (lease.isLost) {
    log("info", "review dropped", { review: review.id });
    return;
  }
  if (stop.aborted) {
    const isBack = await store.putBack(claim);
    log("info", "review put back", { review: review.id, stored: isBack });
    return;
  }
  const machine = machineReason(error);
  const words = machine === undefined ? errorWords(error) : MACHINE + machine;
  const seconds = machine === undefined ? undefined : (MACHINE_BACKOFF_SECONDS[attempt - 1] ?? 3600);
  const left = await store.giveUp(claim, words, seconds);
  log("error", "review broke down", { review: review.id, error: errorWords(error), detail: tail(error), left });
}

function tail(error: unknown): string | undefined {
  return error instanceof ToolError ? error.stderrTail?.trim().split("\n").at(-1)?.slice(0, 500) : undefined;
}

/** One plain sentence for those who wait for a review that failed each time. What else is stored as its error is for the operator alone. */
export function failureWords(storedError: string): string {
  const tried = "objreview could not finish this review; it was tried several times";
  return storedError.startsWith(MACHINE) ? `${tried}: ${storedError.slice(MACHINE.length)}` : tried;
}
