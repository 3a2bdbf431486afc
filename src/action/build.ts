// The job that builds: it runs what the pull request says, in the sandbox, and holds no token of any kind. What it leaves is review.json,
// for the post job, and the summary of the job, which the runner shows.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError, ToolError, UsageError } from "../base/errors.ts";
import { isWantedPath } from "../config/wanted-path.ts";
import { CONFIG_PATH, DEFAULT_CONFIG, type RepositoryConfig } from "../github/config.ts";
import { describeConfigErrors, readConfig } from "../github/config-text.ts";
import { checkSummary } from "../github/summary-text.ts";
import { topicsOf } from "../github/topics.ts";
import { openGit } from "../kernel/git.ts";
import { makeFolder } from "../kernel/make-folder.ts";
import { requireProfile } from "../kernel/profile.ts";
import { findWriteTokens } from "../kernel/runner.ts";
import { openSandbox } from "../kernel/sandbox.ts";
import type { StateFolder } from "../kernel/state-folder.ts";
import { openTree } from "../kernel/tree.ts";
import { parseDiff } from "../patch/diff.ts";
import { renderHtml } from "../report/html.ts";
import { renderJson } from "../report/json.ts";
import type { ReviewResult } from "../report/result.ts";
import { failedResult, review } from "../review/review.ts";
import { MAX_REVIEW_BYTES } from "./accept-review.ts";
import { findGitCredentials } from "./checkouts.ts";
import { readPullRequestEvent } from "./events.ts";
import { fetchHead, findMergeBase } from "./fetch-head.ts";
import { refuseBuild } from "./refusals.ts";

export interface BuildRequest {
  readonly eventName: string;
  /** Text of $GITHUB_EVENT_PATH. */
  readonly event: string;
  /** The whole environment of this process: no token may be in it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** "https://github.com": where the repository is fetched from without a token. */
  readonly serverUrl: string;
  /** A repository that has base and head, instead of one that is fetched. */
  readonly tree?: string | undefined;
  readonly sandbox: "bwrap" | "runner";
  /** Names; the configuration's, or the default one, when empty. */
  readonly profiles: readonly string[];
  /** Folder for review.json and review.html. */
  readonly out: string;
  /** Folder of the job for what is fetched. */
  readonly scratch: string;
  readonly state: StateFolder;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (line: string) => void;
}

export type BuildOutcome =
  | {
      readonly kind: "reviewed";
      readonly result: ReviewResult;
      /** Markdown for the job's summary. */
      readonly summary: string;
      /** Set where objreview itself failed. */
      readonly error?: unknown;
    }
  | { readonly kind: "nothing"; readonly why: string; readonly summary: string };

/** Throws UsageError where the job may not build, ToolError where the commits cannot be had. */
export async function build(request: BuildRequest): Promise<BuildOutcome> {
  const { eventName, env, tree: given } = request;
  const secrets = findWriteTokens(env);
  refuseBuild({ eventName, secrets, gitCredentials: [] });
  if (given !== undefined) refuseBuild({ eventName, secrets, gitCredentials: await findGitCredentials(given) });
  const event = readPullRequestEvent(request.event);

  const found = given === undefined ? await fetchTree(request, event) : await useTree(given, request, event);
  if (found === undefined)
    return nothing(`the pull request has another head than ${event.headSha.slice(0, 12)} by now`);
  const tree = await openTree(found.tree, request.state);
  const text = await tree.readFile(found.mergeBase, CONFIG_PATH);
  const read = text === undefined ? undefined : readConfig(new TextDecoder().decode(text));
  if (read?.ok === false) {
    return {
      ...nothing(`${CONFIG_PATH} of the base cannot be used`),
      summary: `${describeConfigErrors(read.errors)}\n`,
    };
  }
  const config = read?.config ?? DEFAULT_CONFIG;
  const touched = parseDiff(await tree.diff(found.mergeBase, event.headSha)).flatMap(({ oldPath, newPath }) =>
    [oldPath, newPath].filter((path) => path !== undefined),
  );
  const why = whyNot(config, event.isDraft, touched);
  if (why !== undefined) return nothing(why);
  return reviewHead(request, found.tree, found.mergeBase, event.headSha, config);
}

function whyNot(config: RepositoryConfig, isDraft: boolean, touched: readonly string[]): string | undefined {
  if (!config.enabled) return `${CONFIG_PATH} of the base says "enabled: false"`;
  if (isDraft && !config.drafts) return "it is a draft";
  if (!touched.some((path) => isWantedPath(path, config.paths))) return `it touches no path that ${CONFIG_PATH} names`;
  return undefined;
}

