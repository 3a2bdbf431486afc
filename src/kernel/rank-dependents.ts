import { type Definition, definedOn, nearestUse, readDefinitions, spreadChange } from "../patch/definitions.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import { changedIdentifiers } from "../patch/identifiers.ts";
import { MacroTemplates } from "../patch/macro-templates.ts";
import { readBuilt } from "./collect.ts";
import type { Dependent } from "./include-scan.ts";

// A header may have 2,700 dependents, and a change of it touches the code of a few. Which ones, as far as text tells: those that name what
// changed, or a macro, an inline function or a type that is made of it, over any number of headers.

export interface RankOptions {
  /** The patch's changes of headers, in its order. */
  readonly diffs: readonly FileDiff[];
  /** Text of a file of the source with the patch, "" where there is none. */
  readonly read: (path: string) => string;
  /** Headers whose definitions carry a change on to sources of these directories. */
  readonly headers: (directories: ReadonlySet<string>) => readonly string[];
}

export interface Ranked {
  /** Users first, the nearest first; then the others, in the order given. */
  readonly list: readonly Dependent[];
  /** How many of them use what changed. */
  readonly users: number;
}

/** Dependents whose text is read. */
const RANK_CAP = 4000;
const MAX_SOURCE_BYTES = 8 * 1024 * 1024;

export function rankDependents(list: readonly Dependent[], options: RankOptions): Ranked {
  const names = changedNames(options);
  if (names.size === 0 || list.length === 0) return { list, users: 0 };
  const distances = spreadChange(definitionsOf(list, options), names);
  const uses: { item: Dependent; distance: number; count: number }[] = [];
  const others: Dependent[] = [];
  for (const [n, item] of list.entries()) {
    const use = n < RANK_CAP ? nearestUse(readSource(options.read, item.source), distances) : undefined;
    if (use === undefined) others.push(item);
    else uses.push({ item, ...use });
  }
  uses.sort((a, b) => a.distance - b.distance || b.count - a.count);
  return { list: [...uses.map(({ item }) => item), ...others], users: uses.length };
}

/** What the hunks show to be changed, and what stands at their lines in the header itself: a hunk may show no name, or the one before. */
function changedNames({ diffs, read }: RankOptions): Set<string> {
  const names = new Set<string>();
  for (const diff of diffs) {
    const definitions = readDefinitions(read(diff.path));
    const known = new Set(definitions.map(({ name }) => name));
    for (const name of definedOn(definitions, changedLines(diff))) names.add(name);
    for (const name of changedIdentifiers(diff).defined) {
      if (!/^\w+$/.test(name)) continue;
      const tagged = ["struct", "union", "enum"].map((word) => `${word} ${name}`).filter((full) => known.has(full));
      // Of an enumeration the enumerators at the changed lines count; its own name says little.
      for (const each of tagged.length > 0 ? tagged : [name]) names.add(each);
    }
  }
  return names;
}

/** Lines of the new side that are new, or that follow what was taken away. */
function changedLines(diff: FileDiff): number[] {
  return diff.hunks.flatMap((hunk) => {
    let next = hunk.newStart + hunk.newCount;
    const lines: number[] = [];
    for (const { kind, newLine } of hunk.lines.toReversed()) {
      if (kind !== " ") lines.push(kind === "+" ? newLine : next);
      if (kind !== "-") next = newLine;
    }
    return lines;
  });
}

function* definitionsOf(list: readonly Dependent[], { read, headers }: RankOptions): Generator<Definition> {
  // An include scan has five times the sources that are built: the headers beside all of those are too many to read.
  const directories = new Set(
    list.flatMap(({ source }) =>
      source.endsWith(".o") ? [source.slice(0, Math.max(0, source.lastIndexOf("/")))] : [],
    ),
  );
  const templates = new MacroTemplates();
  for (const path of headers(directories)) {
    const text = read(path);
    templates.add(text);
    yield* readDefinitions(text);
  }
  yield* templates.definitions();
}

function readSource(read: RankOptions["read"], source: string): string {
  const names = source.endsWith(".o") ? [source.replace(/\.o$/, ".c"), source.replace(/\.o$/, ".S")] : [source];
  for (const name of names) {
    const text = read(name);
    if (text !== "") return text;
  }
  return "";
}

/** Reads the files of a tree. */
export function sourceReader(dir: string): RankOptions["read"] {
  return (path) => {
    // The tree holds what a patch put there: links and pipes are not followed.
    const file = readBuilt(dir, path, MAX_SOURCE_BYTES);
    return file.kind === "file" ? new TextDecoder("latin1").decode(file.bytes) : "";
  };
}
