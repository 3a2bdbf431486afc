// Which commit was a series made on? The index lines of its diffs name the blobs of the files as they were. Looked at are the branches' tips, the branches as
// they were when the series was written, tags, and then the commits that changed one of its files in the months before.

import { ToolError } from "../base/errors.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { BlobScore } from "./base-choice.ts";
import type { Tree } from "./tree.ts";

export interface WantedBlob {
  /** Path in the base. */
  readonly path: string;
  /** Object name as abbreviated in the mail. */
  readonly blob: string;
}

export interface BlobGuess {
  readonly commit: string;
  readonly score: BlobScore;
}

/** Files of generated series are many; these tell enough. */
const MAX_WANTED = 200;
const MAX_TAGS = 60;
const MAX_HISTORY = 200;
const HISTORY_SECONDS = 120 * 86_400;
/** Clocks differ, and a tag may be a few hours younger than a patch on the commit that it names. */
const SLACK_SECONDS = 86_400;
const HISTORY_TIMEOUT_MILLIS = 30_000;
/** Each path costs git a walk through the folders above it in each commit. */
const PATHS_A_ROUND = 8;
const MAX_ROUNDS = 3;

/** What the series finds in its base: of each file the blob that its first patch of that file names. Files that it makes itself are none. */
export function wantedBlobs(patches: readonly { readonly files: readonly FileDiff[] }[]): WantedBlob[] {
  const wanted = new Map<string, string>();
  /** Paths that a patch before has written or removed. */
  const made = new Set<string>();
  for (const { files } of patches) {
    for (const { oldPath, oldBlob } of files) {
      if (oldPath === undefined || oldBlob === undefined || /^0+$/.test(oldBlob)) continue;
      // "<rev>:./x" and a newline would be read in another way.
      if (made.has(oldPath) || wanted.has(oldPath) || /\n/.test(oldPath)) continue;
      wanted.set(oldPath, oldBlob);
    }
    for (const { oldPath, newPath } of files) for (const path of [oldPath, newPath]) if (path) made.add(path);
  }
  return [...wanted].slice(0, MAX_WANTED).map(([path, blob]) => ({ path, blob }));
}

/**
 * The commit with most of the wanted blobs, the first of several: a branch's tip before what the branch was at `date`, before a tag, before what lies between.
 * undefined where no commit that was looked at has one of them.
 */
export async function guessBase(
  tree: Tree,
  branches: readonly string[],
  wanted: readonly WantedBlob[],
  date: Date,
): Promise<BlobGuess | undefined> {
  const known = await knownBlobs(tree, wanted);
  if (known.length === 0) return undefined;
  const seconds = Math.min(date.getTime(), Date.now()) / 1000;
  const tips = await tipsOf(tree, branches);
  const near = [...tips, ...(await atDate(tree, tips, seconds)), ...(await recentTags(tree, seconds))];
  let found = await best(tree, near, known);
  const asked = new Set<string>();
  // Files that have not changed since tell nothing; of the others a few tell when.
  for (let round = 0; round < MAX_ROUNDS && found?.matched !== known.length; round++) {
    const differing = [found, round === 0 ? await best(tree, tips.slice(0, 1), known) : undefined];
    const paths = differing.flatMap((match) => match?.missed ?? known.map(({ path }) => path));
    const next = [...new Set(paths)].filter((path) => !asked.has(path)).slice(0, PATHS_A_ROUND);
    if (next.length === 0) break;
    for (const path of next) asked.add(path);
    const nearer = await best(tree, await historyOf(tree, tips, next, seconds), known);
    if ((nearer?.matched ?? 0) > (found?.matched ?? 0)) found = nearer;
  }
  return found && { commit: found.commit, score: { matched: found.matched, of: wanted.length } };
}

interface Match {
  readonly commit: string;
  readonly matched: number;
  /** Paths whose blob is another one. */
  readonly missed: readonly string[];
}

/** Those that the repository has at all, in whatever commit. */
async function knownBlobs(tree: Tree, wanted: readonly WantedBlob[]): Promise<WantedBlob[]> {
  const input = wanted.map(({ blob }) => `${blob}\n`).join("");
  const listed = await tree.git.runOk(["cat-file", "--batch-check=%(objectname)"], { input });
  const lines = listed.stdout.split("\n");
  // An abbreviation that several objects have is "ambiguous", and may still be the one.
  return wanted.filter((_, index) => !(lines[index] ?? "").endsWith(" missing"));
}

