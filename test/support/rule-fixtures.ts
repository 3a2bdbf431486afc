import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { analyzeObject, type ObjectAnalysis, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import { brokenContracts } from "../../src/analyze/compare.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { type AddressUse, type Landing, nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { type Checks, checksWithoutConfig } from "../../src/rules/checks.ts";
import { rules } from "../../src/rules/index.ts";

/** test/rules: one folder per rule, and the macros that its assembly includes. */
export const fixtureFolder = fileURLToPath(new URL("../rules", import.meta.url));

/** What the fixtures' tree says: names of no kernel, so that nothing built in can decide. */
export const fixtureFacts: TreeFacts = {
  source: "the fixtures' own lists",
  noreturn: new Set(["never_back"]),
  accessSafe: new Set(["may_be_open"]),
};

/** As the x86-64 kernel is compiled (arch/x86/Makefile of Linux 6.12), without the mitigations. */
const cOptions = [
  "-std=gnu11",
  "-ffreestanding",
  "-fno-strict-aliasing",
  "-fno-PIE",
  "-mno-sse",
  "-mno-mmx",
  "-mno-red-zone",
  "-mcmodel=kernel",
  "-fno-asynchronous-unwind-tables",
  "-fno-jump-tables",
  "-fno-stack-protector",
  "-fcf-protection=none",
];

/** settings.json of a rule's folder: what its fixtures' kernel promises, and options that its C is compiled with, by compiler. */
interface FixtureSettings {
  readonly checks?: Partial<Checks>;
  /** What compiler and assembler say is held against the code. */
  readonly witnesses?: boolean;
  readonly gcc?: readonly string[];
  readonly clang?: readonly string[];
  /** What is known of other objects, by symbol. */
  readonly outside?: {
    readonly neverReturns?: Readonly<Record<string, boolean>>;
    readonly landing?: Readonly<Record<string, Landing>>;
    readonly isNoinstr?: Readonly<Record<string, boolean>>;
    readonly isOverridden?: Readonly<Record<string, boolean>>;
    readonly addressUses?: Readonly<Record<string, readonly AddressUse[]>>;
    /** Table -> slot -> functions. */
    readonly slotTargets?: Readonly<Record<string, readonly (readonly string[])[]>>;
  };
}

function readOutside({ outside = {} }: FixtureSettings): Outside {
  const {
    neverReturns = {},
    landing = {},
    isNoinstr = {},
    isOverridden = {},
    addressUses = {},
    slotTargets = {},
  } = outside;
  return {
    ...nothingOutside,
    neverReturns: (symbol) => neverReturns[symbol],
    landing: (symbol) => landing[symbol],
    isNoinstr: (symbol) => isNoinstr[symbol],
    isOverridden: (symbol) => isOverridden[symbol],
    addressUses: (symbol) => addressUses[symbol],
    slotTargets: (table, slot) => slotTargets[table]?.[slot],
  };
}

function readSettings(rule: string): FixtureSettings {
  const path = join(fixtureFolder, rule, "settings.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as FixtureSettings) : {};
}

/** What the kernel of a rule's fixtures promises. */
export function fixtureChecks(rule: string): Checks {
  return { ...checksWithoutConfig, ...readSettings(rule).checks };
}

/** Whether what compiler and assembler say is held against the code of a rule's fixtures. */
export function hearsWitnesses(rule: string): boolean {
  return readSettings(rule).witnesses === true;
}

export const optimisations = ["-O2", "-Os"] as const;

/** Rules that have a folder of fixtures, sorted. */
export function fixtureRules(): string[] {
  return readdirSync(fixtureFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

export function fixtureFiles(rule: string): string[] {
  return readdirSync(join(fixtureFolder, rule)).sort();
}

export function readFixture(rule: string, file: string): string {
  return readFileSync(join(fixtureFolder, rule, file), "utf8");
}

/** One way to build a fixture. */
export interface FixtureBuild {
  readonly file: string;
  /** "gcc", or a clang by its name. */
  readonly compiler: string;
  /** One of `optimisations` for C; assembly is the same at each. */
  readonly optimisation?: string;
}

/** Every way in which a rule's fixtures are built: assembly by each of the compilers, C by each at each optimisation. */
export function fixtureBuilds(rule: string, compilers: readonly string[]): FixtureBuild[] {
  return fixtureFiles(rule)
    .filter((file) => /\.[Sc]$/.test(file))
    .flatMap((file) =>
      compilers.flatMap((compiler): FixtureBuild[] =>
        file.endsWith(".S")
          ? [{ file, compiler }]
          : optimisations.map((optimisation) => ({ file, compiler, optimisation })),
      ),
    );
}

/**
 * Builds one fixture with line tables and validates it. Where the rule is judged against the base, that is the good one of the same name.
 * What was built once in this process is not built again.
 */
export async function checkFixture(rule: string, build: FixtureBuild): Promise<ObjectAnalysis> {
  const { file } = build;
  const base = file.replace(/^bad/, "good");
  const isAgainstBase = rules.find(({ id }) => id === rule)?.againstBase === true && base !== file;
  const bytes = objectOf(rule, build);
  const before = isAgainstBase ? analyzeFixture(rule, await objectOf(rule, { ...build, file: base })) : undefined;
  const analysis = analyzeFixture(rule, await bytes);
  if (before === undefined) return analysis;
  const broken = brokenContracts([{ object: file, analysis: before }], [{ object: file, analysis }]);
  return { ...analysis, findings: [...analysis.findings, ...broken.map(({ finding }) => finding)] };
}

function analyzeFixture(rule: string, bytes: Uint8Array): ObjectAnalysis {
  const settings = readSettings(rule);
  return analyzeObject(bytesSource(bytes), {
    facts: fixtureFacts,
    checks: { ...checksWithoutConfig, ...settings.checks },
    outside: readOutside(settings),
    forComparison: true,
    witnesses: settings.witnesses ?? false,
    stripPrefixes: [`${join(fixtureFolder, rule)}/`],
  });
}

const objects = new Map<string, Promise<Uint8Array>>();

function objectOf(rule: string, build: FixtureBuild): Promise<Uint8Array> {
  const key = [rule, build.file, build.compiler, build.optimisation].join(" ");
  let object = objects.get(key);
  if (object === undefined) {
    object = whenFree(() => compileFixture(rule, build));
    objects.set(key, object);
  }
  return object;
}

async function compileFixture(
  rule: string,
  { file, compiler, optimisation = "-O2" }: FixtureBuild,
): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-rule-"));
  try {
    const output = join(folder, "output.o");
    const own = readSettings(rule)[compiler.startsWith("clang") ? "clang" : "gcc"] ?? [];
    const options = file.endsWith(".c") ? [...cOptions, optimisation, ...own] : ["-Wa,-I", `-Wa,${fixtureFolder}`];
    await promisify(execFile)(compiler, [...options, "-g", "-c", "-o", output, file], {
      cwd: join(fixtureFolder, rule),
    });
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let free = availableParallelism();
const waiting: (() => void)[] = [];

/** Runs as many compilers at a time as there are processors. */
async function whenFree<T>(run: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

/** The findings as expected.txt writes them, sorted: "function rule message-key file:line"; a "?" is the line of what has none. */
export function findingLines(analysis: ObjectAnalysis, file: string): string[] {
  return analysis.findings
    .map((f) => `${f.function} ${f.rule} ${f.messageKey} ${f.place?.file ?? file}:${f.place?.line ?? "?"}`)
    .sort();
}

/**
 * Lines of expected.txt that speak of a build's file. Words behind the four limit a line to an optimisation ("-Os") or to a sort of compiler
 * ("gcc", "clang"): another one lays out the same defect in its own way.
 */
export function expectedLines(rule: string, { file, compiler, optimisation }: FixtureBuild): string[] {
  const sort = compiler.replace(/-\d+$/, "");
  return readFixture(rule, "expected.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" "))
    .filter(([, , , place = ""]) => place.startsWith(`${file}:`))
    .filter(([, , , , ...only]) => only.every((word) => word === (word.startsWith("-O") ? optimisation : sort)))
    .map((words) => words.slice(0, 4).join(" "))
    .sort();
}

export function hasCompiler(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
}
