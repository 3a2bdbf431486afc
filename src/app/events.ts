// From a webhook to what is stored. An event is a hint that something is to be looked at: its order in time is not promised, so that nothing but names,
// heads and what a person wrote is taken from it, and the rest is asked when the work begins. Payloads: docs.github.com, "Webhook events and payloads".

import { z } from "zod";
import { CHECK_NAME } from "../github/check-run.ts";
import { parseCommands } from "../github/commands.ts";
import { isBot } from "../github/permission.ts";
import type { Order, PostOrder } from "../store/store.ts";
import type { CatchUpErrand, CheckErrand, CommandErrand, SuiteErrand } from "./errands.ts";
import { mergeGroupTarget, pullTarget, type Repository, type WorkRequest } from "./work-request.ts";

/** Events that the app hears. Installation events come whether they are asked for or not. */
export const EVENTS = [
  "pull_request",
  "issue_comment",
  "check_run",
  "check_suite",
  "merge_group",
  "installation",
  "installation_repositories",
] as const;

const account = z.object({ login: z.string(), type: z.string() });
const common = z.object({
  action: z.string(),
  installation: z.object({ id: z.int() }),
  repository: z.object({ name: z.string(), owner: z.object({ login: z.string() }) }),
  sender: account,
});
const pullRequestEvent = common.extend({
  number: z.int(),
  pull_request: z.object({ head: z.object({ sha: z.string() }), base: z.object({ ref: z.string() }) }),
  changes: z.object({ base: z.unknown().optional() }).optional(),
});
const commentEvent = common.extend({
  issue: z.object({ number: z.int(), pull_request: z.unknown().optional() }),
  comment: z.object({
    id: z.int(),
    body: z.string().nullish(),
    created_at: z.string(),
    user: account.nullable(),
  }),
});
const checkRunEvent = common.extend({
  check_run: z.object({ id: z.int(), name: z.string(), head_sha: z.string(), external_id: z.string().nullable() }),
  requested_action: z.object({ identifier: z.string() }).nullish(),
});
const checkSuiteEvent = common.extend({ check_suite: z.object({ id: z.int(), head_sha: z.string() }) });
const mergeGroupEvent = common.extend({
  merge_group: z.object({
    head_sha: z.string(),
    head_ref: z.string(),
    base_sha: z.string(),
    base_ref: z.string(),
  }),
});
const installationEvent = z.object({ action: z.string(), installation: z.object({ id: z.int() }) });

const STARTS = new Set(["opened", "synchronize", "reopened", "ready_for_review"]);

/**
 * What an event asks for; nothing for the many that ask for nothing. `delivery` is its id.
 * Throws ZodError where an event that counts is not of its form.
 */
export function ordersOf(event: string, delivery: string, payload: unknown): Order[] {
  switch (event) {
    case "pull_request":
      return pullRequestOrders(pullRequestEvent.parse(payload));
    case "issue_comment":
      return commentOrders(payload);
    case "check_run":
      return checkRunOrders(delivery, payload);
    case "check_suite": {
      if (actionOf(payload) !== "rerequested") return [];
      const { sender, check_suite, ...rest } = checkSuiteEvent.parse(payload);
      if (isBot(sender)) return [];
      const repository = repositoryOf(rest);
      const errand: SuiteErrand = { ...repository, sender, head: check_suite.head_sha };
      return [post(`suite:${delivery}`, suiteTarget(repository, delivery), "suite", errand)];
    }
    case "merge_group":
      return mergeGroupOrders(mergeGroupEvent.parse(payload));
    case "installation":
    case "installation_repositories": {
      const { action, installation } = installationEvent.parse(payload);
      if (!["created", "unsuspend", "new_permissions_accepted", "added"].includes(action)) return [];
      const errand: CatchUpErrand = { installation: installation.id };
      return [post(`catch-up:${delivery}`, `github:installation/${installation.id}`, "catch-up", errand)];
    }
    default:
      return [];
  }
}

function actionOf(payload: unknown): unknown {
  return (payload as { action?: unknown } | null)?.action;
}

function repositoryOf({
  installation,
  repository,
}: Pick<z.infer<typeof common>, "installation" | "repository">): Repository {
  return { installation: installation.id, owner: repository.owner.login, repo: repository.name };
}

