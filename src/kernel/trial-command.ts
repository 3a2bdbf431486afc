import { UsageError } from "../base/errors.ts";

// A saved compile command taken apart, so that the same source can be compiled in another way. The text is whoever's that wrote the recipes:
// what a shell would do more with than split it into words is refused, and it is only ever put together again with every word quoted.

export type CompilerFamily = "gcc" | "clang";

/** An option with its argument where that is a word of its own: ["-O2"], ["-include", "a.h"]. */
export type CompileOption = readonly string[];

export interface CompileCommand {
  /** The program as the command names it, without ccache: "gcc", "x86_64-linux-gnu-gcc-12", "clang-22". */
  readonly program: string;
  readonly family: CompilerFamily;
  /** All but source, output and the list of dependencies. */
  readonly options: readonly CompileOption[];
  /** As the command names it. */
  readonly source: string;
  readonly object: string;
}

/** Options whose argument is the next word. reference: gcc(1) 12, clang(1) 22. */
const TAKES_WORD = new Set([
  ...[
    "-include",
    "-imacros",
    "-isystem",
    "-idirafter",
    "-iquote",
    "-I",
    "-D",
    "-U",
    "-mllvm",
    "-Xclang",
    "-Xassembler",
  ],
  ...[
    "-Xpreprocessor",
    "-Xlinker",
    "--param",
    "-target",
    "-x",
    "-MF",
    "-MT",
    "-MQ",
    "-B",
    "-wrapper",
    "-T",
    "-u",
    "-z",
  ],
]);

/** Takes a compile of one C file apart. Throws UsageError for what is none. */
export function readCompile(command: string): CompileCommand {
  const words = splitWords(command);
  if (words[0] === "ccache") words.shift();
  const program = words.shift() ?? "";
  const family = familyOf(program);
  if (family === undefined) throw new UsageError(`${shorten(program)} is no compiler that is known here`);
  const options: CompileOption[] = [];
  const sources: string[] = [];
  let object = "";
  let compiles = false;
  for (let w = 0; w < words.length; w++) {
    const word = words[w]!;
    if (word === "-c") compiles = true;
    else if (word === "-o") object = words[++w] ?? "";
    else if (/^-Wp,-MM?D,/.test(word) || /^-MM?D$/.test(word)) continue;
    else if (!word.startsWith("-")) sources.push(word);
    else if (TAKES_WORD.has(word)) options.push([word, words[++w] ?? ""]);
    else options.push([word]);
  }
  const [source, ...more] = sources;
  if (!compiles || object === "" || source === undefined || more.length > 0)
    throw new UsageError("it is not the compile of one file");
  if (!source.endsWith(".c")) throw new UsageError("it is not compiled from C");
  return { program, family, options, source, object };
}

/** "aarch64-linux-gnu-gcc-12" -> "gcc" */
export function familyOf(program: string): CompilerFamily | undefined {
  const name = program.slice(program.lastIndexOf("/") + 1);
  return /^(?:[A-Za-z0-9_.]+-)*(gcc|clang)(?:-[0-9.]+)?$/.exec(name)?.[1] as CompilerFamily | undefined;
}

/** The level of optimisation that counts: the last one. "-O0" where none is said. */
export function levelOf(options: readonly CompileOption[]): string {
  return options.findLast(([name]) => /^-O/.test(name!))?.[0] ?? "-O0";
}

/**
 * The words of a simple command of POSIX's shell (section 2.2, Quoting). Throws UsageError for expansions, redirections, control operators and
 * control characters.
 */
export function splitWords(command: string): string[] {
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(command)) throw new UsageError("it holds control characters");
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < command.length; i++) {
    const char = command[i]!;
    if (char === " " || char === "\t") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'") {
      const end = command.indexOf("'", i + 1);
      if (end < 0) throw new UsageError("a quote in it has no end");
      word = (word ?? "") + command.slice(i + 1, end);
      i = end;
    } else if (char === '"') {
      word ??= "";
      for (i++; command[i] !== '"'; i++) {
        if (i >= command.length) throw new UsageError("a quote in it has no end");
        if (command[i] === "$" || command[i] === "`") throw new UsageError("the shell would expand a part of it");
        if (command[i] === "\\" && /["\\$`]/.test(command[i + 1] ?? "")) i++;
        word += command[i];
      }
    } else if (char === "\\") {
      word = (word ?? "") + (command[++i] ?? "");
    } else if (/[$`;&|<>()*?[~{}]/.test(char) || (char === "#" && word === undefined)) {
      throw new UsageError("the shell would do more with it than split it");
    } else word = (word ?? "") + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A word that a shell takes for itself and nothing else. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

function shorten(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
