import type { CompileOption, CompilerFamily } from "./trial-command.ts";

// In which other ways an object is compiled to see whose a finding is, as data, and what an option of one compiler is called by another.

/** Levels that the kernel can be compiled with. */
export const LEVELS = ["-O1", "-O2", "-Os"] as const;

export interface Pass {
  /** What turns it off. */
  readonly off: CompileOption;
  /** What it has to do with a frame. */
  readonly why: string;
}

/**
 * Passes that move instructions across a function's prologue and epilogue, or that write unwind data themselves. The first ones are what takes
 * the defects of docs/witnesses.md away.
 */
export const PASSES: Readonly<Record<CompilerFamily, readonly Pass[]>> = {
  gcc: [
    { off: ["-fno-optimize-sibling-calls"], why: "a tail call has an epilogue of its own, with its own restores" },
    { off: ["-maccumulate-outgoing-args"], why: "arguments are moved into place and not pushed: the CFA stays" },
    { off: ["-fno-shrink-wrap"], why: "prologue and epilogue stand where they are needed, on some ways only" },
    { off: ["-fno-schedule-insns2"], why: "instructions are moved across pushes and pops" },
    { off: ["-fno-crossjumping"], why: "equal ends of epilogues are merged, with the states before them" },
    { off: ["-fno-ipa-ra"], why: "a caller keeps values in registers that the callee does not use" },
  ],
  clang: [
    { off: ["-mllvm", "-no-x86-call-frame-opt"], why: "moves of arguments become pushes: the CFA changes at each" },
    { off: ["-mllvm", "-enable-tail-merge=false"], why: "equal ends of epilogues are merged" },
    { off: ["-fno-optimize-sibling-calls"], why: "a tail call has an epilogue of its own" },
    { off: ["-mllvm", "-enable-shrink-wrap=false"], why: "prologue and epilogue stand on some ways only" },
    { off: ["-mllvm", "-disable-post-ra"], why: "instructions are moved across pushes and pops" },
  ],
};

/** A compiler that was found, by what it says of itself. */
export interface Compiler {
  readonly program: string;
  readonly family: CompilerFamily;
  /** "12.2.0" */
  readonly version: string;
  /** The machine that it compiles for: "x86_64-linux-gnu". */
  readonly machine: string;
}

/** "gcc 12.2.0" */
export function compilerName({ family, version }: Compiler): string {
  return `${family} ${version}`;
}

/** Options that two families have under different names. reference: gcc(1) 12, clang(1) 22, arch/x86/Makefile. */
const SAME: readonly (readonly [gcc: string, clang: string])[] = [
  ["-mpreferred-stack-boundary=3", "-mstack-alignment=8"],
  ["-mpreferred-stack-boundary=2", "-mstack-alignment=4"],
  ["-mpreferred-stack-boundary=4", "-mstack-alignment=16"],
  ["-mindirect-branch=thunk-extern", "-mretpoline-external-thunk"],
];

const ALLOW_SFRAME = "--allow-experimental-sframe";
/** First clang whose assembler writes .sframe (docs/witnesses.md). */
const FIRST_WITH_SFRAME = 22;

const ZERO_INIT = "-ftrivial-auto-var-init=zero";
/** clang before 16 takes it only beside this. reference: security/Kconfig.hardening, CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER; tried with clang 14 and 16. */
const ZERO_INIT_ENABLER = "-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang";
const FIRST_WITH_PLAIN_ZERO_INIT = 16;

/**
 * The options in the words of another compiler, as far as they are known beforehand. What it does not know besides is found by asking it.
 * Witnesses are to be the same: .sframe as the assembler in question wants to be told, and all of DWARF for clang, which says noreturn there.
 */
export function translateOptions(options: readonly CompileOption[], from: Compiler, to: Compiler): CompileOption[] {
  const quiet = options.filter(([name]) => !isWarning(name!));
  if (from.family === to.family && from.version === to.version) return [...quiet, ["-w"]];
  const translated = quiet.flatMap((option) => translateOne(option, from, to));
  if (to.family === "clang" && from.family === "gcc" && to.machine.split("-")[0] !== from.machine.split("-")[0])
    translated.unshift([`--target=${from.machine}`]);
  return [...translated, ["-w"]];
}

/** Of options that one and the same compiler takes: warnings say nothing here, and another version warns of other things. */
function isWarning(name: string): boolean {
  return /^-W(?![alp],)/.test(name) || name === "-pedantic";
}

