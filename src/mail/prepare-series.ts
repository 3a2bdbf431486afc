// From the mails of a series to what the review's child is given: the tree, the base with what has to be applied first, and the mailbox or the fetched range.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../base/errors.ts";
import type { FindPrerequisite } from "../kernel/base-choice.ts";
import { hasCommit } from "../kernel/git-fetch.ts";
import type { StateFolder } from "../kernel/state-folder.ts";
import { openTree, type Tree } from "../kernel/tree.ts";
import type { Prerequisite } from "../patch/message.ts";
import type { ChildSeries } from "../service/child.ts";
import { chooseTree } from "./choose-tree.ts";
import type { TreeConfig } from "./config.ts";
import { defaultPullLimits, fetchPull, type PullLimits } from "./fetch-pull.ts";
import { allowedAddress, readPullRequest } from "./pull-request.ts";
import { parseRaw, readPrerequisite, readSeriesMails } from "./series-mails.ts";

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
  /** Of what is fetched; each has a default. */
  readonly pullLimits?: Partial<Pick<PullLimits, "maxBytes" | "timeoutMillis">>;
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
  try {
    return series.isPullRequest ? await preparePull(parts, series) : await preparePatches(parts, series);
  } catch (error) {
    // A mail that cannot be read as it stands: another try reads the same.
    if (error instanceof FormatError) return inconclusive(error.message);
    throw error;
  }
}

function inconclusive(reason: string, notes: readonly string[] = []): PreparedSeries {
  return { kind: "inconclusive", reason, notes };
}

async function preparePatches(parts: PrepareParts, series: SeriesToPrepare): Promise<PreparedSeries> {
  const { maxPatches } = parts;
  if (series.patches.length > maxPatches) {
    const reason = `${series.patches.length} patches, at most ${maxPatches} are reviewed`;
    return { kind: "too-big", reason, notes: [] };
  }
  const mails = await readSeriesMails(parts.raw, series);
  if ("missing" in mails) return inconclusive(`the mail ${mails.missing} is no longer here`);
  const findPrerequisite: FindPrerequisite = async (prerequisite) => {
    const ids = await parts.findPrerequisite(prerequisite);
    return ids && readPrerequisite(parts.raw, ids);
  };
  const { asked, ...facts } = { asked: series.askedBase, ...mails.facts };
  const found = await chooseTree({ ...parts, findPrerequisite }, { ...facts, asked, date: new Date(series.date) });
  if ("none" in found) return inconclusive(found.none, found.notes);
  const { tree, choice, notes } = found;
  const place: Place = {
    tree,
    baseName: choice.name,
    baseCommit: choice.commit,
    chosenBy: choice.chosenBy,
    notes,
    prerequisites: choice.prerequisites,
  };
  switch (choice.kind) {
    case "already-upstream":
      return { ...place, kind: "already-upstream", reason: `${choice.name} has it already` };
    case "conflict": {
      const { number } = series.patches[choice.patch] as { number: number };
      const which = series.patches.length > 1 ? `patch ${number} of ${series.patches.length}` : "it";
      const reason = `${which} does not apply to ${choice.name}: ${choice.message}`;
      return { ...place, kind: "conflict", reason, patch: number, files: choice.files };
    }
    case "applies": {
      const mbox = join(parts.scratch, "series.mbox");
      writeFileSync(mbox, mails.mbox, { mode: 0o600 });
      return { ...place, kind: "ready", base: choice.start, series: { mbox } };
    }
  }
}

async function preparePull(parts: PrepareParts, series: SeriesToPrepare): Promise<PreparedSeries> {
  const [mail] = series.patches;
  const id = mail?.messageId ?? series.cover;
  const raw = id === undefined ? undefined : await parts.raw(id);
  if (raw === undefined) return inconclusive(`the mail ${id} is no longer here`);
  const message = await parseRaw(raw, 1);
  const read = readPullRequest(message.body);
  if (read.kind !== "pull-request")
    return inconclusive(read.kind === "damaged" ? read.reason : "the mail has no pull request in it");
  const { request } = read;
  const notes: string[] = [];
  let taken: { config: TreeConfig; tree: Tree; url: string } | undefined;
  for (const config of parts.trees) {
    const address = allowedAddress(request.url, config["pull-from"]);
    if (address.kind === "refused") {
      notes.push(`tree ${config.name}: ${address.reason}`);
      continue;
    }
    const tree = await openTree(config.at, parts.state);
    const hasBase = await hasCommit(tree.git, request.base);
    if (taken === undefined || hasBase) taken = { config, tree, url: address.url };
    if (hasBase) break;
  }
  if (taken === undefined) return inconclusive(notes[0] ?? "no tree is named for the list", notes.slice(1));
  const { config, tree, url } = taken;
  const limits = { ...defaultPullLimits, ...parts.pullLimits, maxPatches: parts.maxPatches };
  const fetched = await fetchPull(tree, url, request, message.title, limits, parts.signal);
  if (fetched.kind !== "fetched") return { kind: fetched.kind, reason: fetched.reason, notes: [] };
  const { from, to } = fetched;
  const { name } = await tree.resolve(from);
  return {
    kind: "ready",
    tree: config,
    base: from,
    series: { from, to },
    baseName: name,
    baseCommit: from,
    chosenBy: "where the pull request starts",
    notes: [],
    prerequisites: [],
  };
}
