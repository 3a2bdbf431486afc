// Takes wanted reviews of series, one by one: finds the base, has the changes reviewed by a child without secrets, and keeps what came out.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FormatError, ToolError } from "../base/errors.ts";
import { openTree } from "../kernel/tree.ts";
import type { Prerequisite } from "../patch/message.ts";
import { renderJson } from "../report/json.ts";
import type { ReviewResult } from "../report/result.ts";
import type { ChildReview, ChildSettings } from "../service/child.ts";
import { endAttempt } from "../service/ending.ts";
import { Lease, type LeaseParts } from "../service/lease.ts";
import { resultWithout, storedFindings } from "../service/results.ts";
import type { Mailroom } from "../store/mailroom.ts";
import type { Claim, Store } from "../store/store.ts";
import type { MailConfig } from "./config.ts";
import type { PreparedSeries, PrepareParts, SeriesToPrepare } from "./prepare-series.ts";
import { readWorkRequest, type WorkRequest } from "./work-request.ts";

export interface WorkerParts extends LeaseParts {
  readonly store: Pick<Store, "claimReview" | "progress" | "finish" | "giveUp" | "putBack">;
  readonly room: Pick<Mailroom, "raw">;
  readonly config: Pick<MailConfig, "trees" | "lists">;
  readonly settings: ChildSettings;
  /** Folder for mailboxes of reviews that are under way. */
  readonly scratch: string;
  readonly name: string;
  readonly findPrerequisite: (prerequisite: Prerequisite) => Promise<readonly string[] | undefined>;
  readonly prepare: (parts: PrepareParts, series: SeriesToPrepare) => Promise<PreparedSeries>;
  /** The review itself. */
  readonly review: (settings: ChildSettings, review: ChildReview) => Promise<ReviewResult>;
}

/** Takes the next review and ends it; false where there is none. */
export async function workNext(parts: WorkerParts): Promise<boolean> {
  const { store, log } = parts;
  const claim = await store.claimReview(parts.name);
  if (claim === undefined) return false;
  const { review, attempt } = claim;
  log("info", "review", { review: review.id, target: review.target, attempt });
  const lease = new Lease(parts, claim);
  const scratch = join(parts.scratch, `${review.id}.${attempt}`);
  try {
    const result = await workOn(parts, claim, lease, scratch);
    const isStored = await store.finish(claim, renderJson(result), storedFindings(result));
    log("info", "review ended", {
      review: review.id,
      verdict: result.verdict,
      reason: result.reason,
      stored: isStored,
    });
  } catch (error) {
    await endAttempt(parts, claim, lease, error);
  } finally {
    lease.end();
    rmSync(scratch, { recursive: true, force: true });
  }
  return true;
}

async function workOn(parts: WorkerParts, claim: Claim, lease: Lease, scratch: string): Promise<ReviewResult> {
  const request = readWorkRequest(claim.review.request);
  const { settings, log } = parts;
  lease.phase = "choosing the base";
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  let prepared: PreparedSeries;
  try {
    prepared = await parts.prepare(prepareParts(parts, request, lease.signal, scratch), toPrepare(request));
  } catch (error) {
    // What a mail says wrong is said wrong each time; the rest may be better the next time.
    if (!(error instanceof FormatError)) throw error;
    return named(resultWithout("inconclusive", error.message), request);
  }
  if (!("baseName" in prepared)) {
    const reason = [prepared.reason, ...prepared.notes].join("; ");
    return named(resultWithout("inconclusive", reason), request);
  }
  log("info", "base", { review: claim.review.id, base: prepared.baseName, chosenBy: prepared.chosenBy });
  if (prepared.kind === "already-upstream") {
    return named(withBase(resultWithout("applied", prepared.reason), prepared), request);
  }
  if (prepared.kind === "conflict") {
    const { reason, patch, files } = prepared;
    const conflict = { patch: { number: patch, subject: "" }, files: [...files], message: reason };
    return named(withBase({ ...resultWithout("conflict", reason), conflict }, prepared), request);
  }
  const { tree } = prepared;
  lease.phase = "reviewing";
  const result = await parts.review(settings, {
    tree: tree.at,
    base: prepared.base,
    series: prepared.series,
    profiles: request.profile === undefined ? tree.profiles : [request.profile],
    indexOf: await indexOf(parts, tree),
    limits: { dependents: tree.dependents, minutes: tree.minutes },
    signal: lease.signal,
    onProgress: (line) => {
      lease.phase = line.slice(0, 200);
      log("info", "progress", { review: claim.review.id, at: line.slice(0, 200) });
    },
  });
  // A child that was told to stop ends with a result of its own.
  if (lease.signal.aborted) throw new ToolError("cancelled", "the review was stopped", { command: ["review"] });
  return named(withBase(result, prepared), request);
}

function prepareParts(
  { settings, config, room, findPrerequisite }: WorkerParts,
  { lists }: WorkRequest,
  signal: AbortSignal,
  scratch: string,
): PrepareParts {
  const policies = config.lists.filter(({ address }) => lists.includes(address));
  const names = [...new Set(policies.flatMap((list) => list.trees))];
  return {
    state: { state: settings.reviewState, cache: settings.reviewCache },
    trees: names.flatMap((name) => config.trees.filter((tree) => tree.name === name)),
    maxPatches: Math.min(...policies.map((list) => list.limits.patches)),
    scratch,
    raw: (messageId) => room.raw(messageId),
    findPrerequisite,
    signal,
  };
}

function toPrepare({ cover, patches, isPullRequest, date, base }: WorkRequest): SeriesToPrepare {
  return { cover, patches, isPullRequest, date, askedBase: base };
}

/** The child is given a commit and is told nothing of why. */
function withBase(
  result: ReviewResult,
  { baseName, baseCommit, chosenBy, notes, prerequisites }: Extract<PreparedSeries, { baseName: string }>,
): ReviewResult {
  const first =
    prerequisites.length === 0
      ? []
      : [`${prerequisites.length} ${prerequisites.length === 1 ? "patch" : "patches"} it needs applied first`];
  return {
    ...result,
    base: { commit: baseCommit, name: baseName, chosenBy: [chosenBy, ...first, ...notes].join("; ") },
  };
}

/** The mailbox that the child was given has neither versions nor Message-IDs in it. */
function named(result: ReviewResult, { title, version, author, identity, cover, patches }: WorkRequest): ReviewResult {
  const ids = new Map(patches.map(({ number, messageId }) => [number, messageId]));
  return {
    ...result,
    series: { title: title || result.series.title, version, author, messageId: cover ?? identity },
    patches: result.patches.map((patch) => {
      const messageId = ids.get(patch.number);
      return messageId === undefined ? patch : { ...patch, messageId };
    }),
  };
}

/** Full id of the commit that the index of the rest of the kernel is wanted of. */
async function indexOf({ settings }: WorkerParts, tree: MailConfig["trees"][number]): Promise<string | undefined> {
  const name = tree["base-tree"];
  if (name === undefined) return undefined;
  const opened = await openTree(tree.at, { state: settings.reviewState, cache: settings.reviewCache });
  return (await opened.resolve(name)).commit;
}
