// What a job uses, looked at from outside while it runs: the processes below one of ours, and what its folders hold.

import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { runToEnd, SYSTEM_PATH } from "./process.ts";

export interface ProcessUse {
  /** Threads, as RLIMIT_NPROC counts them. */
  readonly processCount: number;
  /** Anonymous and shared memory that is resident. */
  readonly memoryBytes: number;
}

/** All processes below `root` in the process tree, `root` included. Reads /proc once. */
export function findDescendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readText(`/proc/${name}/stat`);
    // proc_pid_stat(5): the name in parentheses may hold anything; the parent is the second field behind it.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(name)]);
    else siblings.push(Number(name));
  }
  const found = [root];
  for (let at = 0; at < found.length; at += 1) found.push(...(children.get(found[at]!) ?? []));
  return found;
}

export function measureProcesses(processIds: readonly number[]): ProcessUse {
  let processCount = 0;
  let memoryKilobytes = 0;
  for (const processId of processIds) {
    const status = readText(`/proc/${processId}/status`);
    processCount += readField(status, "Threads");
    memoryKilobytes += readField(status, "RssAnon") + readField(status, "RssShmem");
  }
  return { processCount, memoryBytes: memoryKilobytes * 1024 };
}

/** An entry costs at least this much, so that a million empty files are not free. */
const MIN_ENTRY_BYTES = 4096;
const WALK_EVERY_MILLIS = 30_000;
const WALK_TIMEOUT_MILLIS = 20_000;
const MAX_TRIGGER_BYTES = 256 * 1024 * 1024;

/**
 * Tells when folders hold more than `maxBytes`. Walking them all the time would cost more than a small build, so the file
 * system's own counters, which are free, say when a walk is worth it; every half minute there is one anyway, for what
 * others freed meanwhile.
 */
export class ScratchWatch {
  readonly #folders: readonly string[];
  readonly #maxBytes: number;
  #usedAtWalk: number;
  #walkedAt = performance.now();

  constructor(folders: readonly string[], maxBytes: number) {
    this.#folders = folders;
    this.#maxBytes = maxBytes;
    this.#usedAtWalk = this.#fileSystemUse();
  }

  async isTooBig(): Promise<boolean> {
    if (this.#folders.length === 0) return false;
    const used = this.#fileSystemUse();
    const trigger = Math.min(MAX_TRIGGER_BYTES, this.#maxBytes / 8);
    const due = performance.now() - this.#walkedAt > WALK_EVERY_MILLIS;
    if (used - this.#usedAtWalk < trigger && !due) return false;
    this.#usedAtWalk = used;
    const size = await measureFolders(this.#folders);
    this.#walkedAt = performance.now();
    return size > this.#maxBytes;
  }

  #fileSystemUse(): number {
    let bytes = 0;
    for (const folder of this.#folders) {
      const { bsize, blocks, bfree, files, ffree } = statfsSync(folder);
      bytes += (blocks - bfree) * bsize + (files - ffree) * MIN_ENTRY_BYTES;
    }
    return bytes;
  }
}

/** Bytes on disk of everything in the folders, in the counting of `scratchBytes`; Infinity when there is no end to it. */
export async function measureFolders(folders: readonly string[]): Promise<number> {
  const listed = await runToEnd(["find", ...folders, "-xdev", "-printf", "%b\\n"], {
    env: { PATH: SYSTEM_PATH, LC_ALL: "C" },
    timeoutMillis: WALK_TIMEOUT_MILLIS,
  });
  if (listed.end !== "exited") return Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (const line of listed.stdout.split("\n")) {
    if (line !== "") bytes += Math.max(Number(line) * 512, MIN_ENTRY_BYTES);
  }
  return bytes;
}

function readField(status: string, name: string): number {
  return Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))?.[1] ?? 0);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
