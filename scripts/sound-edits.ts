// node scripts/sound-edits.ts --out DIR [--build DIR] [--count N] [--seed S] [--file PATH...]
// Draws N sound edits of a kernel tree: each is one patch that changes code or line numbers and no behaviour. A third is assembly or
// headers. Every edit is compiled by the build's own command; one that does not compile, or that the tree's own objtool objects to where it
// had nothing to say before, is thrown away and counted. Writes DIR/NNN-kind.mbox and DIR/manifest.json. The same seed over the
// same tree and build gives the same patches. --file (repeatable) edits these files only, as often as the count says.
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { run, SetupError } from "./setup/command.ts";
import { cacheFolder } from "./setup/paths.ts";
import { step } from "./setup/progress.ts";
import { testBuildPath } from "./setup/test-objects.ts";
import { asmEdits } from "./sound-edits/asm-edits.ts";
import { cEdits, headerEdits } from "./sound-edits/c-edits.ts";
import { type BuiltObject, compileEdited, readBuiltObjects } from "./sound-edits/compile.ts";
import { Draw, type Edit } from "./sound-edits/draw.ts";

/** More edits of one file say little that the first did not. */
const MAX_PER_FILE = 2;
/** A header that everything includes would make each review a build of the kernel. */
const MAX_DEPENDENTS = 12;
const TRIES_PER_EDIT = 60;

type Sort = "c" | "asm" | "header";

interface Candidate {
  readonly file: string;
  readonly sort: Sort;
  /** What is compiled to try the edit. */
  readonly made: BuiltObject;
  readonly objects: readonly string[];
}

interface ManifestEntry {
  readonly patch: string;
  readonly kind: string;
  readonly file: string;
  readonly summary: string;
  readonly objects: readonly string[];
}

const edits: Readonly<Record<Sort, Readonly<Record<string, Edit>>>> = { c: cEdits, asm: asmEdits, header: headerEdits };

function listCandidates(objects: readonly BuiltObject[]): Candidate[] {
  const candidates: Candidate[] = [];
  const dependents = new Map<string, BuiltObject[]>();
  for (const made of objects) {
    const sort: Sort = made.source.endsWith(".S") ? "asm" : "c";
    candidates.push({ file: made.source, sort, made, objects: [made.object] });
    for (const header of made.headers) {
      const users = dependents.get(header);
      if (users === undefined) dependents.set(header, [made]);
      else users.push(made);
    }
  }
  for (const [file, users] of [...dependents].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const made = users.find((each) => each.source.endsWith(".c"));
    if (made === undefined || users.length > MAX_DEPENDENTS) continue;
    candidates.push({ file, sort: "header", made, objects: users.map((each) => each.object) });
  }
  return candidates;
}

/** Takes turns: C, C, and then assembly or a header; and within these the folders one after the other, for breadth. */
class Drawer {
  readonly #draw: Draw;
  readonly #queues: Readonly<Record<Sort, Candidate[]>>;
  readonly #perFile: number;
  readonly #used = new Map<string, number>();

  constructor(candidates: readonly Candidate[], draw: Draw, perFile: number) {
    this.#draw = draw;
    this.#perFile = perFile;
    const queue = (sort: Sort): Candidate[] => {
      const byFolder = new Map<string, Candidate[]>();
      for (const each of draw.shuffled(candidates.filter((candidate) => candidate.sort === sort))) {
        const folder = dirname(each.file);
        byFolder.set(folder, [...(byFolder.get(folder) ?? []), each]);
      }
      const folders = [...byFolder.values()];
      const longest = Math.max(0, ...folders.map((each) => each.length));
      const out: Candidate[] = [];
      for (let i = 0; i < longest; i++) for (const folder of folders) if (folder[i] !== undefined) out.push(folder[i]!);
      return out;
    };
    this.#queues = { c: queue("c"), asm: queue("asm"), header: queue("header") };
  }

