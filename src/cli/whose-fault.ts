import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ObjectFinding } from "../analyze/analyze-object.ts";
import { sourceName } from "../analyze/names.ts";
import { FormatError, ToolError, UsageError } from "../base/errors.ts";
import { DEFAULT_PROFILE } from "../kernel/profile.ts";
import { openSandbox } from "../kernel/sandbox.ts";
import { ensureFolder, locateState } from "../kernel/state-folder.ts";
import { openBuildObject } from "../kernel/trial-build.ts";
import type { ReviewFault, ReviewTrial } from "../report/result.ts";
import { safeText } from "../report/safe.ts";
import { judgeObject } from "../review/judge.ts";
import { FAULT_RULES, tryObject } from "../review/whose-fault.ts";
import { findingsOf, openTried } from "../review/whose-fault-outcome.ts";
import type { CommandIo } from "./check.ts";
import type { KnownDefectsOption } from "./formats.ts";
import { findProfile } from "./profile-option.ts";
import type { ProgressPrinter } from "./progress.ts";
import { readConfig, readTree } from "./tree-input.ts";

// `objreview whose-fault`: what a review does for the findings about what the compiler says, for an object of a build that somebody has.

export interface WhoseFaultOptions {
  readonly build: string;
  readonly sandbox: "bwrap" | "runner";
  /** Without a function's name: what becomes of findings that a known defect explains. */
  readonly knownDefects?: KnownDefectsOption;
  readonly json?: boolean;
}

export interface WhoseFaultEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly progress: ProgressPrinter;
}

const JSON_VERSION = "1.0";
const MILLIS = 600_000;

/** Exit status: 0 nothing of the kind is found, 1 findings are told, 2 it could not be tried. */
export async function whoseFaultCommand(
  name: string,
  functionName: string | undefined,
  options: WhoseFaultOptions,
  io: CommandIo,
  { env, signal, progress }: WhoseFaultEnvironment,
): Promise<number> {
  let scratch: string | undefined;
  try {
    const { object, sourceDir, outDir, command } = openBuildObject(options.build, name);
    const facts = readTree(sourceDir);
    const config = readConfig(join(outDir, ".config"));
    const state = locateState(env);
    scratch = ensureFolder(state.state, "trials", String(process.pid));
    const place = {
      folders: { sourceDir, outDir },
      profile: findProfile(DEFAULT_PROFILE),
      sandbox: await openSandbox({ mode: options.sandbox, env }),
      signal,
      scratchDir: join(scratch, "scratch"),
      collectDir: join(scratch, "objects"),
      jobs: availableParallelism(),
    };
    const chosen: ObjectFinding[] = [];
    const explained: string[] = [];
    const judge = (file: string, show: boolean) =>
      judgeObject(
        { object, file, command, deps: [], generated: [], how: "replay" },
        { facts, config, witnesses: true, knownDefects: { show } },
      );
    const trials = await tryObject(
      {
        command,
        place,
        facts,
        judge: (file) => judge(file, true),
        millis: MILLIS,
        onProgress: (line) => progress.line(line),
      },
      (again) => {
        if (functionName !== undefined && openTried(again, facts).spoken()?.hasFunction(functionName) === false)
          throw new UsageError(`${object}: no function ${functionName} in it`);
        // Who names a function wants to know all of it; else known defects, of which clang has one in most functions, are counted.
        const muted = functionName === undefined && options.knownDefects !== "show" ? judge(again.file, false) : again;
        for (const { kind, why } of muted.analysis?.coverage.notes ?? [])
          if (kind === "known-defect") explained.push(why);
        const all = functionName === undefined ? (muted.analysis?.findings ?? []) : findingsOf(muted);
        for (const finding of all)
          if (FAULT_RULES.has(finding.rule) && isOf(finding, functionName)) chosen.push(finding);
        return chosen;
      },
    );
    if (typeof trials === "string") throw new UsageError(`${object}: ${trials}`);
    if (trials.again.analysis === undefined) throw new UsageError(`${object}: ${trials.again.error}`);
    const told: { finding: ObjectFinding; fault: ReviewFault }[] = [];
    for (const finding of chosen) {
      const fault = trials.answer(finding);
      if (typeof fault === "string") continue;
      progress.line(`keeping the source of ${finding.function}()`);
      told.push({ finding, fault: await trials.keep(finding, fault, state.state) });
    }
    progress.done();
    if (options.json === true) {
      const findings = told.map(({ finding: { rule, function: f, message, fingerprint, place: at }, fault }) => ({
        ...{ rule, function: f, message, fingerprint },
        ...(at === undefined ? {} : { file: at.file, line: at.line }),
        fault,
      }));
      io.out(`${JSON.stringify({ version: JSON_VERSION, object, findings, knownDefects: explained }, undefined, 2)}\n`);
    } else {
      for (const { finding, fault } of told) io.out(renderFault(finding, fault, state.state));
      for (const why of explained) io.out(`${safeText(object)}: not told: ${safeText(why)}\n`);
      if (told.length + explained.length === 0)
        io.out(`${safeText(object)}: nothing that the compiler says is contradicted\n`);
    }
    return told.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof FormatError || error instanceof ToolError)) throw error;
    progress.done();
    io.err(`objreview: ${safeText(error.message.split("\n")[0] ?? "")}\n`);
    return 2;
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

function isOf(finding: ObjectFinding, name: string | undefined): boolean {
  return name === undefined || finding.function === name || sourceName(finding.function) === name;
}

function renderFault(finding: ObjectFinding, fault: ReviewFault, stateDir: string): string {
  const at = finding.place === undefined ? "" : `${finding.place.file}:${finding.place.line}: `;
  const lines = [`${at}${finding.message} [${finding.rule}]`, `  whose fault: ${fault.says}`];
  for (const trial of fault.trials) lines.push(`    ${describeTrial(trial)}`);
  if (fault.kept !== undefined) lines.push(`  kept: ${join(stateDir, fault.kept)}`);
  return lines.map((line) => `${safeText(line)}\n`).join("");
}

export function describeTrial({ compiler, flags, outcome, why }: ReviewTrial): string {
  const way = [compiler, ...flags].join(" ");
  return `${outcome.padEnd(8)} ${way}${why === undefined ? "" : `  (${why})`}`;
}
