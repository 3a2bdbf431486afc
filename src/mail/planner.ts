// From stored messages to orders: reads what was not read yet, puts together what belongs together, and keeps what is known of each series. Every step can be
// done again: what it does is derived from what is stored, and orders have names that are the same each time.

import { errorWords, type Log } from "../service/log.ts";
import type { Cluster, Filing, Mailroom, Note, StoredMail } from "../store/mailroom.ts";
import type { Store } from "../store/store.ts";
import { assemble } from "./assemble.ts";
import type { AssembledSeries, ClusterMail } from "./assembled.ts";
import type { OwnMarks } from "./automatic.ts";
import { commandNote } from "./command-desk.ts";
import type { MailConfig } from "./config.ts";
import { type MailFacts, parseFacts, readMail } from "./facts.ts";
import { readInline } from "./inline.ts";
import { linkKeys } from "./keys.ts";
import { planSeries } from "./plan.ts";
import { patchNote } from "./prerequisites.ts";
import type { Tally } from "./tally.ts";
import { mailTarget } from "./work-request.ts";

export interface PlannerParts {
  readonly room: Mailroom;
  readonly store: Pick<Store, "receive" | "reviews">;
  readonly config: Pick<MailConfig, "lists" | "wait-minutes" | "settle-seconds">;
  readonly log: Log;
  /** What our own mails are known by when they come back. */
  readonly own?: OwnMarks;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Hears of each cluster that was decided about. */
  readonly onPlanned?: Tally["planned"];
}

/** The name under which the planner's orders are remembered. */
export const PLAN_SOURCE = "mail-plan";
/** Mails of a cluster that are looked at: the largest threads on kernel lists have some hundreds. */
const MAX_CLUSTER = 3000;
const BATCH = 100;
const BROKEN_MILLIS = 10 * 60_000;
/** Kept beside a mail that a defect of ours made unreadable; it belongs to nothing. */
const UNREAD_FACTS = '{"unread":true}';

interface ReadMail {
  readonly messageId: string;
  readonly filing: Filing;
  readonly notes: readonly Note[];
}

