import {
  type AnalyzeOptions,
  analyzeObject,
  type ObjectAnalysis,
  type ObjectFinding,
  type TreeFacts,
} from "../analyze/analyze-object.ts";
import type { ByteSource } from "../base/bytes.ts";
import { EM_X86_64 } from "../elf/constants.ts";
import { openContainer } from "../elf/open.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { openFileSource } from "../kernel/file-source.ts";
import {
  type CheckedFinding,
  type CheckedObject,
  renderCheckedObject,
  renderCheckSummary,
} from "../report/check-text.ts";
import { type Disassembler, openDisassembler } from "../report/excerpt.ts";
import { safeText } from "../report/safe.ts";
import { printInsn } from "../review/decorate.ts";
import { type Checks, checksWithoutConfig, readChecks } from "../rules/checks.ts";
import type { PathStep } from "../rules/finding.ts";
import type { KnownDefectsOption } from "./formats.ts";
import type { CheckIndex } from "./index-option.ts";
import { inputError, readConfig, readTree } from "./tree-input.ts";

export interface CheckOptions {
  readonly tree?: string;
  readonly kernelConfig?: string;
  /** Folder of a base, or "auto". */
  readonly index?: string;
  /** Holds what compiler and assembler say against the code. */
  readonly witnesses?: boolean;
  /** Findings that a known defect of the compiler explains: told, or only counted. */
  readonly knownDefects?: KnownDefectsOption;
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
  const checks = checksOf(options.kernelConfig);
  const analyze = {
    ...{ facts, checks },
    witnesses: options.witnesses === true,
    knownDefects: { show: options.knownDefects === "show" },
  };
  // Loaded when asked for: with what it needs it is most of the modules, and an object is checked in less time.
  const index =
    options.index === undefined
      ? undefined
      : (await import("./index-option.ts")).openCheckIndex(options.index, facts, env);
  if (options.index !== undefined && index === undefined)
    io.err("objreview: there is no index: each object is judged by itself (objreview base build makes one)\n");
  // It takes longer to load than to check an object that has no findings to print.
  const disassemblers = new Map<number, Promise<Disassembler | undefined>>();
  const opened = (machine: number): Promise<Disassembler | undefined> => {
    const open = disassemblers.get(machine) ?? openDisassembler(machine);
    disassemblers.set(machine, open);
    return open;
  };
  const objects: CheckedObject[] = [];
  const failed: FailedObject[] = [];
  for (const path of paths) {
    const checked = await checkOne(path, analyze, index, opened);
    if ("error" in checked) {
      failed.push(checked);
      io.err(`objreview: ${safeText(checked.error)}\n`);
    } else {
      const { machine, ...object } = checked;
      objects.push(object);
      if (machine !== EM_X86_64) io.err(`objreview: ${safeText(path)}: ${UNPROVED}\n`);
      if (options.json !== true) io.out(renderCheckedObject(object));
    }
  }
  for (const open of disassemblers.values()) (await open)?.close();
  const lists = index === undefined ? facts.source : `${facts.source}; ${index.age}`;
  if (options.json === true) {
    const all = { version: "1.0", lists, checks: checks.source, complete: failed.length === 0, objects, failed };
    io.out(`${JSON.stringify(all, undefined, 2)}\n`);
  } else if (objects.length > 0) {
    io.out(renderCheckSummary(objects, lists));
    if (checks === checksWithoutConfig) io.out(`${checks.source}\n`);
    if (facts === builtInFacts && objects.some(({ findings }) => findings.length > 0)) io.out(`${OTHER_LISTS}\n`);
  }
  if (failed.length > 0) return 2;
  return objects.some((o) => o.findings.some((f) => f.severity !== "note")) ? 1 : 0;
}

// Other kernels do not annotate their code as that of x86-64 does (where a trap goes on, where assembly begins), on which rules rely.
const UNPROVED = "the rules are proved on objects of x86-64 alone: here a finding may be wrong, or missing";

// Over all objects of an unmodified 6.1 and 6.19, 23 and 6 findings come of it.
const OTHER_LISTS =
  "objects of another kernel need --tree DIR: which functions never return, or may be called with user access open, differs between versions";

const LINKED_MODULE = {
  kind: "annotations",
  why: "what annotations exempt or explain: the link of a module throws them away; the objects that it is linked from have them",
};

/** A `.ko`: modpost's part of it is there, and scripts/module.lds.S has discarded every `.discard` section. */
function isLinkedModule(source: ByteSource): boolean {
  const { sectionName } = openContainer(source);
  return sectionName.includes(".gnu.linkonce.this_module") && !sectionName.some((name) => name.startsWith(".discard"));
}

/** The checks that mean something where nobody can say any more that a trap goes on, a branch is safe or an entry needs no landing pad. */
function withoutAnnotations(checks: Checks): Checks {
  const { source, unwinder, kcfi, entryHook, staticCalls, linkedFirst, padding } = checks;
  const kept = { source, unwinder, kcfi, entryHook, staticCalls, linkedFirst, padding };
  return { ...checksWithoutConfig, ...kept, unreachable: false };
}

/** An object that could not be checked, and one line that says why. */
interface FailedObject {
  readonly path: string;
  readonly error: string;
}

async function checkOne(
  path: string,
  analyze: AnalyzeOptions & { readonly checks: Checks },
  index: CheckIndex | undefined,
  opened: (machine: number) => Promise<Disassembler | undefined>,
): Promise<(CheckedObject & { readonly machine: number }) | FailedObject> {
  try {
    const source = openFileSource(path);
    try {
      const outside = index?.outsideOf(path, source);
      const module = path.endsWith(".ko") || index?.isModule(path) === true;
      const isLinked = isLinkedModule(source);
      const checks = { ...(isLinked ? withoutAnnotations(analyze.checks) : analyze.checks), module };
      const analysis = analyzeObject(source, { ...analyze, checks, ...(outside === undefined ? {} : { outside }) });
      const disassembler = analysis.findings.length > 0 ? await opened(analysis.machine) : undefined;
      return {
        path,
        findings: analysis.findings.map((f) => decorate(f, analysis, disassembler)),
        coverage: isLinked
          ? { ...analysis.coverage, notes: [...analysis.coverage.notes, LINKED_MODULE] }
          : analysis.coverage,
        knownDefects: analysis.knownDefects,
        machine: analysis.machine,
      };
    } finally {
      source.close();
    }
  } catch (error) {
    return { path, error: inputError(path, error) };
  }
}

function decorate(
  finding: ObjectFinding,
  analysis: ObjectAnalysis,
  disassembler: Disassembler | undefined,
): CheckedFinding {
  const { content: _, graph: __, frames: ___, path, otherPath, ...rest } = finding;
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
