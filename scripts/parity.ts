// npm run parity -- --build DIR [--whole] [--orc] [--linked] [--linked-mutants N [--rounds N]]   all but the last by default
// npm run parity -- --build DIR [--mutate N] [--seed S] [--objects N] [--tree DIR] [--jobs N] [--samples K] [--json FILE] [--keep DIR] [--record]
// npm run parity -- --build DIR --clean
// npm run parity -- --config NAME [--build DIR] [--tree DIR] [--like DIR] [--targets A,B] [--mutate N] ...
// Runs the kernel tree's own object tool and ours over whole kernels, over objects of a real build and over broken copies of them, and lists
// per function and rule who says what. Exit status: 0; 1 when the tree's tool reports a function that ours is silent about, or an object by
// itself comes out unlike the linked kernel, or ORC differs; 2 when it could not be done.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../src/base/errors.ts";
import { type KernelBuild, openBuild } from "./parity/build.ts";
import { Tools } from "./parity/complete.ts";
import { buildConfig } from "./parity/configs.ts";
import { excerpt } from "./parity/excerpt.ts";
import { recordFired, rowName } from "./parity/fired.ts";
import { checkLinked, type LinkedOptions } from "./parity/linked.ts";
import { checkLinkedMutants } from "./parity/linked-mutants.ts";
import { describeLinked } from "./parity/linked-report.ts";
import { chooseObjects, memberObjects, moduleObjects } from "./parity/objects.ts";
import { compareOrc, compareOrcOfObjects } from "./parity/orc.ts";
import { describeOrc } from "./parity/orc-report.ts";
import { planMutants } from "./parity/plan.ts";
import { seededRandom } from "./parity/random.ts";
import { rawBytes } from "./parity/raw.ts";
import { type Outcome, runPlan } from "./parity/run.ts";
import { classTable, describe, ruleTable, selectVerdicts } from "./parity/tables.ts";
import { unknownTexts } from "./parity/their-tool.ts";
import { compareWhole } from "./parity/whole.ts";
import { ensureKernelFiles } from "./setup/kernel-tree.ts";
import { cacheFolder, repositoryRoot } from "./setup/paths.ts";

const { values } = parseArgs({
  options: {
    build: { type: "string" },
    mutate: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    classes: { type: "string" },
    config: { type: "string" },
    like: { type: "string" },
    targets: { type: "string" },
    objects: { type: "string" },
    tree: { type: "string" },
    rounds: { type: "string" },
    jobs: { type: "string", default: "2" },
    samples: { type: "string", default: "3" },
    json: { type: "string" },
    keep: { type: "string" },
    clean: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    orc: { type: "boolean", default: false },
    linked: { type: "boolean", default: false },
    "linked-mutants": { type: "string" },
  },
});

type NumberOption = "mutate" | "seed" | "jobs" | "samples" | "objects" | "linked-mutants" | "rounds";

function number(name: NumberOption, fallback: number): number {
  const text = values[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`--${name} ${text}: not a number`);
  return value;
}

