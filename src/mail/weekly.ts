// Once a week, for those who asked the operator for it: what stands about a tree. Everything is read from the store at the time, and a week is told once.

import { z } from "zod";
import { hashText } from "../base/hash.ts";
import { renderPlainMail } from "../report/mail.ts";
import { reviewResultSchema, type Verdict } from "../report/result.ts";
import type { Log } from "../service/log.ts";
import type { Mailroom, StoredSeries } from "../store/mailroom.ts";
import type { Review, Store, StoredFinding } from "../store/store.ts";
import type { MailConfig } from "./config.ts";
import { mailBody } from "./mail-body.ts";
import { listsOf } from "./policy.ts";
import { senderOf } from "./reply-post.ts";
import { OPT_OUT, optOutKey } from "./voice-notes.ts";
import { silenceOf, wentOut } from "./voice-reads.ts";
import { waivedFingerprints } from "./waived.ts";
import { lastWeek, type Week } from "./week.ts";
import { isEmptyWeek, renderWeekly, type WeeklyFinding, type WeeklySeries, weeklySubject } from "./weekly-text.ts";

export interface WeeklyParts {
  readonly store: Pick<Store, "reviews" | "result" | "findings" | "posts" | "waivers" | "receive">;
  readonly room: Pick<Mailroom, "seriesSince" | "notes" | "note">;
  readonly config: MailConfig;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Weeks that were decided: key "<tree> <end of the week>". */
const DECIDED = "mail-weekly";
const WEEKS_BACK = 8;
const WEEK = 7 * 86_400_000;
const MAX_SERIES = 20_000;

/** Puts the digests of weeks that have ended into the outbox; whether there was one. */
export async function tellWeekly(parts: WeeklyParts): Promise<boolean> {
  const { config, room, store, log, now } = parts;
  const subscriptions = new Map<string, { tree: string; week: Week; to: Set<string> }>();
  for (const { tree, to, ...when } of config.weekly) {
    const week = lastWeek(now(), when);
    const key = `${tree} ${new Date(week.end).toISOString()}`;
    const known = subscriptions.get(key) ?? { tree, week, to: new Set<string>() };
    for (const address of to) known.to.add(address);
    subscriptions.set(key, known);
  }
  let isBusy = false;
  for (const [key, { tree, week, to }] of subscriptions) {
    if ((await room.notes(DECIDED, key)).some((note) => note.key === key)) continue;
    const optOuts = new Set((await room.notes(OPT_OUT)).map((note) => note.key));
    const wanted = [...to].filter((address) => !optOuts.has(optOutKey("author", address)));
    const series = await readWeek(parts, tree, week);
    const isSaid = wanted.length > 0 && !isEmptyWeek({ series });
    if (isSaid) {
      const post = weeklyPost(parts, { key, tree, week, to: wanted, series });
      await store.receive({ source: "weekly", id: key }, [{ kind: "post", post }]);
      isBusy = true;
    }
    await room.note({ kind: DECIDED, key, value: isSaid ? "sent" : "nothing to say", at: now() });
    log("info", "weekly digest", { tree, week: week.last, said: isSaid });
  }
  return isBusy;
}

interface WeeklyMail {
  readonly key: string;
  readonly tree: string;
  readonly week: Week;
  readonly to: readonly string[];
  readonly series: readonly WeeklySeries[];
}

function weeklyPost({ config }: WeeklyParts, { key, tree, week, to, series }: WeeklyMail) {
  const sender = senderOf(config);
  const input = { name: sender.name, tree, week, series, archive: archiveFor(config) };
  const messageId = `w.${hashText(key)}.${week.last}@${sender.domain}`;
  const raw = renderPlainMail({
    from: { name: sender.name, address: sender.address },
    to: to.map((address) => ({ address })),
    // The week's, so that the same digest is the same bytes.
    date: new Date(week.end),
    subject: weeklySubject(input),
    messageId,
    body: renderWeekly(input),
  });
  return {
    identity: `mail:weekly ${key}`,
    target: `mail:weekly ${tree}`,
    kind: "mail",
    manner: "once" as const,
    body: mailBody({ envelope: { from: sender.bouncesTo, to: [...to] }, messageId, raw }),
  };
}

/** Only where there is one archive that all is in. */
function archiveFor({ sources }: MailConfig): string | undefined {
  const [only, ...others] = sources;
  if (only?.kind !== "public-inbox" || others.length > 0 || only.at.startsWith("/")) return undefined;
  return only.at.replace(/\/+$/, "");
}

const person = z.object({ name: z.string(), address: z.string() });
const detailsSchema = z.object({
  title: z.string(),
  version: z.int(),
  cover: z.string().optional(),
  patches: z.array(z.object({ messageId: z.string() })),
  author: person.optional(),
  to: z.array(person),
  cc: z.array(person),
  lists: z.array(z.string()),
  lastReceivedAt: z.number(),
  olderThan: z.string().optional(),
  previous: z.string().optional(),
});

const verdictSchema = reviewResultSchema.pick({ verdict: true, reason: true }).loose();

/** A version of a series with its last review that ended before the week did. */
interface Known {
  readonly row: StoredSeries;
  readonly details: z.infer<typeof detailsSchema>;
  readonly lists: readonly string[];
  readonly review: Review | undefined;
  readonly verdict: Verdict | undefined;
  readonly why: string;
  readonly findings: readonly StoredFinding[];
}

/** States of a series (plan.ts) in which it was wanted and yet not reviewed. */
const UNREVIEWED = new Set(["incomplete", "too-big", "late"]);

/** All series of the lists that name the tree, of the week or with something that is still open. */
async function readWeek(parts: WeeklyParts, tree: string, week: Week): Promise<WeeklySeries[]> {
  const known = new Map<string, Known>();
  for (const row of await parts.room.seriesSince(week.end - WEEKS_BACK * WEEK, MAX_SERIES)) {
    const each = await readSeries(parts, tree, week, row);
    if (each !== undefined) known.set(row.identity, each);
  }
  const told: WeeklySeries[] = [];
  for (const each of known.values()) {
    const isOfWeek = isIn(each.review?.changedAt ?? each.details.lastReceivedAt, week);
    if (!isOfWeek && each.findings.length === 0) continue;
    told.push(await toWeekly(parts, each, known, isOfWeek));
  }
  return told;
}

function isIn(time: number, { start, end }: Week): boolean {
  return time >= start && time < end;
}

async function readSeries(
  { store, config }: WeeklyParts,
  tree: string,
  week: Week,
  row: StoredSeries,
): Promise<Known | undefined> {
  const details = detailsSchema.parse(JSON.parse(row.details));
  const names = [...details.lists, ...[...details.to, ...details.cc].map(({ address }) => address)];
  const lists = listsOf(config, names).filter((list) => list.trees.includes(tree));
  if (lists.length === 0) return undefined;
  const reviews = await store.reviews(`mail:${row.identity}`);
  const review = reviews.filter(({ state, changedAt }) => isEnd(state) && changedAt < week.end).at(-1);
  const known = { row, details, lists: lists.map(({ address }) => address), review };
  if (review === undefined) {
    if (!UNREVIEWED.has(row.state) || details.lastReceivedAt >= week.end) return undefined;
    return { ...known, verdict: undefined, why: row.reason, findings: [] };
  }
  const text = review.state === "finished" ? await store.result(review.id) : undefined;
  if (text === undefined) return { ...known, verdict: "failed", why: "the review broke down", findings: [] };
  const { verdict, reason = "" } = verdictSchema.parse(JSON.parse(text));
  return { ...known, verdict, why: reason, findings: await speaking(store, known, review) };
}

function isEnd(state: Review["state"]): boolean {
  return state === "finished" || state === "failed";
}

async function speaking(
  store: WeeklyParts["store"],
  { row, details, lists }: Pick<Known, "row" | "details" | "lists">,
  review: Review,
): Promise<StoredFinding[]> {
  const identities = details.previous === undefined ? [row.identity] : [row.identity, details.previous];
  const waived = await waivedFingerprints(store, identities, lists);
  const all = await store.findings(review.id);
  return all.filter((each) => (each.class === "new" || each.class === "worsened") && !waived.has(each.fingerprint));
}

async function toWeekly(
  { store, room }: WeeklyParts,
  each: Known,
  known: ReadonlyMap<string, Known>,
  isOfWeek: boolean,
): Promise<WeeklySeries> {
  const { row, details, review, verdict, why, findings } = each;
  const former = known.get(details.previous ?? "");
  const isJudged = verdict === "clean" || verdict === "findings";
  const here = new Set(findings.map(({ fingerprint }) => fingerprint));
  const fixed = isJudged ? (former?.findings.filter(({ fingerprint }) => !here.has(fingerprint)) ?? []) : [];
  const posts = await store.posts(`mail:${row.identity}`);
  const silence = review === undefined ? undefined : await silenceOf(room, row.identity, review.id);
  const isTold = posts.some((post) => wentOut(post, row.identity));
  const failed = posts.find(({ state }) => state === "failed");
  const silent = isTold ? undefined : (silence?.reason ?? failed?.error ?? "it is not decided yet");
  return {
    title: details.title,
    version: details.version,
    author: details.author?.name || details.author?.address || "somebody",
    messageId: details.cover ?? details.patches[0]?.messageId ?? row.identity,
    patches: Math.max(1, details.patches.length),
    isOfWeek,
    isSuperseded: details.olderThan !== undefined,
    verdict,
    why,
    findings: findings.map((finding) => toFinding(finding, each, known)),
    fixed: fixed.map((finding) => toFinding(finding, former as Known, known)),
    silent,
  };
}

/** Since the first of the versions in a row that have it. */
function toFinding(finding: StoredFinding, of: Known, known: ReadonlyMap<string, Known>): WeeklyFinding {
  const { fingerprint, class: _, ...rest } = finding;
  let first = of;
  for (let depth = 0; depth < 20; depth++) {
    const former = known.get(first.details.previous ?? "");
    if (former?.findings.some((each) => each.fingerprint === fingerprint) !== true) break;
    first = former;
  }
  return { ...rest, since: first.details.lastReceivedAt };
}
