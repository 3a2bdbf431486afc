import { listCommit, listCommitFrom, type SourceListing } from "../kernel/source-listing.ts";
import type { Tree } from "../kernel/tree.ts";
import { parseDiff } from "../patch/diff.ts";
import type { FileDiff } from "../patch/file-diff.ts";

/** A commit of the series (or its base) with the list of its files. */
export interface SourceState {
  readonly commit: string;
  readonly listing: SourceListing;
}

/** The base and the states behind each patch, with what leads from one to the next. */
export interface SeriesStates {
  readonly base: SourceState;
  /** One per patch. */
  readonly states: readonly SourceState[];
  /** What each patch changes, with the exact line numbers that a mail's hunks may not have. */
  readonly patches: readonly (readonly FileDiff[])[];
}

/** @param commits behind each patch; a patch that changes nothing has the commit before it
 * @param cacheDir where listings of bases are kept */
export async function readStates(
  tree: Tree,
  base: string,
  commits: readonly string[],
  cacheDir: string,
): Promise<SeriesStates> {
  const first: SourceState = { commit: base, listing: await listCommit(tree.git, base, cacheDir) };
  const states: SourceState[] = [];
  const patches: FileDiff[][] = [];
  let before = first;
  for (const commit of commits) {
    if (commit === before.commit) {
      states.push(before);
      patches.push([]);
      continue;
    }
    const [listing, diff] = await Promise.all([
      listCommitFrom(tree.git, before.commit, before.listing, commit),
      tree.diff(before.commit, commit),
    ]);
    before = { commit, listing };
    states.push(before);
    patches.push(parseDiff(diff));
  }
  return { base: first, states, patches };
}
