// From the mails of a series to what the review's child is given: the tree, the base with what has to be applied first, and the mailbox or the fetched range.

import { ToolError } from "../base/errors.ts";
import type { StateFolder } from "../kernel/state-folder.ts";
import type { Prerequisite } from "../patch/message.ts";
import type { ChildSeries } from "../service/child.ts";
import type { TreeConfig } from "./config.ts";

export interface PrepareParts {
  /** What the review's child keeps (ChildSettings.reviewState and .reviewCache): commits that are made or fetched here are found by it there. */
  readonly state: StateFolder;
  /** The list's trees, in its order. */
  readonly trees: readonly TreeConfig[];
  /** Longer series and pull requests are not reviewed: ListPolicy.limits.patches. */
  readonly maxPatches: number;
  /** An empty folder of this review: the mailbox is in there, and must stay until the review has ended. */
  readonly scratch: string;
  readonly raw: (messageId: string) => Promise<Uint8Array | undefined>;
  /** Message-IDs of the patches that a prerequisite stands for, in order; undefined: not among the mails that are stored. */
  readonly findPrerequisite: (prerequisite: Prerequisite) => Promise<readonly string[] | undefined>;
  readonly signal: AbortSignal;
}

/** As an assembled series is, as far as it counts here. */
export interface SeriesToPrepare {
  readonly cover?: string | undefined;
  /** In order, 1-based numbers; of a pull request its one mail. */
  readonly patches: readonly { readonly number: number; readonly messageId: string }[];
  readonly isPullRequest: boolean;
  /** Milliseconds since 1970: when it was written. */
  readonly date: number;
  /** Revision of `recheck base=...`. */
  readonly askedBase?: string | undefined;
}

interface Place {
  readonly tree: TreeConfig;
  /** The base as people know it: "v6.12.117". */
  readonly baseName: string;
  /** Full id of the commit behind that name. */
  readonly baseCommit: string;
  /** Which rule won, with its score: "your base-commit trailer", "4 of 4 blobs match v6.12.117". */
  readonly chosenBy: string;
  /** Further sentences for the report. */
  readonly notes: readonly string[];
  /** Message-IDs of the patches that are applied first, in order; findings in them are the base's. */
  readonly prerequisites: readonly string[];
}

export type PreparedSeries =
  /** For reviewInChild: `tree.at`, `base` and `series`; the result's base is then described by the rest. */
  | ({ readonly kind: "ready"; readonly base: string; readonly series: ChildSeries } & Place)
  | ({ readonly kind: "already-upstream"; readonly reason: string } & Place)
  /** `patch` (its number) is the first that does not fit. */
  | ({
      readonly kind: "conflict";
      readonly reason: string;
      readonly patch: number;
      readonly files: readonly string[];
    } & Place)
  | { readonly kind: "too-big" | "inconclusive"; readonly reason: string; readonly notes: readonly string[] };

/** Throws ToolError where git, the network or the disk failed: worth another try. What the mails say is answered with a value. */
export async function prepareSeries(parts: PrepareParts, series: SeriesToPrepare): Promise<PreparedSeries> {
  throw new ToolError(
    "failed",
    `no tree is looked at yet (${parts.trees.length} trees, ${series.patches.length} patches)`,
    {
      command: ["git"],
    },
  );
}
