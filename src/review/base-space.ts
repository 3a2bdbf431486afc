import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { basesFolder, diskBytes } from "../kernel/base-folder.ts";
import { freeBytes } from "../kernel/disk-space.ts";
import type { StateFolder } from "../kernel/state-folder.ts";

// Room for bases: asked for before the work begins, and looked at while it goes on.

export const GIGABYTE = 1e9;
/** The files of a kernel of 2024. */
const SOURCE_BYTES = 1.9 * GIGABYTE;
/** A compressed object with line tables and its entry, on average over a default build, and half as much again. */
const OBJECT_BYTES = 60_000;
/** kbuild's folder with the objects of one batch, and the index. */
const FOLDER_BYTES = 0.3 * GIGABYTE;
/** Objects of a default build, before kbuild's lists are known. */
const USUAL_OBJECTS = 3000;
/** Below this the build stops instead of filling the disk. */
const RESERVE_BYTES = 0.2 * GIGABYTE;

/** What bases take: their own folders and the object cache that they fill. */
export function heldBytes(state: StateFolder): number {
  return diskBytes(basesFolder(state.cache)) + diskBytes(join(state.cache, "objects"));
}

/**
 * Refuses a build that would not fit, before it starts.
 * @param missing objects to build, undefined while that is not known
 * @throws UsageError with what it takes, what there is, and what to do
 */
export function requireBaseSpace(
  state: StateFolder,
  treeFolder: string,
  missing: number | undefined,
  capBytes: number | undefined,
): void {
  const hasWorkTree = existsSync(join(treeFolder, "slots", "review-1", "git", "index"));
  const source = hasWorkTree ? 0 : SOURCE_BYTES;
  const own = (missing ?? USUAL_OBJECTS) * OBJECT_BYTES + (missing === 0 ? 0 : FOLDER_BYTES);
  const free = Math.min(freeBytes(state.cache), source === 0 ? Number.POSITIVE_INFINITY : freeBytes(treeFolder));
  if (free < source + own) {
    const parts = source === 0 ? "" : ` (${gigabytes(source)} of them for a work tree)`;
    throw new UsageError(
      `the build takes about ${gigabytes(source + own)}${parts} and ${gigabytes(free)} are free in ${state.cache}; objreview base gc frees what old bases hold`,
    );
  }
  // Before the lists are known only the disk itself can say no: most of a base may be there already.
  if (capBytes === undefined || missing === undefined) return;
  const held = heldBytes(state);
  if (held + own > capBytes) {
    throw new UsageError(
      `the build takes about ${gigabytes(own)} more, bases hold ${gigabytes(held)}, and --disk-cap is ${gigabytes(capBytes)}; objreview base gc --disk-cap frees what old bases hold`,
    );
  }
}

/** Looks at the disk while a build goes on. */
export class SpaceWatch {
  readonly #state: StateFolder;
  readonly #capBytes: number | undefined;

  constructor(state: StateFolder, capBytes: number | undefined) {
    this.#state = state;
    this.#capBytes = capBytes;
  }

  /** Throws UsageError where going on would fill the disk or pass the cap. */
  check(): void {
    const free = freeBytes(this.#state.cache);
    if (free < RESERVE_BYTES)
      throw new UsageError(`only ${gigabytes(free)} are left in ${this.#state.cache}; the same command goes on later`);
    if (this.#capBytes === undefined) return;
    const held = heldBytes(this.#state);
    if (held > this.#capBytes) {
      throw new UsageError(
        `bases hold ${gigabytes(held)}, above --disk-cap ${gigabytes(this.#capBytes)}; the same command with more goes on`,
      );
    }
  }
}

/** "1.3 GB", below a tenth of one "42 MB". */
export function gigabytes(bytes: number): string {
  return bytes < GIGABYTE / 10 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / GIGABYTE).toFixed(1)} GB`;
}
