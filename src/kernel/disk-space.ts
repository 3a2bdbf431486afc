import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { diskFull } from "./machine.ts";

const GIB = 1024 ** 3;

/** Bytes that this user may still write on the file system on which `folder` is or would be made. */
export function freeBytes(folder: string): number {
  let path = folder;
  while (!existsSync(path) && path !== dirname(path)) path = dirname(path);
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/**
 * Refuses long work that would end in a full disk: git and compilers then say no more than "unable to write file".
 * @param bytes what the work writes, roughly
 * @param what the work, for the message: "a work tree of the kernel"
 * @throws MachineError
 */
export function requireSpace(folder: string, bytes: number, what: string): void {
  const free = freeBytes(folder);
  if (free >= bytes) return;
  throw diskFull(`${what} takes ${gib(bytes)} in ${folder}, and ${gib(free)} are free there`);
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GB`;
}
