import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { feedCode } from "../../src/analyze/code-key.ts";
import { UsageError } from "../../src/base/errors.ts";
import { openFileSource } from "../../src/kernel/file-source.ts";
import type { SavedCommand } from "../../src/kernel/saved-command.ts";
import type { Edit } from "./edits.ts";
import { definesMacro, expansionMark, markMacros, reaches } from "./reach.ts";

// The objects whose code an edit of a header really changes, by compiling them again. An edit of functions and macros alone is compiled only
// into those objects whose preprocessed text comes to it (reach.ts), and into some of the others, which must then be what they were.

/** Of one edit; kept in a file, because it hangs on nothing but the edit and the build. */
export interface EditTruth {
  readonly digest: string;
  readonly header: string;
  readonly dependents: number;
  /** Objects compiled with the edit. */
  readonly compiled: number;
  /** Those of them that the preprocessed text says cannot change: all proved to be as they were. */
  readonly controls: number;
  readonly changed: readonly string[];
  /** Where a sample of them was compiled: the rest of it. Objects taken in for assembly's constants alone are in it. */
  readonly same?: readonly string[];
}

export interface Build {
  readonly dir: string;
  readonly source: string;
  readonly commands: ReadonlyMap<string, SavedCommand>;
}

const headerRoots = ["include", "arch/x86/include"];
/** Objects compiled for each edit although its text is not reached. */
const CONTROLS = 8;
const PREPROCESSED_BYTES = 64 << 20;

export function dependentsOf(build: Build, header: string): string[] {
  return [...build.commands].flatMap(([object, { deps }]) =>
    deps.includes(join(build.source, header)) ? [object] : [],
  );
}

const CONSTANTS = "include/generated/asm-offsets.h";
const CONSTANTS_SOURCE = "arch/x86/kernel/asm-offsets.c";

/** Objects that use kbuild's constants of layouts. */
export function constantUsers(build: Build): string[] {
  return [...build.commands].flatMap(([object, { deps }]) =>
    deps.some((path) => path.endsWith(CONSTANTS)) ? [object] : [],
  );
}

/** Computes the constants of the edited headers anew, into the folder of these; false where they are as they were. */
function overlayConstants(build: Build, folder: string): boolean {
  const made = CONSTANTS_SOURCE.replace(/c$/, "s");
  const saved = readFileSync(join(build.dir, dirname(made), ".asm-offsets.s.cmd"), "utf8").split("\n", 1)[0] as string;
  const out = join(folder, "asm-offsets.s");
  const line = commandOf(saved.replace(/^\S+ := /, ""), folder).replace(` -o ${made} `, ` -o ${out} `);
  execFileSync("sh", ["-c", line], { cwd: build.dir, stdio: ["ignore", "ignore", "inherit"] });
  const values = new Map(
    [...readFileSync(out, "latin1").matchAll(/->(\w+) \$?(-?\d+) /g)].map(([, name, value]) => [name, value]),
  );
  const before = readFileSync(join(build.dir, CONSTANTS), "latin1");
  const after = before.replace(/^#define (\w+) -?\d+/gm, (all, name: string) =>
    values.has(name) ? `#define ${name} ${values.get(name)}` : all,
  );
  if (after === before) return false;
  mkdirSync(join(folder, dirname(CONSTANTS)), { recursive: true });
  writeFileSync(join(folder, CONSTANTS), after);
  return true;
}

