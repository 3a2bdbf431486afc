// The calls of GitHub's REST API that the post job makes, and no others. Least permissions: actions: read, checks: write,
// contents: read, pull-requests: write.

import { Octokit } from "octokit";
import { ToolError } from "../base/errors.ts";
import type { CheckRunBody, ReviewBody, ReviewComment } from "../github/payloads.ts";
import type { PostedComment } from "../github/reconcile.ts";
import { safeText } from "../report/safe.ts";
import { MAX_PULL_FILES, type PullFile } from "./pull-files.ts";

/** docs.github.com, "API Versions". */
const API_VERSION = "2022-11-28";
const PER_PAGE = 100;
/** Pages that are read of anything: ten thousand comments are no pull request that a comment more would help. */
const MAX_PAGES = 100;
/** Waiting longer than this for a limit to pass holds a runner for nothing. */
const MAX_WAIT_SECONDS = 300;

export interface CallsOptions {
  readonly token: string;
  /** "https://api.github.com", or $GITHUB_API_URL of an own server. */
  readonly apiUrl: string;
  /** "owner/name". */
  readonly repository: string;
  /** Login of the token's own account: its comments are ours, all others are other people's. */
  readonly account: string;
  /** false: calls are neither spaced nor repeated, for tests against a server of our own. */
  readonly paced?: boolean | undefined;
}

export interface OpenPull {
  readonly number: number;
  readonly headSha: string;
  readonly headRepositoryId: number;
  readonly baseRef: string;
  readonly baseSha: string;
  readonly isDraft: boolean;
  readonly isOpen: boolean;
}

export interface Artifact {
  readonly id: number;
  readonly name: string;
  readonly bytes: number;
  readonly isExpired: boolean;
}

export interface KnownCheck {
  readonly id: number;
  readonly annotations: number;
}

type Rest = Octokit["rest"];
/** What a method of octokit takes: our values are the same, and read-only. */
type Body<Area extends keyof Rest, Name extends keyof Rest[Area]> = Rest[Area][Name] extends (body: infer B) => unknown
  ? NonNullable<B>
  : never;

/** One repository, by one token. Every method throws ToolError with GitHub's own words where a call fails for good. */
export class Calls {
  readonly #octokit: Octokit;
  readonly #at: { readonly owner: string; readonly repo: string };
  readonly #account: string;
  /** Calls that were made, for the log. */
  made = 0;

