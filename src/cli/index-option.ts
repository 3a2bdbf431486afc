import { resolve } from "node:path";
import type { AnalyzeOptions } from "../analyze/analyze-object.ts";
import type { ByteSource } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { KernelIndex, VMLINUX } from "../facts/kernel-index.ts";
import { summarize, summarizeOptions } from "../facts/summarize.ts";
import { unitOptions } from "../facts/unit.ts";
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
      const own = kernel.replace(object, summarize(source, summarizeOptions(lists.formats)), VMLINUX);
      const outside = own.outsideFor(object);
      return index.isWhole ? outside : inPart(outside);
    },
    isModule: (path) => {
      const unit = kernel.unitsOf(nameIn(index, path))[0];
      return unit !== undefined && unit !== VMLINUX;
    },
  };
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
