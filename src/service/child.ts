// The review itself, in a process of its own that has no secret: `objreview review`, whose builds run in the sandbox. Its environment is made here and
// nothing is inherited.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FormatError, MachineError, ToolError } from "../base/errors.ts";
import { runToEnd, SYSTEM_PATH } from "../kernel/process.ts";
import { parseReviewJson } from "../report/json.ts";
import type { ReviewResult } from "../report/result.ts";
import { resultWithout } from "./results.ts";

/** The changes that are reviewed: commits of the tree, or a mailbox that is applied to the base. */
export type ChildSeries = { readonly from: string; readonly to: string } | { readonly mbox: string };

export interface ChildReview {
  readonly tree: string;
  /** Commit that the series is applied to. */
  readonly base: string;
  readonly series: ChildSeries;
  readonly profiles: readonly string[];
  /** Full id of the commit whose base build is to tell about the rest of the kernel. */
  readonly indexOf?: string | undefined;
  /** Objects that are built at most because they include a touched header; minutes that the review may take. */
  readonly limits: { readonly dependents: number; readonly minutes: number };
  readonly signal: AbortSignal;
  /** What it is at, one line of text that names things of the patch. */
  readonly onProgress: (line: string) => void;
}

export interface ChildSettings {
  /** What the child keeps; no store is in there. */
  readonly reviewState: string;
  readonly reviewCache: string;
  readonly sandbox: "bwrap" | "runner";
}

/** It becomes the Node that runs the command line. */
const LAUNCHER = fileURLToPath(new URL("../../bin/objreview", import.meta.url));
const MAX_RESULT_BYTES = 48 * 1024 * 1024;
/** "  12.3 s  building 3 of 9 objects" on standard error, src/cli/progress.ts. */
const PROGRESS = /^ *[\d.]+ s {2}(.*)$/;

/** Throws ToolError: "cancelled" when `signal` says so, "failed" when the child ends without a result; MachineError where the machine could not do it. */
export async function reviewInChild(settings: ChildSettings, review: ChildReview): Promise<ReviewResult> {
  const { limits, series } = review;
  const command = [
    LAUNCHER,
    ...["review", "--tree", review.tree, "--base", review.base],
    ...("mbox" in series ? ["--mbox", series.mbox] : ["--range", `${series.from}..${series.to}`]),
    ...["--format", "json", "--sandbox", settings.sandbox, "--max-dependents", String(limits.dependents)],
    ...review.profiles.flatMap((name) => ["--profile", name]),
    ...(review.indexOf === undefined ? [] : ["--index-of", review.indexOf]),
  ];
  const ended = await runToEnd(command, {
    cwd: "/",
    env: childEnvironment(settings),
    signal: review.signal,
    timeoutMillis: limits.minutes * 60_000,
    maxOutputBytes: MAX_RESULT_BYTES,
    onLine: (line, stream) => {
      const text = stream === "stderr" ? PROGRESS.exec(line)?.[1] : undefined;
      if (text !== undefined) review.onProgress(text);
    },
  });
  switch (ended.end) {
    case "cancelled":
      throw new ToolError("cancelled", "the review was cancelled", { command });
    case "timed-out":
      return resultWithout("inconclusive", `it was not done within ${limits.minutes} minutes`);
    case "output-too-big":
      return resultWithout("inconclusive", "its result is too long");
  }
  let result: ReviewResult;
  try {
    result = parseReviewJson(ended.stdout);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const how = ended.signal === null ? `exited with ${ended.exitCode}` : `was killed by ${ended.signal}`;
    throw new ToolError("failed", `the review ${how} and left no result`, {
      command,
      exitCode: ended.exitCode,
      stderrTail: ended.stderr.slice(-4096),
    });
  }
  if (result.verdict === "failed" && result.machine !== undefined) {
    throw new MachineError(result.reason ?? result.machine, result.machine);
  }
  return result;
}

function childEnvironment({ reviewState, reviewCache }: ChildSettings): Record<string, string> {
  const home = join(reviewState, "home");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  return { PATH: SYSTEM_PATH, HOME: home, LANG: "C.UTF-8", OBJREVIEW_STATE: reviewState, OBJREVIEW_CACHE: reviewCache };
}
