// Does a series apply, asked without a work tree: in an index of the touched files over the tree's store, with git's three-way merge of single files where a
// patch does not fit as it stands. apply.ts does the same for the review, with all of `git am --3way`.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FileDiff } from "../patch/file-diff.ts";
import type { Git } from "./git.ts";
import { bareMail, commitTree, type MailPatch, readMail, touchedPaths } from "./mail-patch.ts";
import { TouchedIndex } from "./touched-index.ts";
import type { Tree } from "./tree.ts";

export interface TrialPatch {
  /** What git is given, see renderGitMail. */
  readonly mail: Uint8Array;
  readonly files: readonly FileDiff[];
}

export type TrialResult =
  | {
      readonly kind: "applied";
      /** One per patch, with the commit before it repeated for those that the base already has. */
      readonly commits: readonly string[];
      /** Indices of the patches that the base already has. */
      readonly alreadyThere: readonly number[];
    }
  /** `patch` is the index of the first that does not fit. */
  | { readonly kind: "conflict"; readonly patch: number; readonly files: readonly string[]; readonly message: string };

/**
 * Applies the patches in order onto `base`. Their commits are put into the tree's store, where no ref names them; the same series on the same base gives the
 * same commits. `scratch`: a folder that exists.
 */
export async function tryApply(
  tree: Tree,
  base: string,
  patches: readonly TrialPatch[],
  scratch: string,
): Promise<TrialResult> {
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(scratch, "trial-"));
  try {
    const index = await openIndex(tree, base, patches, folder);
    const commits: string[] = [];
    const alreadyThere: number[] = [];
    let tip = base;
    for (const [number, { mail, files }] of patches.entries()) {
      const patch = await readMail(tree.git, folder, bareMail(mail));
      if (patch === undefined) {
        return { kind: "conflict", patch: number, files: pathsOf(files), message: "git finds no patch in the mail" };
      }
      const outcome = await applyOne(index, patch);
      if (typeof outcome !== "string") {
        if (await isAllThere(tree, base, patches, folder)) {
          return { kind: "applied", commits: patches.map(() => base), alreadyThere: [...patches.keys()] };
        }
        const named = outcome.files.length > 0 ? outcome.files : await touchedPaths(tree.git, patch);
        return { kind: "conflict", patch: number, files: [...new Set(named)].sort(), message: outcome.message };
      }
      if (outcome === "already-there") alreadyThere.push(number);
      else tip = await commitTree(tree.git, await index.writeTree(), tip, base, patch);
      commits.push(tip);
    }
    return { kind: "applied", commits, alreadyThere };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** From the last patch to the first they can be taken back: of two that change the same line the first alone cannot. */
async function isAllThere(tree: Tree, base: string, patches: readonly TrialPatch[], folder: string): Promise<boolean> {
  const scratch = mkdtempSync(join(folder, "back-"));
  const { git } = await openIndex(tree, base, patches, scratch);
  for (const { mail } of patches.toReversed()) {
    const patch = await readMail(tree.git, scratch, bareMail(mail));
    if (patch === undefined) return false;
    const back = await git.run(["apply", "--cached", "-R", "-"], { input: patch.diff });
    if (back.exitCode !== 0) return false;
  }
  return true;
}

interface Index {
  readonly git: Git;
  writeTree(): Promise<string>;
}

async function openIndex(tree: Tree, base: string, patches: readonly TrialPatch[], folder: string): Promise<Index> {
  const touched = [...new Set(patches.flatMap(({ files }) => pathsOf(files)))];
  const objects = join(tree.git.place.gitDir, "objects");
  const small = await TouchedIndex.open(tree.git, base, touched, join(folder, "touched"), objects);
  if (small !== undefined) {
    const writeTree = async (): Promise<string> =>
      (await small.writeTree()) ?? (await writeWhole(tree, base, small.git));
    return { git: small.git, writeTree };
  }
  const git = tree.git.withIndex(join(folder, "index"));
  await git.runOk(["read-tree", base]);
  return { git, writeTree: async () => (await git.runOk(["write-tree"])).stdout.trim() };
}

/** What the small index cannot say: its entries over those of the base, in a whole one. */
async function writeWhole(tree: Tree, base: string, small: Git): Promise<string> {
  const whole = tree.git.withIndex(`${small.place.indexFile}.whole`);
  await whole.runOk(["read-tree", base]);
  const entries = (await small.runOk(["ls-files", "-s", "-z"])).stdoutBytes;
  await whole.runOk(["update-index", "-z", "--replace", "--index-info"], { input: entries });
  return (await whole.runOk(["write-tree"])).stdout.trim();
}

function pathsOf(files: readonly FileDiff[]): string[] {
  return files.flatMap(({ oldPath, newPath }) => [oldPath, newPath].filter((path) => path !== undefined));
}

async function applyOne(
  index: Index,
  { diff }: MailPatch,
): Promise<"applied" | "already-there" | { files: string[]; message: string }> {
  const plain = await index.git.run(["apply", "--cached", "-"], { input: diff });
  if (plain.exitCode === 0) return "applied";
  const reversed = await index.git.run(["apply", "--cached", "--check", "-R", "-"], { input: diff });
  if (reversed.exitCode === 0) return "already-there";
  const before = await index.git.runOk(["ls-files", "-s", "-z"]);
  const merged = await index.git.run(["apply", "--cached", "--3way", "-"], { input: diff });
  const after = await index.git.runOk(["ls-files", "-s", "-z"]);
  if (merged.exitCode === 0) return before.stdout === after.stdout ? "already-there" : "applied";
  // git-ls-files(1), -s: "<mode> <object> <stage>\t<path>"
  const unmerged = after.stdout.split("\0").filter((line) => /^\d+ [0-9a-f]+ [123]\t/.test(line));
  const named = [
    ...plain.stderr.matchAll(
      /^error: (?:patch failed: (.+):\d+|(.+): (?:does not exist in index|already exists in index|No such file or directory))$/gm,
    ),
  ].map((match) => (match[1] ?? match[2]) as string);
  const first = plain.stderr.split("\n").find((line) => line.startsWith("error: "));
  return {
    files: unmerged.length > 0 ? unmerged.map((line) => line.slice(line.indexOf("\t") + 1)) : named,
    message: first?.slice("error: ".length) ?? "it does not apply",
  };
}
