// Where things live on disk. State is what must survive (trees, slots, reviews), cache is what can be made again.

import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";

export interface StateFolder {
  readonly state: string;
  readonly cache: string;
}

/**
 * `$OBJREVIEW_STATE` and `$OBJREVIEW_CACHE`, else the XDG base folders (XDG Base Directory Specification 0.8).
 * Relative XDG values are ignored, as the specification says. Makes nothing.
 */
export function locateState(env: Readonly<Record<string, string | undefined>>): StateFolder {
  return {
    state: locate(env, "OBJREVIEW_STATE", "XDG_STATE_HOME", ".local/state"),
    cache: locate(env, "OBJREVIEW_CACHE", "XDG_CACHE_HOME", ".cache"),
  };
}

/** The folder of one tree in the state folder; the same for every way of naming the tree. */
export function treeFolder(folder: StateFolder, objectFolder: string): string {
  const digest = createHash("sha256").update(objectFolder).digest("hex").slice(0, 16);
  return join(folder.state, "trees", digest);
}

/** Makes a folder that only this user can look into, and returns its path. */
export function ensureFolder(...parts: readonly string[]): string {
  const path = join(...parts);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

function locate(env: Readonly<Record<string, string | undefined>>, own: string, xdg: string, inHome: string): string {
  const chosen = env[own];
  if (chosen !== undefined && chosen !== "") return resolve(chosen);
  const base = env[xdg];
  if (base?.startsWith("/") === true) return join(base, "objreview");
  const home = env.HOME;
  if (home?.startsWith("/") !== true)
    throw new UsageError(`neither ${own} nor ${xdg} nor HOME says where to keep files`);
  return join(home, inHome, "objreview");
}
