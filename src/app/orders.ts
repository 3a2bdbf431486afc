// Orders that come from no webhook of their own: put in under a name of their own, so that one that is handled twice is put in once.

import type { Order, Store } from "../store/store.ts";
import { queuedPost } from "./posts.ts";

export type OrderStore = Pick<Store, "receive" | "announce">;

/** The reviews that the orders led to. */
export async function placeOrders(store: OrderStore, source: string, id: string, orders: readonly Order[]) {
  const receipt = await store.receive({ source, id }, orders);
  const placed: string[] = [];
  for (const [i, review] of receipt.reviews.entries()) {
    const order = orders[i];
    if (review === undefined || order?.kind !== "review") continue;
    await store.announce(review, [queuedPost(review, order.target)]);
    placed.push(review);
  }
  return placed;
}
