// The service against the GitHub of test/support, with a review that needs no kernel: every added line "DEFECT name" is a finding in name(). What the
// service does before and after is the real thing. `kill` is as near to kill -9 as one process comes: from then on nothing reaches GitHub, nothing is
// stored, nothing is heard.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { WEBHOOKS_PATH } from "../../src/app/server.ts";
import { type Service, startService } from "../../src/app/service.ts";
import { readSettings } from "../../src/app/settings.ts";
import { hashText } from "../../src/base/hash.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";
import type { ChildReview } from "../../src/service/child.ts";
import type { Log } from "../../src/service/log.ts";
import { resultWithout } from "../../src/service/results.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from "../support/github/fake-github.ts";

/** Leases are short, so that a dead process's work is taken up at once. */
const STORE = { reviewLeaseSeconds: 10, retrySeconds: 0, postLeaseSeconds: 30, attempts: 3 } as const;
const PACE = {
  idleMillis: 25,
  beatMillis: 100,
  progressMillis: 40,
  sweepMillis: 100,
  reconcileMillis: 600_000,
} as const;

export interface Stage {
  readonly fake: FakeGitHub;
  readonly log: string[];
  readonly store: Store;
  /** The clock of the store, milliseconds ahead of the real one: leases of the dead end when it moves. */
  pass(seconds: number): void;
  start(): Promise<Running>;
}

export interface Running extends Service {
  kill(): void;
}

export interface StageOptions {
  readonly github?: Partial<FakeGitHubOptions>;
  /** Waits in the review; it is told when the review is to stop. */
  readonly pause?: (review: ChildReview) => Promise<void>;
  readonly workers?: number;
  /** `kill` works: calls go over a wire that can be cut. */
  readonly mortal?: boolean;
}

export async function setStage(t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-running-"));
  const fake = await startFakeGitHub({ dir: join(folder, "github"), ...options.github });
  const log: string[] = [];
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const stores: Store[] = [];
  const open = async () => {
    const store = await openSqliteStore(join(folder, "store"), { ...STORE, now });
    stores.push(store);
    return store;
  };
  const running: Running[] = [];
  t.after(async () => {
    for (const each of running) await each.stop();
    for (const store of stores) await store.close();
    await fake.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const store = await open();
  return {
    fake,
    log,
    store,
    pass(seconds) {
      ahead += seconds * 1000;
    },
    async start() {
      const wire = options.mortal === true ? await openWire(fake.webUrl) : { url: fake.webUrl, cut() {} };
      const own = await open();
      let isDead = false;
      const settings = readSettings({
        APP_ID: String(fake.app.id),
        PRIVATE_KEY: fake.app.privateKey,
        WEBHOOK_SECRET: fake.app.webhookSecret,
        GITHUB_API_URL: fake.url.replace(fake.webUrl, wire.url),
        GITHUB_WEB_URL: wire.url,
        HOST: "127.0.0.1",
        PORT: "0",
        HOME: folder,
        OBJREVIEW_STATE: join(folder, "state"),
        OBJREVIEW_CACHE: join(folder, "cache"),
        OBJREVIEW_WORKERS: String(options.workers ?? 1),
        OBJREVIEW_DRAIN_SECONDS: "0",
        OBJREVIEW_THROTTLE: "off",
      });
      const write: Log = (level, message, fields = {}) => {
        log.push(`${(performance.now() / 1000).toFixed(2)} ${level} ${message} ${JSON.stringify(fields)}`);
      };
      const service = await startService({
        settings,
        store: mortal(own, () => isDead),
        log: write,
        pace: PACE,
        review: async (_, review) => {
          await options.pause?.(review);
          return reviewByWords(review);
        },
      });
      fake.listenAt(service.url + WEBHOOKS_PATH);
      const made: Running = {
        url: service.url,
        kill() {
          if (options.mortal !== true) throw new Error("only a mortal service can be killed");
          isDead = true;
          wire.cut();
          void service.stop();
          if (fake.hooks.url === service.url + WEBHOOKS_PATH) fake.listenAt("http://127.0.0.1:9/");
        },
        async stop() {
          if (isDead) return;
          isDead = true;
          await Promise.race([service.stop(), new Promise((done) => setTimeout(done, 5000).unref())]);
          wire.cut();
        },
      };
      running.push(made);
      return made;
    },
  };
}

/** A store that a dead process does not reach: what it asks is never answered. */
function mortal(store: Store, isDead: () => boolean): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => (isDead() ? new Promise(() => {}) : value.apply(target, args));
    },
  });
}

/** A wire to `to` that can be cut. */
async function openWire(to: string): Promise<{ url: string; cut(): void }> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = tcpConnect(Number(port), hostname);
    for (const each of [near, far]) {
      sockets.add(each);
      each.on("error", () => {});
      each.on("close", () => {
        sockets.delete(each);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut() {
      isCut = true;
      server.close();
      for (const each of sockets) each.destroy();
    },
  };
}

function reviewByWords({ tree, series }: ChildReview): ReviewResult {
  if (!("from" in series)) throw new Error("the service reviews commits");
  const { from, to } = series;
  const diff = execFileSync("git", ["-C", tree, "diff", "-U3", from, to]).toString();
  const findings = parseDiff(diff).flatMap((file) =>
    file.hunks.flatMap((hunk) =>
      hunk.lines.flatMap((line) => {
        const name = line.kind === "+" ? /^DEFECT (\w+)/.exec(line.text)?.[1] : undefined;
        return name === undefined ? [] : [findingIn(name, file.path, line.newLine)];
      }),
    ),
  );
  return {
    ...resultWithout(findings.length === 0 ? "clean" : "findings", ""),
    base: { commit: from, name: from.slice(0, 12), chosenBy: "merge base" },
    objects: [
      {
        path: "lib/a.o",
        profile: "x86_64-defconfig-gcc",
        reason: "touched",
        state: "analysed",
        functions: 3,
        textBytes: 300,
        fromCache: false,
      },
    ],
    findings: findings.map((finding, i) => ({ ...finding, id: `f${i + 1}` })),
  };
}

function findingIn(name: string, file: string, line: number): ReviewFinding {
  return {
    id: "",
    class: "new",
    rule: "uaccess-return-open",
    severity: "error",
    object: "lib/a.o",
    function: name,
    file,
    line,
    onDiff: true,
    message: `${name}() returns with user access open`,
    consequence: "User memory stays open to the kernel.",
    path: [],
    evidence: [],
    related: [],
    fingerprint: hashText(name),
    profiles: ["x86_64-defconfig-gcc"],
  };
}

/** Until `is` holds; what the service logged is in the error where it does not. */
export async function until(stage: Stage, what: string, is: () => boolean | Promise<boolean>, seconds = 90) {
  const end = Date.now() + seconds * 1000;
  while (!(await is())) {
    if (Date.now() > end) {
      const calls = stage.fake.calls.slice(-10).map(({ method, path, status }) => `${method} ${path} ${status}`);
      throw new Error([`not within ${seconds} s: ${what}`, ...stage.log.slice(-30), ...calls].join("\n"));
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Nothing is to be done any more: no open review, nothing untold, nothing to send. */
export function settled(stage: Stage, targets: readonly string[]): Promise<void> {
  return until(stage, "everything is done and said", async () => {
    await stage.fake.settled();
    if ((await stage.store.open(10)).length > 0 || (await stage.store.untold(10)).length > 0) return false;
    for (const target of targets) {
      const posts = await stage.store.posts(target);
      if (posts.some(({ state }) => state === "waiting" || state === "sending")) return false;
    }
    return true;
  });
}