function translateOne(option: CompileOption, from: Compiler, to: Compiler): CompileOption[] {
  const [name, ...argument] = option as readonly [string, ...string[]];
  if (name.startsWith("-Wa,")) return assemblerOption(name, to);
  // Plugins and options of the middle end are one compiler's own.
  if (/^-fplugin/.test(name) || name === ZERO_INIT_ENABLER) return [];
  if (name === ZERO_INIT && to.family === "clang" && majorOf(to) < FIRST_WITH_PLAIN_ZERO_INIT)
    return [option, [ZERO_INIT_ENABLER]];
  if (from.family === to.family) return [option];
  if (name === "-mllvm" || name === "-Xclang" || name === "--param") return [];
  if (/^--?target\b/.test(name) || name === "-fintegrated-as") return [];
  if (name === "-g1" && to.family === "clang") return [["-g"]];
  const [gcc, clang] = to.family === "clang" ? [0, 1] : [1, 0];
  const same = SAME.find((pair) => pair[gcc] === name);
  return same === undefined ? [[name, ...argument]] : [[same[clang]!]];
}

function majorOf({ version }: Compiler): number {
  return Number.parseInt(version, 10);
}

/** "-Wa,--gsframe" as the assembler of `to` takes it; nothing where it cannot write that. */
function assemblerOption(name: string, to: Compiler): CompileOption[] {
  const parts = name.slice("-Wa,".length).split(",");
  const others = parts.filter((part) => part !== ALLOW_SFRAME && part !== "--gsframe");
  const says: string[] = [];
  if (parts.includes("--gsframe")) {
    if (to.family === "gcc") says.push("--gsframe");
    else if (majorOf(to) >= FIRST_WITH_SFRAME) says.push(ALLOW_SFRAME, "--gsframe");
  }
  const all = [...others, ...says];
  return all.length === 0 ? [] : [[`-Wa,${all.join(",")}`]];
}

/**
 * What a compiler complains of that it does not know, as it quotes it: clang "unknown argument: '-x'", "unsupported option '-x'",
 * "unsupported argument 'x' to option '-y='"; gcc "unrecognized command-line option '-x'", "unrecognized argument in option '-x'";
 * the assembler "unrecognized option '--x'".
 */
const COMPLAINTS: readonly RegExp[] = [
  /error: (?:unknown argument:?|unsupported option|unrecognized command-line option|unrecognized argument in option) ['‘"]([^'’"]+)['’"]/,
  /error: unknown (?:command line argument|argument) ['‘"]([^'’"]+)['’"]/,
  /(?:Unknown command line argument) ['‘"]([^'’"]+)['’"]/,
];
const BAD_ARGUMENT = /error: unsupported argument ['‘"]([^'’"]*)['’"] to option ['‘"]([^'’"]+)['’"]/;
const BAD_ASSEMBLER = /^(?:as|.*\bassembler|Assembler messages)?:? ?.*unrecognized option ['‘"]([^'’"]+)['’"]/;

/** Options without those that `log` complains of; undefined where it complains of none that is there. */
export function withoutUnknown(options: readonly CompileOption[], log: string): CompileOption[] | undefined {
  const unknown = new Set<string>();
  for (const line of log.split("\n").slice(0, 400)) {
    for (const complaint of COMPLAINTS) {
      const name = complaint.exec(line)?.[1];
      if (name !== undefined) unknown.add(name);
    }
    const bad = BAD_ARGUMENT.exec(line);
    if (bad !== null) unknown.add(bad[2] === "-Wa," ? `-Wa,${bad[1]}` : `${bad[2]}${bad[1]}`);
    const assembler = BAD_ASSEMBLER.exec(line)?.[1];
    if (assembler?.startsWith("--") === true) unknown.add(`-Wa,${assembler}`);
  }
  const kept = options.filter((option) => !option.some((word) => unknown.has(word)) && !namesPart(option[0]!, unknown));
  return kept.length === options.length ? undefined : kept;
}

/** Of "-Wa,a,b" one part is enough. */
function namesPart(name: string, unknown: ReadonlySet<string>): boolean {
  if (!name.startsWith("-Wa,")) return false;
  return name
    .slice("-Wa,".length)
    .split(",")
    .some((part) => unknown.has(`-Wa,${part}`));
}