/** The text of the header with the edit. */
export function editedHeader(build: Build, edit: Edit): string {
  const folder = mkdtempSync(join(tmpdir(), "objreview-headers-"));
  try {
    overlay(build, [edit], folder);
    return readFileSync(join(folder, edit.header), "latin1");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws UsageError where an edit does not apply or does not compile, or a control shows that reach.ts is wrong */
export async function measureEdits(
  build: Build,
  edits: readonly Edit[],
  jobs: number,
  /** Objects to compile of an edit of a type with more dependents; undefined: all. */
  sample: number | undefined,
  onDone: (edit: Edit, truth: EditTruth) => void,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "objreview-headers-"));
  try {
    const reached = await findReached(build, edits, scratch, jobs);
    for (const edit of edits) {
      const dependents = dependentsOf(build, edit.header);
      const folder = join(scratch, edit.name);
      overlay(build, [edit], folder);
      const isSample = !reached.has(edit.name) && sample !== undefined && sample < dependents.length;
      const all = isSample ? sorted(dependents).slice(0, sample) : dependents;
      const others = overlayConstants(build, folder) ? constantUsers(build).filter((o) => !dependents.includes(o)) : [];
      const wanted = reached.get(edit.name) ?? new Set([...others, ...all]);
      const rest = isSample ? [] : dependents.filter((object) => !wanted.has(object));
      const controls = rest.filter((_, at) => at % Math.ceil(rest.length / CONTROLS) === 0);
      const compiled = [...wanted, ...controls];
      const changed: string[] = [];
      let done = 0;
      await inParallel(compiled, jobs, async (object) => {
        const out = join(folder, `${++done}.o`);
        if (await changes(build, object, folder, out)) changed.push(object);
        if (done % 50 === 0) process.stderr.write(`[headers] ${edit.name}: ${done} of ${compiled.length} compiled\n`);
      });
      const wrong = controls.find((object) => changed.includes(object));
      if (wrong !== undefined)
        throw new UsageError(`${edit.name} changes ${wrong}, whose preprocessed text does not come to it`);
      onDone(edit, {
        digest: edit.digest,
        header: edit.header,
        dependents: dependents.length,
        compiled: compiled.length,
        controls: controls.length,
        changed: changed.sort(),
        ...(isSample ? { same: compiled.filter((object) => !changed.includes(object)).sort() } : {}),
      });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** In an order that says nothing and is always the same. */
function sorted(objects: readonly string[]): string[] {
  const key = (object: string): string => createHash("sha256").update(object).digest("hex");
  return [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** For each edit of functions and macros alone, the objects whose text comes to it; the other edits are not in the map. */
async function findReached(
  build: Build,
  edits: readonly Edit[],
  scratch: string,
  jobs: number,
): Promise<Map<string, Set<string>>> {
  const folder = join(scratch, "marked");
  const touched = new Map<string, { names: string[]; found: Set<string> }>();
  const wanted = new Map<string, Edit[]>();
  const readable = edits.filter(isOfCodeAlone);
  overlay(build, readable, folder);
  for (const edit of readable) {
    const path = join(folder, edit.header);
    const text = readFileSync(path, "utf8");
    const macros = [...edit.defined].filter((name) => definesMacro(text, name));
    writeFileSync(path, markMacros(text, macros));
    const names = [...edit.defined].map((name) => (macros.includes(name) ? expansionMark(name) : name));
    touched.set(edit.name, { names, found: new Set() });
    for (const object of mentioning(build, edit)) {
      const list = wanted.get(object);
      if (list === undefined) wanted.set(object, [edit]);
      else list.push(edit);
    }
  }
  let done = 0;
  await inParallel([...wanted], jobs, async ([object, itsEdits]) => {
    const text = await preprocess(build, object, folder);
    for (const edit of itsEdits) {
      const { names, found } = touched.get(edit.name)!;
      if (reaches(text, names)) found.add(object);
    }
    if (++done % 100 === 0) process.stderr.write(`[headers] ${done} of ${wanted.size} preprocessed\n`);
  });
  return new Map([...touched].map(([name, { found }]) => [name, found]));
}

/**
 * Dependents in whose files one of the changed names stands outside of the header itself: no other needs to be preprocessed. All of them where
 * the header goes on to use the name.
 */
function mentioning(build: Build, edit: Edit): string[] {
  const dependents = dependentsOf(build, edit.header);
  const own = join(build.source, edit.header);
  const pattern = new RegExp(`\\b(?:${[...edit.defined].join("|")})\\b`);
  const files = new Map<string, boolean>();
  const names = (path: string): boolean => {
    let found = files.get(path);
    if (found === undefined) {
      found = path !== own && existsSync(path) && pattern.test(readFileSync(path, "latin1"));
      files.set(path, found);
    }
    return found;
  };
  const uses = [...edit.defined].map((name) => countUses(readFileSync(own, "latin1"), name));
  if (uses.some((count) => count > 1)) return dependents;
  return dependents.filter((object) => {
    const { source, deps } = build.commands.get(object)!;
    return [...(source === undefined ? [] : [source]), ...deps].some((path) => names(resolve(build.dir, path)));
  });
}

/** How often a name stands in code, as far as comments of whole lines go. */
function countUses(text: string, name: string): number {
  const word = new RegExp(`\\b${name}\\b`, "g");
  return text
    .split("\n")
    .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
    .reduce((count, line) => count + (line.match(word)?.length ?? 0), 0);
}

/** Whether every name that its hunks change is a macro or a function; a type's layout may change code that does not name it. */
function isOfCodeAlone(edit: Edit): boolean {
  const lines = edit.diff.flatMap((file) => file.hunks.flatMap((hunk) => hunk.lines));
  const sections = edit.diff.flatMap((file) => file.hunks.map((hunk) => hunk.section));
  const isType = (text: string): boolean => /^(?:typedef|struct|union|enum)\b[^()]*\{?$/.test(text);
  return edit.defined.size > 0 && ![...sections, ...lines.map((line) => line.text)].some(isType);
}

/** A folder with the edited headers in it, to be searched before the build's own. */
function overlay(build: Build, edits: readonly Edit[], folder: string): void {
  for (const root of headerRoots) mkdirSync(join(folder, root), { recursive: true });
  for (const { header, file } of edits) {
    mkdirSync(join(folder, dirname(header)), { recursive: true });
    if (!existsSync(join(folder, header))) copyFileSync(join(build.source, header), join(folder, header));
    execFileSync("git", ["apply", "-p1", file], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  }
}

async function changes(build: Build, object: string, folder: string, out: string): Promise<boolean> {
  const saved = build.commands.get(object)!;
  await compile(build, object, folder, out);
  const after = codeDigest(out);
  // What the build has run its tool over is not what the compiler wrote.
  if (saved.isPostProcessed) await compile(build, object, undefined, out);
  const before = codeDigest(saved.isPostProcessed ? out : join(build.dir, object));
  rmSync(out);
  return before !== after;
}

async function compile(build: Build, object: string, folder: string | undefined, out: string): Promise<void> {
  const line = commandOver(build, object, folder).replace(` -o ${object} `, ` -o ${out} `);
  const child = spawn("sh", ["-c", line], { cwd: build.dir, stdio: ["ignore", "ignore", "inherit"] });
  const [status] = (await once(child, "exit")) as [number | null];
  if (status !== 0) throw new UsageError(`${object} does not compile with the edit`);
}

async function preprocess(build: Build, object: string, folder: string): Promise<string> {
  const line = commandOver(build, object, folder).replace(` -c -o ${object} `, " -E -P -o - ");
  const { stdout } = await promisify(execFile)("sh", ["-c", line], {
    cwd: build.dir,
    encoding: "latin1",
    maxBuffer: PREPROCESSED_BYTES,
  });
  return stdout;
}

/** The saved command with the folder of edited headers in front of all others. */
function commandOver(build: Build, object: string, folder: string | undefined): string {
  return commandOf(build.commands.get(object)!.compile, folder);
}

function commandOf(command: string, folder: string | undefined): string {
  const front =
    folder === undefined
      ? " -I"
      : ` -fmacro-prefix-map=${folder}/= -I${folder}/arch/x86/include -I${folder}/include -I`;
  return command.replace(/-Wp,-MMD,\S+/, "").replace(/ -I/, front);
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

async function inParallel<T>(items: readonly T[], jobs: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
}
