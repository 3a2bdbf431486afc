import {
  type Definition,
  type Distances,
  definedOn,
  nearestUse,
  readDefinitions,
  spreadChange,
  withoutComments,
} from "../patch/definitions.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import { changedIdentifiers } from "../patch/identifiers.ts";
import { type Layout, type Moved, movedMembers, readLayouts } from "../patch/layouts.ts";
import { MacroTemplates } from "../patch/macro-templates.ts";
import { movedUses, Receivers, readersOf } from "../patch/member-uses.ts";
import { readBuilt } from "./collect.ts";
import type { Dependent } from "./include-scan.ts";

// A header may have 2,700 dependents, and a change of it touches the code of a few. Which ones, as far as text tells: those that name what
// changed, or a macro, an inline function or a type that is made of it, over any number of headers. Where a type's layout changes, those
// that read a member which moves, the ones that read most of them first, stand before those that only name the type.

export interface RankOptions {
  /** The patch's changes of headers, in its order. */
  readonly diffs: readonly FileDiff[];
  /** Text of a file of the source with the patch, "" where there is none. */
  readonly read: (path: string) => string;
  /** Headers whose definitions carry a change on to sources of these directories. */
  readonly headers: (directories: ReadonlySet<string>) => readonly string[];
  /**
   * Assembly takes layouts from constants that kbuild computes: `OFFSET(TASK_stack_canary, task_struct, stack_canary)`. The source of these,
   * and objects that may use them without the header being one of their dependencies.
   */
  readonly constants?: { readonly source: string; readonly users: () => readonly Dependent[] };
}

export interface Ranked {
  /** Users first, the nearest first; then the others, in the order given. */
  readonly list: readonly Dependent[];
  /** How many of them use what changed; to name a type of another layout is no use of it where others read what moves. */
  readonly users: number;
  /** How many of them, the first, use it themselves, or call what does. */
  readonly direct: number;
}

/** Dependents whose text is read. */
const RANK_CAP = 4000;
const MAX_SOURCE_BYTES = 8 * 1024 * 1024;

export function rankDependents(list: readonly Dependent[], options: RankOptions): Ranked {
  const names = changedNames(options);
  if (names.size === 0 || list.length === 0) return { list, users: 0, direct: 0 };
  const headers = options.headers(directoriesOf(list));
  const definitions = definitionsOf(headers, options.read);
  const all = [...definitions.values()].flat();
  const distances = spreadChange(all, names);
  const layout = layoutChange(definitions, all, options);
  // What changes beside layouts counts with what reads them.
  const other =
    layout === undefined
      ? undefined
      : spreadChange(
          all,
          [...names].filter((name) => !layout.moved.has(name)),
        );
  const others: Dependent[] = [];
  const uses: { item: Dependent; reads: number; distance: number; count: number }[] = [];
  const assembly = layout === undefined ? [] : constantUsers(list, all, layout, options);
  const first = new Set(assembly.map(({ source }) => source));
  for (const [n, item] of list.entries()) {
    if (first.has(item.source)) continue;
    const text = n < RANK_CAP ? readSource(options.read, item.source) : "";
    const use = nearestUse(text, distances);
    const otherUse = other === undefined ? undefined : nearestUse(text, other);
    const reads =
      (layout === undefined ? 0 : readsOf(item.source, text, layout)) +
      (otherUse === undefined ? 0 : FAR ** -otherUse.distance);
    if (use === undefined && reads === 0) others.push(item);
    else uses.push({ item, reads, ...(use ?? { distance: Number.POSITIVE_INFINITY, count: 0 }) });
  }
  uses.sort((a, b) => b.reads - a.reads || a.distance - b.distance || b.count - a.count);
  const readers = uses.filter(({ reads }) => reads > 0);
  const direct = uses.filter(({ reads, distance }) => (readers.length > 0 ? reads >= 1 : distance === 0));
  return {
    list: [...assembly, ...uses.map(({ item }) => item), ...others],
    users: assembly.length + (readers.length > 0 ? readers : uses).length,
    direct: assembly.length + direct.length,
  };
}

