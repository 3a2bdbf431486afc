import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CompileCache } from "./kbuild.ts";
import { ensureFolder } from "./state-folder.ts";

/** ccache for the two sides of a review: what a patch builds can read what trusted builds left, and leaves nothing. */
export interface CompileCaches {
  readonly base: CompileCache;
  readonly head: CompileCache;
}

/**
 * The compile cache in `cacheDir`, or undefined where ccache is not installed. Besides objects it answers the many probe
 * compiles of kbuild's cc-option: with it a one-object pass of kbuild spends a third of the time on them.
 */
export function openCompileCache(cacheDir: string): CompileCaches | undefined {
  // The sandbox shows the machine's /usr, read-only.
  if (!["/usr/local/bin/ccache", "/usr/bin/ccache"].some((file) => existsSync(file))) return undefined;
  const dir = ensureFolder(join(cacheDir, "ccache"));
  return { base: { dir, mode: "rw" }, head: { dir, mode: "ro" } };
}
