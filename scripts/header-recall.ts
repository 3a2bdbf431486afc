// npm run headers -- --build DIR [--edits DIR] [--jobs N] [--json FILE]
// What a review's choice among the dependents of a touched header is worth: for each edit of a header (patches against the build's source)
// every dependent is compiled again, and those whose code really changed are looked for among the ones that a review would have built.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { feedCode } from "../src/analyze/code-key.ts";
import { UsageError } from "../src/base/errors.ts";
import { DEFAULT_DEPENDENT_CAP, USERS_CAP } from "../src/kernel/affected.ts";
import { openFileSource } from "../src/kernel/file-source.ts";
import { rankDependents } from "../src/kernel/rank-dependents.ts";
import { readSavedCommand, savedCommandPath } from "../src/kernel/saved-command.ts";
import { parseDiff } from "../src/patch/diff.ts";
import { changedIdentifiers } from "../src/patch/identifiers.ts";
import { memberObjects } from "./parity/objects.ts";
import { repositoryRoot } from "./setup/paths.ts";

const { values } = parseArgs({
  options: {
    build: { type: "string" },
    edits: { type: "string", default: join(repositoryRoot, "test/kernel/headers") },
    jobs: { type: "string", default: "2" },
    json: { type: "string" },
  },
});

const headerRoots = ["include", "arch/x86/include"];

interface Row {
  readonly edit: string;
  readonly header: string;
  readonly dependents: number;
  readonly changed: number;
  readonly kept: number;
  readonly changedAndKept: number;
  readonly missed: readonly string[];
}

async function main(): Promise<void> {
  if (values.build === undefined) throw new UsageError("--build DIR is missing: a kernel build folder");
  const build = resolve(values.build);
  const source = realpathSync(join(build, "source"));
  const members = memberObjects(build);
  const commands = new Map(
    members.flatMap((object) => {
      const path = join(build, savedCommandPath(object));
      return existsSync(path) ? [[object, readSavedCommand(readFileSync(path, "utf8"), object)] as const] : [];
    }),
  );
  const headers = listHeaders(source);
  const rows: Row[] = [];
  for (const name of readdirSync(values.edits)
    .filter((file) => file.endsWith(".patch"))
    .sort()) {
    const scratch = mkdtempSync(join(tmpdir(), "objreview-headers-"));
    try {
      const row = await measure(join(values.edits, name), scratch);
      rows.push(row);
      console.log(
        `${row.edit}: ${row.header}, ${row.dependents} dependents, code of ${row.changed} changes, ` +
          `${row.kept} built by a review, among them ${row.changedAndKept}${row.missed.length === 0 ? "" : `; missed: ${row.missed.slice(0, 6).join(", ")}`}`,
      );
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  const sum = (pick: (row: Row) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  const recall =
    sum((row) => row.changedAndKept) /
    Math.max(
      1,
      sum((row) => row.changed),
    );
  const cost = sum((row) => row.kept) / Math.max(1, rows.length * members.length);
  console.log(`recall ${(100 * recall).toFixed(1)} %, cost ${(100 * cost).toFixed(1)} % of a whole build each`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, undefined, 1)}\n`);

  async function measure(patch: string, scratch: string): Promise<Row> {
    const diff = parseDiff(readFileSync(patch, "utf8"));
    const header = diff[0]?.path ?? "";
    const unchanged = join(scratch, "unchanged");
    for (const root of [scratch, unchanged])
      for (const folder of headerRoots) mkdirSync(join(root, folder), { recursive: true });
    mkdirSync(join(scratch, dirname(header)), { recursive: true });
    copyFileSync(join(source, header), join(scratch, header));
    execFileSync("git", ["apply", "-p1", patch], { cwd: scratch, stdio: ["ignore", "pipe", "pipe"] });
    const dependents = [...commands].filter(([, { deps }]) => deps.includes(join(source, header)));
    const changed = new Set<string>();
    let done = 0;
    await inParallel(dependents, Number(values.jobs), async ([object, saved]) => {
      const out = join(scratch, `${++done}.o`);
      await compile(saved.compile, object, build, scratch, out);
      const after = codeDigest(out);
      // What the build has run its tool over is not what the compiler wrote.
      if (saved.isPostProcessed) await compile(saved.compile, object, build, unchanged, out);
      if (after !== codeDigest(saved.isPostProcessed ? out : join(build, object))) changed.add(object);
      rmSync(out);
      if (done % 100 === 0) process.stderr.write(`[headers] ${header}: ${done} of ${dependents.length}\n`);
    });
    const ranked = rankDependents(
      dependents.map(([object]) => ({ source: object, depth: 1, through: header })),
      {
        changed: new Set(diff.flatMap((file) => [...changedIdentifiers(file).defined])),
        sourceDir: source,
        headers: () => headers,
      },
    );
    const cap = Math.max(DEFAULT_DEPENDENT_CAP, Math.min(ranked.users, USERS_CAP));
    const kept = new Set(ranked.list.slice(0, cap).map((item) => item.source));
    const missed = [...changed].filter((object) => !kept.has(object)).sort();
    return {
      edit: relative(values.edits, patch),
      header,
      dependents: dependents.length,
      changed: changed.size,
      kept: kept.size,
      changedAndKept: changed.size - missed.length,
      missed,
    };
  }
}

/** The saved command with the changed header in front of all others. */
async function compile(command: string, object: string, build: string, scratch: string, out: string): Promise<void> {
  const line = command
    .replace(/-Wp,-MMD,\S+/, "")
    .replace(/ -I/, ` -fmacro-prefix-map=${scratch}/= -I${scratch}/arch/x86/include -I${scratch}/include -I`)
    .replace(` -o ${object} `, ` -o ${out} `);
  const child = spawn("sh", ["-c", line], { cwd: build, stdio: ["ignore", "ignore", "inherit"] });
  const [status] = (await once(child, "exit")) as [number | null];
  if (status !== 0) throw new UsageError(`${object} does not compile with the edit`);
}

function codeDigest(file: string): string {
  const source = openFileSource(file);
  try {
    const hash = createHash("sha256");
    feedCode(source, (bytes) => hash.update(bytes));
    return hash.digest("hex");
  } finally {
    source.close();
  }
}

function listHeaders(source: string): string[] {
  return headerRoots.flatMap((root) =>
    readdirSync(join(source, root), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".h"))
      .map((name) => join(root, name)),
  );
}

async function inParallel<T>(items: readonly T[], jobs: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`objreview: ${error.message}`);
  process.exitCode = 2;
}