async function main(): Promise<number> {
  const build = await chosenBuild();
  const count = values.clean ? 0 : number("mutate", 0);
  const wantsObjects = count > 0 || values.clean || values.objects !== undefined || values.config !== undefined;
  const outcomes: Outcome[] = [];
  let differences = 0;
  const scratch = mkdtempSync(join(tmpdir(), "objreview-parity-"));
  try {
    const isDefault = !(wantsObjects || values.whole || values.orc || values.linked || values["linked-mutants"]);
    if (values.whole || isDefault) outcomes.push(await whole(build, scratch));
    if (values.orc || isDefault) differences += orc(build);
    if (values.linked || isDefault) differences += linked(build);
    if (values["linked-mutants"] !== undefined) differences += linkedMutants(build);
    if (wantsObjects) outcomes.push(...(await objects(build, count, scratch)));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (values.record) {
    const row = rowName(build, values.config ?? "defconfig");
    recordFired(join(repositoryRoot, "docs/parity-fired.json"), row, outcomes);
    say(`recorded as ${row}`);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(outcomes, undefined, 1)}\n`);
  const status = outcomes.length === 0 ? 0 : report(outcomes, build.folder);
  for (const text of unknownTexts) console.log(`no list knows: ${text}`);
  return differences > 0 || unknownTexts.size > 0 ? 1 : status;
}

/** The build that is named, or one of some objects under a configuration of ours. */
async function chosenBuild(): Promise<KernelBuild> {
  if (values.config === undefined) {
    if (values.build === undefined) throw new UsageError("--build DIR is missing: a kernel build folder");
    return openBuild(resolve(values.build), values.tree);
  }
  const cache = cacheFolder(process.env);
  const folder = resolve(values.build ?? join(cache, `parity-${values.config}`));
  const tree = values.tree ?? (await ensureKernelFiles(cache));
  // Without targets what is there is taken as it is.
  if (values.targets !== "") buildConfig(values.config, resolve(tree), folder, say, values.targets?.split(","));
  return openBuild(folder, tree);
}

/** vmlinux.o of the build itself, or of the one that is named for it. */
function linkedObject(build: KernelBuild): string | undefined {
  const path = join(values.like === undefined ? build.folder : resolve(values.like), "vmlinux.o");
  return existsSync(path) ? path : undefined;
}

async function whole(build: KernelBuild, scratch: string): Promise<Outcome> {
  say("linking vmlinux.o without the tree's tool");
  const done = await compareWhole(build, { facts: build.facts, checks: build.checks }, scratch);
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
  say(`theirs: objtool ${done.flags.join(" ")}`);
  say(`theirs took ${seconds(done.theirMilliseconds)}, ours ${seconds(done.outcome.ourMilliseconds)}`);
  const { functions, functionsAnalysed, textBytes, textBytesAnalysed, notes } = done.coverage;
  console.log(`\nvmlinux.o: ${functionsAnalysed} of ${functions} functions analysed,`);
  console.log(
    `${textBytesAnalysed} of ${textBytes} bytes of code (${((textBytesAnalysed / textBytes) * 100).toFixed(3)} %)`,
  );
  for (const note of notes) console.log(`  ${note.kind} ${note.function ?? ""}: ${note.why}`);
  return done.outcome;
}

/** ORC at every instruction, where the build's tool has written it: into vmlinux.o, or into each object. Returns how many differ. */
function orc(build: KernelBuild): number {
  const options = { facts: build.facts };
  const parity = build.isDelayed
    ? compareOrc(join(build.folder, "vmlinux.o"), options)
    : compareOrcOfObjects(build.folder, memberObjects(build.folder), options);
  console.log(`\n${describeOrc(parity)}`);
  return parity.differing;
}

/** Every object with what is known of the others, against all of them linked. Returns the differences. */
function linked(build: KernelBuild): number {
  const found = checkLinked(build.folder, linkedOptions(build));
  console.log(`\n${describeLinked(found)}`);
  return found.differences.length;
}

/** The same with one mutant of every object that has one in each kernel. */
function linkedMutants(build: KernelBuild): number {
  const wanted = { count: number("linked-mutants", 1000), seed: number("seed", 1), most: number("rounds", 2) };
  let differences = 0;
  for (const round of checkLinkedMutants(build.folder, linkedOptions(build), wanted)) {
    console.log(`\n${round.mutants} mutants in one kernel\n${describeLinked(round.report, round.damage)}`);
    for (const [why, count] of round.unlinkable) console.log(`passed over, ${why}: ${count}`);
    differences += round.report.differences.length;
  }
  return differences;
}

const linkedOptions = (build: KernelBuild): LinkedOptions => ({
  facts: build.facts,
  analyze: { facts: build.facts, checks: build.checks },
  progress: say,
});

async function objects(build: KernelBuild, count: number, scratch: string): Promise<Outcome[]> {
  const random = seededRandom(number("seed", 1));
  const members = memberObjects(build.folder);
  const modules = moduleObjects(build.folder);
  const drawn = chooseObjects(members, build.tree, number("objects", values.clean ? members.length : 300), random);
  // Modules are few, and have rules of their own.
  const chosen = [...new Set([...drawn, ...members.filter((name) => modules.has(name)).slice(0, 30)])].sort();

  const raw = (object: string): Uint8Array => rawBytes(build, join(build.folder, object), scratch);
  const choice = { modules, ...(values.classes === undefined ? {} : { only: values.classes.split(",") }) };
  const tools = new Tools(build, linkedObject(build), scratch);
  say(`${chosen.length} of ${members.length} objects, ${count} mutants, seed ${values.seed}`);
  say(`theirs: objtool ${tools.flags.join(" ")}`);
  const plan =
    count === 0 ? [] : planMutants(raw, chosen, count, random, build.facts, (done) => tick(`reading ${done}`), choice);
  const used =
    values.classes === undefined ? chosen : chosen.filter((name) => plan.some((each) => each.object === name));
  if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
  let done = 0;
  const started = performance.now();
  const outcomes = await runPlan(used, plan, {
    raw,
    tools,
    scratch,
    // Either tool sees an object by itself, or beside its stand-ins.
    analyze: { facts: build.facts, outside: tools.outside },
    checks: { ...build.checks, linkedFirst: false },
    modules,
    jobs: Math.max(1, number("jobs", 2)),
    keep: values.keep,
    progress: () => tick(`${++done} of ${used.length + plan.length}`),
  });
  say(`done in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return outcomes;
}

function report(outcomes: readonly Outcome[], build: string): number {
  const clean = outcomes.filter((outcome) => outcome.number < 0);
  const mutants = outcomes.filter((outcome) => outcome.number >= 0);
  console.log(`\nUnmodified objects: ${clean.length}\n\n${ruleTable(clean)}`);
  for (const by of ["only-theirs", "only-ours"] as const)
    for (const { outcome, verdict } of selectVerdicts(clean, by)) console.log(describe(outcome, verdict));
  if (mutants.length > 0) {
    console.log(
      `\nMutants: ${mutants.length} (functions with a report, by rule)\n\n${ruleTable(mutants)}\n\n${classTable(mutants)}`,
    );
    console.log("\nOnly theirs:");
    for (const { outcome, verdict } of selectVerdicts(mutants, "only-theirs")) console.log(describe(outcome, verdict));
    sample(mutants, build);
  }
  const died = outcomes.filter(({ theirTexts }) => theirTexts.some((text) => text.includes(": killed by SIG")));
  const isMutant = ({ number }: Outcome): boolean => number >= 0;
  if (died.length > 0)
    console.log(
      `\nTheirs died over ${died.length - died.filter(isMutant).length} unmodified objects and ${died.filter(isMutant).length} mutants: ` +
        `${[...new Set(died.map(({ object }) => object))].join(", ")}`,
    );
  const leftOut = outcomes.reduce((sum, outcome) => sum + outcome.leftOut, 0);
  if (leftOut > 0) console.log(`\nLeft out, said of an object by itself alone: ${leftOut} of theirs`);
  const missed = selectVerdicts(outcomes, "only-theirs").length;
  console.log(`\nonly theirs: ${missed}`);
  return missed > 0 ? 1 : 0;
}

/** A few of what only ours says, by rule, with the code around. */
function sample(mutants: readonly Outcome[], build: string): void {
  const wanted = number("samples", 3);
  const shown = new Map<string, number>();
  console.log(`\nOnly ours, ${wanted} of each rule:`);
  for (const { outcome, verdict } of selectVerdicts(mutants, "only-ours")) {
    const before = shown.get(verdict.rule) ?? 0;
    if (before >= wanted) continue;
    shown.set(verdict.rule, before + 1);
    const kept = values.keep === undefined ? join(build, outcome.object) : join(values.keep, `${outcome.number}.o`);
    console.log(`${describe(outcome, verdict)}\n${excerpt(kept, outcome, verdict)}`);
  }
}

function say(text: string): void {
  process.stderr.write(`[parity] ${text}\n`);
}

let ticked = 0;
function tick(text: string): void {
  if (performance.now() - ticked < 3000) return;
  ticked = performance.now();
  say(text);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(error.message);
  process.exitCode = 2;
}
