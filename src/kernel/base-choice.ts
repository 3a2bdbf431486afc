// What a series from a mailing list is applied to. In this order: the commit that its prerequisites stand on, its base-commit, a commit that its text
// says it is based on, the commit whose files have the blobs that the diffs' index lines name, and the list's branches, the first where it applies.

import type { FileDiff } from "../patch/file-diff.ts";
import type { Prerequisite } from "../patch/message.ts";

/** From the strongest to the weakest; "asked": somebody named it in a command. */
export const BASE_RULES = ["asked", "prerequisite-base-commit", "base-commit", "based-on", "blobs", "branch"] as const;
export type BaseRule = (typeof BASE_RULES)[number];

export interface MailedPatch {
  readonly messageId: string | undefined;
  /** What git is given, see renderGitMail. */
  readonly mail: Uint8Array;
  readonly files: readonly FileDiff[];
}

export interface SeriesForBase {
  /** In order. */
  readonly patches: readonly MailedPatch[];
  /** A revision that somebody asked for. */
  readonly asked?: string | undefined;
  readonly baseCommit?: string | undefined;
  /** Commits that its text says it is based on, see readBasedOn. */
  readonly basedOn: readonly string[];
  readonly prerequisites: readonly Prerequisite[];
  /** When it was written. */
  readonly date: Date;
}

/** Patches that a prerequisite stands for, in order; undefined: they are not among the mails that are here. */
export type FindPrerequisite = (prerequisite: Prerequisite) => Promise<readonly MailedPatch[] | undefined>;

export interface BlobScore {
  /** Files of the series whose blob the commit has, of those that it changes and did not make itself. */
  readonly matched: number;
  readonly of: number;
}

/** The commit, how it was found, and what stands between it and the series. */
export interface FoundBase {
  /** Full id of the commit that people know. */
  readonly commit: string;
  /** "v6.12.117", "next/master", "v6.12-41-g0123456789ab" */
  readonly name: string;
  readonly rule: BaseRule;
  /** For the report: "your base-commit trailer", "4 of 4 blobs match v6.12.117". */
  readonly chosenBy: string;
  readonly score?: BlobScore | undefined;
  /** What is applied first: `commit` with the prerequisites on it, or `commit`. It is in the tree's store. */
  readonly start: string;
  /** Message-IDs of what is applied first, in order. */
  readonly prerequisites: readonly string[];
  /** Sentences for the report: a base-commit that is in no tree here, a prerequisite that was not found. */
  readonly notes: readonly string[];
}

export type BaseChoice =
  | ({ readonly kind: "applies" } & FoundBase)
  /** Each patch is in there. */
  | ({ readonly kind: "already-upstream" } & FoundBase)
  /** It applies nowhere; this is the best base there is, and `patch` (index) does not fit in `files`. */
  | ({ readonly kind: "conflict"; readonly patch: number; readonly files: readonly string[] } & FoundBase & {
        readonly message: string;
      })
  | { readonly kind: "none"; readonly reason: string; readonly notes: readonly string[] };
