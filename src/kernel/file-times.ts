import { lstatSync, lutimesSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// make decides by file times, and file times of a work tree say when it was checked out, not when its content changed. These
// two functions make the times say what is true: outputs are younger than every unchanged source and older than the changed.

/** Above the granularity of every file system's clock in use (ext4 and xfs: one jiffy, at most 10 ms). */
const TICK_MILLIS = 20;

/** Gives every entry below `dir` the time `when`. make takes equal times for up to date. */
export function setAllTimes(dir: string, when: Date): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) setAllTimes(path, when);
    else lutimesSync(path, when, when);
  }
  utimesSync(dir, when, when);
}

/**
 * Makes `changed` (paths in the source tree) younger than everything below `outDir`, and that younger than every other source.
 * Files that are gone are passed over: kbuild's dependency files name them, and make runs a rule whose prerequisite is gone.
 */
export async function alignTimes(outDir: string, sourceDir: string, changed: readonly string[]): Promise<void> {
  // The wait puts the two times behind the last write of the checkout and still not into the future, of which make warns.
  await sleep(2 * TICK_MILLIS);
  const sourceTime = new Date();
  setAllTimes(outDir, new Date(sourceTime.getTime() - TICK_MILLIS));
  for (const path of changed) {
    const file = join(sourceDir, path);
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === true) lutimesSync(file, sourceTime, sourceTime);
  }
}