  next(position: number): { candidate: Candidate; kind: string; edit: Edit } | undefined {
    const turn: Sort = position % 3 !== 0 ? "c" : position % 6 === 0 ? "asm" : "header";
    const sorts: readonly Sort[] = [turn, "header", "asm", "c"];
    const sort = sorts.find((each) => this.#queues[each].length > 0) ?? turn;
    const queue = this.#queues[sort];
    for (let i = 0; i < queue.length; i++) {
      const candidate = queue.shift()!;
      queue.push(candidate);
      if ((this.#used.get(candidate.file) ?? 0) >= this.#perFile) continue;
      const kinds = Object.entries(edits[sort]);
      const [kind, edit] = kinds[this.#draw.below(kinds.length)]!;
      return { candidate, kind, edit };
    }
    return undefined;
  }

  take(file: string): void {
    this.#used.set(file, (this.#used.get(file) ?? 0) + 1);
  }
}

async function makePatch(
  scratch: string,
  file: string,
  before: string,
  after: string,
  number: number,
  summary: string,
): Promise<string> {
  for (const [side, text] of [
    ["a", before],
    ["b", after],
  ] as const) {
    await mkdir(join(scratch, side, dirname(file)), { recursive: true });
    await writeFile(join(scratch, side, file), text);
  }
  // Ends with 1, because the two differ.
  const command = 'git diff --no-index --no-prefix --full-index --no-color "$1" "$2" || test $? = 1';
  const diff = await run("sh", ["-c", command, "sh", `a/${file}`, `b/${file}`], { cwd: scratch });
  const minute = String(number % 60).padStart(2, "0");
  const area = file.split("/").slice(0, -1).slice(0, 2).join("/");
  return [
    "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001",
    `Message-ID: <sound-edit-${number}@dev.example.org>`,
    "From: A Developer <dev@example.org>",
    `Date: Mon, 2 Nov 2026 ${String(9 + Math.floor(number / 60)).padStart(2, "0")}:${minute}:00 +0000`,
    `Subject: [PATCH] ${area}: ${summary}`,
    "",
    "No functional change.",
    "",
    "Signed-off-by: A Developer <dev@example.org>",
    "---",
    diff,
  ].join("\n");
}

function parseNumber(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new SetupError(`--${name} ${text}: not a number`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      build: { type: "string" },
      count: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      file: { type: "string", multiple: true },
    },
  });
  if (values.out === undefined) throw new SetupError("--out DIR says where the patches go");
  const out = resolve(values.out);
  const build = await realpath(values.build ?? testBuildPath(cacheFolder(process.env)));
  const source = await realpath(join(build, "source"));
  const count = parseNumber(values.count, "count");
  const draw = new Draw(parseNumber(values.seed, "seed"));
  const objects = readBuiltObjects(build, source);
  const only = values.file === undefined ? undefined : new Set(values.file);
  const candidates = listCandidates(objects).filter((each) => only?.has(each.file) ?? true);
  for (const file of only ?? []) {
    if (!candidates.some((each) => each.file === file))
      throw new SetupError(`--file ${file}: this build does not compile it`);
  }
  const drawer = new Drawer(candidates, draw, only === undefined ? MAX_PER_FILE : count);
  const seen = new Set<string>();
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), "objreview-edits-"));
  const clean = new Map<string, string[]>();
  const manifest: ManifestEntry[] = [];
  const refused = { place: 0, compile: 0, objtool: 0 };
  try {
    await step(`${count} sound edits`, async (report) => {
      for (let tries = 0; manifest.length < count; tries++) {
        if (tries > count * TRIES_PER_EDIT)
          throw new SetupError(`only ${manifest.length} edits found: the build is too small`);
        const drawn = drawer.next(manifest.length);
        if (drawn === undefined) throw new SetupError(`only ${manifest.length} edits found: no file is left`);
        const { candidate, kind, edit } = drawn;
        const before = await readFile(join(source, candidate.file), "utf8");
        const result = edit(before, draw);
        if (result === undefined || result.text === before || seen.has(result.text)) {
          refused.place++;
          continue;
        }
        const attempt = (text: string): Promise<string[] | undefined> =>
          compileEdited(build, source, candidate.made, candidate.file, text, join(scratch, "c"));
        await rm(join(scratch, "c"), { recursive: true, force: true });
        const known = clean.get(candidate.made.object) ??
          (await attempt(before)) ?? ["the unedited file does not compile"];
        clean.set(candidate.made.object, known);
        const said = await attempt(result.text);
        if (said === undefined) {
          refused.compile++;
          continue;
        }
        if (said.some((line) => !known.includes(line)) && said.length > known.length) {
          refused.objtool++;
          process.stderr.write(`refused: ${candidate.file}: ${kind}: ${said.join("; ")}\n`);
          continue;
        }
        seen.add(result.text);
        const number = manifest.length + 1;
        const patch = `${String(number).padStart(3, "0")}-${kind}.mbox`;
        await writeFile(
          join(out, patch),
          await makePatch(scratch, candidate.file, before, result.text, number, result.summary),
        );
        manifest.push({ patch, kind, file: candidate.file, summary: result.summary, objects: candidate.objects });
        drawer.take(candidate.file);
        report(`${number} edits, ${candidate.file}`);
      }
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const files = new Set(manifest.map((each) => each.file));
  const folders = new Set([...files].map((file) => dirname(file)));
  const notC = manifest.filter((each) => !each.file.endsWith(".c")).length;
  process.stdout.write(
    `${manifest.length} edits of ${files.size} files in ${folders.size} folders, ${notC} of assembly or headers; thrown away: ` +
      `${refused.place} without a place, ${refused.compile} that did not compile, ${refused.objtool} that objtool objected to\n`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`sound-edits: ${error.message}\n`);
  process.exitCode = 2;
}
