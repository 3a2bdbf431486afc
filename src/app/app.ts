import type { Probot } from "probot";
import { errorWords, type Log } from "../service/log.ts";
import type { Intake, Speech } from "../store/store.ts";
import { EVENTS, ordersOf } from "./events.ts";
import { placeOrders } from "./orders.ts";

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
        const placed = await placeOrders(store, DELIVERY_SOURCE, id, orders);
        log("info", "delivery", { id, event: name, orders: orders.length, reviews: placed });
        wake();
      } catch (error) {
        log("error", "delivery was not stored", { id, event: name, error: errorWords(error) });
        throw error;
      }
    });
  };
}
