// npm run bench: ratios measured side by side in one run. No test looks at them: a figure of one machine is no promise of another.
//
//   1. a review of a one-object patch, warm base, as a whole process, over the bare compile of that object
//   2. decode + validate over capstone-wasm on the same bytes
//
// Runs alternate (A B A B ...), so that a machine that slows down slows both; medians are printed with their spread.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { analyzeObject } from "../src/analyze/analyze-object.ts";
import { bytesSource } from "../src/base/bytes.ts";
import { SHF_EXECINSTR } from "../src/elf/constants.ts";
import { openObject } from "../src/elf/object.ts";
import { builtInFacts } from "../src/facts/built-in.ts";
import { newDecodeOutput } from "../src/isa/insn-table.ts";
import { x86_64 } from "../src/isa/x86-64/index.ts";
import { readSavedCommand } from "../src/kernel/saved-command.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const build = requireEnv("OBJREVIEW_KERNEL_BUILD");
const tree = requireEnv("OBJREVIEW_KERNEL_TREE");
const rounds = Number(process.argv.find((a) => a.startsWith("--rounds="))?.slice(9) ?? 5);
const scratch = mkdtempSync(join(tmpdir(), "objreview-bench-"));

function requireEnv(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  process.stderr.write(`bench: ${name} is not set; run it as: npm run bench\n`);
  process.exit(2);
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const spread = (values: readonly number[]): string =>
  `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;

function seconds(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

/** A patch of one line that changes the code of one function. */
function oneObjectPatch(path: string): string {
  const show = spawnSync("git", ["-C", tree, "show", `HEAD:${path}`], { encoding: "utf8", maxBuffer: 1 << 26 });
  const before = show.stdout;
  const at = before.indexOf("\n{\n", before.length >> 1) + 3;
  const line = before.slice(0, at).split("\n").length;
  const context = before.split("\n").slice(line - 4, line + 2);
  const body = [...context.slice(0, 3).map((l) => ` ${l}`), "+\tbarrier();", ...context.slice(3).map((l) => ` ${l}`)];
  const header = `@@ -${line - 3},${context.length} +${line - 3},${context.length + 1} @@`;
  return `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n${header}\n${body.join("\n")}\n`;
}

function benchReview(): void {
  const object = "kernel/fork.o";
  const cmdFile = join(build, "kernel/.fork.o.cmd");
  const saved = readSavedCommand(readFileSync(cmdFile, "utf8"), cmdFile);
  const compile = saved.compile
    .replace(/-Wp,-MMD,\S+/, `-Wp,-MMD,${scratch}/fork.d`)
    .replace(` -o ${object} `, ` -g1 -o ${scratch}/fork.o `);
  const patch = join(scratch, "one.patch");
  writeFileSync(patch, oneObjectPatch("kernel/fork.c"));
  const review = [
    join(root, "bin/objreview"),
    "review",
    "--tree",
    tree,
    "--base",
    "HEAD",
    "--patch",
    patch,
    "--format",
    "json",
  ];
  const runReview = (): { timings: { phase: string; millis: number }[] } => {
    const done = spawnSync(process.execPath, review, { encoding: "utf8", maxBuffer: 1 << 28 });
    if (done.status !== 0) throw new Error(`the review ended with ${done.status}: ${done.stderr}`);
    return JSON.parse(done.stdout);
  };
  const runCompile = (): void => {
    const done = spawnSync("sh", ["-c", compile], { cwd: build, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`the compile ended with ${done.status}: ${done.stderr}`);
  };
  runReview();
  runCompile();
  const reviews: number[] = [];
  const compiles: number[] = [];
  const phases = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    let timings: { phase: string; millis: number }[] = [];
    reviews.push(
      seconds(() => {
        timings = runReview().timings;
      }),
    );
    compiles.push(seconds(runCompile));
    for (const { phase, millis } of timings) phases.set(phase, [...(phases.get(phase) ?? []), millis / 1000]);
  }
  process.stdout.write(`one-object patch (${object}), warm base, whole process, ${rounds} rounds\n`);
  process.stdout.write(`  review        ${spread(reviews)} s\n  bare compile  ${spread(compiles)} s\n`);
  process.stdout.write(`  ratio         ${spread(reviews.map((r, n) => r / (compiles[n] as number)))}\n`);
  for (const [phase, values] of phases) process.stdout.write(`    ${phase.padEnd(16)} ${spread(values)} s\n`);
}

async function benchEngine(): Promise<void> {
  const names = spawnSync("find", [build, "-name", "*.o", "-path", "*/mm/*", "-size", "+4k"], { encoding: "utf8" })
    .stdout.trim()
    .split("\n")
    .sort();
  const objects = names.slice(0, 60).map((name) => readFileSync(name));
  const texts: Uint8Array[] = [];
  for (const bytes of objects) {
    const object = openObject(bytesSource(bytes));
    for (let s = 1; s < object.sections.length; s++) {
      if (((object.sections.flags[s] as number) & SHF_EXECINSTR) !== 0) texts.push(object.bytes(s));
    }
  }
  const total = texts.reduce((sum, text) => sum + text.length, 0);
  await loadCapstone();
  const capstone = new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64);
  const runCapstone = (): void => {
    for (const text of texts) {
      for (let at = 0; at < text.length; ) {
        // Undecodable bytes stop it: go on behind them.
        const insns = capstone.disasm(text.subarray(at, at + 0x4000), { address: at });
        const last = insns[insns.length - 1];
        at = last === undefined ? at + 1 : Number(last.address) + last.size;
      }
    }
  };
  const runDecode = (): void => {
    for (const text of texts) x86_64.decode(text, 1, 0, text.length, newDecodeOutput(text.length));
  };
  const runAnalyze = (): void => {
    for (const bytes of objects) analyzeObject(bytesSource(bytes), { facts: builtInFacts });
  };
  const times: Record<"capstone" | "decode" | "analyze", number[]> = { capstone: [], decode: [], analyze: [] };
  runDecode();
  runAnalyze();
  for (let round = 0; round < rounds; round++) {
    times.decode.push(seconds(runDecode));
    times.analyze.push(seconds(runAnalyze));
    times.capstone.push(seconds(runCapstone));
  }
  capstone.close();
  const megabytes = total / 1e6;
  process.stdout.write(`engine, ${objects.length} objects, ${megabytes.toFixed(2)} MB of code, ${rounds} rounds\n`);
  for (const [name, values] of Object.entries(times)) {
    process.stdout.write(`  ${name.padEnd(9)} ${spread(values.map((v) => megabytes / v))} MB/s\n`);
  }
  const over = (name: "decode" | "analyze"): string =>
    spread(times[name].map((v, n) => (times.capstone[n] as number) / v));
  process.stdout.write(`  decode over capstone            ${over("decode")} x\n`);
  process.stdout.write(`  decode + validate over capstone ${over("analyze")} x\n`);
}

mkdirSync(dirname(scratch), { recursive: true });
try {
  await benchEngine();
  benchReview();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
