// The series that a mail is about: that of the thread which it answers, from the mail that it answers upwards.

import { z } from "zod";
import type { Mailroom, StoredSeries } from "../store/mailroom.ts";
import { parseFacts } from "./facts.ts";
import type { StoredDetails } from "./work-request.ts";

const person = z.object({ name: z.string(), address: z.string() });
/** What is needed of the StoredDetails that `details` of a stored series is. */
const detailsSchema = z.object({
  identity: z.string(),
  version: z.int(),
  title: z.string(),
  state: z.enum(["complete", "incomplete", "not-a-patch", "too-big", "pull-request"]),
  cover: z.string().optional(),
  patches: z.array(z.object({ number: z.int(), messageId: z.string() })),
  mails: z.array(z.string()),
  author: person.optional(),
  to: z.array(person),
  cc: z.array(person),
  lists: z.array(z.string()),
  date: z.number(),
  olderThan: z.string().optional(),
  head: z.string(),
});
export type SeriesDetails = z.infer<typeof detailsSchema>;
// The two are held together by the compiler.
const _check: (series: StoredDetails) => Omit<SeriesDetails, "patches" | "mails" | "to" | "cc" | "lists"> = (series) =>
  series;
void _check;

export interface AddressedSeries {
  readonly row: StoredSeries;
  readonly details: SeriesDetails;
}

/** Steps from mail to mail that are gone. */
const MAX_STEPS = 60;

/** `ids`: Message-IDs of what is answered, the nearest first. What is not known here is passed over. */
export async function findAddressed(
  room: Pick<Mailroom, "mail" | "series">,
  ids: readonly string[],
): Promise<AddressedSeries | undefined> {
  const wanted = [...ids];
  const seen = new Set<string>();
  for (let id = wanted.shift(); id !== undefined && seen.size < MAX_STEPS; id = wanted.shift()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const mail = await room.mail(id);
    if (mail === undefined) continue;
    for (const row of mail.cluster === 0 ? [] : await room.series(mail.cluster)) {
      const details = readDetails(row);
      if (details.identity === id || details.mails.includes(id)) return { row, details };
    }
    // A reply in the thread, or a mail of ours that came back: what that answers.
    const facts = parseFacts(mail.facts);
    if (facts !== undefined) {
      const parents = facts.inReplyTo === undefined ? [] : [facts.inReplyTo];
      wanted.unshift(...parents, ...[...facts.references].reverse());
    }
  }
  return undefined;
}

export function readDetails({ details }: Pick<StoredSeries, "details">): SeriesDetails {
  return detailsSchema.parse(JSON.parse(details));
}
