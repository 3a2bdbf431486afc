// A git index that holds the touched files alone. A kernel's whole index is 87,000 entries in 8 MB, which `git apply` reads, writes and
// hashes and `git write-tree` reads again: 0.13 s a patch. What a patch does to its own files is the same without the others, as long as every
// path that it names was looked up in the commit; the trees above them are put together here from those that the commit has.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import type { Git } from "./git.ts";

interface Entry {
  /** As in a tree object: "40000" for a tree, "100644", "100755", "120000" for a link, "160000" for a submodule. */
  readonly mode: string;
  readonly id: string;
}

/** Name (one character per byte) -> entry. */
type Folder = ReadonlyMap<string, Entry>;

/** More than these have little to win. */
const MAX_PATHS = 300;
const TREE_MODE = "40000";

export class TouchedIndex {
  /** git with this index. */
  readonly git: Git;
  readonly #objects: string;
  readonly #isSha256: boolean;
  readonly #paths: ReadonlySet<string>;
  /** Every folder above the paths, "" for the top, as of the last tree that was written. */
  #folders: ReadonlyMap<string, Folder>;

  private constructor(
    git: Git,
    objects: string,
    isSha256: boolean,
    paths: ReadonlySet<string>,
    folders: ReadonlyMap<string, Folder>,
  ) {
    this.git = git;
    this.#objects = objects;
    this.#isSha256 = isSha256;
    this.#paths = paths;
    this.#folders = folders;
  }

  /**
   * An index of those of `paths` that `commit` has. undefined where the whole index has to be used: odd names, and paths that are, or lie
   * below, what is no regular file in the commit.
   * @param objects folder in which new objects are kept
   */
  static async open(
    git: Git,
    commit: string,
    paths: readonly string[],
    indexFile: string,
    objects: string,
  ): Promise<TouchedIndex | undefined> {
    const asked = new Set(paths);
    if (asked.size === 0 || asked.size > MAX_PATHS || ![...asked].every(isPlain)) return undefined;
    const folders = await readFolders(git, commit, [...new Set([...asked].flatMap(foldersAbove))]);
    if (folders === undefined) return undefined;
    const lines: string[] = [];
    for (const path of asked) {
      const above = foldersAbove(path);
      // A file or a link where the path wants a folder.
      if (above.slice(1).some((folder) => isOther(entryAt(folders, folder)))) return undefined;
      const entry = entryAt(folders, path);
      if (entry === undefined) continue;
      if (!entry.mode.startsWith("100")) return undefined;
      lines.push(`${entry.mode} ${entry.id}\t${path}\0`);
    }
    const small = git.withIndex(indexFile);
    await small.runOk(["update-index", "-z", "--index-info"], { input: lines.join("") });
    return new TouchedIndex(small, objects, commit.length === 64, asked, folders);
  }