function nothing(why: string): Extract<BuildOutcome, { kind: "nothing" }> {
  return { kind: "nothing", why, summary: `**objreview: nothing was reviewed:** ${why}.\n` };
}

interface FoundTree {
  readonly tree: string;
  readonly mergeBase: string;
}

type Event = ReturnType<typeof readPullRequestEvent>;

async function fetchTree(request: BuildRequest, event: Event): Promise<FoundTree | undefined> {
  const { repository, number, headSha, baseSha, commits } = event;
  request.onProgress(`fetching pull request #${number} of ${repository}`);
  const folder = join(request.scratch, "tree.git");
  const url = `${request.serverUrl.replace(/\/$/, "")}/${repository}.git`;
  const fetched = await fetchHead({ url, number, headSha, baseSha, commits, folder, signal: request.signal });
  return fetched.kind === "superseded" ? undefined : { tree: folder, mergeBase: fetched.mergeBase };
}

async function useTree(dir: string, request: BuildRequest, event: Event): Promise<FoundTree> {
  const { git } = await openTree(dir, request.state);
  const mergeBase = await findMergeBase(openGit(git.place), event.headSha, event.baseSha);
  if (mergeBase === undefined) {
    throw new UsageError(
      `${dir}: base and head of the pull request, and a commit that both have, are not in it; fetch deeper`,
    );
  }
  return { tree: dir, mergeBase };
}

async function reviewHead(
  request: BuildRequest,
  tree: string,
  base: string,
  headSha: string,
  config: RepositoryConfig,
): Promise<BuildOutcome> {
  const profiles = request.profiles.length > 0 ? request.profiles : config.profiles;
  const stop = new AbortController();
  const minutes = setTimeout(() => stop.abort(), config.limits.minutes * 60_000);
  let result: ReviewResult;
  let error: unknown;
  try {
    result = await review({
      tree,
      base,
      input: { kind: "range", from: base, to: headSha },
      profiles: profiles.map(requireProfile),
      dependentCap: config.limits.dependents,
      useCache: true,
      state: request.state,
      openSandbox: () => openSandbox({ mode: request.sandbox, env: request.env }),
      signal: request.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, request.signal]),
      onProgress: request.onProgress,
      reproduce: (name) => [
        `npx objreview review --tree . --base ${name} --range ${base.slice(0, 12)}..${headSha.slice(0, 12)}`,
      ],
    });
    if (stop.signal.aborted) result = overTime(result, config.limits.minutes);
  } catch (thrown) {
    error = thrown;
    result = failedResult({ base }, thrown);
    result.base.commit = base;
  } finally {
    clearTimeout(minutes);
  }
  result = { ...result, base: { ...result.base, chosenBy: "the merge base of the pull request" } };
  makeFolder(request.out);
  writeFileSync(join(request.out, "review.json"), fittingJson(result));
  writeFileSync(join(request.out, "review.html"), renderHtml(result));
  const summary = `${checkSummary(result, topicsOf(result), {})}\n`;
  return { kind: "reviewed", result, summary, ...(error === undefined ? {} : { error }) };
}

function overTime(result: ReviewResult, minutes: number): ReviewResult {
  const reason = `it took longer than the ${minutes} minutes that ${CONFIG_PATH} allows`;
  return { ...result, verdict: "inconclusive", reason };
}

/** The post job takes no more than MAX_REVIEW_BYTES: the pictures and tables go first, then the ways of the findings. */
function fittingJson(result: ReviewResult): string {
  const plain = (): ReviewResult => {
    const { frameTables: _, ...rest } = result;
    return { ...rest, graphs: [], findings: result.findings.map(({ graph: _, frames: __, ...finding }) => finding) };
  };
  const steps: (() => ReviewResult)[] = [
    () => result,
    plain,
    () => ({ ...plain(), findings: plain().findings.map((finding) => ({ ...finding, path: [] })) }),
  ];
  for (const step of steps) {
    const text = renderJson(step());
    if (Buffer.byteLength(text) <= MAX_REVIEW_BYTES) return text;
  }
  throw new FormatError("over-budget", `more than ${MAX_REVIEW_BYTES} bytes even without ways and graphs`, {
    format: "review.json",
  });
}

/** What a job that may go on says of an error; what is none of these is ours. */
export function isInputError(error: unknown): boolean {
  return error instanceof UsageError || error instanceof FormatError || error instanceof ToolError;
}
