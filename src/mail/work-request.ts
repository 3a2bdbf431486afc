// What the store keeps of a wanted review of a series (ReviewOrder.request), and how such an order is made of what is known of the series.

import { z } from "zod";
import { FormatError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import type { ReviewOrder } from "../store/store.ts";
import type { AssembledSeries } from "./assembled.ts";
import type { MailFacts } from "./facts.ts";

const workRequest = z.strictObject({
  kind: z.literal("series"),
  identity: z.string(),
  title: z.string(),
  version: z.int().min(1),
  author: z.string(),
  cover: z.string().optional(),
  patches: z.array(z.strictObject({ number: z.int(), messageId: z.string() })).min(1),
  isPullRequest: z.boolean(),
  /** Milliseconds since 1970. */
  date: z.number(),
  /** Addresses of the config's lists that it came to: their trees are tried, in that order. */
  lists: z.array(z.string()).min(1),
  /** #objreview recheck profile=... base=... */
  profile: z.string().max(80).optional(),
  base: z.string().max(200).optional(),
});

export type WorkRequest = z.infer<typeof workRequest>;

export function readWorkRequest(text: string): WorkRequest {
  const parsed = workRequest.safeParse(JSON.parse(text));
  if (!parsed.success) throw new FormatError("bad-value", "not a request of ours", { format: "work request" });
  return parsed.data;
}

/** Of all reviews of a version of a series. */
export function mailTarget(identity: string): string {
  return `mail:${identity}`;
}

/** What is reviewed: the same for the same changes in the same order, whatever the mails that they came with are called. */
export function headOf(
  series: Pick<AssembledSeries, "identity" | "patches">,
  facts: ReadonlyMap<string, MailFacts>,
): string {
  const contents = reviewed(series).map(({ messageId }) => facts.get(messageId)?.diff?.exactHash ?? messageId);
  return hashText(contents.join("\n"));
}

/** A pull request is its one mail. */
function reviewed({ identity, patches }: Pick<AssembledSeries, "identity" | "patches">) {
  return patches.length === 0 ? [{ number: 1, messageId: identity }] : patches;
}

export type OrderedSeries = Pick<AssembledSeries, "identity" | "title" | "version" | "patches" | "state" | "date"> & {
  readonly [key in "author" | "cover"]?: AssembledSeries[key] | undefined;
} & { readonly head: string };

export interface Asked {
  readonly profile?: string | undefined;
  readonly base?: string | undefined;
}

/** What `details` of a stored series holds. */
export type StoredDetails = AssembledSeries & Pick<OrderedSeries, "head">;

/** `lists`: addresses of the config's lists that the series came to. `asked` makes it a recheck: a review although there is one. */
export function reviewOrder(
  series: OrderedSeries,
  lists: readonly string[],
  asked?: Asked,
): { readonly kind: "review" } & ReviewOrder {
  const { identity, title, version, author, cover, state, date } = series;
  const request: WorkRequest = {
    kind: "series",
    identity,
    title,
    version,
    author: author === undefined ? "unknown" : author.name || author.address,
    ...(cover === undefined ? {} : { cover }),
    patches: reviewed(series).map(({ number, messageId }) => ({ number, messageId })),
    isPullRequest: state === "pull-request",
    date,
    lists: [...lists],
    ...(asked?.profile === undefined ? {} : { profile: asked.profile }),
    ...(asked?.base === undefined ? {} : { base: asked.base }),
  };
  return {
    kind: "review",
    target: mailTarget(identity),
    head: series.head,
    base: asked?.base ?? "",
    request: JSON.stringify(request),
    ...(asked === undefined ? {} : { again: true }),
  };
}
