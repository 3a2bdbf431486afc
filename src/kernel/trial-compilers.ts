import { ToolError } from "../base/errors.ts";
import { runInBuild, type SandboxedRun } from "./kbuild.ts";
import { familyOf } from "./trial-command.ts";
import type { Compiler } from "./trial-flags.ts";

/** Others than the build's own that are asked about one object. */
const MOST_COMPILERS = 4;

/** One line a compiler: program, real file, machine, and its version line. */
const SCRIPT = `
say() {
  file=$(command -v "$1") && file=$(readlink -f "$file") || return 0
  printf '%s|%s|%s|%s|%s\\n' "$1" "$file" "$("$1" -dumpmachine 2>/dev/null)" "$("$1" -dumpfullversion 2>/dev/null | head -n 1)" \
    "$("$1" --version 2>/dev/null | head -n 1)"
}
say "$1"
for dir in /usr/local/bin /usr/bin; do
  for file in "$dir"/gcc "$dir"/*-gcc "$dir"/gcc-[0-9]* "$dir"/*-gcc-[0-9]* "$dir"/clang "$dir"/clang-[0-9]*; do
    [ -x "$file" ] && say "\${file##*/}"
  done
done
exit 0
`;
const SECONDS = 60;

export interface FoundCompilers {
  readonly own: Compiler;
  /** Those that compile for the same machine, the other family and the newest first. */
  readonly others: readonly Compiler[];
}

/** Asks the compilers that the sandbox shows. Throws ToolError where `program`, the build's own, is none of them. */
export async function findCompilers(run: Omit<SandboxedRun, "seconds">, program: string): Promise<FoundCompilers> {
  const command = ["/bin/sh", "-c", SCRIPT, "sh", program];
  const { log, outcome } = await runInBuild({ ...run, readsOnly: true, seconds: SECONDS }, command);
  const [first, ...found] = readCompilers(log);
  if (outcome !== "exited" || first === undefined || first.compiler.program !== program)
    throw new ToolError("failed", `${program} cannot be run in the sandbox`, { command: [program] });
  const own = first.compiler;
  return { own, others: chooseOthers(own, found) };
}

interface Found {
  readonly file: string;
  readonly compiler: Compiler;
}

export function readCompilers(log: string): Found[] {
  return log.split("\n").flatMap((line) => {
    const [program = "", file = "", machine = "", full = "", text = ""] = line.split("|");
    const family = familyOf(program);
    // gcc-ar and gcc-nm have names like compilers; only a compiler of this family says so itself.
    const version = family === "gcc" ? full : /\bclang version (\d+\.\d+\.\d+)/.exec(text)?.[1];
    if (family === undefined || version === undefined || !/^\d+(\.\d+)*$/.test(version)) return [];
    return [{ file, compiler: { program, family, version, machine } }];
  });
}

/** One of each version; clang compiles for every machine, gcc for its own. */
export function chooseOthers(own: Compiler, found: readonly Found[]): Compiler[] {
  const seen = new Set([`${own.family} ${own.version}`]);
  const others: Compiler[] = [];
  for (const { compiler } of found) {
    const key = `${compiler.family} ${compiler.version}`;
    const isFitting = compiler.family === "clang" || archOf(compiler) === archOf(own);
    if (seen.has(key) || !isFitting) continue;
    seen.add(key);
    others.push(compiler);
  }
  const newestFirst = (family: boolean) =>
    others.filter((each) => (each.family === own.family) === family).sort((a, b) => compareVersions(b, a));
  const [foreign, kin] = [newestFirst(false), newestFirst(true)];
  const chosen: Compiler[] = [];
  for (let n = 0; chosen.length < MOST_COMPILERS && n < Math.max(foreign.length, kin.length); n++)
    chosen.push(...foreign.slice(n, n + 1), ...kin.slice(n, n + 1));
  return chosen.slice(0, MOST_COMPILERS);
}

function archOf({ machine }: Compiler): string {
  return machine.split("-")[0] ?? "";
}

function compareVersions(a: Compiler, b: Compiler): number {
  const [left, right] = [a.version.split(".").map(Number), b.version.split(".").map(Number)];
  for (let n = 0; n < Math.max(left.length, right.length); n++) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
