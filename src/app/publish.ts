// The end of a review on GitHub: its check, then its comments. Everything is planned from what stands there at that moment, so that it may be cut off
// behind any call and started again from its beginning: what was done is then found, and not done again.

import {
  type CheckIdentity,
  completedCheck,
  configErrorCheck,
  queuedCheck,
  RECHECK_ACTION,
} from "../github/check-run.ts";
import { CONFIG_PATH, DEFAULT_CONFIG } from "../github/config.ts";
import { describeConfigErrors } from "../github/config-text.ts";
import { DiffPlaces } from "../github/diff-places.ts";
import { readSummaryMarker, readTopicMarker, summaryMarker } from "../github/marker.ts";
import type { CheckRunBody } from "../github/payloads.ts";
import { type Plan, type PlanInput, type PostedComment, planPosts } from "../github/reconcile.ts";
import { placeHash } from "../github/topics.ts";
import { parseDiff } from "../patch/diff.ts";
import { failureWords } from "../service/ending.ts";
import { resultWithout } from "../service/results.ts";
import type { Post, Review, Speech, Store } from "../store/store.ts";
import { statusOf } from "./call-errors.ts";
import { changeCheck, createCheck, findCheck } from "./checks.ts";
import type { Api, GitHub } from "./client.ts";
import { readPull } from "./gate.ts";
import { type Gate, type Outcome, readOutcome } from "./outcome.ts";
import { commentInConversation, commentOnLine, editComment, readPosted, removeComment } from "./posted.ts";
import { type PullWork, readWorkRequest, type WorkRequest } from "./work-request.ts";

export interface PublishParts {
  readonly github: GitHub;
  readonly store: Pick<Store, "result" | "waivers" | "posts">;
  readonly docsUrl: string | undefined;
  readonly rulesUrl: string | undefined;
  readonly now: () => number;
}

/** What `Post.remote` keeps of a publication: topics that were told on a line. */
export interface Published {
  readonly told: readonly string[];
}

type Links = CheckIdentity["links"];

export function linksOf({ docsUrl, rulesUrl }: Pick<PublishParts, "docsUrl" | "rulesUrl">): Links {
  return {
    ...(docsUrl === undefined ? {} : { docs: docsUrl }),
    ...(rulesUrl === undefined ? {} : { rules: rulesUrl }),
  };
}

/** `isAgain`: it was published before, and something about it has changed since (a waiver). */
export async function publishReview(parts: PublishParts, review: Review, isAgain: boolean): Promise<Published> {
  const request = readWorkRequest(review.request);
  const api = await parts.github.installation(request.installation);
  const outcome = await outcomeOf(parts.store, review);
  const waivers = new Map(
    (await parts.store.waivers(review.target)).map(({ fingerprint, by, reason }) => [fingerprint, { by, reason }]),
  );
  const check = await publishCheck({ parts, api, review, request, outcome, isAgain, waived: new Set(waivers.keys()) });
  if (request.kind !== "pull") return { told: [] };
  if (outcome.kind === "gate" && outcome.gate.why !== "config") return { told: [] };
  const pull = await readPull(api, request, request.number);
  // Comments are for the head that people look at, and for a conversation that we may speak in.
  if (!pull.isOpen || pull.isLocked || pull.headSha !== review.head) return { told: [] };
  const { login } = await parts.github.identity();
  const posted = await readPosted(api, request, request.number, login);
  if (outcome.kind === "gate") {
    if (outcome.gate.why === "config") await publishConfigErrors(parts, api, request, outcome.gate, posted);
    return { told: [] };
  }
  const input: Omit<PlanInput, "posted"> = {
    result: outcome.result,
    headSha: review.head,
    places: new DiffPlaces(parseDiff(outcome.diff)),
    config: outcome.config,
    links: { ...linksOf(parts), ...(check === undefined ? {} : { check: checkPage(parts, request, check) }) },
    waivers,
    told: await toldBefore(parts.store, review.target, posted),
  };
  const { told } = await publishComments(api, request, input, posted);
  // What stands there already may have been posted by a process that died before it could say so.
  return { told: [...new Set([...posted.flatMap(openKey), ...told])] };
}

