// The event that a workflow runs for, as the runner wrote it to $GITHUB_EVENT_PATH. GitHub made it: ids, commits and numbers in it
// are facts. Names and titles in it are other people's text.
// Source: docs.github.com, "Webhook events and payloads": pull_request, workflow_run.

import { z } from "zod";
import { FormatError, UsageError } from "../base/errors.ts";

const sha = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const repositoryName = z.string().regex(/^[\w.-]{1,100}\/[\w.-]{1,100}$/);

const pullRequestEvent = z.object({
  pull_request: z.object({
    number: z.int().min(1),
    draft: z.boolean().default(false),
    /** Commits of the head that the base does not have. */
    commits: z.int().min(0),
    base: z.object({ sha, ref: z.string() }),
    head: z.object({ sha }),
  }),
  repository: z.object({ full_name: repositoryName }),
});

const workflowRunEvent = z.object({
  action: z.string(),
  workflow_run: z.object({
    id: z.int().min(1),
    run_attempt: z.int().min(1),
    html_url: z.string(),
    /** The event that started the run. */
    event: z.string(),
    conclusion: z.string().nullable(),
    head_sha: sha,
    head_branch: z.string().nullable(),
    /** null where the fork is gone. */
    head_repository: z.object({ id: z.int(), owner: z.object({ login: z.string() }) }).nullable(),
  }),
  repository: z.object({ full_name: repositoryName }),
});

export interface PullRequestEvent {
  readonly repository: string;
  readonly number: number;
  readonly isDraft: boolean;
  readonly commits: number;
  readonly baseSha: string;
  readonly headSha: string;
}

export interface WorkflowRunEvent {
  readonly repository: string;
  readonly runId: number;
  readonly runAttempt: number;
  /** The page of the run; "" where it is no address. */
  readonly runUrl: string;
  readonly startedBy: string;
  readonly conclusion: string;
  readonly headSha: string;
  readonly headBranch: string;
  readonly headRepositoryId: number;
  readonly headOwner: string;
}

function readEvent<T>(text: string, name: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError("bad-value", "not JSON", { format: `${name} event` });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.map(String).join(".");
  throw new FormatError("bad-value", `${path || "(top)"} is not as GitHub writes it`, { format: `${name} event` });
}

/** Throws FormatError. */
export function readPullRequestEvent(text: string): PullRequestEvent {
  const { pull_request: pull, repository } = readEvent(text, "pull_request", pullRequestEvent);
  return {
    repository: repository.full_name,
    number: pull.number,
    isDraft: pull.draft,
    commits: pull.commits,
    baseSha: pull.base.sha,
    headSha: pull.head.sha,
  };
}

/** Throws FormatError; UsageError for a run that is not the end of a pull request's. */
export function readWorkflowRunEvent(text: string): WorkflowRunEvent {
  const { action, workflow_run: run, repository } = readEvent(text, "workflow_run", workflowRunEvent);
  if (action !== "completed")
    throw new UsageError('the post job is for workflow_run with "types: [completed]": nothing is ready before');
  if (run.event !== "pull_request") {
    throw new UsageError(
      `the run was started by ${JSON.stringify(run.event).slice(0, 60)}; only runs of pull_request are reviews`,
    );
  }
  return {
    repository: repository.full_name,
    runId: run.id,
    runAttempt: run.run_attempt,
    runUrl: /^https?:\/\/[\w.:/-]{1,300}$/.test(run.html_url) ? run.html_url : "",
    startedBy: run.event,
    conclusion: run.conclusion ?? "",
    headSha: run.head_sha,
    headBranch: run.head_branch ?? "",
    headRepositoryId: run.head_repository?.id ?? 0,
    headOwner: run.head_repository?.owner.login ?? "",
  };
}
