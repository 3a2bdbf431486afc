// npm run headers -- --build DIR [--edits DIR] [--jobs N] [--sample N] [--known FILE]
// What a review's choice among the dependents of a touched header is worth: for each edit of a header (patches against the build's source)
// its dependents are compiled again, and those whose code really changed are looked for among the ones that a review would have built.
// --known keeps what was compiled, so that another choice is measured in seconds. --sample: of an edit of a type with more dependents
// so many are compiled, in an order of chance; what changed of all of them is then an estimate by rank, marked "~".
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../src/base/errors.ts";
import { DEFAULT_DEPENDENT_CAP, USERS_CAP } from "../src/kernel/affected.ts";
import { includableHeaders } from "../src/kernel/include-scan.ts";
import { rankDependents, sourceReader } from "../src/kernel/rank-dependents.ts";
import { readSavedCommand, savedCommandPath } from "../src/kernel/saved-command.ts";
import { type Edit, readEdits } from "./headers/edits.ts";
import {
  type Build,
  constantUsers,
  dependentsOf,
  type EditTruth,
  editedHeader,
  measureEdits,
} from "./headers/truth.ts";
import { memberObjects } from "./parity/objects.ts";
import { repositoryRoot } from "./setup/paths.ts";

const { values } = parseArgs({
  options: {
    build: { type: "string" },
    edits: { type: "string", default: join(repositoryRoot, "test/kernel/headers") },
    jobs: { type: "string", default: "2" },
    known: { type: "string" },
    sample: { type: "string" },
  },
});

async function main(): Promise<void> {
  if (values.build === undefined) throw new UsageError("--build DIR is missing: a kernel build folder");
  const build = openBuild(resolve(values.build));
  const edits = readEdits(resolve(values.edits));
  const known = new Map<string, EditTruth>(
    values.known !== undefined && existsSync(values.known)
      ? Object.entries(JSON.parse(readFileSync(values.known, "utf8")) as Record<string, EditTruth>)
      : [],
  );
  const missing = edits.filter((edit) => known.get(edit.name)?.digest !== edit.digest);
  await measureEdits(
    build,
    missing,
    Number(values.jobs),
    values.sample === undefined ? undefined : Number(values.sample),
    (edit, truth) => {
      known.set(edit.name, truth);
      process.stderr.write(`[headers] ${edit.name}: code of ${truth.changed.length} of ${truth.dependents} changes\n`);
      if (values.known !== undefined)
        writeFileSync(values.known, `${JSON.stringify(Object.fromEntries([...known].sort()), undefined, 1)}\n`);
    },
  );
  const headers = listHeaders(build.source);
  const whole = build.commands.size;
  const sums = { changed: 0, found: 0, kept: 0 };
  console.log("| edit | header | dependents | changed | of them kept | recall | built | of a whole build |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const edit of edits) {
    const truth = known.get(edit.name)!;
    const { list, cap } = choose(edit, build, headers);
    const kept = new Set(list.slice(0, cap));
    const missed = truth.changed.filter((object) => !kept.has(object));
    const { changed, found } = countChanged(truth, list, cap);
    const about = truth.same === undefined ? "" : "~";
    sums.changed += changed;
    sums.found += found;
    sums.kept += kept.size;
    console.log(
      `| ${edit.name} | ${edit.header} | ${truth.dependents} | ${about}${changed} | ${about}${found} | ` +
        `${percent(found, changed)} | ${kept.size} | ${percent(kept.size, whole)} |`,
    );
    if (missed.length > 0) console.log(`  missed: ${missed.join(" ")}`);
  }
  console.log(
    `| all | | | ${sums.changed} | ${sums.found} | ${percent(sums.found, sums.changed)} | ${sums.kept} | ${percent(sums.kept, edits.length * whole)} |`,
  );
}

function openBuild(dir: string): Build {
  const commands = memberObjects(dir).flatMap((object) => {
    const path = join(dir, savedCommandPath(object));
    return existsSync(path) ? [[object, readSavedCommand(readFileSync(path, "utf8"), object)] as const] : [];
  });
  return { dir, source: realpathSync(join(dir, "source")), commands: new Map(commands) };
}

/** The dependents in the order of a review, and how many of them it builds. */
function choose(edit: Edit, build: Build, files: ReadonlyMap<string, string>): { list: string[]; cap: number } {
  const patched = editedHeader(build, edit);
  const read = sourceReader(build.source);
  const dependents = (objects: readonly string[]) =>
    objects.map((object) => ({ source: object, depth: 1, through: edit.header }));
  const { list, users } = rankDependents(dependents(dependentsOf(build, edit.header)), {
    diffs: edit.diff,
    read: (path) => (path === edit.header ? patched : read(path)),
    headers: (directories) => includableHeaders({ files }, "x86", directories),
    constants: { source: "arch/x86/kernel/asm-offsets.c", users: () => dependents(constantUsers(build)) },
  });
  const cap = Math.max(DEFAULT_DEPENDENT_CAP, Math.min(users, USERS_CAP));
  return { list: list.map((item) => item.source), cap };
}

/** Ranks from which objects are counted by themselves in a sample. */
const STRATA = [500, 1000, Number.POSITIVE_INFINITY];

/** Changed objects, and those kept; of a sample an estimate: by rank, the share that changes holds for all of a stratum. */
function countChanged(truth: EditTruth, list: readonly string[], cap: number): { changed: number; found: number } {
  const changed = new Set(truth.changed);
  if (truth.same === undefined)
    return { changed: changed.size, found: list.slice(0, cap).filter((object) => changed.has(object)).length };
  const compiled = new Set([...truth.changed, ...truth.same]);
  const share = (from: number, to: number): number => {
    const stratum = list.slice(from, to);
    const known = stratum.filter((object) => compiled.has(object));
    const found = known.filter((object) => changed.has(object)).length;
    return known.length === 0 ? 0 : (found / known.length) * stratum.length;
  };
  const found = share(0, cap);
  let sum = found;
  let from = cap;
  for (const to of STRATA) {
    sum += share(from, to);
    from = Math.max(from, to);
  }
  return { changed: Math.round(sum), found: Math.round(found) };
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** The source's headers as a listing of a commit has them: path -> what it is, which nobody asks here. */
function listHeaders(source: string): Map<string, string> {
  const tops = readdirSync(source, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !["Documentation", "tools", "scripts", "samples"].includes(entry.name),
  );
  const names = tops.flatMap(({ name }) =>
    readdirSync(join(source, name), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".h"))
      .map((path) => join(name, path)),
  );
  return new Map(names.map((path) => [path, ""]));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`objreview: ${error.message}`);
  process.exitCode = 2;
}
