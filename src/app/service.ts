// The whole service over an open store: the server that hears, the speakers, the workers, the upkeep; and their orderly end.

import { hostname } from "node:os";
import { reviewInChild } from "../service/child.ts";
import { errorWords, type Log } from "../service/log.ts";
import { Bell, loop } from "../service/loop.ts";
import type { Store } from "../store/store.ts";
import { GitHub } from "./client.ts";
import { answerCheck, answerComment, answerSuite, type CommandParts } from "./commands.ts";
import { errands, readErrand } from "./errands.ts";
import { pruneMirrors } from "./mirrors.ts";
import { catchUp, reconcile } from "./reconciler.ts";
import { startServer } from "./server.ts";
import type { Settings } from "./settings.ts";
import { type SpeakerParts, sendNext, tellEnds, tellPositions } from "./speaker.ts";
import { type WorkerParts, workNext } from "./worker.ts";

export interface Pace {
  /** Between looks into the store where nobody rings. */
  readonly idleMillis: number;
  readonly beatMillis: number;
  readonly progressMillis: number;
  readonly sweepMillis: number;
  readonly reconcileMillis: number;
}

export const PACE: Pace = {
  idleMillis: 1000,
  beatMillis: 5000,
  progressMillis: 15_000,
  sweepMillis: 15_000,
  reconcileMillis: 3_600_000,
};

/** GitHub redelivers for three days. */
/** Between looks at what was fetched. */
const MIRROR_MILLIS = 3_600_000;
const REMEMBER_DELIVERIES_MILLIS = 8 * 24 * 3600 * 1000;
/** Posts of one pull request go one at a time; those of several beside each other. */
const SPEAKERS = 2;

export interface Service {
  readonly url: string;
  /** Ends it: nothing new is taken, what is under way has `drainSeconds`. */
  stop(): Promise<void>;
}

export interface ServiceParts {
  readonly settings: Settings;
  readonly store: Store;
  readonly log: Log;
  readonly pace?: Pace;
  readonly review?: WorkerParts["review"];
}

export async function startService(parts: ServiceParts): Promise<Service> {
  const { settings, store, log, pace = PACE, review = reviewInChild } = parts;
  const github = new GitHub(settings);
  const bell = new Bell();
  const taking = new AbortController();
  const working = new AbortController();
  const name = `${hostname()}/${process.pid}`;
  const commands: CommandParts = { github, store, docsUrl: settings.docsUrl, rulesUrl: settings.rulesUrl };
  const speaker: SpeakerParts = {
    github,
    store,
    log,
    name,
    now: Date.now,
    docsUrl: settings.docsUrl,
    rulesUrl: settings.rulesUrl,
    handlers: {
      command: (post) => answerComment(commands, post),
      check: (post) => answerCheck(commands, post),
      suite: (post) => answerSuite(commands, post),
      "catch-up": async (post) => {
        const { installation } = readErrand(errands["catch-up"], post.body);
        return String(await catchUp({ github, store, log, now: Date.now }, installation));
      },
    },
  };
  const worker: WorkerParts = {
    github,
    store,
    settings,
    log,
    name,
    beatMillis: pace.beatMillis,
    progressMillis: pace.progressMillis,
    review,
    stop: working.signal,
  };
  const server = await startServer({ settings, store, log, wake: () => bell.ring() });
  const every = (step: () => Promise<boolean>, idleMillis: number, what: string): Promise<void> =>
    loop(step, {
      bell: idleMillis === pace.idleMillis ? bell : new Bell(),
      signal: taking.signal,
      idleMillis,
      onError: (error) => log("error", what, { error: errorWords(error) }),
    });
  const upkeep = async (): Promise<boolean> => {
    await store.sweep();
    await tellPositions(speaker);
    await store.forgetDeliveries(Date.now() - REMEMBER_DELIVERIES_MILLIS);
    return false;
  };
  const prune = async (): Promise<boolean> => {
    const { mirrorFolder: folder, mirrorBytes } = settings;
    const removed = pruneMirrors(folder, { now: Date.now(), maxBytes: mirrorBytes, log });
    if (removed.length > 0) log("info", "mirrors removed", { mirrors: removed });
    return false;
  };
  const work = async (): Promise<boolean> => {
    const isBusy = await workNext(worker);
    if (isBusy) bell.ring();
    return isBusy;
  };
  const loops = [
    every(
      async () => {
        await reconcile({ github, store, log, now: Date.now });
        bell.ring();
        return false;
      },
      pace.reconcileMillis,
      "reconciler",
    ),
    every(upkeep, pace.sweepMillis, "upkeep"),
    every(prune, MIRROR_MILLIS, "mirrors"),
    every(() => tellEnds(speaker), pace.idleMillis, "speaker"),
    ...Array.from({ length: SPEAKERS }, () => every(() => sendNext(speaker), pace.idleMillis, "speaker")),
    ...Array.from({ length: settings.workers }, () => every(work, pace.idleMillis, "worker")),
  ];
  log("info", "started", { url: server.url, workers: settings.workers });
  return {
    url: server.url,
    async stop() {
      log("info", "stopping");
      taking.abort();
      const drained = setTimeout(() => working.abort(), settings.drainSeconds * 1000);
      await server.close();
      await Promise.all(loops);
      clearTimeout(drained);
      log("info", "stopped");
    },
  };
}
