// Checks in patchwork as a voice of their own: put into the outbox when a review has ended, whatever is mailed of it, and posted as the other side allows. They
// are looked up before they are made, so that one that was sent by a process which then died is not there twice.

import { z } from "zod";
import type { ReviewResult } from "../report/result.ts";
import { errorWords, type Log } from "../service/log.ts";
import type { PostOrder, Store } from "../store/store.ts";
import type { MailConfig } from "./config.ts";
import { patchChecks } from "./patch-checks.ts";
import { type PatchworkConfig, postCheck } from "./patchwork-client.ts";

/** Targets of its posts begin so. */
export const PATCHWORK_VOICE = "patchwork:";

const bodySchema = z.strictObject({
  messageId: z.string(),
  state: z.enum(["success", "warning", "fail"]),
  context: z.string(),
  description: z.string(),
  targetUrl: z.string().max(200).optional(),
});

export interface CheckedReview {
  readonly review: string;
  readonly result: ReviewResult;
  readonly patches: readonly { readonly number: number; readonly messageId: string }[];
  /** Fingerprints. */
  readonly waived: ReadonlySet<string>;
}

/** Posts for the outbox, one for each patch; none where there is no verdict. */
export function patchworkPosts({ patchwork, ...config }: MailConfig, checked: CheckedReview): PostOrder[] {
  if (patchwork === undefined) return [];
  const { review, result, patches, waived } = checked;
  const page = config["review-url"] === undefined ? undefined : `${config["review-url"].replace(/\/+$/, "")}/${review}`;
  const ids = new Map(patches.map(({ number, messageId }) => [number, messageId]));
  return patchChecks(result, [...ids.keys()], waived).map(({ number, state, description }) => {
    const messageId = ids.get(number) as string;
    const body: z.infer<typeof bodySchema> = {
      messageId,
      state,
      context: patchwork.context,
      description,
      ...(page === undefined || page.length > 200 ? {} : { targetUrl: page }),
    };
    return {
      identity: `${PATCHWORK_VOICE}${review}:${number}`,
      target: `${PATCHWORK_VOICE}${messageId}`,
      kind: "patchwork",
      manner: "again",
      body: JSON.stringify(body),
    };
  });
}

export interface PatchworkParts {
  readonly store: Pick<Store, "claimPost" | "sent" | "notSent">;
  readonly config: PatchworkConfig;
  /** Of this process, for the outbox. */
  readonly name: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const BACKOFF_MINUTES = [1, 5, 15, 30, 60, 120, 240] as const;
/** About a day: a patch that patchwork does not have by then is in another project. */
const MAX_ATTEMPTS = 12;
/** Between two requests that change something there. */
const PACE_MILLIS = 250;

/** Sends the next check; false where there is none. */
export async function sendNextCheck(parts: PatchworkParts, signal?: AbortSignal): Promise<boolean> {
  const { store, config, log, now } = parts;
  const sending = await store.claimPost(parts.name, PATCHWORK_VOICE);
  if (sending === undefined) return false;
  const { post } = sending;
  try {
    const { messageId, ...check } = bodySchema.parse(JSON.parse(post.body));
    const outcome = await postCheck(config, messageId, check, signal);
    const fields = { post: post.identity, attempt: post.attempts };
    if (outcome.end === "sent" || outcome.end === "repeated") {
      await store.sent(sending, outcome.remote);
      log("info", outcome.end === "sent" ? "check sent" : "check was there", fields);
      await new Promise((done) => setTimeout(done, PACE_MILLIS));
      return true;
    }
    const minutes = BACKOFF_MINUTES[Math.min(post.attempts, BACKOFF_MINUTES.length) - 1] ?? 1;
    const pause = Math.max(minutes * 60_000, outcome.end === "again" ? (outcome.retryMillis ?? 0) : 0);
    const again = outcome.end === "refused" || post.attempts >= MAX_ATTEMPTS ? undefined : now() + pause;
    await store.notSent(sending, outcome.error, again);
    log(again === undefined ? "error" : "warn", "check not sent", { ...fields, error: outcome.error, again });
  } catch (error) {
    await store.notSent(sending, errorWords(error));
    log("error", "check not sent", { post: post.identity, error: errorWords(error) });
  }
  return true;
}