function openKey({ kind, body }: PostedComment): string[] {
  const marker = kind === "line" ? readTopicMarker(body) : undefined;
  return marker?.state === "open" ? [marker.key] : [];
}

/** As `html_url` of a check run is (docs.github.com, REST API, "Check runs"). */
function checkPage({ github }: PublishParts, repository: PullWork, check: number): string {
  return `${github.cloneUrl(repository).replace(/\.git$/, "")}/runs/${check}`;
}

async function outcomeOf(store: Pick<Store, "result">, review: Review): Promise<Outcome> {
  const without = (...reason: Parameters<typeof resultWithout>): Outcome => ({
    kind: "review",
    config: DEFAULT_CONFIG,
    diff: "",
    result: resultWithout(...reason),
  });
  switch (review.state) {
    case "superseded":
      return without("superseded", "a newer head came");
    case "cancelled":
      return without("cancelled", "the pull request was closed, or its review was asked for anew");
    case "failed":
      // What broke names folders of the service: its log has that.
      return without("failed", failureWords(review.error));
    default: {
      const text = await store.result(review.id);
      return text === undefined ? without("failed", "there is no result") : readOutcome(text);
    }
  }
}

interface CheckParts {
  readonly parts: PublishParts;
  readonly api: Api;
  readonly review: Review;
  readonly request: WorkRequest;
  readonly outcome: Outcome;
  readonly isAgain: boolean;
  readonly waived: ReadonlySet<string>;
}

/** Its number; undefined where there is none and none is wanted. */
async function publishCheck(check: CheckParts): Promise<number | undefined> {
  const { parts, api, review, request } = check;
  const { id: appId } = await parts.github.identity();
  const known = await findCheck(api, request, appId, review.head, review.id);
  if (known?.isCompleted === true && !check.isAgain) return known.id;
  const identity: CheckIdentity = { headSha: review.head, externalId: review.id, links: linksOf(parts) };
  const bodies = checkBodies(check, identity, known?.annotations ?? 0, known !== undefined);
  let id = known?.id;
  for (const body of bodies) {
    if (id === undefined) id = await createCheck(api, request, { ...opening(identity), ...body });
    else await changeCheck(api, request, id, body);
  }
  return id;
}

function opening(identity: CheckIdentity): CheckRunBody {
  const { status: _, output: __, ...rest } = queuedCheck(identity, 0);
  return rest as CheckRunBody;
}

/** `isKnown`: people have seen that something was to come. Where they have not, a head that is not reviewed gets no check. */
function checkBodies(check: CheckParts, identity: CheckIdentity, posted: number, isKnown: boolean): CheckRunBody[] {
  const { outcome, parts, waived } = check;
  const completedAt = new Date(parts.now()).toISOString();
  if (outcome.kind === "gate") return gateBodies(outcome.gate, identity, completedAt, isKnown, parts.docsUrl);
  const { result, config } = outcome;
  if (!isKnown && (result.verdict === "superseded" || result.verdict === "cancelled")) return [];
  return completedCheck({ result, config, links: identity.links, completedAt, posted, waived });
}

function gateBodies(
  gate: Gate,
  identity: CheckIdentity,
  completedAt: string,
  isKnown: boolean,
  docsUrl: string | undefined,
): CheckRunBody[] {
  const skipped = (title: string, summary: string): CheckRunBody => ({
    status: "completed",
    conclusion: "skipped",
    completed_at: completedAt,
    output: { title, summary },
    actions: [RECHECK_ACTION],
  });
  switch (gate.why) {
    case "approval":
      return [{ ...queuedCheck(identity, 0, true), completed_at: completedAt }];
    case "config":
      return [configErrorCheck(identity, CONFIG_PATH, describeConfigErrors(gate.errors, docsUrl), completedAt)];
    case "paths":
      return [skipped("Nothing to review", `Nothing that \`${CONFIG_PATH}\` wants reviewed is touched.`)];
    default:
      if (!isKnown) return [];
      return [skipped("Not reviewed", GATE_WORDS[gate.why])];
  }
}

const GATE_WORDS = {
  disabled: `\`${CONFIG_PATH}\` of the base branch turns reviews off.`,
  draft: "Drafts are not reviewed here.",
  closed: "The pull request is closed.",
  moved: "The pull request has another head or base by now.",
} as const;