export class Planner {
  readonly #parts: PlannerParts;
  /** Clusters that could not be planned, by the stamp that they had: they are tried again with the next message, and after a while. */
  readonly #broken = new Map<number, { readonly stamp: number; readonly until: number }>();

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** Reads and files what came; whether there was something. */
  async fileMails(signal?: AbortSignal): Promise<boolean> {
    const { room, log } = this.#parts;
    const waiting = await room.unfiled(BATCH);
    const read: ReadMail[] = [];
    for (const mail of waiting) {
      if (signal?.aborted === true) break;
      read.push(await this.#read(mail));
    }
    try {
      await room.fileAll(
        read.map(({ filing }) => filing),
        read.flatMap(({ notes }) => notes),
      );
    } catch (error) {
      log("error", "mails were not filed together", { error: errorWords(error) });
      for (const each of read) await this.#fileAlone(each);
    }
    return waiting.length > 0;
  }

  /** Decides about clusters with news and about series whose window has ended; whether there was one. */
  async plan(signal?: AbortSignal): Promise<boolean> {
    const { room, now } = this.#parts;
    const stale = await room.staleClusters(BATCH + this.#broken.size);
    const fresh = stale.filter((each) => !this.#isBroken(each)).slice(0, BATCH);
    for (const each of fresh) {
      if (signal?.aborted === true) return true;
      await this.#planSafely(each);
    }
    const due = new Set((await room.dueSeries(now(), BATCH + this.#broken.size)).map(({ cluster }) => cluster));
    let count = fresh.length;
    for (const cluster of due) {
      if (signal?.aborted === true) return true;
      const stamp = await room.stamp(cluster);
      if (stamp === undefined || this.#isBroken({ cluster, stamp })) continue;
      await this.#planSafely({ cluster, stamp });
      count++;
    }
    return count > 0;
  }

  async #read({ sequence, messageId, receivedAt }: StoredMail): Promise<ReadMail> {
    const { room, log } = this.#parts;
    try {
      const facts = await readMail(messageId, (await room.raw(messageId)) ?? new Uint8Array(), this.#parts.own);
      const patch = patchNote(facts, receivedAt);
      const notes = [
        ...(facts.commands === true ? [commandNote(messageId, receivedAt)] : []),
        ...(patch === undefined ? [] : [patch]),
      ];
      return { messageId, filing: { sequence, facts: JSON.stringify(facts), keys: linkKeys(facts) }, notes };
    } catch (error) {
      // One message must not stop those behind it.
      log("error", "a mail was not read", { mail: messageId, error: errorWords(error) });
      return { messageId, filing: { sequence, facts: UNREAD_FACTS, keys: [] }, notes: [] };
    }
  }

  async #fileAlone({ messageId, filing, notes }: ReadMail): Promise<void> {
    const { room, log } = this.#parts;
    try {
      await room.fileAll([filing], notes);
    } catch (error) {
      log("error", "a mail was not filed", { mail: messageId, error: errorWords(error) });
      await room.file(filing.sequence, UNREAD_FACTS, []);
    }
  }

  async #planSafely(cluster: Cluster): Promise<void> {
    try {
      await this.#planCluster(cluster);
      this.#broken.delete(cluster.cluster);
    } catch (error) {
      this.#broken.set(cluster.cluster, { stamp: cluster.stamp, until: this.#parts.now() + BROKEN_MILLIS });
      this.#parts.log("error", "series were not planned", { cluster: cluster.cluster, error: errorWords(error) });
    }
  }

  #isBroken({ cluster, stamp }: Cluster): boolean {
    const broken = this.#broken.get(cluster);
    return broken?.stamp === stamp && broken.until > this.#parts.now();
  }

  async #planCluster({ cluster, stamp }: Cluster): Promise<void> {
    const { room, store, config, log, now } = this.#parts;
    const stored = await room.cluster(cluster, MAX_CLUSTER);
    const mails = await this.#readFacts(stored);
    // They were read by an older program: with the new facts the cluster has another stamp, and its turn comes again.
    if (mails === undefined) return;
    const maxPatches = Math.max(...config.lists.map((list) => list.limits.patches));
    const options = { maxPatches, maxBytes: MAX_SERIES_BYTES, inline: await readInline(room) };
    const { series, rest } = assemble(mails, options);
    const { rows, orders } = planSeries({
      series,
      facts: new Map(mails.map(({ facts }) => [facts.messageId, facts])),
      reviews: await this.#reviewsOf(series),
      config,
      now: now(),
    });
    // Orders first: when the process dies in between, the cluster is still due, and the orders are there already.
    for (const { delivery, order } of orders) {
      const { repeated, ended } = await store.receive({ source: PLAN_SOURCE, id: delivery }, [order]);
      if (!repeated && order.kind !== "post") {
        log("info", order.kind === "review" ? "ordered" : "cancelled", { target: order.target, ended: ended.length });
      }
    }
    const before = new Map((await room.series(cluster)).map((each) => [each.identity, each.state]));
    if (!(await room.putSeries(cluster, rows, stamp))) return;
    this.#parts.onPlanned?.(rows, rest);
    for (const { identity, state, reason } of rows) {
      if (before.get(identity) !== state) log("info", "series", { identity, state, reason });
    }
  }

  /** Undefined where some had to be read anew. */
  async #readFacts(stored: readonly StoredMail[]): Promise<ClusterMail[] | undefined> {
    const { room } = this.#parts;
    const mails: ClusterMail[] = [];
    let isAnew = false;
    for (const { sequence, messageId, facts: text, receivedAt } of stored) {
      if (text === UNREAD_FACTS) continue;
      const facts: MailFacts | undefined = parseFacts(text);
      if (facts !== undefined) mails.push({ facts, receivedAt });
      else {
        const raw = await room.raw(messageId);
        // Its bytes are gone: what is left of it was decided on long ago.
        if (raw === undefined) continue;
        await room.file(sequence, JSON.stringify(await readMail(messageId, raw, this.#parts.own)), []);
        isAnew = true;
      }
    }
    return isAnew ? undefined : mails;
  }

  async #reviewsOf(series: readonly AssembledSeries[]) {
    const targets = new Set(series.flatMap(({ identity, aliases }) => [identity, ...aliases].map(mailTarget)));
    const { store } = this.#parts;
    return new Map(await Promise.all([...targets].map(async (each) => [each, await store.reviews(each)] as const)));
  }
}

const MAX_SERIES_BYTES = 32 * 1024 * 1024;
