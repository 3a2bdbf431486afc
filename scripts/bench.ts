// npm run bench -- [--rounds N] [--build DIR] [--tree DIR] [--vmlinux FILE] [--debug-vmlinux FILE] [--review] [--mail]
// Ratios measured side by side in one run. No test looks at them: a figure of one machine is no promise of another.
//
//   1. decode + validate over capstone-wasm on the same bytes
//   2. an object of 30 KB of code in a warm process
//   3. a linked kernel over the tree's own tool, as whole processes: with --build, a full build folder whose objects are linked and
//      stripped, or --vmlinux, an object that is; with --debug-vmlinux also one with debug information inside
//   4. a review of a one-object patch, warm base, as a cold process and in a warm one, over the bare compile of that object, with and without
//      the index of the whole base where `objreview base build` has made one of the tree's HEAD; --review measures nothing else
//   5. with --mail, and then nothing else: mails of a list, delivered, read, joined and planned as the service does it; rate and memory by their number
//
// Runs alternate (A B A B ...), so that a machine that slows down slows both; medians are printed with their spread.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { analyzeObject } from "../src/analyze/analyze-object.ts";
import { bytesSource } from "../src/base/bytes.ts";
import { SHF_EXECINSTR } from "../src/elf/constants.ts";
import { openObject } from "../src/elf/object.ts";
import { builtInFacts } from "../src/facts/built-in.ts";
import { newDecodeOutput } from "../src/isa/insn-table.ts";
import { x86_64 } from "../src/isa/x86-64/index.ts";
import { benchLinked } from "./bench/linked.ts";
import { benchMail } from "./bench/mail.ts";
import { print, spread } from "./bench/measure.ts";
import { benchReview } from "./bench/review.ts";
import { benchWarmObject } from "./bench/warm.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    build: { type: "string" },
    tree: { type: "string" },
    vmlinux: { type: "string" },
    "debug-vmlinux": { type: "string" },
    review: { type: "boolean", default: false },
    mail: { type: "boolean", default: false },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const rounds = Number(values.rounds);
const scratch = mkdtempSync(join(tmpdir(), "objreview-bench-"));

function requireEnv(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  process.stderr.write(`bench: ${name} is not set; run it as: npm run bench\n`);
  process.exit(2);
}

function seconds(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

async function benchEngine(build: string): Promise<void> {
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
  print(`engine, ${objects.length} objects, ${megabytes.toFixed(2)} MB of code, ${rounds} rounds`);
  for (const [name, values] of Object.entries(times)) {
    print(`  ${name.padEnd(9)} ${spread(values.map((v) => megabytes / v))} MB/s`);
  }
  const over = (name: "decode" | "analyze"): string =>
    spread(times[name].map((v, n) => (times.capstone[n] as number) / v));
  print(`  decode over capstone            ${over("decode")} x`);
  print(`  decode + validate over capstone ${over("analyze")} x`);
}

mkdirSync(dirname(scratch), { recursive: true });
try {
  if (values.mail) {
    benchMail();
  } else if (values.build === undefined) {
    const build = requireEnv("OBJREVIEW_KERNEL_BUILD");
    if (!values.review) await benchEngine(build);
    benchReview({ build, tree: requireEnv("OBJREVIEW_KERNEL_TREE"), root, scratch, rounds });
    print("linked kernels and warm objects: name a full build folder by --build");
  } else {
    const build = resolve(values.build);
    const launcher = join(root, "bin/objreview");
    benchWarmObject(build, values.tree);
    const linked = { build, tree: values.tree, launcher, scratch, rounds };
    await benchLinked({ ...linked, object: values.vmlinux });
    const debug = values["debug-vmlinux"];
    if (debug !== undefined) await benchLinked({ ...linked, object: debug });
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
