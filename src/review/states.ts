import { listCommit, type SourceListing } from "../kernel/source-listing.ts";
import type { Tree } from "../kernel/tree.ts";
import { parseDiff } from "../patch/diff.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { SourceState } from "./profile-build.ts";

/** The base and the states behind each patch, with what leads from one to the next. */
export interface SeriesStates {
  readonly base: SourceState;
  /** One per patch. */
  readonly states: readonly SourceState[];
  /** What each patch changes, with the exact line numbers that a mail's hunks may not have. */
  readonly patches: readonly (readonly FileDiff[])[];
}

/** @param commits behind each patch; a patch that changes nothing has the commit before it */
export async function readStates(tree: Tree, base: string, commits: readonly string[]): Promise<SeriesStates> {
  const first: SourceState = { commit: base, listing: await listCommit(tree.git, base) };
  const states: SourceState[] = [];
  const patches: FileDiff[][] = [];
  let before = first;
  for (const commit of commits) {
    if (commit === before.commit) {
      states.push(before);
      patches.push([]);
      continue;
    }
    before = { commit, listing: await listNext(tree, before, commit) };
    states.push(before);
    patches.push(parseDiff(await tree.diff(states.at(-2)?.commit ?? base, commit)));
  }
  return { base: first, states, patches };
}

/** A list of 87,000 files takes git half a second; what differs from the one before takes none. */
async function listNext(tree: Tree, before: SourceState, commit: string): Promise<SourceListing> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--full-index", before.commit, commit];
  const fields = (await tree.git.runOk(args)).stdout.split("\0");
  const files = new Map(before.listing.files);
  // git-diff-tree(1), raw output: ":<mode> <mode> <name> <name> <status>" NUL "<path>" NUL
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode, name] = /^:\d{6} (\d{6}) [0-9a-f]+ ([0-9a-f]+) /.exec(fields[at] as string) ?? [];
    const path = fields[at + 1] as string;
    // Symbolic links and submodules are in no listing.
    if (mode?.startsWith("100") === true) files.set(path, name as string);
    else files.delete(path);
  }
  return { files };
}
