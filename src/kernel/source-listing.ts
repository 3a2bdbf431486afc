import { createHash } from "node:crypto";
import type { Git } from "./git.ts";

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

/** The listing of a commit (`tree.git` of tree.ts). Throws ToolError. */
export async function listCommit(git: Git, commit: string): Promise<SourceListing> {
  const listed = await git.runOk(["ls-tree", "-r", "-z", "--full-tree", commit], { maxOutputBytes: MAX_LISTING_BYTES });
  return readListing(listed.stdout);
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
