import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BaseFolder, hasIndex, listBases } from "../../src/kernel/base-folder.ts";
import { DEFAULT_PROFILE } from "../../src/kernel/profile.ts";
import { readSavedCommand } from "../../src/kernel/saved-command.ts";
import { locateState } from "../../src/kernel/state-folder.ts";
import { isOutdated } from "../../src/review/base-index.ts";
import { median, print, spread } from "./measure.ts";

export interface ReviewBench {
  readonly build: string;
  readonly tree: string;
  readonly root: string;
  readonly scratch: string;
  readonly rounds: number;
}

type Phases = readonly { readonly phase: string; readonly millis: number }[];

/** A patch of one line that changes the code of one function; the text of the line differs with `number`, the code does not. */
function oneObjectPatch(tree: string, path: string, number: number): string {
  const show = spawnSync("git", ["-C", tree, "show", `HEAD:${path}`], { encoding: "utf8", maxBuffer: 1 << 26 });
  const before = show.stdout;
  const at = before.indexOf("\n{\n", before.length >> 1) + 3;
  const line = before.slice(0, at).split("\n").length;
  const context = before.split("\n").slice(line - 4, line + 2);
  const body = [
    ...context.slice(0, 3).map((l) => ` ${l}`),
    `+\tbarrier(); /* ${number} */`,
    ...context.slice(3).map((l) => ` ${l}`),
  ];
  const header = `@@ -${line - 3},${context.length} +${line - 3},${context.length + 1} @@`;
  return `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n${header}\n${body.join("\n")}\n`;
}

/** One way to review: in a process of its own or in one that has reviewed before, with the cache that it finds. */
interface Variant {
  readonly name: string;
  readonly isWarm: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly seconds: number[];
  readonly ratios: number[];
  readonly phases: Map<string, number[]>;
}

/**
 * A review of a patch of one C file, base cached, over the bare compile of that object, which runs before each of them: a cold process, and one that reviews
 * again. Where the cache has the index of the whole base that the tree is at, both with it and without.
 */
export function benchReview({ build, tree, root, scratch, rounds }: ReviewBench): void {
  const object = "kernel/fork.o";
  const cmdFile = join(build, "kernel/.fork.o.cmd");
  const saved = readSavedCommand(readFileSync(cmdFile, "utf8"), cmdFile);
  const compile = saved.compile
    .replace(/-Wp,-MMD,\S+/, `-Wp,-MMD,${scratch}/fork.d`)
    .replace(` -o ${object} `, ` -g1 -o ${scratch}/fork.o `);
  // Another patch each time, as reviews get them: a tree that holds the patch already saves a review the checkout.
  let patches = 0;
  const newPatch = (): string => {
    const patch = join(scratch, `one-${++patches}.patch`);
    writeFileSync(patch, oneObjectPatch(tree, "kernel/fork.c", Date.now()));
    return patch;
  };
  const review = ["review", "--tree", tree, "--base", "HEAD", "--format", "json", "--patch"];
  // Three reviews in one process, by its own clock: the last is what a worker takes.
  const warmer = join(root, "scripts/bench/review-thrice.ts");
  const runReview = ({ isWarm, env }: Variant): { seconds: number; timings: Phases } => {
    if (isWarm) return JSON.parse(run(process.execPath, [warmer, tree, newPatch(), newPatch(), newPatch()], root, env));
    let told = "";
    const patch = newPatch();
    const taken = seconds(() => {
      told = run(join(root, "bin/objreview"), [...review, patch], root, env);
    });
    return { seconds: taken, timings: JSON.parse(told).timings };
  };
  const runCompile = (): string => run("sh", ["-c", compile], build);
  const cacheDir = locateState(process.env).cache;
  const index = wholeIndex(cacheDir, tree, root);
  const without =
    index === undefined ? process.env : { ...process.env, OBJREVIEW_CACHE: cacheWithoutBases(cacheDir, scratch) };
  const variant = (name: string, isWarm: boolean, env: NodeJS.ProcessEnv): Variant => {
    return { name, isWarm, env, seconds: [], ratios: [], phases: new Map() };
  };
  const variants = [
    ...(index === undefined ? [] : [variant("cold process, with the index", false, process.env)]),
    variant("cold process, without an index", false, without),
    ...(index === undefined ? [] : [variant("warm process, with the index", true, process.env)]),
    variant("warm process, without an index", true, without),
  ];
  for (const each of variants) if (!each.isWarm) runReview(each);
  runCompile();
  const compiles: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const each of variants) {
      compiles.push(seconds(runCompile));
      const done = runReview(each);
      each.seconds.push(done.seconds);
      each.ratios.push(done.seconds / (compiles.at(-1) as number));
      for (const { phase, millis } of [...done.timings, besides(done.timings, done.seconds)])
        each.phases.set(phase, [...(each.phases.get(phase) ?? []), millis / 1000]);
    }
  }
  print(`one-object patch (${object}), warm base, ${rounds} rounds`);
  print(`  bare compile   ${spread(compiles)} s`);
  const floor = median(Array.from({ length: 5 }, () => seconds(() => run(process.execPath, ["-e", "0"], root))));
  for (const { name, seconds: taken, ratios, phases } of variants) {
    print(`  ${name}   ${spread(taken)} s, ratio ${spread(ratios)}`);
    for (const [phase, each] of phases) print(`    ${phase.padEnd(16)} ${spread(each)} s`);
  }
  if (index === undefined)
    print(`  with the index of a whole base: bin/objreview base build --tree ${tree} makes it, 30 to 60 minutes`);
  else print(`  the index: ${index.record.objects} objects of ${index.record.name}`);
  print(`  floor: an empty Node process ${floor.toFixed(2)} s, and the compile`);
}

/** The whole base of the commit that the tree is at, under the default profile, if this version can read its index. */
function wholeIndex(cacheDir: string, tree: string, root: string): BaseFolder | undefined {
  const head = run("git", ["-C", tree, "rev-parse", "HEAD"], root).trim();
  return listBases(cacheDir).find(
    (base) =>
      base.record.commit === head &&
      base.record.profile === DEFAULT_PROFILE &&
      base.record.state === "complete" &&
      base.record.only.length === 0 &&
      hasIndex(base) &&
      !isOutdated(base),
  );
}

/** A view of the cache that lacks bases. ccache's folder is no link anywhere, and reviews of a cached base do not read it. */
function cacheWithoutBases(cacheDir: string, scratch: string): string {
  const view = join(scratch, "cache-without-bases");
  mkdirSync(view);
  for (const name of readdirSync(cacheDir))
    if (name !== "bases" && name !== "ccache") symlinkSync(join(cacheDir, name), join(view, name));
  return view;
}

/** What is no phase of the review: starting, loading modules, printing, ending. */
function besides(told: Phases, whole: number): Phases[number] {
  return { phase: "besides", millis: whole * 1000 - told.reduce((sum, { millis }) => sum + millis, 0) };
}

function seconds(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

function run(program: string, args: readonly string[], cwd: string, env = process.env): string {
  const done = spawnSync(program, args, { cwd, env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`${program} ended with ${done.status}: ${done.stderr}`);
  return done.stdout;
}
