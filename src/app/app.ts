import type { Probot } from "probot";
import type { Intake, Speech } from "../store/store.ts";
import { EVENTS, ordersOf } from "./events.ts";
import { errorWords, type Log } from "./log.ts";
import { queuedPost } from "./posts.ts";

export interface AppParts {
  readonly store: Intake & Pick<Speech, "announce">;
  readonly log: Log;
  /** There is something to do. */
  readonly wake: () => void;
}

/** The name under which GitHub's deliveries are remembered. */
export const DELIVERY_SOURCE = "github";

/**
 * The probot app. A handler stores what the event asks for and returns; it makes no call. When it throws, GitHub sees a failed delivery, which the
 * reconciler asks for again.
 */
export function objreviewApp({ store, log, wake }: AppParts): (probot: Probot) => void {
  return (probot) => {
    probot.on([...EVENTS], async ({ id, name, payload }) => {
      try {
        const orders = ordersOf(name, id, payload);
        if (orders.length === 0) return;
        const receipt = await store.receive({ source: DELIVERY_SOURCE, id }, orders);
        for (const review of receipt.reviews) {
          if (review !== undefined) await announceReview(store, review, orders);
        }
        log("info", "delivery", { id, event: name, orders: orders.length, repeated: receipt.repeated });
        wake();
      } catch (error) {
        log("error", "delivery was not stored", { id, event: name, error: errorWords(error) });
        throw error;
      }
    });
  };
}

async function announceReview(
  store: Pick<Speech, "announce">,
  review: string,
  orders: Parameters<Intake["receive"]>[1],
): Promise<void> {
  const order = orders.find((each) => each.kind === "review");
  // When this is lost in a crash the worker makes the check.
  if (order !== undefined) await store.announce(review, [queuedPost(review, order.target)]);
}