/** It takes the place of the summary comment, and the summary its place once the file is put right. */
async function publishConfigErrors(
  { docsUrl }: PublishParts,
  api: Api,
  request: PullWork,
  gate: Extract<Gate, { why: "config" }>,
  posted: readonly PostedComment[],
): Promise<void> {
  const text = describeConfigErrors(gate.errors, docsUrl);
  const marker = summaryMarker(placeHash(text));
  const own = posted.filter((each) => each.kind === "conversation" && readSummaryMarker(each.body) !== undefined);
  const [first, ...more] = own.sort((a, b) => a.id - b.id);
  const body = `${text}\n\n${marker}`;
  if (first === undefined) await commentInConversation(api, request, request.number, body);
  else if (readSummaryMarker(first.body) !== readSummaryMarker(body))
    await editComment(api, request, { id: first.id, kind: "conversation", body });
  for (const each of more) await removeComment(api, request, each);
}

/** Topics that we told on a line and whose comment is not there any more in any state: a person has deleted it. */
async function toldBefore(
  store: Pick<Speech, "posts">,
  target: string,
  posted: readonly PostedComment[],
): Promise<ReadonlySet<string>> {
  const there = new Set(posted.map(({ body }) => readTopicMarker(body)?.key));
  const keys = (await store.posts(target)).filter(({ kind, state }) => kind === "publish" && state === "sent");
  return new Set(keys.flatMap(readTold).filter((key) => !there.has(key)));
}

function readTold({ remote }: Post): string[] {
  return remote === "" ? [] : remote.split(" ");
}

/** Each round posts less; the lines that GitHub refuses are told in the summary. */
async function publishComments(
  api: Api,
  request: PullWork,
  input: Omit<PlanInput, "posted">,
  first: readonly PostedComment[],
): Promise<Published> {
  const refused = new Set<string>();
  const told = new Set<string>();
  let posted = first;
  for (;;) {
    const plan = planPosts({ ...input, posted, refused });
    if (plan.review === undefined) {
      await publishRest(api, request, plan);
      return { told: [...told] };
    }
    const done = await postReview(api, request, plan);
    if (done.refused.length === 0) {
      await publishRest(api, request, plan);
      return { told: [...told, ...done.told] };
    }
    for (const key of done.told) told.add(key);
    for (const key of done.refused) refused.add(key);
    posted = [...first, ...done.posted];
  }
}

async function publishRest(api: Api, request: PullWork, plan: Plan): Promise<void> {
  for (const edit of plan.edits) await editComment(api, request, edit);
  for (const removal of plan.removals) await removeComment(api, request, removal);
  if (plan.newSummary !== undefined) await commentInConversation(api, request, request.number, plan.newSummary);
}

interface ReviewPosted {
  readonly told: readonly string[];
  readonly refused: readonly string[];
  /** As they would be listed: for the next plan. */
  readonly posted: readonly PostedComment[];
}

/** One review with all comments; where GitHub refuses it for a line, the comments one by one. */
async function postReview(api: Api, { owner, repo, number }: PullWork, plan: Plan): Promise<ReviewPosted> {
  const body = plan.review!;
  const repository = { owner, repo, installation: 0 };
  try {
    const comments = body.comments.map((each) => ({ ...each }));
    await api.rest.pulls.createReview({ owner, repo, pull_number: number, ...body, comments });
    return { told: plan.reviewKeys, refused: [], posted: [] };
  } catch (error) {
    if (statusOf(error) !== 422) throw error;
  }
  const told: string[] = [];
  const refused: string[] = [];
  const posted: PostedComment[] = [];
  for (const [i, comment] of body.comments.entries()) {
    const key = plan.reviewKeys[i]!;
    const isAlone = body.comments.length === 1;
    const isTaken = !isAlone && (await commentOnLine(api, repository, number, body.commit_id, comment));
    (isTaken ? told : refused).push(key);
    // Its number is not needed: a comment that was just made is neither edited nor removed by the next plan.
    if (isTaken) posted.push({ id: Number.MAX_SAFE_INTEGER - i, kind: "line", body: comment.body, hasReplies: false });
  }
  return { told, refused, posted };
}
