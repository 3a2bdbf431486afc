// Has one review made: takes it from the store, looks whether it may be, fetches, starts the child, hands the result over. It stops as soon as the review
// is no longer its own: a newer head came, the pull request was closed, or the lease ended.

import { ToolError } from "../base/errors.ts";
import { isWantedPath } from "../config/wanted-path.ts";
import type { ReviewResult } from "../report/result.ts";
import type { ChildReview, ChildSettings } from "../service/child.ts";
import { endAttempt } from "../service/ending.ts";
import { Lease, type LeaseParts } from "../service/lease.ts";
import { storedFindings } from "../service/results.ts";
import type { Claim, Order, Store } from "../store/store.ts";
import { retryAt } from "./call-errors.ts";
import type { Api, GitHub } from "./client.ts";
import { pullOrder } from "./events.ts";
import { fetchChange, type Wanted } from "./fetch.ts";
import { type Admission, admit } from "./gate.ts";
import { placeOrders } from "./orders.ts";
import { type Outcome, writeOutcome } from "./outcome.ts";
import { queuedPost } from "./posts.ts";
import { CheckProgress } from "./progress.ts";
import type { Settings } from "./settings.ts";
import { pullTarget, readWorkRequest, type WorkRequest } from "./work-request.ts";

const SOURCE = "github-worker";

export interface WorkerParts extends LeaseParts {
  readonly github: GitHub;
  readonly store: Store;
  readonly settings: Pick<Settings, "mirrorFolder" | "kernelTree" | "reviewState" | "reviewCache" | "sandbox">;
  readonly name: string;
  /** Between two changes of the check. */
  readonly progressMillis: number;
  /** The review itself. */
  readonly review: (settings: ChildSettings, review: ChildReview) => Promise<ReviewResult>;
}

/** Takes the next review and ends it; false where there is none. */
export async function workNext(parts: WorkerParts): Promise<boolean> {
  const { store, log } = parts;
  const claim = await store.claimReview(parts.name);
  if (claim === undefined) return false;
  const { review } = claim;
  log("info", "review", { review: review.id, target: review.target, head: review.head, attempt: claim.attempt });
  const lease = new Lease(parts, claim);
  try {
    const outcome = await workOn(parts, claim, lease);
    if (outcome.kind === "stale") {
      // It ends with this, without a verdict: should its head be the one again, it is looked at again.
      await placeOrders(store, SOURCE, `${review.id}:${claim.attempt}`, [outcome.instead]);
      log("info", "review of what is no longer there", { review: review.id, instead: outcome.instead.kind });
      return true;
    }
    const findings = outcome.kind === "review" ? storedFindings(outcome.result) : [];
    const isStored = await store.finish(claim, writeOutcome(outcome), findings);
    const what = outcome.kind === "review" ? outcome.result.verdict : outcome.gate.why;
    log("info", "review ended", { review: review.id, outcome: what, stored: isStored });
  } catch (error) {
    await endAttempt(parts, claim, lease, error);
  } finally {
    lease.end();
  }
  return true;
}

/** The pull request is closed, or has another head or base: webhooks come late, and in any order. */
interface Stale {
  readonly kind: "stale";
  /** What is wanted by now, as GitHub says itself. */
  readonly instead: Order;
}

function insteadOf(request: WorkRequest, { go, pull }: Admission): Order | undefined {
  if (go || pull === undefined || request.kind !== "pull") return undefined;
  if (!pull.isOpen) return { kind: "cancel", target: pullTarget(request, request.number) };
  return pullOrder(request, request.number, pull.headSha, pull.baseRef);
}

async function workOn(parts: WorkerParts, claim: Claim, lease: Lease): Promise<Outcome | Stale> {
  const { review } = claim;
  const request = readWorkRequest(review.request);
  const api = await parts.github.installation(request.installation);
  const admission = await patiently(lease, () => admit(api, parts.store, review, request));
  const instead = insteadOf(request, admission);
  if (instead !== undefined) return { kind: "stale", instead };
  if (!admission.go) return { kind: "gate", gate: admission.gate };
  // Where the intake died before it could: there is one of that name.
  await parts.store.announce(review.id, [queuedPost(review.id, review.target)]);
  const { id: appId } = await parts.github.identity();
  const progress = new CheckProgress({
    api,
    repository: request,
    appId,
    head: review.head,
    review: review.id,
    log: parts.log,
    every: parts.progressMillis,
  });
  try {
    return await reviewChange({ parts, claim, lease, request, api, admission, progress });
  } finally {
    await progress.close();
  }
}

