import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnalyzeOptions, analyzeObject, type ObjectFinding } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { UsageError } from "../../src/base/errors.ts";
import type { Checks } from "../../src/rules/checks.ts";
import { compare, type Said, sayOurs, sayTheirs, type Verdict, without } from "./compare.ts";
import type { Tools } from "./complete.ts";
import { mutationClasses } from "./mutations.ts";
import { saidOfObjectAlone } from "./object-alone.ts";
import { ObjectEdit } from "./object-edit.ts";
import { type ObjectModel, openModel, withNamesOf } from "./object-model.ts";
import type { Planned } from "./plan.ts";
import { seededRandom } from "./random.ts";
import type { TheirReport } from "./their-tool.ts";

/** What happened to one mutant, or to one object as it is (number -1). */
export interface Outcome {
  readonly number: number;
  readonly object: string;
  readonly class: string;
  readonly function: string;
  readonly section: string;
  readonly offset: number;
  readonly before: string;
  readonly after: string;
  readonly verdicts: readonly Verdict[];
  /** Everything that their tool printed for it, outside of the comparison too. */
  readonly theirTexts: readonly string[];
  /** How many of these were left out, as said of an object by itself alone. */
  readonly leftOut: number;
  readonly ourMilliseconds: number;
  /** Findings of ours that the unmodified object does not have, told apart by place. */
  readonly ourFindings: number;
}

export interface RunOptions {
  readonly raw: (object: string) => Uint8Array;
  readonly tools: Tools;
  /** Objects that are parts of modules. */
  readonly modules: ReadonlySet<string>;
  /** Folder for copies that live as long as their mutant. */
  readonly scratch: string;
  readonly analyze: AnalyzeOptions;
  readonly checks: Checks;
  /** How many of their tool run at once. */
  readonly jobs: number;
  /** Mutants that somebody says something about are kept here, by their number. */
  readonly keep: string | undefined;
  readonly progress: (outcome: Outcome) => void;
}

interface Both {
  readonly theirs: readonly Said[];
  readonly ours: readonly Said[];
  /** What counts only where the unmodified object does not do it too. */
  readonly againstBase: readonly Said[];
  readonly reports: readonly TheirReport[];
  readonly leftOut: number;
  readonly milliseconds: number;
}

/** Runs both tools over every object of the plan, first as it is, then over its mutants. */
export async function runPlan(
  objects: readonly string[],
  plan: readonly Planned[],
  options: RunOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = [...objects];
  const work = async (): Promise<void> => {
    for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
      const bytes = options.raw(object);
      const model = openModel(object, bytes, options.modules.has(object));
      const clean = await runBoth(model, bytes, "clean", options);
      const tell = (outcome: Outcome): void => {
        outcomes.push(outcome);
        options.progress(outcome);
      };
      const verdicts = compare(model, clean.theirs, clean.ours, clean.reports);
      const nothing = { class: "clean", function: "", section: "", offset: 0, before: "", after: "" };
      tell({
        ...nothing,
        number: -1,
        object,
        verdicts,
        theirTexts: texts(clean),
        leftOut: clean.leftOut,
        ourMilliseconds: clean.milliseconds,
        ourFindings: clean.ours.length,
      });
      for (const planned of plan.filter((each) => each.object === object)) {
        const outcome = await runMutant(model, planned, clean, options);
        if (outcome !== undefined) tell(outcome);
      }
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return outcomes.sort((a, b) => a.number - b.number || (a.object < b.object ? -1 : 1));
}

const texts = (both: Both): string[] =>
  both.reports.map((report) => `${report.name}+0x${report.plus.toString(16)}: ${report.text}`);

async function runMutant(
  model: ObjectModel,
  planned: Planned,
  clean: Both,
  options: RunOptions,
): Promise<Outcome | undefined> {
  const row = mutationClasses[planned.class] as (typeof mutationClasses)[number];
  const { facts } = options.analyze;
  const edit = new ObjectEdit(model.bytes);
  const site = row.sites(model, facts)[planned.site] as number;
  const done = row.apply(model, edit, site, seededRandom(planned.seed), facts);
  if (done === undefined) return undefined;
  const both = await runBoth(withNamesOf(model, edit.bytes), edit.bytes, String(planned.number), options);
  const ours = without([...both.ours, ...both.againstBase], [...clean.ours, ...clean.againstBase]);
  const verdicts = compare(model, without(both.theirs, clean.theirs), ours, both.reports);
  if (options.keep !== undefined && verdicts.length > 0)
    writeFileSync(join(options.keep, `${planned.number}.o`), edit.bytes);
  return {
    number: planned.number,
    object: model.name,
    class: row.name,
    function: model.keyOf(done.section, done.offset),
    section: model.code.object.sectionName[done.section] as string,
    offset: done.offset,
    before: done.before,
    after: done.after,
    verdicts,
    theirTexts: texts(both),
    leftOut: both.leftOut,
    ourMilliseconds: both.milliseconds,
    ourFindings: ours.length,
  };
}

async function runBoth(model: ObjectModel, bytes: Uint8Array, name: string, options: RunOptions): Promise<Both> {
  const path = join(options.scratch, `${model.name.replaceAll("/", "_")}.${name}.o`);
  writeFileSync(path, bytes);
  const running = options.tools.run(model, path);
  const started = performance.now();
  let findings: readonly ObjectFinding[];
  let againstBase: readonly ObjectFinding[];
  try {
    const checks = { ...options.checks, module: model.isModule };
    const analysis = analyzeObject(bytesSource(bytes), { ...options.analyze, checks, forComparison: true });
    findings = analysis.findings;
    againstBase = analysis.comparison?.contracts ?? [];
  } catch (error) {
    throw new Error(`${model.name}, ${name}: ours fails: ${(error as Error).message}`, { cause: error });
  }
  const milliseconds = performance.now() - started;
  const reports = await running.catch((error: unknown) => {
    throw new UsageError(`${model.name}, ${name}: ${(error as Error).message}`, { cause: error });
  });
  unlinkSync(path);
  const alone = saidOfObjectAlone(model, reports);
  return {
    theirs: sayTheirs(
      model,
      reports.filter((report) => !alone.has(report)),
    ),
    ours: sayOurs(model, findings),
    againstBase: sayOurs(model, againstBase),
    reports,
    leftOut: alone.size,
    milliseconds,
  };
}
