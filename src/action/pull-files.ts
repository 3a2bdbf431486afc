// The diff of a pull request as its REST endpoint lists it: that is the diff on whose lines GitHub takes comments, and nothing has to
// be checked out for it. Source: docs.github.com, "List pull requests files".

import { FormatError } from "../base/errors.ts";
import { parseDiff } from "../patch/diff.ts";
import type { FileDiff } from "../patch/file-diff.ts";

export interface PullFile {
  readonly filename: string;
  readonly status: string;
  readonly previous_filename?: string | undefined;
  /** Hunks without a header; left out for binary files and large ones. */
  readonly patch?: string | undefined;
}

/** The endpoint's own end: "responses include a maximum of 3000 files". */
export const MAX_PULL_FILES = 3000;

/** Files without hunks, or with some that cannot be read, are there without lines: nothing is commented on in them. */
export function filesAsDiff(files: readonly PullFile[]): FileDiff[] {
  return files.slice(0, MAX_PULL_FILES).map((file) => {
    const isAdded = file.status === "added";
    const isRemoved = file.status === "removed";
    const read = readHunks(file.patch);
    return {
      ...read,
      status: isAdded ? "added" : isRemoved ? "deleted" : file.status === "renamed" ? "renamed" : "modified",
      path: file.filename,
      newPath: isRemoved ? undefined : file.filename,
      oldPath: isAdded ? undefined : (file.previous_filename ?? file.filename),
    };
  });
}

const HEAD = "diff --git a/x b/x\n--- a/x\n+++ b/x\n";

function readHunks(patch: string | undefined): FileDiff {
  const named = parseDiff("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n")[0] as FileDiff;
  const none: FileDiff = { ...named, oldMode: undefined, newMode: undefined };
  if (patch === undefined || patch === "") return none;
  try {
    return parseDiff(`${HEAD}${patch}\n`)[0] ?? none;
  } catch (error) {
    if (error instanceof FormatError) return none;
    throw error;
  }
}
