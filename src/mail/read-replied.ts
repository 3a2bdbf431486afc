// A version of a series out of the mailroom, as whoever answers it needs it.

import { z } from "zod";
import type { Mailroom } from "../store/mailroom.ts";
import type { AssembledSeries } from "./assembled.ts";
import type { MailConfig } from "./config.ts";
import { parseFacts } from "./facts.ts";
import { joinPolicies, listsOf } from "./policy.ts";
import type { FormerVersion, RepliedSeries } from "./replied.ts";
import type { RepliedMail } from "./voice-notes.ts";

export interface ReadParts {
  readonly room: Pick<Mailroom, "seriesByIdentity" | "mail">;
  readonly config: Pick<MailConfig, "lists" | "sources">;
}

const person = z.object({ name: z.string(), address: z.string() });

/** What is needed of an AssembledSeries, which `details` of a stored series is. */
const detailsSchema = z.object({
  version: z.int().min(1),
  cover: z.string().optional(),
  patches: z.array(z.object({ number: z.int(), messageId: z.string() })),
  author: person.optional(),
  to: z.array(person),
  cc: z.array(person),
  lists: z.array(z.string()),
  date: z.number(),
  lastReceivedAt: z.number(),
  olderThan: z.string().optional(),
  previous: z.string().optional(),
});
type Details = z.infer<typeof detailsSchema>;
// The two are held together by the compiler.
const _check: (series: AssembledSeries) => Omit<Details, "patches" | "to" | "cc" | "lists"> = (series) => series;
void _check;

const MAX_FORMER = 20;

/** Undefined where nothing is known of it, or not who wrote it. */
export async function readRepliedSeries(parts: ReadParts, identity: string): Promise<RepliedSeries | undefined> {
  const { room, config } = parts;
  const details = await readDetails(room, identity);
  if (details?.author === undefined) return undefined;
  // A pull request has no patches: what is answered is itself.
  const coverId = details.cover ?? (details.patches.length === 0 ? identity : undefined);
  const cover = coverId === undefined ? undefined : await readRepliedMail(room, coverId);
  const patches: RepliedSeries["patches"][number][] = [];
  for (const { number, messageId } of details.patches) {
    const mail = await readRepliedMail(room, messageId);
    if (mail !== undefined) patches.push({ number, mail });
  }
  const names = [...details.lists, ...[...details.to, ...details.cc].map(({ address }) => address)];
  const archive = await archiveOf(parts, coverId ?? details.patches[0]?.messageId ?? identity);
  return {
    identity,
    version: details.version,
    author: details.author,
    ...(cover === undefined ? {} : { cover }),
    patches,
    policy: joinPolicies(listsOf(config, names)),
    receivedAt: details.lastReceivedAt,
    sentAt: Math.min(details.date, details.lastReceivedAt),
    ...(details.olderThan === undefined ? {} : { supersededBy: details.olderThan }),
    former: await formerVersions(room, details.previous),
    ...(archive === undefined ? {} : { archive }),
  };
}

async function readDetails(room: ReadParts["room"], identity: string): Promise<Details | undefined> {
  const series = await room.seriesByIdentity(identity);
  return series === undefined ? undefined : detailsSchema.parse(JSON.parse(series.details));
}

async function readRepliedMail(room: ReadParts["room"], messageId: string): Promise<RepliedMail | undefined> {
  const facts = parseFacts((await room.mail(messageId))?.facts ?? "");
  if (facts === undefined) return undefined;
  const { references, inReplyTo, subjectText: subject } = facts;
  const isLinked = inReplyTo === undefined || references.includes(inReplyTo);
  return { messageId, subject, references: isLinked ? references : [...references, inReplyTo] };
}

/** The latest first. */
async function formerVersions(room: ReadParts["room"], previous: string | undefined): Promise<FormerVersion[]> {
  const found = new Map<string, FormerVersion>();
  for (let next = previous; next !== undefined && found.size < MAX_FORMER && !found.has(next); ) {
    const details = await readDetails(room, next);
    if (details === undefined) break;
    found.set(next, { identity: next, version: details.version });
    next = details.previous;
  }
  return [...found.values()];
}

/** Where the archive that a mail was read from can be read by others. */
async function archiveOf({ room, config }: ReadParts, messageId: string): Promise<string | undefined> {
  const source = (await room.mail(messageId))?.source;
  for (const each of config.sources) {
    if (each.kind !== "public-inbox" || source !== `public-inbox:${each.name}`) continue;
    return each.at.startsWith("/") ? undefined : each.at.replace(/\/+$/, "");
  }
  return undefined;
}
