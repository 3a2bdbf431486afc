import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, posix, relative, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { OUT_MOUNT, SOURCE_MOUNT } from "./kbuild.ts";
import { readSavedCommand, savedCommandPath } from "./saved-command.ts";

// An object of a build that somebody has: its saved command, in the words of a sandbox where source and build folder stand at the places of
// every other build.

export interface BuildObject {
  /** Path in the build folder. */
  readonly object: string;
  readonly sourceDir: string;
  readonly outDir: string;
  /** The compile alone, with the mounts' paths. */
  readonly command: string;
}

const MAX_CMD_BYTES = 16 << 20;

/** Throws UsageError where the folder is no build of a kernel that has the object. */
export function openBuildObject(build: string, name: string): BuildObject {
  if (statSync(build, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(`--build ${build}: no such folder`);
  const outDir = realpathSync(build);
  const object = objectIn(outDir, name);
  const file = join(outDir, savedCommandPath(object));
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined || size > MAX_CMD_BYTES)
    throw new UsageError(`${object}: kbuild has saved no command for it in ${build}`);
  const saved = readSavedCommand(readFileSync(file, "utf8"), savedCommandPath(object));
  const { source } = saved;
  const stem = object.replace(/\.o$/, ".c");
  if (source === undefined || !posix.normalize(source).endsWith(stem))
    throw new UsageError(`${object}: it is not compiled from ${stem}`);
  // "" where it was built inside the source tree.
  const srctree = source.slice(0, source.length - stem.length);
  const sourceDir = srctree === "" ? outDir : realpathSync(resolve(outDir, srctree));
  return { object, sourceDir, outDir, command: moved(saved.compile, srctree, outDir) };
}

/** By its path in the build folder, from inside it or not. */
function objectIn(outDir: string, name: string): string {
  const candidates = isAbsolute(name) ? [name] : [join(outDir, name), resolve(name)];
  const found = candidates.find((path) => existsSync(join(outDir, savedCommandPath(relative(outDir, path)))));
  const object = relative(outDir, found ?? candidates[0]!);
  if (object.startsWith("..") || !object.endsWith(".o")) throw new UsageError(`${name}: no object of the build folder`);
  return object;
}

/** The command with the two folders where the sandbox has them. */
function moved(command: string, srctree: string, outDir: string): string {
  let text = command;
  for (const [from, to] of [
    [srctree, `${SOURCE_MOUNT}/`],
    [`${outDir}/`, `${OUT_MOUNT}/`],
  ] as const) {
    if (from === "" || from === "./") continue;
    // At the begin of a word or behind an option's letters: "../include" is no part of "a../include".
    text = text.replace(
      new RegExp(`(^|[\\s"'=,]|-I)${escapePattern(from)}`, "g"),
      (_, before: string) => `${before}${to}`,
    );
  }
  return text;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
