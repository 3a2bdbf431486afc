// A lock between processes that needs no cleaning up after kill -9: it is a file that names its holder, and a holder that
// is gone (or whose number now belongs to a younger process) holds nothing.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "../base/errors.ts";

interface Holder {
  readonly processId: number;
  /** Clock ticks from boot to the start of the process: /proc/PID/stat field 22, proc(5). */
  readonly startTime: string;
  /** Process numbers mean nothing after a restart of the machine. */
  readonly bootId: string;
}

const POLL_MILLIS = 50;
let serial = 0;

export class FolderLock {
  readonly path: string;
  readonly #content: string;

  private constructor(path: string, content: string) {
    this.path = path;
    this.#content = content;
  }

  /** Waits for the lock. Throws UsageError when it is still held after `timeoutMillis`. */
  static async acquire(path: string, timeoutMillis = 600_000): Promise<FolderLock> {
    const deadline = performance.now() + timeoutMillis;
    for (;;) {
      const lock = FolderLock.tryAcquire(path);
      if (lock !== undefined) return lock;
      if (performance.now() > deadline) {
        throw new UsageError(
          `${path}: another objreview (process ${readHolder(path)?.processId ?? "?"}) is still working here`,
        );
      }
      await sleep(POLL_MILLIS);
    }
  }

  /** The lock, or undefined when a living process (this one included) holds it. */
  static tryAcquire(path: string): FolderLock | undefined {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    serial += 1;
    const own: Holder & { serial: number } = { ...describeProcess(process.pid)!, serial };
    const content = JSON.stringify(own);
    const temporary = `${path}.${process.pid}.${serial}`;
    writeFileSync(temporary, content);
    try {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        // link(2) is atomic and fails when the name exists; the file is whole before it has the name.
        if (tryLink(temporary, path)) return new FolderLock(path, content);
        if (!removeStale(path, temporary)) return undefined;
      }
      return undefined;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  release(): void {
    if (readText(this.path) === this.#content) rmSync(this.path, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Takes away the lock of a dead holder. False when the holder lives. */
function removeStale(path: string, temporary: string): boolean {
  const before = readText(path);
  if (before === undefined) return true;
  if (isHeld(parseHolder(before))) return false;
  // Two processes may see the same dead holder. The rename gives the file to one of them; whoever finds that it took a
  // fresh lock of the other puts it back.
  const aside = `${temporary}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return true;
  }
  if (readText(aside) !== before) tryLink(aside, path);
  rmSync(aside, { force: true });
  return true;
}

function isHeld(holder: Holder | undefined): boolean {
  if (holder === undefined) return false;
  const now = describeProcess(holder.processId);
  return now !== undefined && now.startTime === holder.startTime && now.bootId === holder.bootId;
}

function readHolder(path: string): Holder | undefined {
  return parseHolder(readText(path) ?? "");
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { processId, startTime, bootId } = JSON.parse(text);
    return typeof processId === "number" ? { processId, startTime, bootId } : undefined;
  } catch {
    return undefined;
  }
}

function describeProcess(processId: number): Holder | undefined {
  const stat = readText(`/proc/${processId}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the name in parentheses and may hold anything; the fields after it start behind the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { processId, startTime: fields[19] ?? "", bootId: readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "" };
}

function readText(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
