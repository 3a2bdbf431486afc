import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSavedCommand } from "../../src/kernel/saved-command.ts";
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

/** A review of a patch of one C file, base cached, over the bare compile of that object: a cold process, and one that reviews again. */
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
  const runReview = (): Phases => JSON.parse(run(join(root, "bin/objreview"), [...review, newPatch()], root)).timings;
  const runCompile = (): string => run("sh", ["-c", compile], build);
  // Three reviews in one process, by its own clock: the last is what a worker takes.
  const warmer = join(root, "scripts/bench/review-thrice.ts");
  const runWarm = (): { seconds: number; timings: Phases } =>
    JSON.parse(run(process.execPath, [warmer, tree, newPatch(), newPatch(), newPatch()], root));
  runReview();
  runCompile();
  const cold: number[] = [];
  const warm: number[] = [];
  const compiles: number[] = [];
  const phases = { cold: new Map<string, number[]>(), warm: new Map<string, number[]>() };
  const note = (into: Map<string, number[]>, timings: Phases): void => {
    for (const { phase, millis } of timings) into.set(phase, [...(into.get(phase) ?? []), millis / 1000]);
  };
  for (let round = 0; round < rounds; round++) {
    let told: Phases = [];
    cold.push(
      seconds(() => {
        told = runReview();
      }),
    );
    note(phases.cold, [...told, besides(told, cold.at(-1) as number)]);
    compiles.push(seconds(runCompile));
    const second = runWarm();
    warm.push(second.seconds);
    note(phases.warm, [...second.timings, besides(second.timings, second.seconds)]);
  }
  print(`one-object patch (${object}), warm base, ${rounds} rounds`);
  print(`  bare compile   ${spread(compiles)} s`);
  const floor = median(Array.from({ length: 5 }, () => seconds(() => run(process.execPath, ["-e", "0"], root))));
  for (const [name, values, told] of [
    ["cold process", cold, phases.cold],
    ["warm process", warm, phases.warm],
  ] as const) {
    print(`  ${name}   ${spread(values)} s, ratio ${spread(values.map((r, n) => r / (compiles[n] as number)))}`);
    for (const [phase, each] of told) print(`    ${phase.padEnd(16)} ${spread(each)} s`);
  }
  print(`  floor: an empty Node process ${floor.toFixed(2)} s, and the compile`);
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

function run(program: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(program, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`${program} ended with ${done.status}: ${done.stderr}`);
  return done.stdout;
}
