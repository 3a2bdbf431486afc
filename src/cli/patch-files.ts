import { closeSync, readSync } from "node:fs";
import { FormatError, UsageError } from "../base/errors.ts";
import { defaultMboxLimits } from "../patch/mbox.ts";
import type { PatchFile } from "../review/request.ts";
import { openRegular } from "./regular-file.ts";

// Patch files as the caller names them: regular files, or "-" for standard input. A device or a pipe by name could be endless.

const CHUNK = 1 << 20;

/** Throws UsageError for what cannot be read, FormatError for what is larger than any series. */
export function readPatchFile(name: string): PatchFile {
  const fd = name === "-" ? 0 : openRegular(name);
  try {
    return { name: name === "-" ? "standard input" : name, bytes: readUpTo(fd, name, defaultMboxLimits.maxBytes) };
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new UsageError(`${name}: cannot be read`, { cause });
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

function readUpTo(fd: number, name: string, limit: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const got = readSome(fd, chunk);
    if (got === 0) break;
    size += got;
    if (size > limit) {
      throw new FormatError("over-budget", `more than ${limit} bytes, which is no patch series`, {
        format: name,
        offset: limit,
      });
    }
    chunks.push(chunk.subarray(0, got));
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Bytes that were read; 0 at the end. Standard input may be a terminal or a pipe in non-blocking mode. */
function readSome(fd: number, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(fd, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
