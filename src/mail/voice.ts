// The voice of the mailing list: turns reviews that have ended into mails, or into a reason for none, and sends what is in the outbox. It never builds.

import { parseReviewJson } from "../report/json.ts";
import type { ReviewResult } from "../report/result.ts";
import { errorWords, type Log } from "../service/log.ts";
import type { Mailroom } from "../store/mailroom.ts";
import type { Review, Store } from "../store/store.ts";
import type { MailConfig } from "./config.ts";
import { readMailBody } from "./mail-body.ts";
import type { Outlet } from "./outlet.ts";
import { patchworkPosts } from "./patchwork.ts";
import { afterQuietHours } from "./quiet-hours.ts";
import { readRepliedSeries } from "./read-replied.ts";
import type { FormerResult, RepliedSeries } from "./replied.ts";
import { decideAnswer, decideReply, type ReplyInput } from "./reply.ts";
import { replyIdentity, senderOf } from "./reply-post.ts";
import { ASKED, OPT_OUT, readAsked, SILENT, type Silence, silenceKey, TOLD, toldPrefix } from "./voice-notes.ts";
import { silenceOf, wentOut } from "./voice-reads.ts";
import { waivedFingerprints } from "./waived.ts";

export interface VoiceParts {
  readonly store: Pick<
    Store,
    | "receive"
    | "findings"
    | "untold"
    | "announce"
    | "tell"
    | "result"
    | "reviews"
    | "posts"
    | "waivers"
    | "claimPost"
    | "sent"
    | "notSent"
  >;
  readonly room: Pick<Mailroom, "seriesByIdentity" | "seriesSince" | "mail" | "notes" | "note" | "removeNote">;
  readonly config: MailConfig;
  /** Where mails go: openOutlet; undefined: nothing is sent. */
  readonly outlet: Outlet | undefined;
  /** Of this process, for the outbox. */
  readonly name: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Targets of which this voice speaks: "mail:<identity of a series version>". */
export const VOICE = "mail:";
/** Reviews that wait for the end of an embargo or of quiet hours are looked past. */
const MAX_UNTOLD = 5000;
const DAY = 86_400_000;

/** Decides what is said of the reviews that have ended, and puts it into the outbox; whether there was one to decide. */
export async function tellMail(parts: VoiceParts): Promise<boolean> {
  const ended = await parts.store.untold(MAX_UNTOLD, VOICE);
  let isBusy = false;
  let failure: unknown;
  for (const review of ended) {
    try {
      isBusy = (await tellReview(parts, review)) || isBusy;
    } catch (error) {
      // One that cannot be told keeps no other waiting.
      failure ??= error;
      parts.log("error", "a review was not told", { review: review.id, error: errorWords(error) });
    }
  }
  if (failure !== undefined && !isBusy) throw failure;
  return isBusy;
}

async function tellReview(parts: VoiceParts, review: Review): Promise<boolean> {
  const { store, room, log } = parts;
  const identity = review.target.slice(VOICE.length);
  const held = await silenceOf(room, identity, review.id);
  const asked = (await readAsked(room, identity)).filter(({ at }) => at <= review.changedAt);
  if (held?.again !== undefined && held.again > parts.now() && asked.length === 0) return false;
  const series = await readRepliedSeries(parts, identity);
  if (series === undefined) {
    await putSilence(parts, identity, review.id, { reason: "nothing is known of its series" });
    return store.tell(review.id, []);
  }
  const input = await readInput(parts, review, series);
  await tellPatchwork(parts, review.id, input);
  for (const each of asked) {
    const answer = decideAnswer(input, each);
    if (answer !== undefined) await store.announce(review.id, [answer]);
    await room.removeNote(ASKED, `${identity} ${each.mail.messageId}`);
    log("info", "answered a command", { series: identity, review: review.id, mail: each.mail.messageId });
  }
  const author = series.author.address.toLowerCase();
  const decision = asked.some(({ by }) => by.address.toLowerCase() === author)
    ? { silent: "its author asked, and has the answer" }
    : decideReply(input);
  if ("silent" in decision) {
    const { silent: reason, again } = decision;
    await putSilence(parts, identity, review.id, { reason, ...(again === undefined ? {} : { again }) });
    log("info", "silent", { series: identity, review: review.id, reason, again });
    if (again !== undefined) return false;
    return store.tell(review.id, []);
  }
  // Before the post: one that dies in between is counted though it is not sent, and the next try counts under the same keys.
  await countTold(parts, series);
  await room.removeNote(SILENT, silenceKey(identity, review.id));
  log("info", "to be mailed", { series: identity, review: review.id });
  return store.tell(review.id, [decision.say]);
}

/** Checks disturb nobody: they wait for no embargo, and say when all is well. */
async function tellPatchwork({ store, config }: VoiceParts, review: string, input: ReplyInput): Promise<void> {
  const { result, series, waived } = input;
  if (config.patchwork === undefined || result === undefined || series.supersededBy !== undefined) return;
  const patches = series.patches.map(({ number, mail }) => ({ number, messageId: mail.messageId }));
  const posts = patchworkPosts(config, { review, result, patches, waived });
  if (posts.length > 0) await store.announce(review, posts);
}

async function readInput(parts: VoiceParts, review: Review, series: RepliedSeries): Promise<ReplyInput> {
  const { store, room, config } = parts;
  const [waived, optOuts, posts] = await Promise.all([
    waivedFingerprints(
      store,
      [series, ...series.former].map((each) => each.identity),
      series.policy?.lists ?? [],
    ),
    room.notes(OPT_OUT),
    store.posts(review.target),
  ]);
  return {
    series,
    review,
    result: review.state === "finished" ? await readResult(store, review.id) : undefined,
    former: await readFormer(parts, series),
    waived,
    optOuts: new Set(optOuts.map(({ key }) => key)),
    sentToday: await countToday(parts, series),
    posts,
    sender: senderOf(config),
    now: parts.now(),
  };
}

async function readResult(store: Pick<Store, "result">, review: string): Promise<ReviewResult | undefined> {
  const text = await store.result(review);
  return text === undefined ? undefined : parseReviewJson(text);
}

/** The verdict on the nearest former version that has one. */
async function readFormer({ store }: VoiceParts, series: RepliedSeries): Promise<FormerResult | undefined> {
  for (const { identity, version } of series.former) {
    const target = `${VOICE}${identity}`;
    const last = (await store.reviews(target)).filter(({ state }) => state === "finished").at(-1);
    const result = last === undefined ? undefined : await readResult(store, last.id);
    if (result === undefined) continue;
    const posts = await store.posts(target);
    return { result, version, isTold: posts.some((post) => wentOut(post, identity)) };
  }
  return undefined;
}

async function countToday({ room, now }: VoiceParts, series: RepliedSeries): Promise<ReplyInput["sentToday"]> {
  const count = async (prefix: string) => {
    const notes = await room.notes(TOLD, prefix, now() - DAY);
    return notes.filter(({ key }) => key !== `${prefix}${series.identity}`).length;
  };
  const lists = series.policy?.lists ?? [];
  const counts = await Promise.all(lists.map((list) => count(toldPrefix("list", list))));
  return {
    author: await count(toldPrefix("author", series.author.address)),
    lists: new Map(lists.map((list, i) => [list, counts[i] as number])),
  };
}

async function countTold({ room, now }: VoiceParts, { identity, author, policy }: RepliedSeries): Promise<void> {
  const prefixes = [
    toldPrefix("author", author.address),
    ...(policy?.lists ?? []).map((list) => toldPrefix("list", list)),
  ];
  for (const prefix of prefixes) await room.note({ kind: TOLD, key: `${prefix}${identity}`, value: "", at: now() });
}

async function putSilence(
  { room, now }: VoiceParts,
  identity: string,
  review: string,
  silence: Silence,
): Promise<void> {
  const key = silenceKey(identity, review);
  await room.removeNote(SILENT, key);
  await room.note({ kind: SILENT, key, value: JSON.stringify(silence), at: now() });
}

/** Between attempts: a server that is down is down for minutes, one that greylists wants a quarter of an hour. */
const BACKOFF_MINUTES = [1, 5, 15, 30, 60, 120, 240] as const;
/** A mail that could not be sent for so long helps nobody any more. */
const MAX_ATTEMPTS = 12;
/** The server's answer to a message that is on its way may take so long. */
const LEASE_REST_MILLIS = 15_000;

/** Sends the next mail; false where there is none, and where there is nothing to send with. */
export async function sendNextMail(parts: VoiceParts): Promise<boolean> {
  const { store, outlet, log, now } = parts;
  if (outlet === undefined) return false;
  const sending = await store.claimPost(parts.name, VOICE);
  if (sending === undefined) return false;
  const { post } = sending;
  try {
    const mail = readMailBody(post.body);
    const { stop, wait } = await mayGo(parts, mail.series, post.identity);
    if (stop !== undefined || wait !== undefined) {
      await store.notSent(sending, stop ?? "held in the quiet hours", wait);
      log("info", "not sent", { post: post.identity, reason: stop ?? "quiet hours", again: wait });
      return true;
    }
    const deadline = AbortSignal.timeout(Math.max(1, sending.until - now() - LEASE_REST_MILLIS));
    const outcome = await outlet.send(mail, deadline);
    const fields = { post: post.identity, attempt: post.attempts, to: mail.envelope.to.length };
    switch (outcome.end) {
      case "sent":
        await store.sent(sending, outcome.remote);
        log("info", "sent", fields);
        break;
      case "refused":
        await store.notSent(sending, outcome.error);
        log("error", "refused", { ...fields, error: outcome.error });
        break;
      case "again": {
        const minutes = BACKOFF_MINUTES[Math.min(post.attempts, BACKOFF_MINUTES.length) - 1] ?? 1;
        const again = post.attempts >= MAX_ATTEMPTS ? undefined : now() + minutes * 60_000;
        await store.notSent(sending, outcome.error, again);
        log(again === undefined ? "error" : "warn", "not sent", { ...fields, error: outcome.error, again });
        break;
      }
      case "unknown":
        // Left as it is: when the lease ends it becomes "unknown", and is never sent again.
        log("error", "perhaps sent", { ...fields, error: outcome.error });
        break;
    }
  } catch (error) {
    await store.notSent(sending, errorWords(error));
    log("error", "not sent", { post: post.identity, error: errorWords(error) });
  }
  return true;
}

/** What may have changed since it was decided: a mail can lie in the outbox for hours. Answers to commands go out at any time. */
async function mayGo(
  parts: VoiceParts,
  identity: string | undefined,
  post: string,
): Promise<{ readonly stop?: string; readonly wait?: number }> {
  if (identity === undefined || post !== replyIdentity(identity)) return {};
  const series = await readRepliedSeries(parts, identity);
  if (series?.supersededBy !== undefined) return { stop: "superseded by a later version before it was sent" };
  const wait = afterQuietHours(parts.now(), series?.policy?.quietHours ?? []);
  return wait === undefined || wait <= parts.now() ? {} : { wait };
}