function pullRequestOrders(event: z.infer<typeof pullRequestEvent>): Order[] {
  const repository = repositoryOf(event);
  const target = pullTarget(repository, event.number);
  if (event.action === "closed") return [{ kind: "cancel", target }];
  const isRebased = event.action === "edited" && event.changes?.base !== undefined;
  if (!STARTS.has(event.action) && !isRebased) return [];
  return [
    pullOrder(repository, event.number, event.pull_request.head.sha, event.pull_request.base.ref, {
      // As a draft it may have been left alone, which is an end too.
      again: event.action === "ready_for_review",
    }),
  ];
}

/** The review of one head against one base branch. */
export function pullOrder(
  repository: Repository,
  number: number,
  head: string,
  baseRef: string,
  more: {
    readonly again?: boolean;
    readonly profile?: string | undefined;
    readonly base?: string | undefined;
    readonly approvedBy?: string | undefined;
    readonly priority?: number;
  } = {},
): Order {
  // People wait for what they have just pushed or asked for.
  const { again = false, priority = 10, ...options } = more;
  const request: WorkRequest = { kind: "pull", ...repository, number, ...options };
  return {
    kind: "review",
    target: pullTarget(repository, number),
    head,
    // The branch and not its commit: a base that moves on is no reason to review again.
    base: baseRef,
    request: JSON.stringify(request),
    again,
    priority,
  };
}

function commentOrders(payload: unknown): Order[] {
  if (actionOf(payload) !== "created") return [];
  const event = commentEvent.parse(payload);
  const { comment, issue, sender } = event;
  if (issue.pull_request === undefined || issue.pull_request === null || comment.user === null) return [];
  if (isBot(sender) || isBot(comment.user)) return [];
  const text = comment.body ?? "";
  if (parseCommands(text).length === 0) return [];
  const repository = repositoryOf(event);
  const errand: CommandErrand = {
    ...repository,
    number: issue.number,
    comment: comment.id,
    author: comment.user.login,
    sender,
    createdAt: comment.created_at,
    text: text.slice(0, 65_536),
  };
  // A target of its own: it does not wait for what is being said about the pull request.
  const target = `${pullTarget(repository, issue.number)}/comment/${comment.id}`;
  return [post(`command:${repository.owner}/${repository.repo}/${comment.id}`, target, "command", errand)];
}

function checkRunOrders(delivery: string, payload: unknown): Order[] {
  const action = actionOf(payload);
  if (action !== "rerequested" && action !== "requested_action") return [];
  const event = checkRunEvent.parse(payload);
  const { check_run: run, sender } = event;
  if (run.name !== CHECK_NAME || isBot(sender)) return [];
  const wanted = action === "rerequested" ? "recheck" : event.requested_action?.identifier;
  if (wanted !== "recheck" && wanted !== "approve") return [];
  const repository = repositoryOf(event);
  const errand: CheckErrand = {
    ...repository,
    sender,
    head: run.head_sha,
    review: run.external_id ?? "",
    wanted,
  };
  return [post(`check:${delivery}`, `${suiteTarget(repository, delivery)}/${run.id}`, "check", errand)];
}

function mergeGroupOrders(event: z.infer<typeof mergeGroupEvent>): Order[] {
  const repository = repositoryOf(event);
  const group = event.merge_group;
  const target = mergeGroupTarget(repository, group.head_ref);
  if (event.action === "destroyed") return [{ kind: "cancel", target }];
  if (event.action !== "checks_requested") return [];
  const request: WorkRequest = {
    kind: "merge-group",
    ...repository,
    headRef: group.head_ref,
    baseSha: group.base_sha,
    baseRef: group.base_ref.replace(/^refs\/heads\//, ""),
  };
  // Others wait in line for it.
  const priority = 50;
  const base = group.base_sha;
  return [{ kind: "review", target, head: group.head_sha, base, request: JSON.stringify(request), priority }];
}

function suiteTarget({ owner, repo }: Repository, delivery: string): string {
  return `github:${owner}/${repo}/checks/${delivery}`;
}

function post(identity: string, target: string, kind: PostOrder["kind"], body: object): Order {
  return { kind: "post", post: { identity, target, kind, body: JSON.stringify(body), manner: "again" } };
}
