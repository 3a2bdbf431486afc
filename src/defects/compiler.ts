// Which compiler made an object, from the words that compilers leave in it.

export type CompilerFamily = "gcc" | "clang" | "gas";

export interface Compiler {
  readonly family: CompilerFamily;
  /** "12.2.0": upstream's, as far as the words have it; a distribution's own is not told. */
  readonly version: string;
}

/** Longer words are no compiler's name and version; gcc's producer has its options behind them. */
const MOST_CHARACTERS = 256;

const VERSION = String.raw`(\d{1,4}(?:\.\d{1,4}){1,3})(?![\w.])`;
// DW_AT_producer of gcc ("GNU C11 12.2.0 -mno-sse ...", after link-time optimisation "GNU GIMPLE 12.2.0 ...") and of gas ("GNU AS 2.40").
const PRODUCER_OF_GCC = new RegExp(String.raw`^GNU (?:C\d{2}|C|C\+\+\d{2}|GIMPLE) ${VERSION}`);
const PRODUCER_OF_GAS = new RegExp(`^GNU AS ${VERSION}`);
// .comment of gcc ("GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"), and the first line of --version ("x86_64-linux-gnu-gcc-12 (...) 12.2.0").
const NAME_OF_GCC = new RegExp(String.raw`^(?:GCC:|(?:[\w.-]+-)?gcc(?:-\d+)?) +${VERSION}`);
// The same words in all three places: "Debian clang version 22.1.8 (1~deb12u1)", "clang version 19.1.7".
const NAME_OF_CLANG = new RegExp(String.raw`^(?:[A-Z]\w* )?clang version ${VERSION}`);

/**
 * The compiler that DW_AT_producer, a string of `.comment` or the first line of `--version` names; undefined for anybody else: linkers, other
 * languages' compilers, and Apple's clang, whose versions are its own.
 */
export function parseCompiler(words: string): Compiler | undefined {
  const start = words.slice(0, MOST_CHARACTERS).trim();
  if (start.startsWith("Apple ")) return undefined;
  const clang = NAME_OF_CLANG.exec(start);
  if (clang !== null) return { family: "clang", version: clang[1] as string };
  const gas = PRODUCER_OF_GAS.exec(start);
  if (gas !== null) return { family: "gas", version: gas[1] as string };
  const gcc = PRODUCER_OF_GCC.exec(start) ?? NAME_OF_GCC.exec(withoutBrackets(start));
  return gcc === null ? undefined : { family: "gcc", version: gcc[1] as string };
}

/** The distribution's name and version stand in brackets, which may hold others. */
function withoutBrackets(text: string): string {
  let depth = 0;
  let kept = "";
  for (const each of text) {
    if (each === "(") depth++;
    else if (each === ")" && depth > 0) depth--;
    else if (depth === 0) kept += each;
  }
  return kept;
}

export function compilerName({ family, version }: Compiler): string {
  return `${family} ${version}`;
}

/** Below 0 where version `a` is before `b`; numbers that one of them lacks are 0. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let n = 0; n < Math.max(left.length, right.length); n++) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
