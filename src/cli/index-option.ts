import { resolve } from "node:path";
import type { AnalyzeOptions } from "../analyze/analyze-object.ts";
import type { ByteSource } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { openObject } from "../elf/object.ts";
import { isWeak } from "../facts/fact-store.ts";
import { KernelIndex, VMLINUX } from "../facts/kernel-index.ts";
import type { ObjectFacts } from "../facts/object-facts.ts";
import { summarize, summarizeOptions } from "../facts/summarize.ts";
import { type UnitOptions, unitOptions } from "../facts/unit.ts";
import { isLinkedObject } from "../flow/linked-object.ts";
import type { Outside } from "../flow/outside.ts";
import { hasIndex, listBases, readBaseRecord } from "../kernel/base-folder.ts";
import { locateState } from "../kernel/state-folder.ts";
import { type BaseIndex, openBaseIndex } from "../review/base-index.ts";
import { inPart } from "../review/series-kernel.ts";

/** The index of a base build, for objects that are checked by themselves. */
export interface CheckIndex {
  /** "index of v6.12, 3 days old" */
  readonly age: string;
  /** What is known of the objects around one. Throws FormatError for what is no object. */
  outsideOf(path: string, source: ByteSource): Outside;
  /** The file is, by its path, an object that is part of a module. */
  isModule(path: string): boolean;
}

/**
 * @param where folder of a base (base status --json names them), or "auto" for the newest whole one, else the newest
 * @returns undefined for "auto" where there is none
 * @throws UsageError for a folder without a readable index
 */
export function openCheckIndex(
  where: string,
  lists: AnalyzeOptions["facts"],
  env: Readonly<Record<string, string | undefined>>,
): CheckIndex | undefined {
  const index = where === "auto" ? newestIndex(env) : namedIndex(where);
  if (index === undefined) return undefined;
  const kernel = KernelIndex.open(index.units, unitOptions(lists));
  return {
    age: index.age,
    outsideOf(path, source) {
      const object = nameIn(index, path);
      const facts = summarize(source, summarizeOptions(lists.formats));
      const linked = linkedOutside(index, kernel, object, facts, source, unitOptions(lists));
      if (linked !== undefined) return linked;
      const outside = kernel.replace(object, facts, VMLINUX).outsideFor(object);
      return index.isWhole ? outside : inPart(outside);
    },
    isModule: (path) => {
      const unit = kernel.unitsOf(nameIn(index, path))[0];
      return unit !== undefined && unit !== VMLINUX;
    },
  };
}

/**
 * What an object is told that was linked from objects of vmlinux: these are in it already, and would speak a second time of what is its own.
 * @returns undefined for any other object
 */
function linkedOutside(
  index: BaseIndex,
  kernel: KernelIndex,
  object: string,
  facts: ObjectFacts,
  source: ByteSource,
  options: UnitOptions,
): Outside | undefined {
  const unit = kernel.unit(VMLINUX);
  if (unit === undefined || unit.definitions.objects.has(object) || !isLinkedObject(openObject(source)))
    return undefined;
  const defined = new Set(facts.symbols.name.map((row) => facts.names[row] as string));
  const isDouble = (name: string): boolean => {
    const other = unit.definitions.find(name);
    return other !== undefined && !isWeak(other);
  };
  if (![...defined].some(isDouble)) return undefined;
  const outside = KernelIndex.build([{ unit: VMLINUX, objects: new Map([[object, facts]]) }], options).outsideFor(
    object,
  );
  const isIn = ({ names, symbols }: ObjectFacts): boolean =>
    symbols.name.every((row) => defined.has(names[row] as string));
  const isAll = index.isWhole && [...unit.definitions.objects.values()].every((each) => isIn(each.facts));
  return isAll ? outside : inPart(outside);
}

function namedIndex(where: string): BaseIndex {
  const dir = resolve(where);
  const record = readBaseRecord(dir);
  const index = record === undefined || !hasIndex({ dir, record }) ? undefined : openBaseIndex({ dir, record });
  if (index === undefined)
    throw new UsageError(`--index ${where}: no index of a base; objreview base status --json names the folders`);
  return index;
}

function newestIndex(env: Readonly<Record<string, string | undefined>>): BaseIndex | undefined {
  const bases = listBases(locateState(env).cache).filter(hasIndex);
  bases.sort(
    (a, b) =>
      Number(b.record.only.length === 0) - Number(a.record.only.length === 0) ||
      Date.parse(b.record.updatedAt) - Date.parse(a.record.updatedAt),
  );
  for (const base of bases) {
    const index = openBaseIndex(base);
    if (index !== undefined) return index;
  }
  return undefined;
}

/** The object of the index that a file is by its path, the longest name that fits; else the path, which no object has. */
function nameIn(index: BaseIndex, path: string): string {
  const parts = resolve(path).split("/");
  for (let at = 1; at < parts.length; at++) {
    const name = parts.slice(at).join("/");
    if (index.codeOf.has(name)) return name;
  }
  return path;
}
