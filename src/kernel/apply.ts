// A patch series onto a base commit, with the result of `git am --3way`.
//
// git am refreshes, reads and writes an index of 87,000 entries several times a patch. What it does first for each patch, a
// plain apply onto the index, needs no work tree: here it happens in an index of the touched files alone, or in a copy of the
// whole one, and the commits are put together from the same parts (git-mailinfo, git-write-tree, git-commit-tree), so they have
// the same names. Only a patch that does not apply that way goes to the real `git am --3way` in the slot's work tree.

import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { InvariantError, ToolError } from "../base/errors.ts";
import type { Git } from "./git.ts";
import { bareMail, commitTree, lastLine, type MailPatch, readMail, touchedPaths } from "./mail-patch.ts";
import type { Slot } from "./slot.ts";
import { TouchedIndex } from "./touched-index.ts";

export type ApplyResult =
  | { readonly kind: "applied"; readonly commits: readonly string[] }
  /** `patches` are the indices of the mails whose change the base already has. `commits` has one per patch as in "applied",
   * with the commit before it repeated for those. */
  | { readonly kind: "already-upstream"; readonly patches: readonly number[]; readonly commits: readonly string[] }
  /** `patch` is the index of the mail; `files` are those that did not merge, or all that it touches when none is known. */
  | { readonly kind: "conflict"; readonly patch: number; readonly files: readonly string[]; readonly message: string };

/** How far back a patch is looked for by its patch id when it neither applies nor is there as it stands. */
const HISTORY_COMMITS = 3000;
const HISTORY_TIMEOUT_MILLIS = 10_000;

interface Progress {
  tip: string;
  readonly commits: string[];
  readonly alreadyThere: number[];
}

/**
 * Applies `mails` (one patch each, with or without a leading mbox "From " line) in order. The author and both dates of a
 * commit are the mail's, the committer is fixed: the same series on the same base gives the same commits everywhere. The
 * commits are in the tree's store; the slot's work tree ends clean, at whatever commit `slot.head()` says.
 * @param touched every path that the mails name, old names and new ones; where they are given and plain, it is quicker
 */
export async function applySeries(
  slot: Slot,
  baseCommit: string,
  mails: readonly Uint8Array[],
  touched: readonly string[] = [],
): Promise<ApplyResult> {
  const scratch = join(slot.folder, "apply");
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { mode: 0o700 });
  const objects = join(slot.tree.git.place.gitDir, "objects");
  const opening = TouchedIndex.open(slot.tree.git, baseCommit, touched, join(scratch, "touched"), objects);
  // Looked at behind the first mail.
  opening.catch(() => undefined);
  try {
    const progress: Progress = { tip: baseCommit, commits: [], alreadyThere: [] };
    let small: TouchedIndex | undefined;
    /** The whole index; it holds `tip` where it is used. */
    let whole: Git | undefined;
    const openWhole = async (): Promise<Git> => {
      small = undefined;
      if (whole !== undefined) return whole;
      whole = slot.git.withIndex(await copyIndex(slot, baseCommit, join(scratch, "index")));
      if (progress.tip !== baseCommit) await whole.runOk(["read-tree", progress.tip]);
      return whole;
    };
    for (const [number, mail] of mails.entries()) {
      const bare = bareMail(mail);
      const patch = await readMail(slot.tree.git, scratch, bare);
      if (number === 0) small = await opening;
      if (patch === undefined) {
        return { kind: "conflict", patch: number, files: [], message: "the mail has no patch in it" };
      }
      const quick = small && (await applyTouched(small, progress.tip, baseCommit, patch));
      if (quick !== undefined) {
        advance(progress, quick);
        continue;
      }
      // The small index has the patch applied or not: whichever, it is not used again.
      const git = await openWhole();
      const tip = await applyPlain(git, progress.tip, baseCommit, patch);
      if (tip !== undefined) {
        advance(progress, tip);
        continue;
      }
      if (await isAlreadyThere(git, progress.tip, patch)) {
        progress.alreadyThere.push(number);
        advance(progress, progress.tip);
        continue;
      }
      const merged = await applyThreeWay(slot, progress.tip, bare, patch);
      if (typeof merged !== "string") return { kind: "conflict", patch: number, ...merged };
      if (merged === progress.tip) progress.alreadyThere.push(number);
      advance(progress, merged);
      // From here on the copied index is behind; the new tip is read into it.
      await git.runOk(["read-tree", merged]);
    }
    const { commits, alreadyThere: patches } = progress;
    return patches.length === 0 ? { kind: "applied", commits } : { kind: "already-upstream", patches, commits };
  } finally {
    await opening.catch(() => undefined);
    rmSync(scratch, { recursive: true, force: true });
  }
}

function advance(progress: Progress, tip: string): void {
  progress.tip = tip;
  progress.commits.push(tip);
}

/** Indexes of bases that are kept in a slot: reading all of a kernel's folders costs more than the patches do. */
const KEPT_INDEXES = 3;

/** An index that holds `commit`: a copy of the slot's own where that is it, or of one that an earlier series on the same base left. */
async function copyIndex(slot: Slot, commit: string, path: string): Promise<string> {
  const own = join(slot.git.place.gitDir, "index");
  if (slot.head() === commit && slot.isSettled && existsSync(own)) {
    copyFileSync(own, path);
    return path;
  }
  const shelf = join(slot.folder, "indexes");
  const kept = join(shelf, commit);
  if (!existsSync(kept)) {
    mkdirSync(shelf, { recursive: true, mode: 0o700 });
    const fresh = `${kept}.new`;
    rmSync(fresh, { force: true });
    await slot.tree.git.withIndex(fresh).runOk(["read-tree", commit]);
    renameSync(fresh, kept);
    const age = (name: string): number => statSync(join(shelf, name)).mtimeMs;
    const oldest = readdirSync(shelf)
      .sort((a, b) => age(b) - age(a))
      .slice(KEPT_INDEXES);
    for (const name of oldest) rmSync(join(shelf, name), { force: true });
  }
  copyFileSync(kept, path);
  return path;
}

