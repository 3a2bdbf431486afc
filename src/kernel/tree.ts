// A kernel tree is a git repository that the operator names. It is only read: what we make (commits of a series, slots) is in
// a bare store of our own that borrows the tree's objects (objects/info/alternates, gitrepository-layout(5)).

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { Git } from "./git.ts";
import { initBareStore, openGit } from "./git.ts";
import { FolderLock } from "./lock.ts";
import { locateRepository, readRefs, readShallow } from "./operator-repository.ts";
import type { StateFolder } from "./state-folder.ts";
import { ensureFolder, treeFolder } from "./state-folder.ts";

export interface ResolvedCommit {
  /** Full object name. */
  readonly commit: string;
  /** For people: the revision as given when it names something, else the nearest tag's description. */
  readonly name: string;
}

/** 40 hex digits, or 64 in a SHA-256 repository. */
export const FULL_OBJECT_NAME = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

const DESCRIBE_TIMEOUT_MILLIS = 2000;
const MAX_DIFF_BYTES = 512 * 1024 * 1024;
const MAX_CANDIDATES = 200;

/**
 * Opens the repository at `dir`. Its refs are taken over as they are now.
 * Throws UsageError when there is none.
 */
export async function openTree(dir: string, state: StateFolder): Promise<Tree> {
  const absolute = resolve(dir);
  const repository = locateRepository(absolute);
  const folder = ensureFolder(treeFolder(state, repository.objectDir));
  const store = join(folder, "store.git");
  const home = ensureFolder(folder, "home");
  const refs = readRefs(repository);
  const head = refs.get("HEAD");
  const lock = await FolderLock.acquire(join(folder, "store.lock"));
  try {
    // Again where a part of it is missing: git init makes what is not there and leaves the rest.
    if (["HEAD", "config", "objects", "refs"].some((part) => !existsSync(join(store, part)))) {
      const anyName = head ?? refs.values().next().value;
      await initBareStore(store, home, anyName?.length === 64 ? "sha256" : "sha1");
    }
    replaceFile(join(store, "objects", "info", "alternates"), `${repository.objectDir}\n`);
    const packed = [...refs].filter(([name]) => name !== "HEAD").map(([name, value]) => `${value} ${name}\n`);
    replaceFile(join(store, "packed-refs"), packed.join(""));
    if (head !== undefined) replaceFile(join(store, "HEAD"), `${head}\n`);
    const shallow = readShallow(repository);
    if (shallow !== undefined) replaceFile(join(store, "shallow"), shallow);
    else rmSync(join(store, "shallow"), { force: true });
  } finally {
    lock.release();
  }
  return new Tree(absolute, folder, openGit({ gitDir: store, home }));
}

export class Tree {
  /** The folder that the operator named, absolute. */
  readonly dir: string;
  /** Our own folder for this tree: the bare store, the slots. */
  readonly folder: string;
  /** git on the bare store. */
  readonly git: Git;
  #lastDiff: { readonly key: string; readonly diff: Promise<string> } | undefined;

  constructor(dir: string, folder: string, git: Git) {
    this.dir = dir;
    this.folder = folder;
    this.git = git;
  }