async function tipsOf(tree: Tree, branches: readonly string[]): Promise<string[]> {
  const tips: string[] = [];
  for (const branch of branches) {
    const commit = (await tree.resolve(branch).catch(() => undefined))?.commit;
    if (commit !== undefined) tips.push(commit);
  }
  return tips;
}

async function atDate(tree: Tree, tips: readonly string[], seconds: number): Promise<string[]> {
  const before = `--before=${Math.floor(seconds)}`;
  const found = await Promise.all(
    tips.map((tip) => lines(tree, ["rev-list", "--max-count=1", "--first-parent", before, tip, "--"])),
  );
  return found.flat();
}

/** Tags no younger than the series, newest first. */
async function recentTags(tree: Tree, seconds: number): Promise<string[]> {
  const format = "--format=%(creatordate:unix) %(objecttype) %(*objecttype) %(objectname) %(*objectname)";
  const tags = await lines(tree, ["for-each-ref", "--sort=-creatordate", format, "refs/tags"]);
  return tags
    .flatMap((line) => {
      const [at, type, peeledType, name, peeled] = line.split(" ");
      if (Number(at) > seconds + SLACK_SECONDS) return [];
      const commit = type === "commit" ? name : peeledType === "commit" ? peeled : undefined;
      return commit === undefined || commit === "" ? [] : [commit];
    })
    .slice(0, MAX_TAGS);
}

/** Each commit that changed one of the files, behind what it was before: from the newest on, each state of the files at its last commit. */
async function historyOf(
  tree: Tree,
  tips: readonly string[],
  paths: readonly string[],
  seconds: number,
): Promise<string[]> {
  const window = [`--since=${Math.floor(seconds - HISTORY_SECONDS)}`, `--until=${Math.ceil(seconds + SLACK_SECONDS)}`];
  const args = [
    "log",
    "--full-history",
    "--format=%H %P",
    `--max-count=${MAX_HISTORY}`,
    ...window,
    ...tips,
    "--",
    ...paths,
  ];
  if (tips.length === 0) return [];
  const listed = await lines(tree, args);
  return listed.flatMap((line) => {
    const [commit, ...parents] = line.split(" ").filter((each) => each !== "");
    return [...parents.slice(0, 2), ...(commit === undefined ? [] : [commit])];
  });
}

async function lines(tree: Tree, args: readonly string[]): Promise<string[]> {
  try {
    const options = { timeoutMillis: HISTORY_TIMEOUT_MILLIS, env: { GIT_LITERAL_PATHSPECS: "1" } };
    const { stdout } = await tree.git.runOk(args, options);
    return stdout.split("\n").filter((line) => line !== "");
  } catch (error) {
    // Too long a history, or one that is cut off: what was found without it decides.
    if (error instanceof ToolError && (error.code === "timed-out" || error.code === "failed")) return [];
    throw error;
  }
}

/** The first with the most matches. */
async function best(tree: Tree, commits: readonly string[], wanted: readonly WantedBlob[]): Promise<Match | undefined> {
  const candidates = [...new Set(commits)];
  if (candidates.length === 0) return undefined;
  const input = candidates.flatMap((commit) => wanted.map(({ path }) => `${commit}:${path}\n`)).join("");
  // The name alone: for type and size git would have to open each object.
  const { stdout } = await tree.git.runOk(["cat-file", "--batch-check=%(objectname)"], { input });
  const names = stdout.split("\n");
  let found: Match | undefined;
  candidates.forEach((commit, row) => {
    const at = row * wanted.length;
    const missed = wanted.filter(({ blob }, column) => !isBlob(names[at + column], blob)).map(({ path }) => path);
    const matched = wanted.length - missed.length;
    if (matched > (found?.matched ?? 0)) found = { commit, matched, missed };
  });
  return found;
}

/** What is not there is "<commit>:<path> missing". */
function isBlob(line: string | undefined, blob: string): boolean {
  return line?.startsWith(blob) === true && !line.includes(" ");
}
