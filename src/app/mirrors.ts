// The repositories that were fetched for reviews, and which of them are kept: those that somebody wanted lately, below a cap on the disk.

import { existsSync, lstatSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FolderLock } from "../kernel/lock.ts";
import type { Log } from "../service/log.ts";

const DAY = 24 * 3_600_000;
/** One that nobody wanted for so long goes. */
const MAX_IDLE_MILLIS = 30 * DAY;
/** A review reads from its mirror without a lock, and lasts half a day at most: what was wanted in this time stays. */
const MIN_IDLE_MILLIS = DAY;
/** Its time is when the mirror was wanted last. git leaves it alone. */
const USED = "objreview-used";
/** What is being removed, and what a process that was killed left of it. */
const GONE = ".gone";

/** To be called under the mirror's lock, before it is read. */
export function markUsed(mirror: string): void {
  const path = join(mirror, USED);
  if (existsSync(path)) utimesSync(path, new Date(), new Date());
  else writeFileSync(path, "");
}

export interface PruneOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What all mirrors may hold together. */
  readonly maxBytes: number;
  readonly log: Log;
}

/** Removes mirrors by age, and above the cap those that were idle for the longest time; their names. One that is being fetched into stays. */
export function pruneMirrors(folder: string, { now, maxBytes, log }: PruneOptions): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder);
  for (const name of names.filter((each) => each.endsWith(GONE))) rmSync(join(folder, name), { recursive: true });
  const mirrors = names
    .filter((name) => name.endsWith(".git"))
    .map((name) => ({ name, path: join(folder, name), idle: now - usedAt(join(folder, name)) }))
    .toSorted((a, b) => b.idle - a.idle)
    .map((mirror) => ({ ...mirror, bytes: bytesOf(mirror.path) }));
  let total = mirrors.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed: string[] = [];
  for (const { name, path, idle, bytes } of mirrors) {
    if (idle < MIN_IDLE_MILLIS || (idle < MAX_IDLE_MILLIS && total <= maxBytes)) continue;
    if (!remove(path)) continue;
    total -= bytes;
    removed.push(name);
  }
  if (total > maxBytes) log("warn", "mirrors hold more than they may, and all are in use", { bytes: total, maxBytes });
  return removed;
}

function remove(path: string): boolean {
  const lock = FolderLock.tryAcquire(`${path}.lock`);
  if (lock === undefined) return false;
  try {
    // Half a repository must not be taken for a whole one.
    renameSync(path, path + GONE);
  } finally {
    lock.release();
  }
  rmSync(path + GONE, { recursive: true });
  return true;
}

/** One of a version that left no mark was used when something was fetched into it last. */
function usedAt(mirror: string): number {
  const marks = [join(mirror, USED), join(mirror, "FETCH_HEAD"), mirror];
  return statSync(marks.find((path) => existsSync(path)) ?? mirror).mtimeMs;
}

/** On the disk. What goes away meanwhile counts for nothing. */
function bytesOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.blocks * 512;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
