import {
  type AnalyzeOptions,
  analyzeObject,
  type ObjectAnalysis,
  type ObjectFinding,
  type TreeFacts,
} from "../analyze/analyze-object.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import { EM_X86_64 } from "../elf/constants.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { openFileSource } from "../kernel/file-source.ts";
import {
  type CheckedFinding,
  type CheckedObject,
  renderCheckedObject,
  renderCheckSummary,
} from "../report/check-text.ts";
import { type Disassembler, openDisassembler } from "../report/excerpt.ts";
import { printInsn } from "../review/decorate.ts";
import { type Checks, checksWithoutConfig, readChecks } from "../rules/checks.ts";
import type { PathStep } from "../rules/finding.ts";
import type { CheckIndex } from "./index-option.ts";
import { readConfig, readTree } from "./tree-input.ts";

export interface CheckOptions {
  readonly tree?: string;
  readonly kernelConfig?: string;
  /** Folder of a base, or "auto". */
  readonly index?: string;
  readonly json?: boolean;
}

export interface CommandIo {
  out(text: string): void;
  err(text: string): void;
}

/**
 * `objreview check`: validates objects one by one, like the kernel's own tool does.
 * @returns exit status: 0 clean, 1 findings, 2 when an input could not be checked
 */
export async function checkCommand(
  paths: readonly string[],
  options: CheckOptions,
  io: CommandIo,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<number> {
  const facts: TreeFacts = options.tree === undefined ? builtInFacts : readTree(options.tree);
  const analyze: AnalyzeOptions & { readonly checks: Checks } = { facts, checks: checksOf(options.kernelConfig) };
  // Loaded when asked for: with what it needs it is most of the modules, and an object is checked in less time.
  const index =
    options.index === undefined
      ? undefined
      : (await import("./index-option.ts")).openCheckIndex(options.index, facts, env);
  if (options.index !== undefined && index === undefined)
    io.err("objreview: there is no index: each object is judged by itself (objreview base build makes one)\n");
  // It takes longer to load than to check an object that has no findings to print.
  let disassembler: Promise<Disassembler | undefined> | undefined;
  const opened = (): Promise<Disassembler | undefined> => {
    disassembler ??= openDisassembler(EM_X86_64);
    return disassembler;
  };
  const objects: CheckedObject[] = [];
  let failed = false;
  for (const path of paths) {
    const checked = await checkOne(path, analyze, index, opened, io);
    if (checked === undefined) failed = true;
    else {
      objects.push(checked);
      if (options.json !== true) io.out(renderCheckedObject(checked));
    }
  }
  (await disassembler)?.close();
  const lists = index === undefined ? facts.source : `${facts.source}; ${index.age}`;
  if (options.json === true)
    io.out(`${JSON.stringify({ version: "1.0", lists, complete: !failed, objects }, undefined, 2)}\n`);
  else if (objects.length > 0) io.out(renderCheckSummary(objects, lists));
  if (failed) return 2;
  return objects.some((o) => o.findings.some((f) => f.severity !== "note")) ? 1 : 0;
}

async function checkOne(
  path: string,
  analyze: AnalyzeOptions & { readonly checks: Checks },
  index: CheckIndex | undefined,
  opened: () => Promise<Disassembler | undefined>,
  io: CommandIo,
): Promise<CheckedObject | undefined> {
  try {
    const source = openFileSource(path);
    try {
      const outside = index?.outsideOf(path, source);
      const module = path.endsWith(".ko") || index?.isModule(path) === true;
      const checks = { ...analyze.checks, module };
      const analysis = analyzeObject(source, { ...analyze, checks, ...(outside === undefined ? {} : { outside }) });
      const disassembler = analysis.findings.length > 0 ? await opened() : undefined;
      return {
        path,
        findings: analysis.findings.map((f) => decorate(f, analysis, disassembler)),
        coverage: analysis.coverage,
      };
    } finally {
      source.close();
    }
  } catch (error) {
    if (error instanceof FormatError) io.err(`objreview: ${path}: ${error.message}\n`);
    else if (error instanceof UsageError) io.err(`objreview: ${error.message}\n`);
    else throw error;
    return undefined;
  }
}

function decorate(
  finding: ObjectFinding,
  analysis: ObjectAnalysis,
  disassembler: Disassembler | undefined,
): CheckedFinding {
  const { content: _, graph: __, path, otherPath, ...rest } = finding;
  const withAsm = (step: PathStep) => ({ ...step, asm: printInsn(analysis, disassembler, step.section, step.offset) });
  return {
    ...rest,
    asm: printInsn(analysis, disassembler, finding.section, finding.offset),
    path: path.map(withAsm),
    ...(otherPath === undefined ? {} : { otherPath: otherPath.map(withAsm) }),
  };
}

function checksOf(configPath: string | undefined): Checks {
  return configPath === undefined ? checksWithoutConfig : readChecks(readConfig(configPath).values, configPath);
}