  /** Writes the trees of what the index holds by now, and gives the name of the top one; undefined where the whole index has to be used. */
  async writeTree(): Promise<string | undefined> {
    const held = new Map<string, Entry>();
    for (const line of (await this.git.runOk(["ls-files", "-s", "-z"])).stdout.split("\0")) {
      // git-ls-files(1), -s: "<mode> <object> <stage>\t<path>"
      const [, mode, id, path] = /^(\d{6}) ([0-9a-f]+) 0\t(.+)$/s.exec(line) ?? [];
      if (mode === undefined || id === undefined || path === undefined) {
        if (line !== "") return undefined;
      } else held.set(path, { mode, id });
    }
    // A path that was not looked up could be there already.
    if ([...held.keys()].some((path) => !this.#paths.has(path))) return undefined;
    const folders = new Map([...this.#folders].map(([dir, entries]) => [dir, new Map(entries)]));
    for (const path of this.#paths) folders.get(parentOf(path))?.delete(nameOf(path));
    for (const [path, entry] of held) {
      const above = foldersAbove(path);
      if (above.slice(1).some((folder) => isOther(entryAt(folders, folder))) || isTree(entryAt(folders, path)))
        return undefined;
      folders.get(parentOf(path))?.set(nameOf(path), entry);
    }
    // The deepest first, so that each is known when the one above it is written.
    const depth = (dir: string): number => dir.split("/").length;
    let top = "";
    for (const dir of [...folders.keys()].sort((a, b) => (a === "" ? 1 : b === "" ? -1 : depth(b) - depth(a)))) {
      const entries = folders.get(dir) as ReadonlyMap<string, Entry>;
      if (dir === "") top = this.#keepTree(entries);
      else if (entries.size === 0) {
        // git keeps no empty folders; what stands there may by now be a file.
        if (isTree(entryAt(folders, dir))) folders.get(parentOf(dir))?.delete(nameOf(dir));
      } else folders.get(parentOf(dir))?.set(nameOf(dir), { mode: TREE_MODE, id: this.#keepTree(entries) });
    }
    this.#folders = folders;
    return top;
  }

  /** git-hash-object(1) for a tree: the header "tree SIZE\0", then "MODE NAME\0" and the binary name for each entry; loose, deflated. */
  #keepTree(entries: Folder): string {
    // A tree is sorted as if its name ended in "/" (git's tree.c, base_name_compare).
    const key = (name: string, { mode }: Entry): string => (mode === TREE_MODE ? `${name}/` : name);
    const sorted = [...entries].sort(([a, x], [b, y]) => (key(a, x) < key(b, y) ? -1 : 1));
    const content = Buffer.concat(
      sorted.flatMap(([name, { mode, id }]) => [Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(id, "hex")]),
    );
    const object = Buffer.concat([Buffer.from(`tree ${content.length}\0`), content]);
    const id = createHash(this.#isSha256 ? "sha256" : "sha1")
      .update(object)
      .digest("hex");
    const file = join(this.#objects, id.slice(0, 2), id.slice(2));
    if (!existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true });
      const temporary = `${file}.${process.pid}`;
      writeFileSync(temporary, deflateSync(object), { mode: 0o444 });
      renameSync(temporary, file);
    }
    return id;
  }
}

/** Printable ASCII without a component that git itself would refuse. */
function isPlain(path: string): boolean {
  return (
    /^[\x21-\x7e]+$/.test(path) && path.split("/").every((part) => part !== "" && !/^(\.|\.\.|\.git.*)$/i.test(part))
  );
}

/** "a/b/c" -> ["", "a", "a/b"] */
function foldersAbove(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index).join("/"));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function entryAt(folders: ReadonlyMap<string, Folder>, path: string): Entry | undefined {
  return folders.get(parentOf(path))?.get(nameOf(path));
}

function isTree(entry: Entry | undefined): boolean {
  return entry?.mode === TREE_MODE;
}

function isOther(entry: Entry | undefined): boolean {
  return entry !== undefined && !isTree(entry);
}

/** The folders of the commit, empty for those that it does not have; undefined where one of them is no folder. */
async function readFolders(
  git: Git,
  commit: string,
  dirs: readonly string[],
): Promise<ReadonlyMap<string, Folder> | undefined> {
  const input = dirs.map((dir) => `${commit}:${dir}\n`).join("");
  const { stdoutBytes } = await git.runOk(["cat-file", "--batch"], { input });
  const bytes = Buffer.from(stdoutBytes.buffer, stdoutBytes.byteOffset, stdoutBytes.byteLength);
  const folders = new Map<string, Folder>();
  let at = 0;
  for (const dir of dirs) {
    const end = bytes.indexOf(0x0a, at);
    const header = bytes.toString("latin1", at, end);
    at = end + 1;
    // git-cat-file(1), batch output: "<name> <type> <size>", or "<input> missing" and no content.
    const [, idHex, type, size] = /^([0-9a-f]+) (\w+) (\d+)$/.exec(header) ?? [];
    if (idHex === undefined || size === undefined) {
      if (!header.endsWith(" missing")) return undefined;
      folders.set(dir, new Map());
      continue;
    }
    if (type !== "tree") return undefined;
    folders.set(dir, readTree(bytes.subarray(at, at + Number(size)), idHex.length / 2));
    at += Number(size) + 1;
  }
  return folders;
}

function readTree(content: Buffer, idBytes: number): Folder {
  const entries = new Map<string, Entry>();
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(0x20, at);
    const end = content.indexOf(0, blank);
    const id = content.toString("hex", end + 1, end + 1 + idBytes);
    entries.set(content.toString("latin1", blank + 1, end), { mode: content.toString("latin1", at, blank), id });
    at = end + 1 + idBytes;
  }
  return entries;
}
