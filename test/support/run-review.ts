import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ReviewOptions, reviewCommand } from "../../src/cli/review.ts";
import { parseReviewJson } from "../../src/report/json.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { testCacheFolder } from "./kernel-tree.ts";

export interface RunOutcome {
  readonly status: number;
  readonly result: ReviewResult;
  readonly err: string;
  readonly progress: readonly string[];
}

/** State of the reviews of the tests; the cache is the one that all of objreview's own runs share. */
export function reviewEnv(): Record<string, string | undefined> {
  const cache = testCacheFolder();
  return { ...process.env, OBJREVIEW_CACHE: cache, OBJREVIEW_STATE: join(cache, "test-state") };
}

/** `objreview review ... --format json` in this process. */
export async function runReview(
  options: Pick<ReviewOptions, "tree" | "base"> & Partial<ReviewOptions>,
  signal: AbortSignal = new AbortController().signal,
): Promise<RunOutcome> {
  let out = "";
  let err = "";
  const progress: string[] = [];
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const full: ReviewOptions = { format: "json", cache: true, sandbox: "bwrap", ...options };
  const status = await reviewCommand(full, io, {
    env: reviewEnv(),
    signal,
    progress: { line: (text) => void progress.push(text), done: () => {} },
    colour: false,
  });
  return { status, result: parseReviewJson(out), err, progress };
}

/** A folder for files of one test, gone at its end. */
export function filesFolder(t: { after(fn: () => void): void }): string {
  const root = join(testCacheFolder(), "test-state");
  mkdirSync(root, { recursive: true });
  const dir = mkdtempSync(join(root, "files-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function writeIn(dir: string, name: string, text: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

/** One line a finding: class, rule, function, file, line, first bad patch and repair. */
export function briefly(result: ReviewResult): string[] {
  return result.findings.map((f) =>
    [
      f.class,
      f.rule,
      `${f.function}()`,
      `${f.file}:${f.line}`,
      ...(f.patch === undefined ? [] : [`from ${f.patch.number}`]),
      ...(f.repairedBy === undefined ? [] : [`repaired by ${f.repairedBy.number}`]),
    ].join(" "),
  );
}
