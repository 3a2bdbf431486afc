// What people ask for in comments and by buttons. Who may is asked from GitHub at that moment; everything is done so that doing it again, after a crash,
// adds nothing: orders have names, a waiver is looked up, an answer is found by its hidden line, and a reaction is there once by itself.

import { type Command, helpText, parseCommands } from "../github/commands.ts";
import { explainBody } from "../github/comment-text.ts";
import { prose } from "../github/markdown.ts";
import { type Asker, type Decision, decideCommand } from "../github/permission.ts";
import { findTopic, type Topic, topicsOf } from "../github/topics.ts";
import type { Order, Post, Review, Store } from "../store/store.ts";
import { ourChecks } from "./checks.ts";
import type { Api, GitHub } from "./client.ts";
import { type CheckErrand, errands, readErrand } from "./errands.ts";
import { pullOrder } from "./events.ts";
import { isBuildAllowed, type PullFacts, permissionOf, readPull, usableConfig } from "./gate.ts";
import { placeOrders } from "./orders.ts";
import { readOutcome } from "./outcome.ts";
import { commentInConversation } from "./posted.ts";
import { publishPost } from "./posts.ts";
import { linksOf, type PublishParts } from "./publish.ts";
import { type PullWork, pullTarget, readWorkRequest } from "./work-request.ts";

export interface CommandParts extends Pick<PublishParts, "docsUrl" | "rulesUrl"> {
  readonly github: GitHub;
  readonly store: Store;
}

const SOURCE = "github-errand";

type Reaction = "+1" | "-1" | "confused";

interface Answer {
  readonly reaction: Reaction | undefined;
  /** Markdown. */
  readonly text?: string;
}

interface Asked {
  readonly parts: CommandParts;
  readonly api: Api;
  readonly pull: PullFacts;
  readonly work: PullWork;
  readonly target: string;
  readonly asker: Asker;
  /** Of this command alone, the same each time. */
  readonly identity: string;
  /** GitHub's time of the comment; undefined for a button, which names a head itself. */
  readonly askedAt: string | undefined;
}

/** A comment with commands. */
export async function answerComment(parts: CommandParts, post: Post): Promise<string> {
  const errand = readErrand(errands.command, post.body);
  const api = await parts.github.installation(errand.installation);
  const { installation, owner, repo, number } = errand;
  const pull = await readPull(api, errand, number);
  const permission = await permissionOf(api, errand, errand.sender.login);
  const answers: Answer[] = [];
  for (const { line, command, error } of parseCommands(errand.text)) {
    const asked: Asked = {
      parts,
      api,
      pull,
      work: { kind: "pull", installation, owner, repo, number },
      target: pullTarget(errand, number),
      asker: { ...errand.sender, permission },
      identity: `${post.identity}:${line}`,
      askedAt: errand.createdAt,
    };
    const wanted: Command = command ?? { name: "help" };
    const decision = await decide(asked, wanted, errand.author);
    if (!decision.allowed) answers.push(refusal(decision));
    else if (command === undefined) answers.push(misread(error ?? "", parts.docsUrl));
    else answers.push(await carryOut(asked, command));
  }
  if (pull.isLocked) return "";
  const texts = answers.flatMap(({ text }) => (text === undefined ? [] : [text]));
  const remote = texts.length === 0 ? "" : await reply(parts, api, errand, texts.join("\n\n---\n\n"));
  for (const content of new Set(answers.map(({ reaction }) => reaction))) {
    if (content === undefined) continue;
    await api.rest.reactions.createForIssueComment({ owner, repo, comment_id: errand.comment, content });
  }
  return remote;
}

async function decide(asked: Asked, command: Command, commentAuthor: string): Promise<Decision> {
  const { parts, api, pull, work, target, asker } = asked;
  let buildsAllowed = true;
  if (command.name === "recheck") {
    const config = await usableConfig(api, work, pull.baseRef);
    buildsAllowed = await isBuildAllowed(api, parts.store, work, { target, head: pull.headSha }, pull, config);
  }
  const pullRequest = { ...pull, author: pull.author.login };
  return decideCommand({ command, asker, commentAuthor, action: "created", pullRequest, buildsAllowed });
}

