import { accessSync, constants, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FormatError, ToolError, UsageError } from "../base/errors.ts";
import { makeFolder } from "../kernel/make-folder.ts";
import { openSandbox } from "../kernel/sandbox.ts";
import { locateState } from "../kernel/state-folder.ts";
import type { ReviewResult } from "../report/result.ts";
import type { ReviewInput, ReviewRequest } from "../review/request.ts";
import { failedResult, review } from "../review/review.ts";
import type { CommandIo } from "./check.ts";
import type { KnownDefectsOption, ReviewFormat } from "./formats.ts";
import { readPatchFile } from "./patch-files.ts";
import { findProfile } from "./profile-option.ts";
import type { ProgressPrinter } from "./progress.ts";

export interface ReviewOptions {
  readonly tree: string;
  readonly base: string;
  readonly mbox?: string;
  readonly patch?: readonly string[];
  readonly range?: string;
  readonly profile?: readonly string[];
  /** Most objects that are built because they include a touched header. */
  readonly maxDependents?: number;
  /** Commit or name of the base build whose index is used before a nearer one. */
  readonly indexOf?: string;
  readonly out?: string;
  readonly format: ReviewFormat;
  readonly knownDefects?: KnownDefectsOption;
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
  let result: ReviewResult;
  let stop: unknown;
  try {
    // Found out now and not when the work is done.
    if (options.out !== undefined) makeOutFolder(options.out);
    result = await review(makeRequest(options, environment));
  } catch (error) {
    result = failedResult(options, error);
    stop = error;
  } finally {
    environment.progress.done();
  }
  io.out(await render(result, options.format, environment.colour));
  if (options.out !== undefined && !isOutFolderError(stop, options.out)) await writeAll(result, options.out, io);
  if (stop !== undefined) {
    const isKnown = stop instanceof UsageError || stop instanceof FormatError || stop instanceof ToolError;
    if (!isKnown && result.machine === undefined) throw stop;
    io.err(`objreview: ${oneLine(result.reason ?? "")}\n`);
    return 2;
  }
  switch (result.verdict) {
    case "clean":
      return 0;
    case "findings":
    case "broken":
      return 1;
    default:
      io.err(`objreview: ${verdictWords(result)}: ${oneLine(result.reason ?? "")}\n`);
      return 2;
  }
}

/** A verdict that is exit status 2, as standard error names it. */
function verdictWords({ verdict, patches }: ReviewResult): string {
  if (verdict === "incomplete") return patches.length === 0 ? "nothing to review" : "incomplete series";
  return verdict === "applied" ? "already applied" : verdict;
}

function makeRequest(options: ReviewOptions, environment: ReviewEnvironment): ReviewRequest {
  return {
    tree: options.tree,
    base: options.base,
    input: readInputs(options),
    profiles: (options.profile ?? []).map(findProfile),
    dependentCap: options.maxDependents,
    indexOf: options.indexOf,
    useCache: options.cache,
    showKnownDefects: options.knownDefects === "show",
    state: locateState(environment.env),
    openSandbox: () => openSandbox({ mode: options.sandbox, env: environment.env }),
    signal: environment.signal,
    onProgress: (line) => environment.progress.line(line),
    reproduce: (base) => reproduceLines(options, base),
  };
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
  return { kind: "files", files: names.map(readPatchFile) };
}

function makeOutFolder(out: string): void {
  try {
    makeFolder(out);
    readdirSync(out);
    accessSync(out, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new UsageError(`--out ${out}: not a folder that can be written to`, { cause });
  }
}

function isOutFolderError(error: unknown, out: string): boolean {
  return error instanceof UsageError && error.message.startsWith(`--out ${out}:`);
}

/** A reason may quote what a patch says: no line breaks, no control characters. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 1000);
}

async function render(result: ReviewResult, format: ReviewFormat, colour: boolean): Promise<string> {
  switch (format) {
    case "text":
      return (await import("../report/text.ts")).renderText(result, { colour });
    case "mail":
      return (await import("../report/digest.ts")).renderDigest(result);
    case "json":
      return (await import("../report/json.ts")).renderJson(result);
    case "sarif":
      return (await import("../report/sarif.ts")).renderSarif(result, { ruleInfo: await ruleInfo() });
    case "html":
      return (await import("../report/html.ts")).renderHtml(result);
  }
}

async function ruleInfo() {
  const { rules } = await import("../rules/index.ts");
  return new Map(
    rules.map((rule) => [rule.id, { summary: rule.summary, help: rule.consequence, severity: rule.severity }]),
  );
}

async function writeAll(result: ReviewResult, out: string, io: CommandIo): Promise<void> {
  const files: readonly [name: string, text: string][] = [
    ["review.json", await render(result, "json", false)],
    ["review.html", await render(result, "html", false)],
    ["review.sarif", await render(result, "sarif", false)],
    ["digest.txt", await render(result, "mail", false)],
  ];
  for (const [name, text] of files) writeFileSync(join(out, name), text);
  io.err(`objreview: wrote ${files.map(([name]) => name).join(", ")} to ${resolve(out)}\n`);
}

/** What repeats the review: the same command, with names that a shell takes as they are. */
function reproduceLines(options: ReviewOptions, base: string): string[] {
  const input =
    options.mbox !== undefined
      ? `--mbox ${quote(options.mbox)}`
      : options.range !== undefined
        ? `--range ${quote(options.range)}`
        : `--patch ${(options.patch ?? []).map(quote).join(" ")}`;
  const profiles = (options.profile ?? []).map((name) => ` --profile ${quote(name)}`).join("");
  const defects = options.knownDefects === "show" ? " --known-defects show" : "";
  return [`npx objreview review --tree . --base ${quote(base)} ${input}${profiles}${defects}`];
}

function quote(text: string): string {
  return /^[\w@%+=:,./^~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
