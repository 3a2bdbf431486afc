// The speaker's posts about a review, and their identities: each is put into the outbox once, however often it is asked for.

import type { PostOrder } from "../store/store.ts";

/** The check of a review that waits. */
export function queuedPost(review: string, target: string): PostOrder {
  return { identity: `queued:${review}`, target, kind: "queued", body: JSON.stringify({ review }), manner: "again" };
}

/** Its place in the line, when that has changed. */
export function positionPost(review: string, target: string, ahead: number): PostOrder {
  const body = JSON.stringify({ review, ahead });
  return { identity: `position:${review}:${ahead}`, target, kind: "position", body, manner: "again" };
}

/** All that is said at the end of a review. `why` tells repetitions apart, as when a finding is waived later. */
export function publishPost(review: string, target: string, why = "end"): PostOrder {
  return {
    identity: `publish:${review}:${why}`,
    target,
    kind: "publish",
    body: JSON.stringify({ review }),
    manner: "again",
  };
}
