// A GitHub of our own and the service beside it, in a process of its own that can be killed and started again.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { WEBHOOKS_PATH } from "../../src/app/server.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from "../support/github/fake-github.ts";
import { serviceEnvironment } from "../support/github/service-environment.ts";
import type { Pull, Repo } from "../support/github/world.ts";
import { findKernelTree, testCacheFolder } from "../support/kernel-tree.ts";
import { repositoryRoot } from "../support/repository.ts";

/** Longer than any lease: a process that starts after a kill finds what the dead one held. */
const BEYOND_LEASES_SECONDS = 300;

export interface Serving {
  readonly fake: FakeGitHub;
  readonly store: Store;
  readonly log: readonly string[];
  /** Starts the service, and again after a kill. */
  start(): Promise<void>;
  /** kill -9; nothing listens for webhooks any more. */
  kill(): void;
  /** Nothing is to be done or said about these pull requests. */
  isSettled(...pulls: readonly Pull[]): Promise<boolean>;
  settled(...pulls: readonly Pull[]): Promise<void>;
  until(what: string, is: () => boolean | Promise<boolean>): Promise<void>;
  /** SIGTERM, and its end. */
  stop(): Promise<void>;
}

export interface ServingOptions {
  readonly github?: Partial<FakeGitHubOptions>;
  /** A file: once it is there, its result is taken for each review. */
  readonly result?: string;
  /** Owner and name of the repository whose kernel is built. */
  readonly kernel?: { readonly owner: string; readonly name: string };
}

export async function serveApp(t: TestContext, options: ServingOptions = {}): Promise<Serving> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-serving-"));
  const fake = await startFakeGitHub({ dir: join(folder, "github"), ...options.github });
  const log: string[] = [];
  let ahead = 0;
  let child: ChildProcess | undefined;
  // Made before the service is, which finds it there.
  const store = await openSqliteStore(join(folder, "state", "service"));
  const until = async (what: string, is: () => boolean | Promise<boolean>): Promise<void> => {
    const end = Date.now() + 120_000;
    while (!(await is())) {
      if (Date.now() > end) throw new Error(`not within two minutes: ${what}\n${log.slice(-30).join("\n")}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  const isSettled = async (...pulls: readonly Pull[]): Promise<boolean> => {
    await fake.settled();
    if ((await store.open(10)).length > 0 || (await store.untold(10)).length > 0) return false;
    for (const { repo, number } of pulls) {
      const posts = await store.posts(`github:${repo.owner}/${repo.name}#${number}`);
      if (posts.length === 0 || posts.some(({ state }) => state === "waiting" || state === "sending")) return false;
    }
    return true;
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise<void>((done) => ending.once("exit", () => done()));
    ending.kill("SIGTERM");
    await ended;
  };
  t.after(async () => {
    await stop();
    await store.close();
    await fake.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let isFirst = true;
  return {
    fake,
    store,
    log,
    until,
    stop,
    async start() {
      const { kernel, result } = options;
      const env: NodeJS.ProcessEnv = {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        ...serviceEnvironment(fake),
        OBJREVIEW_STATE: join(folder, "state"),
        OBJREVIEW_CACHE: testCacheFolder(),
        OBJREVIEW_KERNEL_TREE: findKernelTree().tree,
        OBJREVIEW_THROTTLE: "off",
        OBJREVIEW_DRAIN_SECONDS: "0",
        TEST_AHEAD_SECONDS: String(ahead),
        TEST_REVIEW_STATE: join(testCacheFolder(), "test-state"),
        ...(kernel === undefined || !isFirst ? {} : { TEST_MIRROR: `${kernel.owner}+${kernel.name}.git` }),
        ...(result === undefined ? {} : { TEST_RESULT: result }),
      };
      isFirst = false;
      const program = join(repositoryRoot, "test/app/service-process.ts");
      const started = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "pipe"] });
      child = started;
      createInterface({ input: started.stderr! }).on("line", (line) => log.push(line));
      const url = await new Promise<string>((done, fail) => {
        createInterface({ input: started.stdout! }).once("line", done);
        started.once("exit", () => fail(new Error(`the service did not start:\n${log.slice(-20).join("\n")}`)));
      });
      fake.listenAt(url + WEBHOOKS_PATH);
    },
    kill() {
      child?.kill("SIGKILL");
      child = undefined;
      // What comes in the meantime is lost, and listed as such.
      fake.listenAt("http://127.0.0.1:9/");
      ahead += BEYOND_LEASES_SECONDS;
    },
    isSettled,
    settled: (...pulls) => until("everything is done and said", () => isSettled(...pulls)),
  };
}

