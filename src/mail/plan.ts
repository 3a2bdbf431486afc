// What is to be done about the series of a cluster: pure, from what is in the cluster, what was reviewed, and the time. It is decided anew from all of that
// whenever a message has come or a window has ended, so that no decision depends on what came first.

import { isWantedPath } from "../config/wanted-path.ts";
import type { SeriesOrder } from "../store/mailroom.ts";
import type { Order, Review } from "../store/store.ts";
import type { AssembledSeries } from "./assembled.ts";
import type { ListPolicy, MailConfig } from "./config.ts";
import type { MailFacts } from "./facts.ts";
import { listsOf } from "./policy.ts";
import { headOf, mailTarget, reviewOrder, type StoredDetails } from "./work-request.ts";

/**
 * settling: complete, and waits for what may still be on its way. waiting: not complete yet. incomplete: nor when the window had ended. ordered: there is a
 * review. superseded: a newer version is there. late: nobody waits for a reply any more. The others are never reviewed.
 */
export const SERIES_STATES = [
  "settling",
  "waiting",
  "ordered",
  "incomplete",
  "superseded",
  "late",
  "too-big",
  "not-a-patch",
  "not-for-us",
] as const;
export type SeriesState = (typeof SERIES_STATES)[number];

export interface PlanInput {
  readonly series: readonly AssembledSeries[];
  readonly facts: ReadonlyMap<string, MailFacts>;
  /** Reviews by target, oldest first; those of every identity and alias that has some. */
  readonly reviews: ReadonlyMap<string, readonly Review[]>;
  readonly config: Pick<MailConfig, "lists" | "wait-minutes" | "settle-seconds">;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface PlannedOrder {
  /** The same each time the same is wanted, so that it is put in once. */
  readonly delivery: string;
  readonly order: Order;
}

export interface Plan {
  readonly rows: readonly SeriesOrder[];
  /** In this order; what ends a review comes first. */
  readonly orders: readonly PlannedOrder[];
}

interface Standing {
  readonly state: SeriesState;
  readonly reason: string;
  readonly dueAt?: number;
}

export function planSeries(input: PlanInput): Plan {
  const all = input.series.map(
    (each): StoredDetails => ({ ...each, ...canonical(each, input), head: headOf(each, input.facts) }),
  );
  const rows: SeriesOrder[] = [];
  const cancels: PlannedOrder[] = [];
  const orders: PlannedOrder[] = [];
  for (const series of all) {
    const lists = listsOf(input.config, namesOf(series));
    const reviews = input.reviews.get(mailTarget(series.identity)) ?? [];
    const standing = standingOf(series, lists, reviews, input);
    rows.push({ identity: series.identity, ...standing, details: JSON.stringify(series) });
    const open = reviews.find(isOpen);
    if (standing.state === "ordered") {
      const { head } = series;
      // A review of other patches is out of date: a copy of one came that is to be taken instead.
      const isThere =
        open === undefined ? reviews.some((each) => counts(each) && each.head === head) : open.head === head;
      if (isThere) continue;
      const order = reviewOrder(
        series,
        lists.map(({ address }) => address),
      );
      orders.push({ delivery: `${series.identity} ${reviews.length} ${head}`, order });
    } else if (open !== undefined && standing.state === "superseded") {
      const target = mailTarget(series.identity);
      cancels.push({ delivery: `${series.identity} end ${open.id}`, order: { kind: "cancel", target } });
    }
  }
  return { rows, orders: [...cancels, ...orders] };
}

const isOpen = ({ state }: Review): boolean => state === "queued" || state === "running";
/** It came to an end of its own, or will. One that was cancelled or superseded says nothing of the series. */
const counts = ({ state }: Review): boolean => state !== "cancelled" && state !== "superseded";

/** A series keeps the identity that it was reviewed under, though a copy of its first patch with another Message-ID came later: it is answered once. */
function canonical(
  { identity, olderThan, previous }: AssembledSeries,
  { series, reviews }: PlanInput,
): Partial<AssembledSeries> & Pick<AssembledSeries, "identity"> {
  const nameOf = (id: string): string => {
    const { aliases } = series.find((each) => each.identity === id) ?? { aliases: [] };
    const known = [id, ...aliases].flatMap((name) => {
      const first = (reviews.get(mailTarget(name)) ?? []).find(counts);
      return first === undefined ? [] : [{ name, at: first.createdAt }];
    });
    return known.sort((a, b) => a.at - b.at)[0]?.name ?? id;
  };
  return {
    identity: nameOf(identity),
    ...(olderThan === undefined ? {} : { olderThan: nameOf(olderThan) }),
    ...(previous === undefined ? {} : { previous: nameOf(previous) }),
  };
}

export function namesOf({ lists, to, cc }: Pick<AssembledSeries, "lists" | "to" | "cc">): string[] {
  return [...lists, ...to.map(({ address }) => address), ...cc.map(({ address }) => address)];
}

function standingOf(
  series: AssembledSeries,
  lists: readonly ListPolicy[],
  reviews: readonly Review[],
  { facts, config, now }: PlanInput,
): Standing {
  const never = neverReviewed(series, lists, facts);
  if (never !== undefined) return never;
  if (series.state === "incomplete") {
    const dueAt = series.lastReceivedAt + config["wait-minutes"] * 60_000;
    return now < dueAt
      ? { state: "waiting", reason: series.reason, dueAt }
      : { state: "incomplete", reason: `${series.reason}; waited ${config["wait-minutes"]} minutes` };
  }
  if (reviews.some(counts)) return { state: "ordered", reason: series.reason };
  const late = Math.min(...lists.map((list) => list["late-hours"]));
  const settled = series.lastReceivedAt + config["settle-seconds"] * 1000;
  // By the time it was settled and not by ours: a series that waited for a service that was down is still looked at.
  if (settled - series.date > late * 3_600_000) {
    const sent = new Date(series.date).toISOString().slice(0, 16).replace("T", " ");
    return { state: "late", reason: `sent ${sent} UTC; after ${late} hours nobody waits for a reply` };
  }
  if (now < settled) return { state: "settling", reason: series.reason, dueAt: settled };
  return { state: "ordered", reason: series.reason };
}

/** Whatever the time is. */
function neverReviewed(
  series: AssembledSeries,
  lists: readonly ListPolicy[],
  facts: PlanInput["facts"],
): Standing | undefined {
  if (lists.length === 0) return { state: "not-for-us", reason: "to none of the lists of the configuration" };
  if (series.state === "not-a-patch") return { state: "not-a-patch", reason: series.reason };
  if (series.automatic !== undefined) {
    return { state: "not-for-us", reason: `written by a program: ${series.automatic}` };
  }
  if (series.olderThan !== undefined) {
    return { state: "superseded", reason: `a newer version is there: ${series.olderThan}` };
  }
  if (series.state === "too-big") return { state: "too-big", reason: series.reason };
  const most = Math.min(...lists.map((list) => list.limits.patches));
  if (series.state !== "pull-request" && series.total > most) {
    return { state: "too-big", reason: `${series.total} patches, at most ${most} are reviewed` };
  }
  if (series.state === "complete" && !lists.some((list) => touches(series, facts, list.paths))) {
    return { state: "not-for-us", reason: "it touches no path that the configuration names" };
  }
  return undefined;
}

function touches(series: AssembledSeries, facts: PlanInput["facts"], choice: ListPolicy["paths"]): boolean {
  return series.patches.some(({ messageId }) => {
    const diff = facts.get(messageId)?.diff;
    // Of a large patch not all paths are kept: what cannot be told is looked at.
    return (
      diff === undefined || diff.files > diff.paths.length || diff.paths.some((path) => isWantedPath(path, choice))
    );
  });
}
