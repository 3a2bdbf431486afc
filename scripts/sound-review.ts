// npm run sound -- [--count N] [--seed S] [--edits DIR] [--pack N] [--again] [drawing options of sound-edits.ts]
// Draws sound edits of the kernel tree (scripts/sound-edits.ts), or takes those in DIR, and reviews each. A sound edit must give no finding:
// the exit status is 1 when any review is not clean, or when an object that an edit changes was not looked at.
// Several edits share a review, as the patches of one series: no two of them touch one file or one object, so each object is judged as it
// would be alone. A series that is not clean is reviewed again edit by edit. DIR/results.jsonl has a line per edit; what it has is not
// reviewed again, unless --again.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openSandbox } from "../src/kernel/sandbox.ts";
import { locateState } from "../src/kernel/state-folder.ts";
import type { ReviewResult } from "../src/report/result.ts";
import { review } from "../src/review/review.ts";
import { runAttached, SetupError } from "./setup/command.ts";
import { kernelTreePath } from "./setup/kernel-tree.ts";
import { cacheFolder, repositoryRoot, withHome } from "./setup/paths.ts";
import { packEdits, sameSeries } from "./sound-edits/pack.ts";
import { type EditResult, printTable, verdictOf } from "./sound-edits/verdicts.ts";
import type { ManifestEntry } from "./sound-edits/write-patch.ts";

const DEFAULT_PACK = 10;

interface Bench {
  readonly edits: string;
  readonly tree: string;
  readonly base: string;
  readonly env: NodeJS.ProcessEnv;
}

async function reviewSeries(bench: Bench, entries: readonly ManifestEntry[]): Promise<ReviewResult> {
  const mails = entries.map((entry) => readFileSync(join(bench.edits, entry.patch), "utf8"));
  return review({
    tree: bench.tree,
    base: bench.base,
    input: { kind: "files", files: [{ name: "series.mbox", bytes: new TextEncoder().encode(sameSeries(mails)) }] },
    profiles: [],
    useCache: true,
    state: locateState(withHome(bench.env)),
    openSandbox: () => openSandbox({ mode: "bwrap", env: bench.env }),
    reproduce: () => [],
  });
}

/** Results of an earlier run that are about the same patches. */
function readResults(file: string, edits: string): Map<string, EditResult> {
  const found = new Map<string, EditResult>();
  if (!existsSync(file)) return found;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line === "") continue;
    const result = JSON.parse(line) as EditResult;
    const patch = join(edits, result.patch);
    if (existsSync(patch) && digestOf(patch) === result.digest) found.set(result.patch, result);
  }
  return found;
}

function digestOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
}

function printEdit(result: EditResult, done: number, all: number): void {
  const what = `${result.kind.padEnd(20)} ${result.file}`;
  process.stdout.write(
    `${String(done).padStart(3)}/${all} ${result.verdict.padEnd(12)} ${result.seconds.toFixed(1).padStart(5)} s  ${what}\n`,
  );
  for (const line of result.complaints) process.stdout.write(`        ${line}\n`);
}

async function main(): Promise<number> {
  const { values, tokens } = parseArgs({
    tokens: true,
    options: {
      edits: { type: "string" },
      pack: { type: "string", default: String(DEFAULT_PACK) },
      again: { type: "boolean", default: false },
      count: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      hard: { type: "boolean", default: false },
      build: { type: "string" },
      file: { type: "string", multiple: true },
      function: { type: "string", multiple: true },
    },
  });
  if (!/^[1-9]\d?$/.test(values.pack)) throw new SetupError(`--pack ${values.pack}: not a number from 1 to 99`);
  const env = withHome(process.env);
  const cache = cacheFolder(env);
  const own = new Set(["edits", "pack", "again"]);
  const drawing = tokens.flatMap((token) =>
    token.kind !== "option" || own.has(token.name)
      ? []
      : token.value === undefined
        ? [token.rawName]
        : [token.rawName, token.value],
  );
  const name = `${values.count}-seed-${values.seed}-${createHash("sha256").update(drawing.join("\0")).digest("hex").slice(0, 8)}`;
  const edits = resolve(values.edits ?? join(repositoryRoot, "out/sound", name));
  if (existsSync(join(edits, "manifest.json"))) process.stderr.write(`sound: the edits in ${edits}\n`);
  else {
    const script = join(repositoryRoot, "scripts/sound-edits.ts");
    const status = await runAttached(process.execPath, [script, "--out", edits, ...drawing], { env });
    if (status !== 0) return status;
  }
  const tree = env.OBJREVIEW_KERNEL_TREE ?? kernelTreePath(cache);
  const bench: Bench = { edits, tree, base: "HEAD", env };
  const manifest = JSON.parse(readFileSync(join(edits, "manifest.json"), "utf8")) as ManifestEntry[];
  const file = join(edits, "results.jsonl");
  if (values.again) rmSync(file, { force: true });
  const results = readResults(file, edits);
  const keep = (entry: ManifestEntry, result: ReviewResult, seconds: number): void => {
    const kept: EditResult = {
      patch: entry.patch,
      digest: digestOf(join(edits, entry.patch)),
      kind: entry.kind,
      file: entry.file,
      ...verdictOf(entry, result),
      seconds,
    };
    appendFileSync(file, `${JSON.stringify(kept)}\n`);
    results.set(entry.patch, kept);
    printEdit(kept, results.size, manifest.length);
  };
  const timed = async (entries: readonly ManifestEntry[]): Promise<[ReviewResult, number]> => {
    const began = performance.now();
    const result = await reviewSeries(bench, entries);
    return [result, (performance.now() - began) / 1000 / entries.length];
  };
  const open = manifest.filter((entry) => !results.has(entry.patch));
  for (const entries of packEdits(open, Number(values.pack))) {
    const [result, seconds] = await timed(entries);
    if (result.verdict === "clean" || entries.length === 1) {
      for (const entry of entries) keep(entry, result, seconds);
      continue;
    }
    process.stdout.write(`        a series of ${entries.length} is ${result.verdict}; its edits one by one:\n`);
    for (const entry of entries) {
      const [alone, own] = await timed([entry]);
      keep(entry, alone, own);
    }
  }
  const all = manifest.flatMap((entry) => results.get(entry.patch) ?? []);
  printTable(all, basename(edits));
  return all.every((each) => each.verdict === "clean") ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");
  if (!(error instanceof SetupError) && !isUsage) throw error;
  process.stderr.write(`sound: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
