import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChangedFiles } from "./changed-files.ts";
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
  for (let at = 0; at < text.length; ) {
    const found = text.indexOf("\0", at);
    const end = found < 0 ? text.length : found;
    if (text.startsWith("100", at)) {
      const tab = text.indexOf("\t", at);
      files.set(text.slice(tab + 1, end), text.slice(text.lastIndexOf(" ", tab) + 1, tab));
    }
    at = end + 1;
  }
  return { files };
}

/**
 * A value that a listing decides, alone or with a key such as an architecture: worked out once, for a kernel has 87,000 files and a worker
 * reviews many series on one base.
 */
export function memoByListing<T>(
  work: (listing: SourceListing, key: string) => T,
): (listing: SourceListing, key?: string) => T {
  const known = new WeakMap<SourceListing, Map<string, T>>();
  return (listing, key = "") => {
    const values = known.get(listing) ?? new Map<string, T>();
    known.set(listing, values);
    if (!values.has(key)) values.set(key, work(listing, key));
    return values.get(key) as T;
  };
}

/** What was read last, with the file that it came from: names of commits say everything about their files. */
let lastListed: { readonly file: string; readonly listing: SourceListing } | undefined;

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
  if (lastListed?.file === file) return lastListed.listing;
  const keep = (text: string): SourceListing => {
    const listing = readListing(text);
    lastListed = { file, listing };
    keptFiles.set(listing, file);
    return listing;
  };
  if (existsSync(file)) return keep(readFileSync(file, "utf8"));
  const text = await ask();
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
  const age = (name: string): number => statSync(join(shelf, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const kept = readdirSync(shelf)
    .filter((name) => !name.includes("."))
    .sort((a, b) => age(b) - age(a))
    .slice(0, KEPT_LISTINGS);
  // What belongs to a listing has its name in front.
  for (const name of readdirSync(shelf))
    if (!kept.includes(name.split(".")[0] as string)) rmSync(join(shelf, name), { force: true });
  return keep(text);
}

/** Listing -> the file that holds it. */
const keptFiles = new WeakMap<SourceListing, string>();

/** Where a listing is kept that listCommit() has read or written. */
export function keptListingFile(listing: SourceListing): string | undefined {
  return keptFiles.get(listing);
}

/** Listing -> the one that it was made from, and the paths that may differ. */
const origins = new WeakMap<SourceListing, { readonly from: SourceListing; readonly paths: readonly string[] }>();

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
  const files = new ChangedFiles(listing.files);
  const paths: string[] = [];
  // git-diff-tree(1), raw output with -z: ":MODE MODE ID ID STATUS\0PATH\0"
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = "", , id = ""] = fields[at]!.split(" ");
    if (mode.startsWith("100")) files.set(fields[at + 1]!, id);
    else files.delete(fields[at + 1]!);
    paths.push(fields[at + 1]!);
  }
  const made = { files };
  origins.set(made, { from: listing, paths });
  return made;
}

/** Paths that differ between two listings: changed, added and removed, sorted. */
export function changedPaths(from: SourceListing, to: SourceListing): string[] {
  const candidates = pathsBetween(from, to);
  if (candidates !== undefined)
    return [...candidates].filter((path) => from.files.get(path) !== to.files.get(path)).sort();
  const changed: string[] = [];
  for (const [path, id] of to.files) if (from.files.get(path) !== id) changed.push(path);
  for (const path of from.files.keys()) if (!to.files.has(path)) changed.push(path);
  return changed.sort();
}

/** The paths that may differ where `to` was made from `from`, step by step; else undefined. */
function pathsBetween(from: SourceListing, to: SourceListing): Set<string> | undefined {
  const paths = new Set<string>();
  for (let at = to; at !== from; ) {
    const origin = origins.get(at);
    if (origin === undefined) return undefined;
    for (const path of origin.paths) paths.add(path);
    at = origin.from;
  }
  return paths;
}

/** One digest of the files that `select` names; "name" takes the path alone into account. */
export function digestListing(
  listing: SourceListing,
  select: (path: string) => "content" | "name" | undefined,
): string {
  const lines: { path: string; line: string }[] = [];
  for (const [path, id] of listing.files) {
    const kind = select(path);
    if (kind !== undefined) lines.push({ path, line: kind === "content" ? `${path}\0${id}\n` : `${path}\n` });
  }
  lines.sort((a, b) => (a.path < b.path ? -1 : 1));
  return createHash("sha256")
    .update(lines.map(({ line }) => line).join(""))
    .digest("hex");
}
