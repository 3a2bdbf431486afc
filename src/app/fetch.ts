// The commits of a pull request, by git, into a repository of ours for each repository of GitHub's. The merge base is found here: what the API names as a
// base may be old, and its lists of files and commits have ends.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import { type Git, initBareStore, openGit } from "../kernel/git.ts";
import { checkRefName, countBetween, fetchRefs, hasCommit, reviewedTip } from "../kernel/git-fetch.ts";
import { FolderLock } from "../kernel/lock.ts";
import { locateRepository } from "../kernel/operator-repository.ts";
import { markUsed } from "./mirrors.ts";
import type { Repository } from "./work-request.ts";

export interface FetchPlace {
  /** Folder of all fetched repositories. */
  readonly folder: string;
  /** A kernel repository on this machine: its objects are borrowed, and history is fetched whole. */
  readonly kernelTree: string | undefined;
  readonly cloneUrl: string;
  /** Reads this repository's code; given to git through its environment. */
  readonly token: string;
  readonly signal: AbortSignal;
}

export interface Wanted extends Repository {
  /** Full commit id. */
  readonly head: string;
  /** "refs/pull/1/head", or the branch of a merge group. */
  readonly headRef: string;
  /** Branch, without refs/heads/. */
  readonly baseRef: string;
  /** A commit instead of the branch: of a merge group, or what somebody asked for. */
  readonly baseSha?: string | undefined;
  /** Another commit to try the change on. */
  readonly onto?: string | undefined;
  /** How many commits GitHub counts from base to head: what tells a cut history from a whole one. */
  readonly commits: number | undefined;
  /** For the one commit that stands for a history with merges in it. */
  readonly title: string;
}

export interface Fetched {
  /** Bare repository that holds both sides with all files. */
  readonly tree: string;
  readonly mergeBase: string;
  /** The head, or one commit that stands for everything from the merge base on: its history has merges, or is too long. */
  readonly tip: string;
  /** Of merge base to head, as GitHub shows it: three lines of context. "" where it is longer than what is kept. */
  readonly diff: string;
  readonly files: readonly string[];
}

/**
 * Commits from both ends at first, then more; all where they do not meet: a kernel has more than a million. Behind the last depth a count that differs is
 * not worth that: the base may have moved between GitHub's counting and ours.
 */
const DEPTHS = [100, 1_000, 20_000] as const;
const FETCH_MILLIS = 3_600_000;
/** One by one these are patches; more are looked at together. */
const MAX_PATCHES = 100;
const MAX_DIFF_BYTES = 8 * 1024 * 1024;

/** Throws ToolError. Fetches into one repository wait for each other. */
export async function fetchChange(place: FetchPlace, wanted: Wanted): Promise<Fetched> {
  const tree = join(place.folder, `${wanted.owner}+${wanted.repo}.git`);
  const home = join(place.folder, "home");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const lock = await FolderLock.acquire(`${tree}.lock`, FETCH_MILLIS);
  try {
    if (!existsSync(join(tree, "HEAD"))) await initBareStore(tree, home, wanted.head.length === 64 ? "sha256" : "sha1");
    if (place.kernelTree !== undefined) borrow(tree, place.kernelTree);
    markUsed(tree);
    const git = openGit({ gitDir: tree, home });
    const mergeBase = await fetchUntilJoined(git, place, wanted);
    const tip = await tipOf(git, wanted, mergeBase);
    return { tree, mergeBase, tip, ...(await diffOf(git, mergeBase, wanted.head)) };
  } finally {
    lock.release();
  }
}

function borrow(tree: string, kernelTree: string): void {
  const folder = join(tree, "objects", "info");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "alternates"), `${locateRepository(kernelTree).objectDir}\n`);
}

async function fetchUntilJoined(git: Git, place: FetchPlace, wanted: Wanted): Promise<string> {
  for (const name of [wanted.headRef, wanted.baseRef]) checkRefName(name);
  const headName = ownName("head", wanted.headRef);
  const baseName = ownName("base", wanted.baseSha ?? wanted.baseRef);
  const refs = [
    `+${wanted.headRef}:${headName}`,
    wanted.baseSha === undefined ? `+refs/heads/${wanted.baseRef}:${baseName}` : `+${wanted.baseSha}:${baseName}`,
    ...(wanted.onto === undefined ? [] : [`+${wanted.onto}:refs/objreview/onto/${wanted.onto}`]),
  ];
  // A repository that borrows whole history has no use for a cut one.
  const depths = place.kernelTree === undefined ? [...DEPTHS, undefined] : [undefined];
  for (const depth of depths) {
    await fetchInto(git, place, refs, depth);
    if (!(await hasCommit(git, wanted.head))) {
      // The ref has moved on, or has not followed yet; a commit may be asked for by its name.
      await fetchInto(git, place, [`+${wanted.head}:${headName}`], depth);
    }
    const found = await git.run(["merge-base", wanted.head, baseName]);
    const mergeBase = found.stdout.trim();
    if (found.exitCode !== 0 || mergeBase === "") continue;
    const isWhole = depth === undefined || !existsSync(join(git.place.gitDir, "shallow"));
    if (isWhole || depth === DEPTHS[2]) return mergeBase;
    if ((await countBetween(git, baseName, wanted.head)) === wanted.commits) return mergeBase;
  }
  throw new ToolError("failed", "head and base have no commit in common", { command: ["git", "merge-base"] });
}

/** A branch "a" may go and a branch "a/b" come: files and folders of the same name would be in each other's way. */
function ownName(kind: string, name: string): string {
  return `refs/objreview/${kind}/${hashText(name)}`;
}

async function fetchInto(git: Git, place: FetchPlace, refs: readonly string[], depth: number | undefined) {
  const isCut = existsSync(join(git.place.gitDir, "shallow"));
  await fetchRefs(git, {
    url: place.cloneUrl,
    refs,
    depth: depth !== undefined ? [`--depth=${depth}`] : isCut ? ["--unshallow"] : [],
    authorization: `Basic ${Buffer.from(`x-access-token:${place.token}`).toString("base64")}`,
    timeoutMillis: FETCH_MILLIS,
    signal: place.signal,
  });
}

async function tipOf(git: Git, { head, title }: Wanted, mergeBase: string): Promise<string> {
  const tip = await reviewedTip(git, { base: mergeBase, head, title, maxCommits: MAX_PATCHES });
  if (tip !== head) await git.runOk(["update-ref", `refs/objreview/tip/${head}`, tip]);
  return tip;
}

async function diffOf(git: Git, from: string, to: string): Promise<{ diff: string; files: string[] }> {
  const plain = ["--no-ext-diff", "--no-textconv", "--no-color"];
  const named = await git.runOk(["diff-tree", "-r", "-z", "--name-only", "--no-renames", ...plain, from, to, "--"]);
  const files = named.stdout.split("\0").filter((name) => name !== "");
  const args = ["diff-tree", "-p", "-r", "-M", "--full-index", "-U3", ...plain, from, to, "--"];
  const diff = (await git.runOk(args)).stdoutBytes;
  return { files, diff: diff.length > MAX_DIFF_BYTES ? "" : new TextDecoder().decode(diff) };
}
