import { UsageError } from "../base/errors.ts";

// kbuild leaves `.NAME.o.cmd` beside every object (scripts/Kbuild.include, cmd_and_fixdep; scripts/basic/fixdep.c writes it):
//
//   savedcmd_kernel/fork.o := gcc ... -c -o kernel/fork.o /src/kernel/fork.c        ("cmd_" before 6.3)
//   source_kernel/fork.o := /src/kernel/fork.c
//   deps_kernel/fork.o := \
//       $(wildcard include/config/FOO) \
//     /src/include/linux/a.h \
//
// `$(wildcard include/config/FOO)` says that the object depends on the value of CONFIG_FOO.

export interface SavedCommand {
  readonly target: string;
  /** The whole command as make would hand it to the shell. */
  readonly command: string;
  /** The compile step alone: what follows it (objtool, objcopy, modversions, a retpoline check) is cut off. */
  readonly compile: string;
  /** There was something to cut: the object on disk is not what the compiler wrote. */
  readonly isPostProcessed: boolean;
  readonly source: string | undefined;
  /** Files as written: absolute source paths, build-folder paths relative to it. */
  readonly deps: readonly string[];
  /** Without the CONFIG_ prefix. */
  readonly configSymbols: readonly string[];
}

/** The `.cmd` file of an object: "kernel/fork.o" -> "kernel/.fork.o.cmd". */
export function savedCommandPath(object: string): string {
  const slash = object.lastIndexOf("/") + 1;
  return `${object.slice(0, slash)}.${object.slice(slash)}.cmd`;
}

/** Reads a `.cmd` file's text. Throws UsageError where it holds no command: such a file is not from kbuild. */
export function readSavedCommand(text: string, from: string): SavedCommand {
  const head = /^(?:savedcmd|cmd)_(\S+) := (.*)$/m.exec(text);
  if (head === null) throw new UsageError(`${from}: no saved command of kbuild`);
  const target = head[1]!;
  const command = unescapeMake(head[2]!).trim();
  const compile = firstShellCommand(command);
  const source = /^source_\S+ := (.*)$/m.exec(text)?.[1]?.trim();
  const deps: string[] = [];
  const configSymbols: string[] = [];
  const list = /^deps_\S+ := \\?\n((?:.*\\\n)*.*)$/m.exec(text);
  if (list !== null) {
    for (const raw of list[1]!.split("\n")) {
      const line = raw.replace(/\\$/, "").trim();
      if (line === "") {
        if (!raw.endsWith("\\")) break;
        continue;
      }
      const symbol = /^\$\(wildcard include\/config\/([^)]+)\)$/.exec(line);
      if (symbol !== null) configSymbols.push(symbol[1]!);
      else deps.push(line);
    }
  }
  return { target, command, compile, isPostProcessed: compile !== command, source, deps, configSymbols };
}

/** make-cmd in Kbuild.include writes `$` as `$$` and `#` as `$(pound)`. */
function unescapeMake(text: string): string {
  return text.replaceAll("$(pound)", "#").replaceAll("$$", "$");
}

/** The text up to the first `;`, `&&`, `||` or `|` that stands outside quotes. */
function firstShellCommand(command: string): string {
  let quote = "";
  for (let i = 0; i < command.length; i++) {
    const char = command[i]!;
    if (quote !== "") {
      if (char === "\\" && quote === '"') i++;
      else if (char === quote) quote = "";
    } else if (char === "\\") {
      i++;
    } else if (char === "'" || char === '"') {
      quote = char;
    } else if (char === ";" || char === "|" || char === "&") {
      return command.slice(0, i).trim();
    }
  }
  return command;
}
