import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SetupError } from "../setup/command.ts";
import type { BuiltObject } from "./compile.ts";
import type { Draw, SourceTree } from "./draw.ts";

/** A header that everything includes would make each review a build of the kernel. */
const MAX_DEPENDENTS = 12;

export type Sort = "c" | "asm" | "header";

/** A file that can be edited. */
export interface Candidate {
  readonly file: string;
  readonly sort: Sort;
  /** What is compiled to try the edit. */
  readonly made: BuiltObject;
  readonly objects: readonly string[];
}

function usersOfHeaders(objects: readonly BuiltObject[]): Map<string, BuiltObject[]> {
  const users = new Map<string, BuiltObject[]>();
  for (const made of objects) {
    for (const header of made.headers) {
      const own = users.get(header);
      if (own === undefined) users.set(header, [made]);
      else own.push(made);
    }
  }
  return users;
}

/** Every source that the build compiles, and the headers that few of them include. */
export function listCandidates(objects: readonly BuiltObject[], maxDependents = MAX_DEPENDENTS): Candidate[] {
  const candidates: Candidate[] = objects.map((made) => {
    const sort: Sort = made.source.endsWith(".S") ? "asm" : "c";
    return { file: made.source, sort, made, objects: [made.object] };
  });
  for (const [file, users] of [...usersOfHeaders(objects)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const made = users.find((each) => each.source.endsWith(".c"));
    if (made === undefined || users.length > maxDependents) continue;
    candidates.push({ file, sort: "header", made, objects: users.map((each) => each.object) });
  }
  return candidates;
}

/** The folders one after the other, for breadth; within a folder, and between folders, in random order. */
export function byFolders(candidates: readonly Candidate[], draw: Draw): Candidate[] {
  const byFolder = new Map<string, Candidate[]>();
  for (const each of draw.shuffled(candidates)) {
    const folder = dirname(each.file);
    const own = byFolder.get(folder);
    if (own === undefined) byFolder.set(folder, [each]);
    else own.push(each);
  }
  const folders = [...byFolder.values()];
  const longest = Math.max(0, ...folders.map((each) => each.length));
  const out: Candidate[] = [];
  for (let i = 0; i < longest; i++) for (const folder of folders) if (folder[i] !== undefined) out.push(folder[i]!);
  return out;
}

/** Sources and headers of the tree that have a word in them, sorted: a review builds more of them than the build that edits are drawn from. */
function filesWith(source: string, word: string): string[] {
  const args = ["-rlwF", "--include=*.[chS]", "-e", word, "."];
  const { status, stdout } = spawnSync("grep", args, { cwd: source, encoding: "utf8", maxBuffer: 1 << 26 });
  // 1: no file has it
  if (status !== 0 && status !== 1) throw new SetupError(`grep ends with ${status} in ${source}`);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^\.\//, ""))
    .sort();
}

/** The files that a build is made from, read when they are first asked for. */
export function openSourceTree(source: string, objects: readonly BuiltObject[]): SourceTree {
  const users = usersOfHeaders(objects);
  const texts = new Map<string, string | undefined>();
  const read = (path: string): string | undefined => {
    if (!texts.has(path)) {
      try {
        texts.set(path, readFileSync(join(source, path), "utf8"));
      } catch {
        texts.set(path, undefined);
      }
    }
    return texts.get(path);
  };
  return {
    read,
    mentioning: (word) => filesWith(source, word),
    users: (header) => (users.get(header) ?? []).map((each) => each.object),
    sources: (folder) =>
      objects.flatMap(({ source: path }) => (dirname(path) === folder && path.endsWith(".c") ? [path] : [])),
  };
}