  /** A revision in the notation of gitrevisions(7) without reflog, path and message search. Throws UsageError. */
  async resolve(rev: string): Promise<ResolvedCommit> {
    if (!/^[^\x00-\x20\x7f:?*[\\-][^\x00-\x20\x7f:?*[\\]{0,255}$/.test(rev) || rev.includes("@{")) {
      throw new UsageError(`${JSON.stringify(rev)} is not a revision`);
    }
    // Asked at the same time: where the revision is not of that form its own name is told, and the description is not looked at.
    const describing = rev === "HEAD" || /^[0-9a-f]{4,64}$/.test(rev) ? this.#describe(rev) : undefined;
    const parsed = await this.git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", `${rev}^{commit}`]);
    const commit = parsed.stdout.trim();
    if (parsed.exitCode !== 0 || !FULL_OBJECT_NAME.test(commit)) {
      throw new UsageError(`${this.dir}: no commit ${JSON.stringify(rev)}`);
    }
    const isNameless = commit.startsWith(rev) || rev === "HEAD";
    return { commit, name: isNameless ? ((await describing) ?? commit.slice(0, 12)) : rev };
  }

  /** The bytes of a file, or undefined when the commit has none of that name. A symbolic link reads as its target's name. */
  async readFile(commit: string, path: string): Promise<Uint8Array | undefined> {
    return (await this.readFiles(commit, [path])).get(path);
  }

  /** Several files with one process; those that do not exist are not in the result. */
  async readFiles(commit: string, paths: readonly string[]): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>();
    // "./" and "../" would be looked up from a work tree; a newline would be two questions.
    const asked = paths.filter((path) => !path.includes("\n") && !/^\.\.?(?:\/|$)/.test(path));
    const input = asked.map((path) => `${commit}:${path}\n`).join("");
    const { stdoutBytes } = await this.git.runOk(["cat-file", "--batch"], { input });
    let at = 0;
    for (const path of asked) {
      const end = stdoutBytes.indexOf(0x0a, at);
      const header = new TextDecoder().decode(stdoutBytes.subarray(at, end));
      at = end + 1;
      // git-cat-file(1), batch output: "<name> <type> <size>", or "<input> missing" (or "ambiguous") and no content.
      const found = header.match(/^[0-9a-f]+ (blob|tree|commit|tag) (\d+)$/);
      if (found === null) continue;
      const size = Number(found[2]);
      if (found[1] === "blob") files.set(path, stdoutBytes.slice(at, at + size));
      at += size + 1;
    }
    return files;
  }

  /** Paths of all files below the folder `prefix` ("" for all), sorted by bytes. Submodules are left out. */
  async listFiles(commit: string, prefix: string): Promise<string[]> {
    return [...(await this.#entries(commit, prefix)).keys()];
  }

  /** The object name of a file's content. */
  async blobId(commit: string, path: string): Promise<string | undefined> {
    return (await this.#entries(commit, path)).get(path);
  }

  /** Files of C and assembly that contain `symbol` as a word, at most 200. Reads the whole tree: seconds. */
  async findDefinitionCandidates(commit: string, symbol: string): Promise<string[]> {
    if (!/^[\w$.]+$/.test(symbol)) return [];
    return (await this.findMentions(commit, [symbol], ["*.c", "*.S"])).slice(0, MAX_CANDIDATES);
  }

  /** Files that hold one of `phrases` as whole words, below the pathspecs (gitglossary(7)), all files without any. */
  async findMentions(commit: string, phrases: readonly string[], paths: readonly string[] = []): Promise<string[]> {
    if (phrases.length === 0) return [];
    const options = ["-l", "-z", "-w", "-F", "-I", "--no-textconv"];
    const found = await this.git.run([
      "grep",
      ...options,
      ...phrases.flatMap((phrase) => ["-e", phrase]),
      commit,
      "--",
      ...paths,
    ]);
    const lead = `${commit}:`.length;
    return splitNul(found.stdout).map((line) => line.slice(lead));
  }

  /** A unified diff with renames, full object names and three lines of context. Binary files are named only. */
  diff(from: string, to: string): Promise<string> {
    const key = `${from} ${to}`;
    // The last patch of a series is asked for more than once, and so is the whole of a series of one.
    let diff = this.#lastDiff?.key === key ? this.#lastDiff.diff : undefined;
    if (diff === undefined) {
      diff = this.#diff(from, to);
      this.#lastDiff = { key, diff };
    }
    return diff;
  }

  async #diff(from: string, to: string): Promise<string> {
    const args = ["diff-tree", "-p", "-r", "-M", "--full-index", "-U3", "--no-ext-diff", "--no-textconv", "--no-color"];
    return (await this.git.runOk([...args, from, to, "--"], { maxOutputBytes: MAX_DIFF_BYTES })).stdout;
  }

  /** Commits of `from..to`, oldest first, merges left out. */
  async commitsBetween(from: string, to: string): Promise<string[]> {
    const listed = await this.git.runOk([
      "rev-list",
      "--reverse",
      "--topo-order",
      "--no-merges",
      `${from}..${to}`,
      "--",
    ]);
    return listed.stdout.split("\n").filter((line) => line !== "");
  }

  /** The commits of `from..to` as an mbox, as `git format-patch` writes it. */
  async formatPatches(from: string, to: string): Promise<Uint8Array> {
    const args = [
      "format-patch",
      "--stdout",
      "-M",
      "--full-index",
      "--no-signature",
      "--no-color",
      "--no-ext-diff",
      "--no-textconv",
    ];
    return (await this.git.runOk([...args, `${from}..${to}`, "--"], { maxOutputBytes: MAX_DIFF_BYTES })).stdoutBytes;
  }

  /** Patch id (git-patch-id(1), stable) -> commit, of the commits of `from..to`, or of those that touch one of `paths`. */
  async patchIds(from: string, to: string, paths: readonly string[] = []): Promise<Map<string, string>> {
    const args = [
      "log",
      "-p",
      "--full-index",
      "--full-diff",
      "--no-merges",
      "--no-color",
      "--no-ext-diff",
      "--no-textconv",
    ];
    const env = { GIT_LITERAL_PATHSPECS: "1" };
    const log = await this.git.runOk([...args, `${from}..${to}`, "--", ...paths], {
      env,
      maxOutputBytes: MAX_DIFF_BYTES,
    });
    const listed = await this.git.runOk(["patch-id", "--stable"], { input: log.stdoutBytes });
    const ids = new Map<string, string>();
    for (const line of listed.stdout.split("\n")) {
      const [id, commit] = line.split(" ");
      if (id !== undefined && commit !== undefined) ids.set(id, commit);
    }
    return ids;
  }

  async #entries(commit: string, path: string): Promise<Map<string, string>> {
    const where = path === "" ? [] : [path];
    const env = { GIT_LITERAL_PATHSPECS: "1" };
    const listed = await this.git.runOk(["ls-tree", "-r", "-z", "--full-tree", commit, "--", ...where], { env });
    const entries = new Map<string, string>();
    for (const line of splitNul(listed.stdout)) {
      // "<mode> <type> <name>\t<path>"
      const tab = line.indexOf("\t");
      const [, type, name] = line.slice(0, tab).split(" ");
      if (type === "blob" && name !== undefined) entries.set(line.slice(tab + 1), name);
    }
    return entries;
  }

  async #describe(rev: string): Promise<string | undefined> {
    try {
      const args = ["describe", "--tags", "--always", "--abbrev=12", "--candidates=1", rev];
      const described = await this.git.run(args, { timeoutMillis: DESCRIBE_TIMEOUT_MILLIS });
      return described.exitCode === 0 ? described.stdout.trim() : undefined;
    } catch {
      // A long history without tags takes too long; the name is for people only.
      return undefined;
    }
  }
}

function splitNul(text: string): string[] {
  return text.split("\0").filter((part) => part !== "");
}

/** Whole or not at all, for readers that run at the same time. */
function replaceFile(path: string, content: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === content) return;
  const temporary = `${path}.new`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}
