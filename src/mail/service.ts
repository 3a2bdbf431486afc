// The mail service over an open store: the steps that take mails in, decide, review and answer, and the two ways of running them: until nothing is to be done
// any more (once), or until it is told to stop (watch).

import { hostname } from "node:os";
import { type ChildSettings, reviewInChild } from "../service/child.ts";
import { errorWords, type Log } from "../service/log.ts";
import { Bell, loop } from "../service/loop.ts";
import type { Mailroom } from "../store/mailroom.ts";
import type { Store } from "../store/store.ts";
import type { Resolver } from "./authenticate.ts";
import { CommandDesk, DESK_NOTES } from "./command-desk.ts";
import type { MailConfig } from "./config.ts";
import { openResolver } from "./dns.ts";
import { type Outlet, openOutlet } from "./outlet.ts";
import { type PatchworkParts, sendNextCheck } from "./patchwork.ts";
import { Planner } from "./planner.ts";
import { prepareSeries } from "./prepare-series.ts";
import { findPrerequisite } from "./prerequisites.ts";
import type { MailSource } from "./source.ts";
import { Tally } from "./tally.ts";
import { sendNextMail, tellMail, type VoiceParts } from "./voice.ts";
import { tellWeekly } from "./weekly.ts";
import { type WorkerParts, workNext } from "./worker.ts";

export interface MailPace {
  /** Between looks into the store where nobody rings. */
  readonly idleMillis: number;
  readonly beatMillis: number;
  readonly sweepMillis: number;
  /** Between looks whether a week has ended. */
  readonly weeklyMillis: number;
  readonly upkeepMillis: number;
  /** What a review that is under way has to end when the service is told to stop. */
  readonly drainMillis: number;
}

export const MAIL_PACE: MailPace = {
  idleMillis: 1000,
  beatMillis: 5000,
  sweepMillis: 15_000,
  weeklyMillis: 60_000,
  upkeepMillis: 3_600_000,
  drainMillis: 20_000,
};

const DAY = 24 * 3_600_000;
/** The bytes of mails, for late parts, rechecks and later versions. */
const KEEP_MAILS_MILLIS = 120 * DAY;
const KEEP_DELIVERIES_MILLIS = 400 * DAY;

export interface MailServiceParts {
  readonly config: MailConfig;
  readonly store: Store;
  readonly room: Mailroom;
  readonly sources: readonly MailSource[];
  readonly settings: ChildSettings;
  /** Folder for mailboxes of reviews that are under way. */
  readonly scratch: string;
  readonly log: Log;
  readonly outlet?: Outlet | undefined;
  readonly pace?: MailPace;
  /** Milliseconds since 1970; the clock when it is not given. */
  readonly now?: () => number;
  /** DNS, for signatures of commands; the system's when it is not given. */
  readonly resolver?: Resolver;
  readonly prepare?: WorkerParts["prepare"];
  readonly review?: WorkerParts["review"];
}

export class MailService {
  readonly #parts: MailServiceParts;
  readonly #pace: MailPace;
  readonly #now: () => number;
  readonly #planner: Planner;
  readonly #worker: WorkerParts;
  readonly #voice: VoiceParts;
  readonly #desk: CommandDesk;
  readonly #patchwork: PatchworkParts | undefined;
  /** Ends reviews that are under way. */
  readonly #working = new AbortController();
  readonly #bell = new Bell();
  /** Of a run that ends. */
  #tally: Tally | undefined;

