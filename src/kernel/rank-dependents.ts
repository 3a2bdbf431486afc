import { type Definition, nearestUse, readDefinitions, spreadChange } from "../patch/definitions.ts";
import { readBuilt } from "./collect.ts";
import type { Dependent } from "./include-scan.ts";

// A header may have 2,700 dependents, and a change of it touches the code of a few. Which ones, as far as text tells: those that name what
// changed, or a macro, an inline function or a type that is made of it, over any number of headers.

export interface RankOptions {
  /** Names that the patch's header changes define. */
  readonly changed: ReadonlySet<string>;
  readonly sourceDir: string;
  /** Headers whose definitions carry a change on: all that sources of this architecture can include. */
  readonly headers: () => readonly string[];
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
  const names = [...options.changed].filter((name) => /^\w+$/.test(name));
  if (names.length === 0 || list.length === 0) return { list, users: 0 };
  const distances = spreadChange(definitionsOf(options), names);
  const uses: { item: Dependent; distance: number; count: number }[] = [];
  const others: Dependent[] = [];
  for (const [n, item] of list.entries()) {
    const use = n < RANK_CAP ? nearestUse(readSource(options.sourceDir, item.source), distances) : undefined;
    if (use === undefined) others.push(item);
    else uses.push({ item, ...use });
  }
  uses.sort((a, b) => a.distance - b.distance || b.count - a.count);
  return { list: [...uses.map(({ item }) => item), ...others], users: uses.length };
}

function* definitionsOf({ sourceDir, headers }: RankOptions): Generator<Definition> {
  for (const path of headers()) yield* readDefinitions(readText(sourceDir, path));
}

function readSource(dir: string, source: string): string {
  const names = source.endsWith(".o") ? [source.replace(/\.o$/, ".c"), source.replace(/\.o$/, ".S")] : [source];
  for (const name of names) {
    const text = readText(dir, name);
    if (text !== "") return text;
  }
  return "";
}

function readText(dir: string, name: string): string {
  // The tree holds what a patch put there: links and pipes are not followed.
  const file = readBuilt(dir, name, MAX_SOURCE_BYTES);
  return file.kind === "file" ? new TextDecoder("latin1").decode(file.bytes) : "";
}
