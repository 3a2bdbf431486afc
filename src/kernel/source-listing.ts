import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Git } from "./git.ts";
import { ensureFolder } from "./state-folder.ts";

/** Every file of a source tree with an identity of its content: git's blob ids. */
export interface SourceListing {
  /** Path -> blob id. */
  readonly files: ReadonlyMap<string, string>;
}

const MAX_LISTING_BYTES = 256 * 1024 * 1024;

/** Reads `git ls-tree -r -z` output: "MODE TYPE ID\tPATH\0". Symbolic links and submodules are left out. */
export function readListing(text: string): SourceListing {
  const files = new Map<string, string>();
  for (const entry of text.split("\0")) {
    if (!entry.startsWith("100")) continue;
    const tab = entry.indexOf("\t");
    files.set(entry.slice(tab + 1), entry.slice(entry.lastIndexOf(" ", tab) + 1, tab));
  }
  return { files };
}

/** Listings that are kept: bases are few, and a listing is some 8 MB. */
const KEPT_LISTINGS = 4;

/**
 * The listing of a commit (`tree.git` of tree.ts), from `cacheDir` where an earlier review left it. Throws ToolError.
 */
export async function listCommit(git: Git, commit: string, cacheDir?: string): Promise<SourceListing> {
  const command = ["ls-tree", "-r", "-z", "--full-tree", commit];
  const ask = async () => (await git.runOk(command, { maxOutputBytes: MAX_LISTING_BYTES })).stdout;
  if (cacheDir === undefined) return readListing(await ask());
  const shelf = ensureFolder(cacheDir, "listings");
  const file = join(shelf, commit);
  if (existsSync(file)) return readListing(readFileSync(file, "utf8"));
  const text = await ask();
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
  const age = (name: string): number => statSync(join(shelf, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  for (const name of readdirSync(shelf)
    .sort((a, b) => age(b) - age(a))
    .slice(KEPT_LISTINGS))
    rmSync(join(shelf, name), { force: true });
  return readListing(text);
}

/** The listing of `commit`, from the listing of another commit and what differs between the two. Throws ToolError. */
export async function listCommitFrom(
  git: Git,
  from: string,
  listing: SourceListing,
  commit: string,
): Promise<SourceListing> {
  if (from === commit) return listing;
  const command = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", from, commit];
  const fields = (await git.runOk(command, { maxOutputBytes: MAX_LISTING_BYTES })).stdout.split("\0");
  const files = new Map(listing.files);
  // git-diff-tree(1), raw output with -z: ":MODE MODE ID ID STATUS\0PATH\0"
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = "", , id = ""] = fields[at]!.split(" ");
    if (mode.startsWith("100")) files.set(fields[at + 1]!, id);
    else files.delete(fields[at + 1]!);
  }
  return { files };
}

/** Paths that differ between two listings: changed, added and removed, sorted. */
export function changedPaths(from: SourceListing, to: SourceListing): string[] {
  const changed: string[] = [];
  for (const [path, id] of to.files) if (from.files.get(path) !== id) changed.push(path);
  for (const path of from.files.keys()) if (!to.files.has(path)) changed.push(path);
  return changed.sort();
}

/** One digest of the files that `select` names; "name" takes the path alone into account. */
export function digestListing(
  listing: SourceListing,
  select: (path: string) => "content" | "name" | undefined,
): string {
  const hash = createHash("sha256");
  for (const path of [...listing.files.keys()].sort()) {
    const kind = select(path);
    if (kind === "content") hash.update(`${path}\0${listing.files.get(path)}\n`);
    else if (kind === "name") hash.update(`${path}\n`);
  }
  return hash.digest("hex");
}