  constructor(parts: MailServiceParts) {
    const { config, store, room, log, settings, scratch, pace = MAIL_PACE, now = Date.now } = parts;
    const name = `${hostname()}/${process.pid}`;
    this.#parts = parts;
    this.#pace = pace;
    this.#now = now;
    const onPlanned: Tally["planned"] = (series, rest) => this.#tally?.planned(series, rest);
    this.#planner = new Planner({ room, store, config, log, now, onPlanned });
    this.#worker = {
      store,
      room,
      config,
      settings,
      scratch,
      log,
      name,
      beatMillis: pace.beatMillis,
      stop: this.#working.signal,
      findPrerequisite: (wanted) => findPrerequisite(room, wanted),
      prepare: parts.prepare ?? prepareSeries,
      review: parts.review ?? reviewInChild,
    };
    const outlet = "outlet" in parts ? parts.outlet : openOutlet(config);
    this.#voice = { store, room, config, outlet, name, log, now };
    this.#patchwork = config.patchwork === undefined ? undefined : { store, config: config.patchwork, name, log, now };
    this.#desk = new CommandDesk({ store, room, config, resolver: parts.resolver ?? openResolver(), log, now });
  }

  /**
   * Reads all sources to their end and does what is due by then; with `wait` also what becomes due: windows of series, reviews that are tried again.
   * @returns what it came to; not whole where a source could not be read
   */
  async once(signal: AbortSignal, wait: boolean): Promise<Pick<Tally, "isWhole" | "words">> {
    const stop = () => this.#working.abort();
    const tally = new Tally();
    this.#tally = tally;
    signal.addEventListener("abort", stop, { once: true });
    try {
      await this.#readAll(signal, tally);
      while (!signal.aborted) {
        await this.#parts.store.sweep();
        if (await this.#step(signal)) continue;
        const pause = wait ? await this.#untilDue() : undefined;
        if (pause === undefined) break;
        await new Bell().wait(Math.min(Math.max(pause, 50), this.#pace.sweepMillis), signal);
      }
      return tally;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Runs until the signal says so; what is under way then has some seconds to end. */
  async watch(signal: AbortSignal): Promise<void> {
    const { config, sources, store, log } = this.#parts;
    const { idleMillis, sweepMillis, upkeepMillis, drainMillis } = this.#pace;
    const every = (step: () => Promise<boolean>, millis: number, what: string, bell = new Bell()): Promise<void> => {
      const onError = (error: unknown) => log("error", what, { error: errorWords(error) });
      return loop(step, { bell, signal, idleMillis: millis, onError });
    };
    const ringing = (step: () => Promise<boolean>, what: string): Promise<void> => {
      const rung = async (): Promise<boolean> => {
        const isBusy = await step();
        if (isBusy) this.#bell.ring();
        return isBusy;
      };
      return every(rung, idleMillis, what, this.#bell);
    };
    const read = async (source: MailSource): Promise<boolean> => {
      try {
        if ((await this.#read(source, signal)) > 0) this.#bell.ring();
      } catch (error) {
        if (!signal.aborted) log("error", source.name, { error: errorWords(error) });
      }
      // A source that failed knows when it is worth another try.
      await source.wait(signal);
      return !signal.aborted;
    };
    const loops = [
      ...sources.map((source) => every(() => read(source), sweepMillis, source.name)),
      ringing(() => this.#planner.fileMails(signal), "reading mails"),
      ringing(() => this.#planner.plan(signal), "planning"),
      ringing(() => this.#desk.next(), "commands"),
      ringing(() => tellMail(this.#voice), "telling"),
      every(() => tellWeekly(this.#voice), this.#pace.weeklyMillis, "weekly digest"),
      ringing(() => sendNextMail(this.#voice), "sending"),
      ringing(() => this.#check(signal), "checks"),
      ...Array.from({ length: config.workers }, () => ringing(() => workNext(this.#worker), "reviewing")),
      every(
        idle(() => store.sweep()),
        sweepMillis,
        "upkeep",
      ),
      every(
        idle(() => this.#forget()),
        upkeepMillis,
        "upkeep",
      ),
    ];
    log("info", "started", { sources: sources.map(({ name }) => name), workers: config.workers });
    await new Promise<void>((done) => {
      if (signal.aborted) return done();
      signal.addEventListener("abort", () => done(), { once: true });
    });
    log("info", "stopping");
    const drained = setTimeout(() => this.#working.abort(), drainMillis);
    await Promise.all(loops);
    clearTimeout(drained);
    log("info", "stopped");
  }

  async #readAll(signal: AbortSignal, tally: Tally): Promise<void> {
    for (const source of this.#parts.sources) {
      if (signal.aborted) return;
      try {
        await this.#read(source, signal);
        tally.read(source.name);
      } catch (error) {
        tally.notRead(source.name);
        this.#parts.log("error", "a source was not read", { source: source.name, error: errorWords(error) });
      }
    }
  }

  /** Takes in what is new; how many mails. */
  async #read(source: MailSource, signal: AbortSignal): Promise<number> {
    const { room, log } = this.#parts;
    const skipped = (what: string) => {
      this.#tally?.passedOver();
      log("warn", "passed over", { source: source.name, what });
    };
    let fresh = 0;
    let seen = 0;
    for await (const { mails, cursor } of source.read(await room.cursor(source.name), signal, skipped)) {
      const taken = (await room.deliver(source.name, mails, cursor)).length;
      const ids = mails.map(({ messageId }) => messageId);
      this.#tally?.took(ids, taken);
      fresh += taken;
      seen += mails.length;
      if (fresh > 0) this.#bell.ring();
      if (signal.aborted) break;
    }
    if (seen > 0) log("info", "read", { source: source.name, mails: seen, new: fresh });
    return fresh;
  }

  /** One round of all that is due; whether there was something. */
  async #step(signal: AbortSignal): Promise<boolean> {
    if (await this.#planner.fileMails(signal)) return true;
    if (await this.#planner.plan(signal)) return true;
    if (await this.#desk.next()) return true;
    const worked = await Promise.all(Array.from({ length: this.#parts.config.workers }, () => workNext(this.#worker)));
    const isTold = (await tellMail(this.#voice)) || (await tellWeekly(this.#voice));
    const isSent = await sendNextMail(this.#voice);
    const isChecked = await this.#check(signal);
    return isTold || isSent || isChecked || worked.includes(true);
  }

  async #check(signal: AbortSignal): Promise<boolean> {
    return this.#patchwork === undefined ? false : sendNextCheck(this.#patchwork, signal);
  }

  /** Milliseconds until there is something to do by itself; undefined: there is nothing that would be. */
  async #untilDue(): Promise<number | undefined> {
    const { room, store } = this.#parts;
    const [next] = await room.dueSeries(Number.MAX_SAFE_INTEGER, 1);
    if ((await store.open(1)).length > 0) return 200;
    return next?.dueAt === undefined ? undefined : next.dueAt - this.#now();
  }

  async #forget(): Promise<void> {
    const { room, store } = this.#parts;
    await room.forgetMails(this.#now() - KEEP_MAILS_MILLIS, DESK_NOTES);
    await store.forgetDeliveries(this.#now() - KEEP_DELIVERIES_MILLIS);
  }
}

/** A step of a loop that is not to be repeated at once. */
function idle(step: () => Promise<void>): () => Promise<boolean> {
  return async () => {
    await step();
    return false;
  };
}