function refusal(decision: Extract<Decision, { allowed: false }>): Answer {
  if (decision.answer === "silent") return { reaction: undefined };
  if (decision.answer === "reaction") return { reaction: "-1" };
  return { reaction: "-1", text: `Not done: ${prose(decision.why)}.` };
}

function misread(error: string, docsUrl: string | undefined): Answer {
  return { reaction: "confused", text: `Not understood: ${prose(error, 200)}.\n\n${helpText(docsUrl)}` };
}

async function carryOut(asked: Asked, command: Command): Promise<Answer> {
  switch (command.name) {
    case "help":
      return { reaction: "+1", text: helpText(asked.parts.docsUrl) };
    case "recheck":
      return recheck(asked, command);
    case "approve":
      return approve(asked, command.sha !== undefined);
    case "explain":
    case "waive": {
      const found = await findFinding(asked, command.finding);
      if (typeof found === "string") return { reaction: "confused", text: `Not done: ${found}.` };
      if (command.name === "waive") return waive(asked, found, command.reason);
      return { reaction: "+1", text: explainBody(found.topic, linksOf(asked.parts)) };
    }
  }
}

async function recheck(asked: Asked, options: { profile?: string; base?: string }): Promise<Answer> {
  const { parts, pull, work, target, identity } = asked;
  const again = pullOrder(work, work.number, pull.headSha, pull.baseRef, {
    again: true,
    profile: options.profile,
    base: options.base,
    // A recheck is of the same head: who let it be built has not changed.
    approvedBy: await approverOf(parts.store, target, pull.headSha),
  });
  // Where the same is under way that is the recheck, but not where something else was asked for.
  const isOther = options.profile !== undefined || options.base !== undefined;
  const orders: Order[] = isOther ? [{ kind: "cancel", target }, again] : [again];
  await placeOrders(parts.store, SOURCE, identity, orders);
  return { reaction: "+1" };
}

async function approverOf(store: Store, target: string, head: string): Promise<string | undefined> {
  for (const review of await store.reviews(target)) {
    const request = readWorkRequest(review.request);
    if (review.head === head && request.kind === "pull" && request.approvedBy !== undefined) return request.approvedBy;
  }
  return undefined;
}

/** `isNamed`: the head was named, and is the one. */
async function approve(asked: Asked, isNamed: boolean): Promise<Answer> {
  const { parts, pull, work, target, asker, identity, askedAt } = asked;
  if (!isNamed && askedAt !== undefined && !(await wasThere(parts.store, target, pull.headSha, askedAt))) {
    const sha = pull.headSha.slice(0, 12);
    const text = `Not done: the head changed at about the time of the comment. To approve the one that is there now: \`/objreview approve ${sha}\`.`;
    return { reaction: "confused", text };
  }
  const options = { again: true, approvedBy: asker.login };
  const order = pullOrder(work, work.number, pull.headSha, pull.baseRef, options);
  // What waits in the queue knows of no approval.
  await placeOrders(parts.store, SOURCE, identity, [{ kind: "cancel", target }, order]);
  return { reaction: "+1" };
}

/** That head was known here before the comment was written, so that its writer could see it. GitHub's times have no parts of a second. */
async function wasThere(store: Store, target: string, head: string, at: string): Promise<boolean> {
  const end = Date.parse(at) + 999;
  return (await store.reviews(target)).some((review) => review.head === head && review.createdAt <= end);
}

interface FoundFinding {
  readonly review: Review;
  readonly topic: Topic;
}

/** In the result of the head that is there now: numbers of findings of another one mean others. A string: why not. */
async function findFinding({ parts, pull, target }: Asked, id: string): Promise<FoundFinding | string> {
  const finished = (await parts.store.reviews(target)).filter(
    ({ state, head }) => state === "finished" && head === pull.headSha,
  );
  for (const review of finished.reverse()) {
    const text = await parts.store.result(review.id);
    const outcome = text === undefined ? undefined : readOutcome(text);
    if (outcome?.kind !== "review") continue;
    const topic = findTopic(topicsOf(outcome.result), id);
    return topic === undefined ? `the review of this head has no one finding ${prose(id, 40)}` : { review, topic };
  }
  return "there is no result for this head yet";
}

