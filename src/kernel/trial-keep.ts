import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InvariantError } from "../base/errors.ts";
import { readBuilt } from "./collect.ts";
import { ensureFolder } from "./state-folder.ts";
import { inScratch, readTrial, runAll, TRIAL_MOUNT, type TrialObject, type TrialPlace } from "./trial.ts";
import { type CompileCommand, type CompileOption, quoteWords } from "./trial-command.ts";
import { type Compiler, translateOptions } from "./trial-flags.ts";

// What a compiler's bug tracker asks for: the preprocessed source and the command line, with no folder of this machine in either.

export interface Reproducer {
  /** Preprocessed C, a byte a character. */
  readonly source: Uint8Array;
  readonly program: string;
  /** Of the compile of it; none of them names a file. */
  readonly options: readonly CompileOption[];
  /** What the build's own compiler makes of it. */
  readonly object: TrialObject;
}

/** A larger one is not kept. */
const MAX_SOURCE_BYTES = 32 << 20;
export const SOURCE_NAME = "preprocessed.i";

/** Preprocesses the source and compiles what comes out. A string says why there is none. */
export async function makeReproducer(
  place: TrialPlace,
  compile: CompileCommand,
  own: Compiler,
  millis: number,
): Promise<Reproducer | string> {
  const until = performance.now() + millis;
  const seconds = (): number => Math.max(1, Math.floor((until - performance.now()) / 1000));
  const all = translateOptions(compile.options, own, own).flat();
  // gcc would write down the folder that it runs in.
  const expand = ["-E", ...(own.family === "gcc" ? ["-fno-working-directory"] : [])];
  const source = await inScratch(place, async (scratch, mount) => {
    const words = [own.program, ...all, ...expand, "-o", `${TRIAL_MOUNT}/0.i`, compile.source];
    const why = await runAll(place, mount, ["0"], [quoteWords(words)], seconds());
    const file = readBuilt(scratch, "0.i", MAX_SOURCE_BYTES);
    if (file.kind === "refused") return file.why;
    return file.kind === "file" ? withoutMounts(file.bytes) : why;
  });
  if (typeof source === "string") return `it was not preprocessed: ${source}`;
  const options = optionsOfPreprocessed(translateOptions(compile.options, own, own));
  const object = await inScratch(place, async (scratch, mount) => {
    writeFileSync(join(scratch, SOURCE_NAME), source, { mode: 0o644 });
    const made = ["-c", "-o", `${TRIAL_MOUNT}/0.o`, `${TRIAL_MOUNT}/${SOURCE_NAME}`];
    const why = await runAll(place, mount, ["0"], [quoteWords([own.program, ...options.flat(), ...made])], seconds());
    const answer = readTrial({ ...place, collectDir: join(place.collectDir, "kept") }, scratch, 0);
    return answer.kind === "built" ? answer : { kind: answer.kind, why: answer.log === undefined ? why : answer.why };
  });
  return { source, program: own.program, options, object };
}

/** Names of source files as the kernel's own tree has them. */
function withoutMounts(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  return Buffer.from(text.replace(/\/objreview\/(?:src|out)\/{0,2}/g, ""), "latin1");
}

/**
 * What decides the code, and nothing else: no option that the preprocessor alone reads, that names a file, or that has the compiler run or write
 * something. Whoever gets the command line is to be able to run it without a thought, and the options are whoever's that wrote the recipes.
 */
export function optionsOfPreprocessed(options: readonly CompileOption[]): CompileOption[] {
  return options.filter(([name = "", argument = ""]) => {
    if (name === "-mllvm" || name === "--param") return VALUE.test(argument) && !RUNS.test(argument);
    if (name.startsWith("-Wa,"))
      return name
        .slice("-Wa,".length)
        .split(",")
        .every((part) => ASSEMBLER.has(part));
    return argument === "" && DECIDES.test(name) && !RUNS.test(name);
  });
}

const DECIDES = /^(-w|-pg|-ansi|-O[\w]*|-g[\w.+-]*|-std=[\w+]+|--target=[\w.-]+|-[fm][\w+-]+(=[\w.,+-]*)?)$/;
const VALUE = /^-?[\w-]+(=[\w.,+-]*)?$/;
const RUNS =
  /plugin|(^|-)load(=|$)|dump|prefix-map|profile|opt-info|modul|(^-f|-)lto|save|callgraph|stack-usage|output|file|exec/;
/** Of the assembler's those that decide about witnesses and relocations. */
const ASSEMBLER = new Set(["--gsframe", "--allow-experimental-sframe", "--noexecstack", "-mrelax-relocations=no"]);

/** "gcc -O2 ... -c -o object.o preprocessed.i" */
export function reproducerCommand({ program, options }: Reproducer): string {
  return quoteWords([program, ...options.flat(), "-c", "-o", "object.o", SOURCE_NAME]);
}

export interface KeptFile {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly isExecutable?: boolean;
}

/** Folders that are kept; the oldest go. */
export const MOST_KEPT = 20;
/** Of the state folder. */
const SHELF = "faults";

/**
 * Writes a folder of files, in the place of an older one of the same name. Returns its path in the state folder.
 * @param name hexadecimal: a finding's fingerprint
 */
export function keepFolder(stateDir: string, name: string, files: readonly KeptFile[]): string {
  if (!/^[0-9a-f]{8,64}$/.test(name)) throw new InvariantError(`${name} is no fingerprint`);
  const shelf = ensureFolder(stateDir, SHELF);
  const fresh = join(shelf, `${name}.${process.pid}.new`);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  for (const { name: file, content, isExecutable } of files)
    writeFileSync(join(fresh, file), content, { mode: isExecutable === true ? 0o755 : 0o644 });
  const folder = join(shelf, name);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  removeOldest(shelf);
  return `${SHELF}/${name}`;
}

function removeOldest(shelf: string): void {
  const times = readdirSync(shelf).map((name) => {
    const time = statSync(join(shelf, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return { name, time };
  });
  times.sort((a, b) => b.time - a.time);
  for (const { name } of times.slice(MOST_KEPT)) rmSync(join(shelf, name), { recursive: true, force: true });
}
