// Takes posts from the outbox one by one and says them. It never builds, and it is the only part that writes to GitHub apart from a check's progress.

import { queuedCheck } from "../github/check-run.ts";
import { errorWords, type Log } from "../service/log.ts";
import type { Post, Review, Sending, Store } from "../store/store.ts";
import { retryAt } from "./call-errors.ts";
import { changeCheck, createCheck, findCheck } from "./checks.ts";
import { withDeadline } from "./client.ts";
import { admit } from "./gate.ts";
import { positionPost, publishPost, queuedPost } from "./posts.ts";
import { linksOf, type PublishParts, publishReview } from "./publish.ts";
import { readWorkRequest } from "./work-request.ts";

/** Targets of which this speaker speaks. */
const VOICE = "github:";
/** A call that was begun in time may take so long. */
const LEASE_REST_MILLIS = 15_000;

/** What an errand (a command, a button) comes to; `remote` is kept with the post. */
export type Handler = (post: Post) => Promise<string>;

export interface SpeakerParts extends PublishParts {
  readonly store: Store;
  readonly log: Log;
  readonly name: string;
  /** For the posts that are not about a review, by kind. */
  readonly handlers: Readonly<Record<string, Handler>>;
}

/** Decides what is to be said of reviews that have ended; whether there was one. */
export async function tellEnds({ store }: Pick<SpeakerParts, "store">): Promise<boolean> {
  const ended = await store.untold(20, VOICE);
  for (const review of ended) await store.tell(review.id, [publishPost(review.id, review.target)]);
  return ended.length > 0;
}

/** Those who are told when they come nearer; who waits behind them has time. */
const TOLD_POSITIONS = 10;

/** Decides to tell those who wait where they are in the line, each place once. */
export async function tellPositions({ store }: Pick<SpeakerParts, "store">): Promise<void> {
  const open = await store.open(TOLD_POSITIONS);
  for (const [ahead, { id, target, state }] of open.entries()) {
    if (state === "queued" && target.startsWith(VOICE)) {
      await store.announce(id, [positionPost(id, target, ahead)]);
    }
  }
}

/** Sends the next post; false where there is none. */
export async function sendNext(parts: SpeakerParts): Promise<boolean> {
  const { store, log, now } = parts;
  const sending = await store.claimPost(parts.name, VOICE);
  if (sending === undefined) return false;
  const { post } = sending;
  try {
    // When the lease ends another speaker may have the post: nothing more may be said by then.
    const left = Math.max(1, sending.until - now() - LEASE_REST_MILLIS);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), left);
    const remote = await withDeadline(deadline.signal, () => say(parts, sending)).finally(() => clearTimeout(timer));
    await store.sent(sending, remote);
    log("info", "sent", { post: post.identity });
  } catch (error) {
    const again = retryAt(error, post.attempts, now());
    await store.notSent(sending, errorWords(error), again);
    const fields = { post: post.identity, attempt: post.attempts, error: errorWords(error), again };
    log(again === undefined ? "error" : "warn", "not sent", fields);
  }
  return true;
}

async function say(parts: SpeakerParts, { post }: Sending): Promise<string> {
  if (post.kind !== "queued" && post.kind !== "position" && post.kind !== "publish") {
    const handler = parts.handlers[post.kind];
    if (handler === undefined) throw new Error(`no handler for posts of kind ${post.kind}`);
    return handler(post);
  }
  const review = await parts.store.review(post.review);
  if (review === undefined) throw new Error(`no review ${post.review}`);
  if (post.kind === "queued") return sayQueued(parts, review);
  if (post.kind === "position") return sayPosition(parts, review, JSON.parse(post.body).ahead);
  const { told } = await publishReview(parts, review, !post.identity.endsWith(":end"));
  return told.join(" ");
}

/** The check of a review that waits, where it will be made: what is not reviewed is told when a worker has seen why. */
async function sayQueued(parts: SpeakerParts, review: Review): Promise<string> {
  if (review.state !== "queued" && review.state !== "running") return "";
  const request = readWorkRequest(review.request);
  const api = await parts.github.installation(request.installation);
  const admission = await admit(api, parts.store, review, request);
  if (!admission.go && admission.gate.why !== "approval") return "";
  const { id: appId } = await parts.github.identity();
  const known = await findCheck(api, request, appId, review.head, review.id);
  if (known !== undefined) return String(known.id);
  const open = await parts.store.open(200);
  const ahead = Math.max(
    0,
    open.findIndex((each) => each.id === review.id),
  );
  const identity = { headSha: review.head, externalId: review.id, links: linksOf(parts) };
  const body = queuedCheck(identity, ahead, !admission.go);
  if (!admission.go) return String(await createCheck(api, request, body));
  return `${await createCheck(api, request, body)} ${ahead}`;
}

/** A change of the check that says that it waits, unless it says so already. A worker may begin at that moment; its next progress puts that right. */
async function sayPosition(parts: SpeakerParts, review: Review, ahead: number): Promise<string> {
  const posts = await parts.store.posts(review.target);
  const queued = posts.find(({ identity }) => identity === queuedPost(review.id, review.target).identity);
  const [check, told] = (queued?.remote ?? "").split(" ");
  if (check === undefined || told === undefined || Number(told) === ahead) return "";
  const now = await parts.store.review(review.id);
  if (now?.state !== "queued") return "";
  const request = readWorkRequest(review.request);
  const api = await parts.github.installation(request.installation);
  const identity = { headSha: review.head, externalId: review.id, links: linksOf(parts) };
  await changeCheck(api, request, Number(check), queuedCheck(identity, ahead));
  return "";
}