  constructor(options: CallsOptions) {
    const [owner = "", repo = ""] = options.repository.split("/");
    this.#at = { owner, repo };
    this.#account = options.account.toLowerCase();
    const paced = options.paced !== false;
    const waits = (seconds: number, _options: object, _octokit: unknown, tries: number): boolean =>
      seconds <= MAX_WAIT_SECONDS && tries < 3;
    this.#octokit = new Octokit({
      auth: options.token,
      baseUrl: options.apiUrl.replace(/\/$/, ""),
      userAgent: "objreview-action",
      throttle: paced ? { onRateLimit: waits, onSecondaryRateLimit: waits } : { enabled: false },
      retry: { enabled: paced },
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    this.#octokit.hook.before("request", (request) => {
      this.made++;
      request.headers["x-github-api-version"] = API_VERSION;
    });
  }

  async #call<T>(what: string, make: (octokit: Octokit) => Promise<T>): Promise<T> {
    try {
      return await make(this.#octokit);
    } catch (cause) {
      const { status, message } = cause as { status?: number; message?: string };
      const detail = { command: ["GitHub", what], exitCode: status ?? null, cause };
      throw new ToolError(
        "failed",
        `GitHub refused to ${what}: ${safeText(message ?? "no answer", { max: 300 })}`,
        detail,
      );
    }
  }

  /** Open pull requests from a branch of a fork or of the repository itself. */
  async openPulls(headOwner: string, headBranch: string): Promise<OpenPull[]> {
    const { data } = await this.#call("list pull requests", ({ rest }) =>
      rest.pulls.list({ ...this.#at, state: "open", head: `${headOwner}:${headBranch}`, per_page: PER_PAGE }),
    );
    return data.map(asPull);
  }

  async pull(number: number): Promise<OpenPull> {
    const { data } = await this.#call("read the pull request", ({ rest }) =>
      rest.pulls.get({ ...this.#at, pull_number: number }),
    );
    return asPull(data);
  }

  /** The commit at which the head left the base. */
  async mergeBase(baseSha: string, headSha: string): Promise<string> {
    const { data } = await this.#call("compare base and head", ({ rest }) =>
      rest.repos.compareCommitsWithBasehead({ ...this.#at, basehead: `${baseSha}...${headSha}`, per_page: 1 }),
    );
    return data.merge_base_commit.sha;
  }

  async files(number: number): Promise<PullFile[]> {
    const files: PullFile[] = [];
    for (let page = 1; files.length < MAX_PULL_FILES && page <= MAX_PAGES; page++) {
      const { data } = await this.#call("list the files", ({ rest }) =>
        rest.pulls.listFiles({ ...this.#at, pull_number: number, per_page: PER_PAGE, page }),
      );
      files.push(...data);
      if (data.length < PER_PAGE) break;
    }
    return files;
  }

  /** A file of a branch as text; undefined where there is none. */
  async file(path: string, ref: string): Promise<string | undefined> {
    try {
      const { data } = await this.#octokit.rest.repos.getContent({ ...this.#at, path, ref });
      if (Array.isArray(data) || data.type !== "file" || !("content" in data)) return undefined;
      return Buffer.from(data.content, "base64").toString("utf8");
    } catch (error) {
      if ((error as { status?: number }).status === 404) return undefined;
      return this.#call(`read ${path}`, () => Promise.reject(error));
    }
  }

  async artifacts(runId: number, name: string): Promise<Artifact[]> {
    const { data } = await this.#call("list the artifacts", ({ rest }) =>
      rest.actions.listWorkflowRunArtifacts({ ...this.#at, run_id: runId, name, per_page: PER_PAGE }),
    );
    return data.artifacts
      .filter((each) => each.name === name)
      .map(({ id, name, size_in_bytes: bytes, expired }) => ({ id, name, bytes, isExpired: expired }))
      .sort((a, b) => b.id - a.id);
  }

  /** The zip of an artifact, which the caller has found small enough. */
  async download(artifactId: number): Promise<Uint8Array> {
    const { data } = await this.#call("download the artifact", ({ rest }) =>
      rest.actions.downloadArtifact({ ...this.#at, artifact_id: artifactId, archive_format: "zip" }),
    );
    return new Uint8Array(data as ArrayBuffer);
  }

  /** Comments of our own account on the pull request: lines and conversation. */
  async posted(number: number): Promise<PostedComment[]> {
    const onLines = await this.#pages("list review comments", (page) =>
      this.#octokit.rest.pulls.listReviewComments({ ...this.#at, pull_number: number, per_page: PER_PAGE, page }),
    );
    const answered = new Set(
      onLines
        .filter(({ user }) => !this.#isOurs(user))
        .flatMap(({ in_reply_to_id: id }) => (id === undefined ? [] : [id])),
    );
    const talk = await this.#pages("list comments", (page) =>
      this.#octokit.rest.issues.listComments({ ...this.#at, issue_number: number, per_page: PER_PAGE, page }),
    );
    return [
      ...onLines
        .filter(({ user }) => this.#isOurs(user))
        .map(({ id, body }) => ({ id, kind: "line" as const, body, hasReplies: answered.has(id) })),
      ...talk
        .filter(({ user }) => this.#isOurs(user))
        .map(({ id, body }) => ({ id, kind: "conversation" as const, body: body ?? "", hasReplies: false })),
    ];
  }

  #isOurs(user: { readonly login: string } | null | undefined): boolean {
    return user?.login.toLowerCase() === this.#account;
  }

  async #pages<T>(what: string, read: (page: number) => Promise<{ data: T[] }>): Promise<T[]> {
    const all: T[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const { data } = await this.#call(what, () => read(page));
      all.push(...data);
      if (data.length < PER_PAGE) break;
    }
    return all;
  }

  /** Our check of that head by its external id; what it has of annotations cannot be taken back. */
  async findCheck(headSha: string, name: string, externalId: string): Promise<KnownCheck | undefined> {
    const { data } = await this.#call("list checks", ({ rest }) =>
      rest.checks.listForRef({ ...this.#at, ref: headSha, check_name: name, filter: "all", per_page: PER_PAGE }),
    );
    const run = data.check_runs.find((each) => each.external_id === externalId);
    return run === undefined ? undefined : { id: run.id, annotations: run.output.annotations_count };
  }

  async createCheck(body: CheckRunBody & { readonly name: string; readonly head_sha: string }): Promise<number> {
    const { data } = await this.#call("make a check", ({ rest }) =>
      rest.checks.create({ ...this.#at, ...body } as Body<"checks", "create">),
    );
    return data.id;
  }

  async updateCheck(id: number, body: CheckRunBody): Promise<void> {
    await this.#call("update the check", ({ rest }) =>
      rest.checks.update({ ...this.#at, check_run_id: id, ...body } as Body<"checks", "update">),
    );
  }

  /** False where GitHub takes none of it because of one line (422). */
  async createReview(number: number, body: ReviewBody): Promise<boolean> {
    return this.#unlessRefused("post the review", ({ rest }) =>
      rest.pulls.createReview({ ...this.#at, pull_number: number, ...body } as Body<"pulls", "createReview">),
    );
  }

  /** False where GitHub does not take the line (422). */
  async createComment(number: number, headSha: string, comment: ReviewComment): Promise<boolean> {
    return this.#unlessRefused("post a comment", ({ rest }) =>
      rest.pulls.createReviewComment({ ...this.#at, pull_number: number, commit_id: headSha, ...comment }),
    );
  }

  async #unlessRefused(what: string, make: (octokit: Octokit) => Promise<unknown>): Promise<boolean> {
    try {
      await this.#call(what, make);
      return true;
    } catch (error) {
      if (error instanceof ToolError && error.exitCode === 422) return false;
      throw error;
    }
  }

  async editComment(kind: PostedComment["kind"], id: number, body: string): Promise<void> {
    await this.#call<unknown>("edit a comment", ({ rest }) =>
      kind === "line"
        ? rest.pulls.updateReviewComment({ ...this.#at, comment_id: id, body })
        : rest.issues.updateComment({ ...this.#at, comment_id: id, body }),
    );
  }

  async removeComment(kind: PostedComment["kind"], id: number): Promise<void> {
    await this.#call<unknown>("remove a comment", ({ rest }) =>
      kind === "line"
        ? rest.pulls.deleteReviewComment({ ...this.#at, comment_id: id })
        : rest.issues.deleteComment({ ...this.#at, comment_id: id }),
    );
  }

  async createConversation(number: number, body: string): Promise<void> {
    await this.#call("comment on the pull request", ({ rest }) =>
      rest.issues.createComment({ ...this.#at, issue_number: number, body }),
    );
  }
}

interface ApiPull {
  readonly number: number;
  readonly state: string;
  readonly draft?: boolean | undefined;
  readonly head: { readonly sha: string; readonly repo: { readonly id: number } | null };
  readonly base: { readonly ref: string; readonly sha: string };
}

function asPull({ number, state, draft, head, base }: ApiPull): OpenPull {
  return {
    number,
    headSha: head.sha,
    headRepositoryId: head.repo?.id ?? 0,
    baseRef: base.ref,
    baseSha: base.sha,
    isDraft: draft === true,
    isOpen: state === "open",
  };
}
