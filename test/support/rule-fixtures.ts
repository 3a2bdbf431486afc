import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
  readonly gcc?: readonly string[];
  readonly clang?: readonly string[];
  /** What is known of other objects, by symbol. */
  readonly outside?: {
    readonly landing?: Readonly<Record<string, Landing>>;
    readonly isNoinstr?: Readonly<Record<string, boolean>>;
    readonly isOverridden?: Readonly<Record<string, boolean>>;
    readonly addressUses?: Readonly<Record<string, readonly AddressUse[]>>;
    /** Table -> slot -> functions. */
    readonly slotTargets?: Readonly<Record<string, readonly (readonly string[])[]>>;
  };
}

function readOutside({ outside = {} }: FixtureSettings): Outside {
  const { landing = {}, isNoinstr = {}, isOverridden = {}, addressUses = {}, slotTargets = {} } = outside;
  return {
    ...nothingOutside,
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

/**
 * Builds one fixture with line tables and validates it; `optimisation` counts for C alone. Where the rule is judged against the base, that is the
 * good one of the same name.
 */
export function checkFixture(rule: string, file: string, compiler: string, optimisation = "-O2"): ObjectAnalysis {
  const analysis = analyzeFixture(rule, file, compiler, optimisation);
  const base = file.replace(/^bad/, "good");
  if (rules.find(({ id }) => id === rule)?.againstBase !== true || base === file) return analysis;
  const before = analyzeFixture(rule, base, compiler, optimisation);
  const broken = brokenContracts([{ object: file, analysis: before }], [{ object: file, analysis }]);
  return { ...analysis, findings: [...analysis.findings, ...broken.map(({ finding }) => finding)] };
}

function analyzeFixture(rule: string, file: string, compiler: string, optimisation: string): ObjectAnalysis {
  const folder = mkdtempSync(join(tmpdir(), "objreview-rule-"));
  try {
    const output = join(folder, "output.o");
    const settings = readSettings(rule);
    const own = settings[compiler.startsWith("clang") ? "clang" : "gcc"] ?? [];
    const options = file.endsWith(".c") ? [...cOptions, optimisation, ...own] : ["-Wa,-I", `-Wa,${fixtureFolder}`];
    execFileSync(compiler, [...options, "-g", "-c", "-o", output, file], {
      cwd: join(fixtureFolder, rule),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const bytes = new Uint8Array(readFileSync(output));
    return analyzeObject(bytesSource(bytes), {
      facts: fixtureFacts,
      checks: { ...checksWithoutConfig, ...settings.checks },
      outside: readOutside(settings),
      forComparison: true,
      stripPrefixes: [`${join(fixtureFolder, rule)}/`],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The findings as expected.txt writes them, sorted: "function rule message-key file:line". */
export function findingLines(analysis: ObjectAnalysis): string[] {
  return analysis.findings
    .map((f) => `${f.function} ${f.rule} ${f.messageKey} ${f.place?.file}:${f.place?.line}`)
    .sort();
}

/** Lines of expected.txt that speak of `file`; a last word that begins with "-O" limits a line to that optimisation. */
export function expectedLines(rule: string, file: string, optimisation = ""): string[] {
  return readFixture(rule, "expected.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" "))
    .filter(([, , , place = ""]) => place.startsWith(`${file}:`))
    .filter(([, , , , only]) => only === undefined || only === optimisation)
    .map((words) => words.slice(0, 4).join(" "))
    .sort();
}

export function hasCompiler(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
}