/** The result of the newest review of the pull request, as the store has it. */
export async function resultOf(serving: Serving, { repo, number }: Pull): Promise<ReviewResult> {
  const reviews = await serving.store.reviews(`github:${repo.owner}/${repo.name}#${number}`);
  const text = await serving.store.result(reviews[reviews.length - 1]!.id);
  return (JSON.parse(text!) as { result: ReviewResult }).result;
}

/** What a reader sees of the pull request, in one line each. */
export function seen(fake: FakeGitHub, pull: Pull): string[] {
  const bots = (login: string): boolean => login === fake.app.bot.login;
  const comments = fake.lineComments(pull).filter(({ user }) => bots(user.login));
  const state = (body: string): string => /objreview:topic 1 \S+ (\w+)/.exec(body)?.[1] ?? "unmarked";
  const own = fake.conversation(pull).filter(({ user }) => bots(user.login));
  return [
    ...fake.checks(pull.headSha).map((run) => {
      const places = run.annotations.map(({ path, start_line }) => `${path}:${start_line}`).sort();
      return `check ${run.conclusion ?? run.status}: ${places.join(" ")}`;
    }),
    ...comments
      .map(({ path, line, originalLine, body }) => `${state(body)} ${path}:${line ?? `was ${originalLine}`}`)
      .sort(),
    ...own.map(({ body }) => (body.includes("objreview:summary") ? "summary" : `says ${body.split("\n")[0]}`)),
  ];
}

const SCM = "net/core/scm.c";
const COPY_PAGE = "arch/x86/lib/copy_page_64.S";

/** The kernel of the tests as a repository of the fake: the tree's commit is its first. */
export function kernelRepository(fake: FakeGitHub, fullName: string): Repo {
  const { tree } = findKernelTree();
  const git = (...args: string[]): string => execFileSync("git", ["-C", tree, ...args], { encoding: "utf8" }).trim();
  const objects = join(git("rev-parse", "--path-format=absolute", "--git-common-dir"), "objects");
  return fake.repo(fullName, { borrow: { objects, commit: git("rev-parse", "HEAD") } });
}

/** Two files of the kernel, each with and without the defect that example/series.mbox plants in it. */
export function kernelFiles(repo: Repo) {
  const base = repo.git.resolve("main")!;
  const scm = repo.git.text(base, SCM)!;
  const copyPage = repo.git.text(base, COPY_PAGE)!;
  // User access stays open on the way out of put_cmsg().
  const leftOpen = scm.replaceAll("efault_end)", "efault)").replace("efault_end:\n\tuser_write_access_end();\n", "");
  const pushed = "\t/* Where the main loop ended. */\n\tpushq\t%rcx\n";
  const place = "\tmovl\t$5, %ecx\n";
  return {
    scm: { good: { [SCM]: scm }, bad: { [SCM]: leftOpen } },
    copyPage: {
      bad: { [COPY_PAGE]: copyPage.replace(place, pushed + place) },
      /** The same two lines further down. */
      badBelow: { [COPY_PAGE]: copyPage.replace(place, `\t/* The tail. */\n\n${pushed}${place}`) },
    },
  };
}
