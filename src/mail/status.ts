// What there is, for the operator: each series with its state and why, its review, and what was said of it.

import { z } from "zod";
import type { Mailroom, StoredSeries } from "../store/mailroom.ts";
import type { Post, Review, Store } from "../store/store.ts";
import { SILENT, silenceKey, silenceSchema } from "./voice-notes.ts";
import { mailTarget } from "./work-request.ts";

export interface SeriesStatus {
  readonly identity: string;
  readonly title: string;
  readonly version: number;
  readonly author: string;
  /** Patches that are there, of how many. */
  readonly patches: number;
  readonly total: number;
  readonly state: string;
  readonly reason: string;
  /** Milliseconds since 1970, here and below. */
  readonly firstSeenAt: number;
  readonly changedAt: number;
  /** When it is looked at again. */
  readonly dueAt?: number;
  /** The last of it. */
  readonly review?: ReviewStatus;
  readonly mails: readonly { readonly identity: string; readonly state: Post["state"]; readonly why: string }[];
  /** Why nothing was said. */
  readonly silent?: string;
  /** When that is decided again. */
  readonly againAt?: number;
}

export interface ReviewStatus {
  readonly id: string;
  readonly state: Review["state"];
  readonly phase: string;
  readonly attempts: number;
  readonly verdict?: string;
  /** Why there is no verdict, or none that is clean or findings. */
  readonly why?: string;
  readonly base?: string;
  /** New and worsened ones. */
  readonly findings?: number;
}

export interface MailStatus {
  readonly version: "1.0";
  /** The most recently changed first. */
  readonly series: readonly SeriesStatus[];
  /** There may be more, older ones. */
  readonly isCut: boolean;
  /** Messages that nobody has looked at yet; at most 1000 are counted. */
  readonly unread: number;
  /** Reviews that have not ended. */
  readonly open: number;
}

const detailsSchema = z.object({
  title: z.string(),
  version: z.int(),
  author: z.object({ name: z.string(), address: z.string() }).optional(),
  patches: z.array(z.unknown()),
  total: z.int(),
});
const resultSchema = z.object({
  verdict: z.string(),
  reason: z.string().optional(),
  base: z.object({ name: z.string() }),
  findings: z.array(z.object({ class: z.string() })),
});

export interface StatusParts {
  readonly room: Pick<Mailroom, "seriesSince" | "unfiled" | "notes">;
  readonly store: Pick<Store, "reviews" | "result" | "posts" | "open">;
}

/** Of series that changed since, at most `limit`. */
export async function readStatus({ room, store }: StatusParts, since: number, limit: number): Promise<MailStatus> {
  const rows = await room.seriesSince(since, MAX_ROWS);
  const newest = rows.reverse().slice(0, limit);
  const series: SeriesStatus[] = [];
  for (const row of newest) series.push(await statusOf({ room, store }, row));
  return {
    version: "1.0",
    series,
    isCut: rows.length > limit || rows.length === MAX_ROWS,
    unread: (await room.unfiled(1000)).length,
    open: (await store.open(1000)).length,
  };
}

const MAX_ROWS = 20_000;

async function statusOf({ room, store }: StatusParts, row: StoredSeries): Promise<SeriesStatus> {
  const { identity, state, reason, firstSeenAt, changedAt, dueAt } = row;
  const { title, version, author, patches, total } = detailsSchema.parse(JSON.parse(row.details));
  const target = mailTarget(identity);
  const review = (await store.reviews(target)).at(-1);
  const posts = await store.posts(target);
  const key = review === undefined ? undefined : silenceKey(identity, review.id);
  const note = key === undefined ? undefined : (await room.notes(SILENT, key)).find((each) => each.key === key);
  const silence = note === undefined ? undefined : silenceSchema.parse(JSON.parse(note.value));
  return {
    identity,
    title,
    version,
    author: author?.address ?? "",
    patches: patches.length,
    total,
    state,
    reason,
    firstSeenAt,
    changedAt,
    ...(dueAt === undefined ? {} : { dueAt }),
    ...(review === undefined ? {} : { review: await reviewStatus(store, review) }),
    mails: posts.map((post) => ({ identity: post.identity, state: post.state, why: post.error || post.remote })),
    ...(silence === undefined ? {} : { silent: silence.reason }),
    ...(silence?.again === undefined ? {} : { againAt: silence.again }),
  };
}

async function reviewStatus(store: Pick<Store, "result">, review: Review): Promise<ReviewStatus> {
  const { id, state, phase, attempts, error } = review;
  const text = state === "finished" ? await store.result(id) : undefined;
  if (text === undefined) return { id, state, phase, attempts, ...(error === "" ? {} : { why: error }) };
  const { verdict, reason, base, findings } = resultSchema.parse(JSON.parse(text));
  return {
    id,
    state,
    phase,
    attempts,
    verdict,
    ...(reason === undefined || reason === "" ? {} : { why: reason }),
    ...(base.name === "" ? {} : { base: base.name }),
    findings: findings.filter((each) => each.class === "new" || each.class === "worsened").length,
  };
}

/** For a terminal. What mails say is in it: no control characters. */
export function renderStatus(status: MailStatus, now: number): string {
  const lines = [
    `${count(status.series.length, "series", "series")}${status.isCut ? " (older ones are not shown)" : ""}, ` +
      `${count(status.open, "open review", "open reviews")}, ${count(status.unread, "mail", "mails")} to be read`,
  ];
  for (const each of status.series) {
    const version = each.version === 1 ? "" : `v${each.version} `;
    const size = each.total === 1 && each.patches === 1 ? "" : ` (${each.patches}/${each.total})`;
    lines.push("", `${version}${each.title}${size}`, `  ${each.author}  ${each.identity}`);
    const due = each.dueAt === undefined ? "" : `; looked at again ${when(each.dueAt, now)}`;
    lines.push(`  ${each.state}: ${each.reason}${due}`);
    if (each.review !== undefined) lines.push(`  ${reviewLine(each.review)}`);
    for (const mail of each.mails) lines.push(`  mail ${mail.state}${mail.why === "" ? "" : `: ${mail.why}`}`);
    if (each.silent !== undefined) {
      const again = each.againAt === undefined ? "" : `; decided again ${when(each.againAt, now)}`;
      lines.push(`  no mail: ${each.silent}${again}`);
    }
  }
  return `${lines.map((line) => line.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, " ")).join("\n")}\n`;
}

function reviewLine({ state, phase, attempts, verdict, why, base, findings }: ReviewStatus): string {
  if (verdict === undefined) {
    const at = phase === "" ? "" : `, ${phase}`;
    const tries = attempts > 1 ? `, attempt ${attempts}` : "";
    return `review ${state}${at}${tries}${why === undefined ? "" : `: ${why}`}`;
  }
  const many = verdict === "findings" ? ` (${findings})` : "";
  return `review: ${verdict}${many}${base === undefined ? "" : ` on ${base}`}${why === undefined ? "" : `: ${why}`}`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function when(time: number, now: number): string {
  const seconds = Math.round((time - now) / 1000);
  if (seconds <= 0) return "now";
  if (seconds < 120) return `in ${seconds} s`;
  return seconds < 7200 ? `in ${Math.round(seconds / 60)} min` : `in ${Math.round(seconds / 3600)} h`;
}
