// The commits of a [GIT PULL] into the store of the tree that they are for: looked at in quarantine first, kept where they are what the mail says.

import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import type { Git } from "../kernel/git.ts";
import {
  countBetween,
  type FetchOrder,
  fetchInQuarantine,
  hasCommit,
  listRemoteRefs,
  reviewedTip,
} from "../kernel/git-fetch.ts";
import { FolderLock } from "../kernel/lock.ts";
import type { Tree } from "../kernel/tree.ts";
import { type PullRequest, refCandidates } from "./pull-request.ts";

export interface PullLimits {
  /** More than these, without merges, are too big for a review. */
  readonly maxPatches: number;
  readonly maxBytes: number;
  readonly timeoutMillis: number;
}

/** A month of a subsystem is a few megabytes; a whole kernel history does not pass. */
export const defaultPullLimits = { maxBytes: 512 * 1024 * 1024, timeoutMillis: 1_800_000 } as const;

export type FetchedPull =
  | {
      readonly kind: "fetched";
      readonly from: string;
      /** The tip, or one commit that stands for a history with merges in it. */
      readonly to: string;
      readonly commits: number;
    }
  | { readonly kind: "too-big" | "inconclusive"; readonly reason: string };

const LIST_MILLIS = 120_000;

/**
 * `url` has been found to be allowed. Throws ToolError("cancelled") when `signal` says so and ("failed") where the server cannot be reached: worth another
 * try. What is wrong with the request itself is answered with a value.
 */
export async function fetchPull(
  tree: Tree,
  url: string,
  request: PullRequest,
  title: string,
  limits: PullLimits,
  signal: AbortSignal,
): Promise<FetchedPull> {
  const { git } = tree;
  const { base, tip } = request;
  const inconclusive = (reason: string): FetchedPull => ({ kind: "inconclusive", reason });
  const names = refCandidates(request.ref);
  if (names === undefined) return inconclusive("what is to be pulled is not the name of a ref");
  const said = names.flatMap((name) => [name, `${name}^{}`]);
  const refs = await listRemoteRefs(git, { url, refs: said, timeoutMillis: LIST_MILLIS, signal });
  const peeled = (name: string): string | undefined => refs.get(`${name}^{}`) ?? refs.get(name);
  const there = names.filter((name) => peeled(name) !== undefined);
  const ref = there.find((name) => peeled(name) === tip);
  const shown = request.ref ?? "HEAD";
  if (ref === undefined) {
    const moved = there[0] === undefined ? undefined : peeled(there[0])?.slice(0, 12);
    return inconclusive(
      moved === undefined
        ? `the repository has no ${shown}`
        : `${shown} is at ${moved} by now, the mail says ${tip.slice(0, 12)}`,
    );
  }
  const lock = await FolderLock.acquire(join(tree.folder, "pull.lock"), limits.timeoutMillis);
  try {
    const order: FetchOrder = { url, refs: [ref], timeoutMillis: limits.timeoutMillis, signal };
    let outcome: FetchedPull = inconclusive("it was not fetched");
    const look = async (both: Git): Promise<boolean> => {
      outcome = await judge(both, base, tip, shown, limits);
      return outcome.kind === "fetched";
    };
    if (await hasCommit(git, tip)) await look(git);
    else await fetchInQuarantine(git, join(tree.folder, "incoming"), order, limits.maxBytes, look);
    if (outcome.kind !== "fetched") return outcome;
    const to = await reviewedTip(git, { base, head: tip, title, maxCommits: limits.maxPatches });
    return { ...outcome, to };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.code === "output-too-big") {
      const megabytes = Math.ceil(limits.maxBytes / 1024 / 1024);
      return { kind: "too-big", reason: `more than ${megabytes} MB would have to be fetched` };
    }
    // git-fetch(1) with fetch.fsckObjects: it would be the same each time.
    if (/\bfsck error\b|^error: object [0-9a-f]{40,64}: /m.test(error.stderrTail))
      return inconclusive("git finds an object in it that is malformed");
    throw error;
  } finally {
    lock.release();
  }
}

async function judge(
  git: Git,
  base: string,
  tip: string,
  ref: string,
  { maxPatches }: PullLimits,
): Promise<FetchedPull> {
  const inconclusive = (reason: string): FetchedPull => ({ kind: "inconclusive", reason });
  if (!(await hasCommit(git, tip))) return inconclusive(`${ref} does not hold ${tip.slice(0, 12)}`);
  const start = base.slice(0, 12);
  if (!(await hasCommit(git, base)))
    return inconclusive(`the commit that it starts at, ${start}, is not in its history`);
  if ((await git.run(["merge-base", "--is-ancestor", base, tip])).exitCode !== 0)
    return inconclusive(`the commit that it starts at, ${start}, is not below what is to be pulled`);
  const commits = await countBetween(git, base, tip, "--no-merges");
  if (commits === 0) return inconclusive("there is no commit in it");
  if (commits > maxPatches)
    return { kind: "too-big", reason: `${commits} commits, at most ${maxPatches} are reviewed` };
  return { kind: "fetched", from: base, to: tip, commits };
}
