// `objreview action build|post`: what the runner says in its variables, to a request; the outcome, to a line and an exit status.
// Source of the variables: docs.github.com, "Variables reference"; of the files behind them, "Workflow commands for GitHub Actions".

import { appendFileSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { locateState } from "../kernel/state-folder.ts";
import { safeText } from "../report/safe.ts";
import { build, isInputError } from "./build.ts";
import { post, postWords } from "./post.ts";

export interface ActionIo {
  readonly out: (text: string) => void;
  /** Progress, a line each. */
  readonly onProgress: (line: string) => void;
}

type Env = Readonly<Record<string, string | undefined>>;

export interface ActionBuildOptions {
  readonly tree?: string;
  readonly sandbox: "bwrap" | "runner";
  readonly profile?: readonly string[];
  readonly out: string;
}

export interface ActionPostOptions {
  readonly artifact: string;
  readonly account: string;
  readonly rulesUrl?: string;
  /** false: calls are not spaced, for a server of one's own. */
  readonly paced?: boolean;
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw new UsageError(`${name} is not set: this runs in a job of GitHub Actions`);
  return value;
}

/** GitHub's own payloads end at 25 MB. */
const MAX_EVENT_BYTES = 25 * 1024 * 1024;

function readEventFile(env: Env): string {
  const path = required(env, "GITHUB_EVENT_PATH");
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new UsageError(`GITHUB_EVENT_PATH: ${path} cannot be read`, { cause });
  }
  if (bytes.length > MAX_EVENT_BYTES) throw new UsageError(`GITHUB_EVENT_PATH: ${bytes.length} bytes are no event`);
  return bytes.toString("utf8");
}

/** Appends to a file that the runner named; where it named none, nothing is said there. */
function append(env: Env, name: string, text: string): void {
  const path = env[name];
  if (path !== undefined && path !== "") appendFileSync(path, text);
}

/**
 * Mode build.
 * @returns exit status: 0 reviewed, whatever the verdict, or nothing to review; 2 when objreview could not review it
 */
export async function actionBuild(options: ActionBuildOptions, io: ActionIo, env: Env, signal?: AbortSignal) {
  const outcome = await build({
    eventName: env.GITHUB_EVENT_NAME ?? "",
    event: readEventFile(env),
    env,
    serverUrl: env.GITHUB_SERVER_URL || "https://github.com",
    tree: options.tree === "" ? undefined : options.tree,
    sandbox: options.sandbox,
    profiles: options.profile ?? [],
    out: resolve(options.out),
    scratch: join(required(env, "RUNNER_TEMP"), "objreview"),
    state: locateState(env),
    signal,
    onProgress: io.onProgress,
  });
  append(env, "GITHUB_STEP_SUMMARY", outcome.summary);
  const verdict = outcome.kind === "reviewed" ? outcome.result.verdict : "none";
  append(env, "GITHUB_OUTPUT", `verdict=${verdict}\n`);
  if (outcome.kind === "nothing") {
    io.out(`objreview: nothing was reviewed: ${safeText(outcome.why)}\n`);
    return 0;
  }
  const { error } = outcome;
  if (error !== undefined && !isInputError(error)) throw error;
  const reason = outcome.result.reason === undefined ? "" : `: ${safeText(outcome.result.reason)}`;
  io.out(`objreview: ${verdict}${reason}\n`);
  return verdict === "failed" ? 2 : 0;
}

/**
 * Mode post.
 * @returns exit status: 0 posted, or nothing to post; 1 when the check had to say that there is no usable review
 */
export async function actionPost(options: ActionPostOptions, io: ActionIo, env: Env): Promise<number> {
  const outcome = await post({
    eventName: env.GITHUB_EVENT_NAME ?? "",
    event: readEventFile(env),
    repository: required(env, "GITHUB_REPOSITORY"),
    token: env.OBJREVIEW_TOKEN ?? "",
    apiUrl: env.GITHUB_API_URL || "https://api.github.com",
    account: options.account,
    workspace: required(env, "GITHUB_WORKSPACE"),
    artifact: options.artifact,
    rulesUrl: options.rulesUrl === "" ? undefined : options.rulesUrl,
    ...(options.paced === undefined ? {} : { paced: options.paced }),
    onProgress: io.onProgress,
  });
  io.out(`objreview: ${postWords(outcome)}\n`);
  return outcome.kind === "unusable" ? 1 : 0;
}