/** What git am tries first. undefined when the patch does not apply as it stands. */
async function applyPlain(git: Git, tip: string, baseCommit: string, patch: MailPatch): Promise<string | undefined> {
  const applied = await git.run(["apply", "--cached", "-"], { input: patch.diff });
  if (applied.exitCode !== 0) return undefined;
  const tree = (await git.runOk(["write-tree"])).stdout.trim();
  return commitTree(git, tree, tip, baseCommit, patch);
}

/** The same over the touched files alone. undefined, too, where it takes the whole index to tell. */
async function applyTouched(
  index: TouchedIndex,
  tip: string,
  baseCommit: string,
  patch: MailPatch,
): Promise<string | undefined> {
  const applied = await index.git.run(["apply", "--cached", "-"], { input: patch.diff });
  if (applied.exitCode !== 0) return undefined;
  const tree = await index.writeTree();
  return tree && commitTree(index.git, tree, tip, baseCommit, patch);
}

/** The whole change is in the tree already, or a commit with the same patch id is in the last commits below the tip. */
async function isAlreadyThere(git: Git, tip: string, patch: MailPatch): Promise<boolean> {
  const reversed = await git.run(["apply", "--cached", "--check", "-R", "-"], { input: patch.diff });
  if (reversed.exitCode === 0) return true;
  const own = (await git.runOk(["patch-id", "--stable"], { input: patch.diff })).stdout.split(" ")[0];
  const paths = await touchedPaths(git, patch);
  if (own === undefined || own === "" || paths.length === 0) return false;
  const options = { timeoutMillis: HISTORY_TIMEOUT_MILLIS, env: { GIT_LITERAL_PATHSPECS: "1" } };
  try {
    const commits = await git.runOk(["rev-list", `--max-count=${HISTORY_COMMITS}`, "--no-merges", tip], options);
    const diffs = await git.runOk(
      ["diff-tree", "--stdin", "--root", "-p", "-r", "--full-index", "--no-ext-diff", "--no-textconv", "--", ...paths],
      { ...options, input: commits.stdout },
    );
    const ids = await git.runOk(["patch-id", "--stable"], { ...options, input: diffs.stdoutBytes });
    return ids.stdout.split("\n").some((line) => line.startsWith(`${own} `));
  } catch (error) {
    // The history is too long to look through, or cut off: the merge decides.
    if (error instanceof ToolError) return false;
    throw error;
  }
}

/** `git am --3way` in the work tree. The new tip, the same tip when the patch brought nothing, or what stood in the way. */
async function applyThreeWay(
  slot: Slot,
  tip: string,
  mail: Uint8Array,
  patch: MailPatch,
): Promise<string | { files: string[]; message: string }> {
  await slot.checkout(tip);
  await slot.settle();
  slot.taint();
  const args = ["am", "--3way", "--no-gpg-sign", "--committer-date-is-author-date", "--quoted-cr=nowarn"];
  const result = await slot.git.run(args, { input: mail });
  const head = (await slot.git.runOk(["rev-parse", "--verify", "HEAD"])).stdout.trim();
  if (result.exitCode === 0) {
    await slot.checkout(head);
    return head;
  }
  // git's own status for options that it does not know: no verdict on the patch.
  if (result.exitCode === 129) throw new InvariantError(`git am: ${reason(result.stderr)}`);
  if (head !== tip) throw new InvariantError("git am failed and moved HEAD");
  const unmerged = await slot.git.run(["ls-files", "-u", "-z"]);
  const files = unmerged.stdout
    .split("\0")
    .flatMap((entry) => (entry === "" ? [] : [entry.slice(entry.indexOf("\t") + 1)]));
  const named = [
    ...result.stderr.matchAll(
      /^error: (?:patch failed: (.+):\d+|(.+): (?:does not exist in index|already exists in index|No such file or directory))$/gm,
    ),
  ].map((match) => match[1] ?? match[2]!);
  const known = new Set(files.length > 0 ? files : named);
  await slot.checkout(tip);
  return {
    files: [...(known.size > 0 ? known : new Set(await touchedPaths(slot.git, patch)))].sort(),
    message: await whyNot(slot.git, result.stderr, patch),
  };
}

/**
 * What git am complains of. Where it has no blobs to merge with (a mail without index lines, or of a tree that nobody here has) it
 * says only that: which hunk does not fit is what its author can use.
 */
async function whyNot(git: Git, stderr: string, patch: MailPatch): Promise<string> {
  if (!/^error: sha1 information is lacking or useless/m.test(stderr)) return reason(stderr);
  const tried = await git.run(["apply", "--check", "-"], { input: patch.diff });
  const hunk = /^error: patch failed: (.+:\d+)$/m.exec(tried.stderr)?.[1];
  if (hunk === undefined) return tried.exitCode === 0 ? reason(stderr) : reason(tried.stderr);
  return `the hunk at ${hunk} does not fit, and there is no common version to merge with`;
}

/** The first complaint of git am, which says most. */
function reason(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => /^(?:error|fatal): /.test(line));
  return (lines[0] ?? lastLine(stderr)).replace(/^(?:error|fatal): /, "");
}
