import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { FormatError } from "../base/errors.ts";
import type { BaseFolder } from "./base-folder.ts";
import {
  basesFolder,
  diskBytes,
  hasIndex,
  listBases,
  readBaseObjects,
  readBaseRecord,
  removeBase,
} from "./base-folder.ts";
import { FolderLock } from "./lock.ts";
import { removeFolder } from "./prepare.ts";

// Frees what bases hold: what dead builds and older versions left, and, above a cap, first the objects that no base names, then whole bases,
// the oldest first and the newest of each tree and profile last. A base that is being built now is left alone.

export interface GcResult {
  /** What was removed, in words for people. */
  readonly removed: readonly string[];
  readonly freedBytes: number;
  readonly heldBytes: number;
  /** False where the cap could not be kept, because what is left is in use. */
  readonly isBelowCap: boolean;
}

/** @param capBytes undefined: only what is of no use to anybody goes */
export function collectGarbage(cacheDir: string, capBytes: number | undefined): GcResult {
  const removed: string[] = [];
  let freed = 0;
  const remove = (path: string): void => {
    freed += diskBytes(path);
    removeFolder(path);
  };
  const locks = new Map<string, FolderLock>();
  try {
    const root = basesFolder(cacheDir);
    let busySince = Number.POSITIVE_INFINITY;
    for (const name of existsSync(root) ? readdirSync(root).sort() : []) {
      if (/\.lock(\.|$)/.test(name)) continue;
      const dir = join(root, name);
      const lock = FolderLock.tryAcquire(`${dir}.lock`);
      const record = readBaseRecord(dir);
      if (lock === undefined) {
        busySince = Math.min(busySince, record === undefined ? 0 : Date.parse(record.startedAt));
        continue;
      }
      locks.set(dir, lock);
      if (record === undefined) {
        remove(dir);
        removed.push(`${name}: no base that this version can read`);
      } else if (existsSync(join(dir, "out")) || existsSync(join(dir, "kept"))) {
        remove(join(dir, "out"));
        remove(join(dir, "kept"));
        removed.push(`${name}: what a stopped build left`);
      }
    }
    const cache = join(cacheDir, "objects");
    const files = listFiles(cache);
    for (const file of files.filter(isLeftover)) {
      remove(file.path);
      file.bytes = 0;
    }
    const left = files.filter((file) => file.bytes > 0);
    if (left.length < files.length)
      removed.push(`${countFiles(files.length - left.length)} of older versions in the object cache`);

    let bases = listBases(cacheDir);
    const ofBases = bases.reduce((sum, base) => sum + diskBytes(base.dir), 0);
    let held = ofBases + left.reduce((sum, file) => sum + file.bytes, 0);
    if (capBytes !== undefined && held > capBytes) {
      const before = held;
      const count = left.length;
      const sweep = (): void => {
        const used = new Set(bases.flatMap((base) => objectFiles(base)));
        left.sort((a, b) => a.changed - b.changed);
        for (let at = 0; at < left.length && held > capBytes; ) {
          const file = left[at]!;
          if (used.has(relative(cacheDir, file.path)) || file.changed >= busySince) {
            at++;
            continue;
          }
          rmSync(file.path, { force: true });
          held -= file.bytes;
          freed += file.bytes;
          left.splice(at, 1);
        }
      };
      sweep();
      for (const base of oldestFirst(bases)) {
        if (held <= capBytes) break;
        if (!locks.has(base.dir)) continue;
        const bytes = diskBytes(base.dir);
        removeBase(base.dir);
        held -= bytes;
        freed += bytes;
        bases = bases.filter((other) => other !== base);
        removed.push(`${base.record.name} under ${base.record.profile} (${base.record.updatedAt.slice(0, 10)})`);
        sweep();
      }
      if (left.length < count) removed.push(`${countFiles(count - left.length)} of the object cache`);
      if (before === held && removed.length === 0) removed.push("nothing: what is left is in use");
    }
    return { removed, freedBytes: freed, heldBytes: held, isBelowCap: capBytes === undefined || held <= capBytes };
  } finally {
    for (const lock of locks.values()) lock.release();
  }
}

/** Those that have a newer one of the same tree and profile before those that have none; each by age. */
function oldestFirst(bases: readonly BaseFolder[]): BaseFolder[] {
  const newest = new Map<string, BaseFolder>();
  const key = ({ record }: BaseFolder): string => `${record.treeId} ${record.profile}`;
  const byAge = [...bases].sort((a, b) => Date.parse(a.record.updatedAt) - Date.parse(b.record.updatedAt));
  for (const base of byAge) newest.set(key(base), base);
  const isNewest = (base: BaseFolder): number => (newest.get(key(base)) === base ? 1 : 0);
  return byAge.sort((a, b) => isNewest(a) - isNewest(b));
}

function objectFiles(base: BaseFolder): string[] {
  if (!hasIndex(base)) return [];
  try {
    return readBaseObjects(base.dir).flatMap(({ cached }) => cached);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return [];
  }
}

function countFiles(count: number): string {
  return `${count} ${count === 1 ? "file" : "files"}`;
}

interface CachedFile {
  readonly path: string;
  bytes: number;
  /** Milliseconds since 1970. */
  readonly changed: number;
}

const HOUR_MILLIS = 3_600_000;

/** A file that was never given its name, or of a form that is no longer read. */
function isLeftover({ path, changed }: CachedFile): boolean {
  if (path.endsWith(".new")) return Date.now() - changed > HOUR_MILLIS;
  return !/\.(entry|zst)$/.test(path);
}

function listFiles(dir: string): CachedFile[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry): CachedFile[] => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return listFiles(path);
    const kind = lstatSync(path);
    return [{ path, bytes: kind.blocks * 512, changed: kind.mtimeMs }];
  });
}
