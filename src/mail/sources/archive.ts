// The git repositories of a public-inbox (public-inbox-v2-format(5), public-inbox-v1-format(5)), wherever they are: what the reader sees are epochs, each with
// a commit that is its newest.

import type { Git } from "../../kernel/git.ts";

export interface Epoch {
  /** N of git/N.git; 0 for an archive of one repository. */
  readonly number: number;
  readonly git: Git;
  /** Full id of the newest commit; undefined: nothing in it yet. */
  readonly head: string | undefined;
}

export interface Archive {
  /** 2: one mail per commit, the blob "m". 1: files that commits add. */
  readonly version: 1 | 2;
  /** All epochs that are there now, ascending; a mirror may begin with a later one than 0. */
  readonly numbers: readonly number[];
  /** An epoch as it is now. `since` (seconds since 1970): older commits are not needed, where leaving them out saves something. Throws ToolError. */
  open(number: number, since: number | undefined, signal: AbortSignal): Promise<Epoch>;
}

/** Numbers from there on are no epochs: a gigabyte each. */
export const MAX_EPOCHS = 10_000;
