import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FormatError, ToolError, UsageError } from "../base/errors.ts";
import { openSandbox } from "../kernel/sandbox.ts";
import { locateState } from "../kernel/state-folder.ts";
import { renderDigest } from "../report/digest.ts";
import { renderHtml } from "../report/html.ts";
import { renderJson } from "../report/json.ts";
import type { ReviewResult } from "../report/result.ts";
import { renderSarif } from "../report/sarif.ts";
import { renderText } from "../report/text.ts";
import type { ReviewInput, ReviewRequest } from "../review/request.ts";
import { failedResult, review } from "../review/review.ts";
import { rules } from "../rules/index.ts";
import type { CommandIo } from "./check.ts";
import type { ProgressPrinter } from "./progress.ts";

export const REVIEW_FORMATS = ["text", "mail", "json", "sarif", "html"] as const;
export type ReviewFormat = (typeof REVIEW_FORMATS)[number];

export interface ReviewOptions {
  readonly tree: string;
  readonly base: string;
  readonly mbox?: string;
  readonly patch?: readonly string[];
  readonly range?: string;
  readonly profile?: readonly string[];
  readonly out?: string;
  readonly format: ReviewFormat;
  readonly cache: boolean;
  readonly sandbox: "bwrap" | "runner";
}

export interface ReviewEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly progress: ProgressPrinter;
  readonly colour: boolean;
}

/**
 * `objreview review`: a series against a base.
 * @returns exit status: 0 clean, 1 findings or broken, 2 when it could not be reviewed (the reason on one line of standard error)
 */
export async function reviewCommand(
  options: ReviewOptions,
  io: CommandIo,
  environment: ReviewEnvironment,
): Promise<number> {
  const request: ReviewRequest = {
    tree: options.tree,
    base: options.base,
    input: readInputs(options),
    profiles: options.profile ?? [],
    useCache: options.cache,
    state: locateState(environment.env),
    openSandbox: () => openSandbox({ mode: options.sandbox, env: environment.env }),
    signal: environment.signal,
    onProgress: (line) => environment.progress.line(line),
    reproduce: reproduceLines(options),
  };
  let result: ReviewResult;
  let stop: unknown;
  try {
    result = await review(request);
  } catch (error) {
    result = failedResult(request, error);
    stop = error;
  } finally {
    environment.progress.done();
  }
  io.out(await render(result, options.format, environment.colour));
  if (options.out !== undefined) await writeAll(result, options.out, io);
  if (stop !== undefined) {
    if (stop instanceof UsageError || stop instanceof FormatError || stop instanceof ToolError)
      io.err(`objreview: ${result.reason}\n`);
    else throw stop;
    return 2;
  }
  switch (result.verdict) {
    case "clean":
      return 0;
    case "findings":
    case "broken":
      return 1;
    default:
      io.err(`objreview: ${result.verdict}: ${result.reason ?? "no reason given"}\n`);
      return 2;
  }
}

function readInputs(options: ReviewOptions): ReviewInput {
  const given = [options.mbox, options.patch, options.range].filter((value) => value !== undefined);
  if (given.length !== 1) throw new UsageError("give one of --mbox FILE, --patch FILE... and --range A..B");
  if (options.range !== undefined) {
    const ends = /^(.+?)\.\.(?!\.)(.+)$/.exec(options.range);
    if (ends === null) throw new UsageError(`--range ${options.range}: not of the form A..B`);
    return { kind: "range", from: ends[1] as string, to: ends[2] as string };
  }
  const names = options.mbox === undefined ? (options.patch as readonly string[]) : [options.mbox];
  return { kind: "files", files: names.map((name) => ({ name, bytes: readFile(name) })) };
}

function readFile(name: string): Uint8Array {
  try {
    return readFileSync(name === "-" ? 0 : name);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new UsageError(
      `${name}: ${code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder" : "cannot be read"}`,
      { cause },
    );
  }
}

async function render(result: ReviewResult, format: ReviewFormat, colour: boolean): Promise<string> {
  switch (format) {
    case "text":
      return renderText(result, { colour });
    case "mail":
      return renderDigest(result);
    case "json":
      return renderJson(result);
    case "sarif":
      return renderSarif(result, { ruleInfo: ruleInfo() });
    case "html":
      return renderHtml(result);
  }
}

function ruleInfo() {
  return new Map(
    rules.map((rule) => [rule.id, { summary: rule.summary, help: rule.consequence, severity: rule.severity }]),
  );
}

async function writeAll(result: ReviewResult, out: string, io: CommandIo): Promise<void> {
  mkdirSync(out, { recursive: true });
  const files: readonly [name: string, text: string][] = [
    ["review.json", renderJson(result)],
    ["review.html", await renderHtml(result)],
    ["review.sarif", renderSarif(result, { ruleInfo: ruleInfo() })],
    ["digest.txt", renderDigest(result)],
  ];
  for (const [name, text] of files) writeFileSync(join(out, name), text);
  io.err(`objreview: wrote ${files.map(([name]) => name).join(", ")} to ${resolve(out)}\n`);
}

/** What repeats the review: the same command, with names that a shell takes as they are. */
function reproduceLines(options: ReviewOptions): string[] {
  const input =
    options.mbox !== undefined
      ? `--mbox ${quote(options.mbox)}`
      : options.range !== undefined
        ? `--range ${quote(options.range)}`
        : (options.patch ?? []).map((name) => `--patch ${quote(name)}`).join(" ");
  const profiles = (options.profile ?? []).map((name) => ` --profile ${quote(name)}`).join("");
  return [`npx objreview review --tree . --base ${quote(options.base)} ${input}${profiles}`];
}

function quote(text: string): string {
  return /^[\w@%+=:,./^~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