/** Objects that use a constant which moves with a layout, dependents or not. They are few, and assembly has no other way to know of it. */
function constantUsers(
  list: readonly Dependent[],
  all: readonly Definition[],
  { moved }: LayoutChange,
  { constants, read }: RankOptions,
): Dependent[] {
  if (constants === undefined) return [];
  const names = [
    ...readSource(read, constants.source).matchAll(/\bOFFSET\s*\(\s*(\w+)\s*,\s*(\w+)\s*,\s*(\w+)/g),
  ].flatMap(([, name, type, member]) =>
    ["struct", "union"].some((word) => moved.get(`${word} ${type}`)?.has(member as string)) ? [name as string] : [],
  );
  if (names.length === 0) return [];
  const distances = spreadChange(all, names);
  const candidates = new Map([...constants.users(), ...list].map((item) => [item.source, item]));
  return [...candidates.values()]
    .slice(0, RANK_CAP)
    .filter(({ source }) => nearestUse(readSource(read, source), distances) !== undefined);
}

interface LayoutChange {
  readonly moved: Moved;
  readonly receivers: Receivers;
  /** Functions and macros that read what moved, and what is made of them. */
  readonly readers: Distances;
  /** Directory -> those of its own headers. */
  readonly near: ReadonlyMap<string, readonly string[]>;
}

/** Undefined where the patch changes the layout of no type. */
function layoutChange(
  definitions: ReadonlyMap<string, readonly Definition[]>,
  all: readonly Definition[],
  { diffs, read }: RankOptions,
): LayoutChange | undefined {
  const edited = diffs.map((diff) => ({ layouts: readLayouts(read(diff.path)), lines: changedLines(diff) }));
  if (edited.every(({ layouts, lines }) => movedMembers(layouts, lines, []).size === 0)) return undefined;
  const receivers = new Receivers();
  const layouts: Layout[] = [];
  for (const path of definitions.keys()) {
    const text = read(path);
    const own = readLayouts(text);
    receivers.add(text, own);
    layouts.push(...own);
  }
  receivers.close();
  const moved = new Map<string, Set<string>>();
  for (const each of edited) {
    for (const [type, members] of movedMembers(each.layouts, each.lines, layouts))
      moved.set(type, new Set([...(moved.get(type) ?? []), ...members]));
  }
  const near = new Map<string, string[]>();
  const everywhere: string[] = [];
  for (const [path, own] of definitions) {
    const found = readersOf(() => read(path), own, moved, receivers);
    // What a header beside some sources calls "name" or pr_fmt() is of these sources alone.
    if (/^(?:arch\/\w+\/)?include\//.test(path)) everywhere.push(...found);
    else if (found.length > 0) {
      const directory = path.slice(0, path.lastIndexOf("/") + 1);
      near.set(directory, [...(near.get(directory) ?? []), ...found]);
    }
  }
  return { moved, receivers, readers: spreadChange(all, everywhere), near };
}

/** How much of what moved a source reads; a function that does counts like a member, one that is made of it much less. */
function readsOf(source: string, text: string, { moved, receivers, readers, near }: LayoutChange): number {
  let sum = movedUses(withoutComments(text), moved, receivers).size;
  // A word is a use of a function where it is called, and of a macro that is none where it is in capitals.
  const names = new Set(text.match(/\b(?:[A-Z_][A-Z0-9_]*\b|[A-Za-z_]\w*(?=\())/g));
  for (const name of names) {
    const distance = readers.get(name);
    if (distance !== undefined) sum += FAR ** -distance;
  }
  for (let at = source.lastIndexOf("/"); at > 0; at = source.lastIndexOf("/", at - 1))
    sum += near.get(source.slice(0, at + 1))?.filter((name) => names.has(name)).length ?? 0;
  return sum;
}

const FAR = 16;

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

/** Of an include scan none: it has five times the sources that are built, and the headers beside all of those are too many to read. */
function directoriesOf(list: readonly Dependent[]): Set<string> {
  return new Set(
    list.flatMap(({ source }) =>
      source.endsWith(".o") ? [source.slice(0, Math.max(0, source.lastIndexOf("/")))] : [],
    ),
  );
}

/** Header -> what it defines; "" -> what calls of macros define. */
function definitionsOf(headers: readonly string[], read: RankOptions["read"]): Map<string, Definition[]> {
  const templates = new MacroTemplates();
  const definitions = new Map<string, Definition[]>();
  for (const path of headers) {
    const text = read(path);
    templates.add(text);
    definitions.set(path, readDefinitions(text));
  }
  definitions.set("", [...templates.definitions()]);
  return definitions;
}

/** Sources that a source takes in: `#include "rt.c"`, and headers of tracepoints, which it asks to become code. */
const TAKEN_IN = /^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+\.c)"|<(trace\/[^>\n]+\.h)>|"([^"\n]*trace[^"\n]*\.h)")/gm;
const MAX_TAKEN_IN = 40;

function readSource(read: RankOptions["read"], source: string): string {
  const names = source.endsWith(".o") ? [source.replace(/\.o$/, ".c"), source.replace(/\.o$/, ".S")] : [source];
  for (const name of names) {
    const text = read(name);
    if (text === "") continue;
    const directory = name.slice(0, name.lastIndexOf("/") + 1);
    const makesTracepoints = /^[ \t]*#[ \t]*define[ \t]+CREATE_TRACE_POINTS\b/m.test(text);
    const more = [...text.matchAll(TAKEN_IN)].slice(0, MAX_TAKEN_IN).flatMap(([, code, event, own]) => {
      if (code !== undefined) return [read(directory + code)];
      if (!makesTracepoints) return [];
      return [event === undefined ? read(directory + own) : read(`include/${event}`)];
    });
    return [text, ...more].join("\n");
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