async function waive(asked: Asked, { review, topic }: FoundFinding, reason: string): Promise<Answer> {
  const { parts, target, asker, identity } = asked;
  const known = await parts.store.waivers(target);
  if (!known.some(({ fingerprint }) => fingerprint === topic.key)) {
    await parts.store.waive({ scope: target, fingerprint: topic.key, reason, by: asker.login });
  }
  await parts.store.announce(review.id, [publishPost(review.id, target, identity)]);
  return { reaction: "+1" };
}

/** One answer to a comment, edited by nobody: where it is there it has been given. */
async function reply(
  { github }: CommandParts,
  api: Api,
  errand: { owner: string; repo: string; installation: number; number: number; comment: number; createdAt: string },
  text: string,
): Promise<string> {
  const { owner, repo, number } = errand;
  const marker = `<!-- objreview:reply 1 ${errand.comment} -->`;
  const { login } = await github.identity();
  const options = { owner, repo, issue_number: number, since: errand.createdAt, per_page: 100 };
  const comments = await api.paginate(api.rest.issues.listComments, options);
  const given = comments.find(({ user, body }) => user?.login === login && body?.trimEnd().endsWith(marker) === true);
  if (given !== undefined) return String(given.id);
  return String(await commentInConversation(api, errand, number, `${text}\n\n${marker}`));
}

/** A button of a check, or its "Re-run". Nobody is answered: GitHub shows them to people who may, and the check tells the rest. */
export async function answerCheck(parts: CommandParts, post: Post): Promise<string> {
  const errand = readErrand(errands.check, post.body);
  const api = await parts.github.installation(errand.installation);
  const review = await parts.store.review(errand.review);
  if (review === undefined || review.head !== errand.head) return "";
  return pressButton(parts, api, errand, review, post.identity);
}

/** "Re-run all checks": a recheck of each of ours on that commit. */
export async function answerSuite(parts: CommandParts, post: Post): Promise<string> {
  const errand = readErrand(errands.suite, post.body);
  const api = await parts.github.installation(errand.installation);
  const { id: appId } = await parts.github.identity();
  const targets = new Map<string, Review>();
  for (const { externalId } of await ourChecks(api, errand, appId, errand.head)) {
    const review = await parts.store.review(externalId);
    if (review !== undefined && review.head === errand.head) targets.set(review.target, review);
  }
  const placed: string[] = [];
  for (const review of targets.values()) {
    const button = { ...errand, review: review.id, wanted: "recheck" as const };
    placed.push(await pressButton(parts, api, button, review, `${post.identity}:${review.target}`));
  }
  return placed.join(" ");
}

async function pressButton(
  parts: CommandParts,
  api: Api,
  errand: CheckErrand,
  review: Review,
  identity: string,
): Promise<string> {
  const work = readWorkRequest(review.request);
  const isOfThere = work.owner === errand.owner && work.repo === errand.repo;
  if (!isOfThere) return "";
  const permission = await permissionOf(api, errand, errand.sender.login);
  const asker: Asker = { ...errand.sender, permission };
  if (work.kind === "merge-group") return recheckGroup(parts, review, asker, identity);
  const pull = await readPull(api, work, work.number);
  // A button is of one head.
  if (pull.headSha !== errand.head) return "";
  const asked: Asked = { parts, api, pull, work, target: review.target, asker, identity, askedAt: undefined };
  const command: Command = errand.wanted === "approve" ? { name: "approve", sha: errand.head } : { name: "recheck" };
  const decision = await decide(asked, command, asker.login);
  if (!decision.allowed) return "";
  await carryOut(asked, command);
  return identity;
}

async function recheckGroup(
  { store }: CommandParts,
  { target, head, base, request }: Review,
  { permission }: Asker,
  identity: string,
): Promise<string> {
  if (permission !== "admin" && permission !== "write") return "";
  const order: Order = { kind: "review", target, head, base, request, priority: 50, again: true };
  return (await placeOrders(store, SOURCE, identity, [order])).join(" ");
}