interface ChangeParts {
  readonly parts: WorkerParts;
  readonly claim: Claim;
  readonly lease: Lease;
  readonly request: WorkRequest;
  readonly api: Api;
  readonly admission: Extract<Admission, { go: true }>;
  readonly progress: CheckProgress;
}

async function reviewChange(change: ChangeParts): Promise<Outcome> {
  const { parts, claim, lease, request, admission, progress } = change;
  const { github, settings } = parts;
  const { config } = admission;
  lease.phase = "fetching";
  progress.phase("Fetch");
  const place = {
    folder: settings.mirrorFolder,
    kernelTree: settings.kernelTree,
    cloneUrl: github.cloneUrl(request),
    token: await github.fetchToken(request),
    signal: lease.signal,
  };
  const fetched = await fetchChange(place, await wantedOf(change));
  if (!fetched.files.some((path) => isWantedPath(path, config.paths))) {
    return { kind: "gate", gate: { why: "paths" } };
  }
  lease.phase = "reviewing";
  progress.phase("Review");
  const asked = request.kind === "pull" ? request.profile : undefined;
  const onto = request.kind === "pull" ? request.base : undefined;
  const baseTree = config["base-tree"];
  const order: ChildReview = {
    tree: fetched.tree,
    base: onto === undefined ? fetched.mergeBase : await ontoCommit(change, onto),
    series: { from: fetched.mergeBase, to: fetched.tip },
    profiles: asked === undefined ? config.profiles : [asked],
    indexOf: baseTree === undefined ? undefined : await ontoCommit(change, baseTree),
    limits: config.limits,
    signal: lease.signal,
    onProgress: (line) => progress.detail(line),
  };
  const result = chosenBase(await parts.review(settings, order), onto, admission.pull?.baseRef);
  // A child that was told to stop ends with a result of its own.
  if (lease.signal.aborted) throw new ToolError("cancelled", "the review was stopped", { command: ["review"] });
  parts.log("info", "reviewed", { review: claim.review.id, verdict: result.verdict, findings: result.findings.length });
  return { kind: "review", config, diff: fetched.diff, result };
}

/** The review knows a commit that it was given; people know why it is that one. */
function chosenBase(result: ReviewResult, onto: string | undefined, branch: string | undefined): ReviewResult {
  const chosenBy =
    onto !== undefined
      ? `as asked by base=${onto}`
      : branch !== undefined
        ? `the merge base with ${branch}`
        : "the merge group's base";
  return { ...result, base: { ...result.base, chosenBy } };
}

async function wantedOf(change: ChangeParts): Promise<Wanted> {
  const { claim, request, admission } = change;
  const { installation, owner, repo } = request;
  const common = { installation, owner, repo, head: claim.review.head };
  if (request.kind === "merge-group") {
    const { headRef, baseRef, baseSha } = request;
    return { ...common, headRef, baseRef, baseSha, commits: undefined, title: "The merge group" };
  }
  const pull = admission.pull!;
  return {
    ...common,
    headRef: `refs/pull/${request.number}/head`,
    baseRef: pull.baseRef,
    onto: request.base === undefined ? undefined : await ontoCommit(change, request.base),
    commits: pull.commits,
    title: pull.title,
  };
}

/** A name that a person gave is asked from GitHub: git is given commits alone. */
async function ontoCommit({ api, request: { owner, repo } }: ChangeParts, name: string): Promise<string> {
  const { data } = await api.rest.repos.getCommit({ owner, repo, ref: name });
  return data.sha;
}

/** A rate limit or a bad moment of GitHub's is waited for here: giving up costs one of three attempts. */
async function patiently<T>(lease: Lease, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const again = retryAt(error, attempt, Date.now());
      if (again === undefined || attempt >= 8) throw error;
      await wait(again - Date.now(), lease.signal);
      if (lease.signal.aborted) throw error;
    }
  }
}

function wait(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const timer = setTimeout(end, Math.max(0, millis));
    signal.addEventListener("abort", end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    }
  });
}
