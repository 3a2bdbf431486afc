import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { collectFile } from "./collect-file.ts";

// What comes out of a build folder was written by whoever wrote the patch: collect-file.ts reads it safely, and here that is a
// result with a reason instead of an exception, for one bad object is no reason to stop.

export type BuiltFile =
  | { readonly kind: "file"; readonly bytes: Uint8Array }
  | { readonly kind: "missing" }
  /** A link, a pipe, too large, still growing. */
  | { readonly kind: "refused"; readonly why: string };

/** Reads `outDir`/`path`, at most `maxBytes` of it. */
export function readBuilt(outDir: string, path: string, maxBytes: number): BuiltFile {
  try {
    return { kind: "file", bytes: collectFile(outDir, path, maxBytes) };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return error.code === "not-found" ? { kind: "missing" } : { kind: "refused", why: error.message };
  }
}

/** Writes bytes to `dir`/`path`, making the folders, and returns the absolute path. `dir` is ours alone. */
export function keepFile(dir: string, path: string, bytes: Uint8Array): string {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  // A new file each time: an older one may be open, or linked from a cache.
  rmSync(file, { force: true });
  writeFileSync(file, bytes);
  return file;
}
