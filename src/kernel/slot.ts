// A slot is a work tree that is kept from review to review and reset instead of made again: 87,000 files take some 15 s to
// write, and an update only as long as what differs. A slot belongs to one process at a time.
//
//   <tree folder>/slots/<name>-<n>.lock   who has it
//   <tree folder>/slots/<name>-<n>/src    the work tree; no .git in it, so a build in there finds no repository
//   <tree folder>/slots/<name>-<n>/git    HEAD, index and commondir: a git folder of its own over the tree's store
//   <tree folder>/slots/<name>-<n>/dirty  exists while index, HEAD and work tree may differ: empty, and nobody knows how; or with the
//                                         paths whose entries in the index are of an earlier commit than HEAD and the work tree

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError, UsageError } from "../base/errors.ts";
import { requireSpace } from "./disk-space.ts";
import type { Git } from "./git.ts";
import { openGit } from "./git.ts";
import { FolderLock } from "./lock.ts";
import { ensureFolder } from "./state-folder.ts";
import type { Tree } from "./tree.ts";

/** As many slots of one name as may exist; more at a time than that wait. */
const MAX_SLOTS = 8;
const WAIT_MILLIS = 600_000;
/** A kernel of 2024 in files: 87,000 of them. */
const WORK_TREE_BYTES = 1.8 * 1024 ** 3;
/** Beyond this many files one merge is the shorter way. */
const MAX_REPLACED = 5000;
/** Names of files that one command line takes, with room to spare. */
const PATHS_A_CALL = 500;

/**
 * The first slot of this name that no living process has, made when there is none. A slot that a crash left behind is
 * healed. Throws UsageError when all are still busy after ten minutes.
 */
export async function openSlot(tree: Tree, name: string): Promise<Slot> {
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) throw new UsageError(`${JSON.stringify(name)} is not a slot name`);
  const slots = ensureFolder(tree.folder, "slots");
  const { lock, slotName } = await lockOne(slots, name);
  try {
    // A job that runs as another user reads the work tree, whatever the operator's umask says; the folders above it are
    // closed to others all the same.
    process.umask(0o022);
    const folder = ensureFolder(slots, slotName);
    return new Slot(tree, slotName, folder, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function lockOne(slots: string, name: string): Promise<{ lock: FolderLock; slotName: string }> {
  for (let number = 1; number <= MAX_SLOTS; number += 1) {
    const slotName = `${name}-${number}`;
    const lock = FolderLock.tryAcquire(join(slots, `${slotName}.lock`));
    if (lock !== undefined) return { lock, slotName };
  }
  return { lock: await FolderLock.acquire(join(slots, `${name}-1.lock`), WAIT_MILLIS), slotName: `${name}-1` };
}

export class Slot {
  readonly tree: Tree;
  readonly name: string;
  /** The slot's own folder; build folders may live in it beside the work tree. */
  readonly folder: string;
  /** The work tree. */
  readonly dir: string;
  /** git on this work tree. HEAD is detached. Its index may be behind: see `settle`. */
  readonly git: Git;
  readonly #lock: FolderLock;
  readonly #gitDir: string;
  readonly #dirtyMark: string;
  /** The checkout that was asked for last, and its end. */
  #moving: Promise<void> | undefined;

  constructor(tree: Tree, name: string, folder: string, lock: FolderLock) {
    this.tree = tree;
    this.name = name;
    this.folder = folder;
    this.dir = join(folder, "src");
    this.#lock = lock;
    this.#gitDir = join(folder, "git");
    this.#dirtyMark = join(folder, "dirty");
    // Mount targets and build outputs lie in here: the work tree is for others to read.
    mkdirSync(this.dir, { recursive: true, mode: 0o755 });
    ensureFolder(this.#gitDir);
    writeFileSync(join(this.#gitDir, "commondir"), `${tree.git.place.gitDir}\n`);
    this.git = openGit({ gitDir: this.#gitDir, workTree: this.dir, home: tree.git.place.home });
    if (this.head() === undefined) this.#markDirty();
  }

  /** The commit that the work tree holds, or undefined before the first checkout and after a crash. */
  head(): string | undefined {
    return this.#behind() === undefined ? undefined : this.#recordedHead();
  }

  /**
   * Makes the work tree hold exactly `commit` (a full object name). Files that did not change keep their times, so make
   * rebuilds only what differs. `clean` also looks for files that nobody told us about; a slot whose last user
   * crashed or called `taint` is always looked through. Asked for several, it goes from one to the next in their order.
   */
  async checkout(commit: string, options: { readonly clean?: boolean } = {}): Promise<void> {
    const before = this.#moving ?? Promise.resolve();
    const own = before.catch(() => undefined).then(() => this.#checkout(commit, options));
    this.#moving = own;
    try {
      await own;
    } finally {
      if (this.#moving === own) this.#moving = undefined;
    }
  }

  /** A checkout is under way. */
  get isMoving(): boolean {
    return this.#moving !== undefined;
  }

  async #checkout(commit: string, options: { readonly clean?: boolean }): Promise<void> {
    const head = this.head();
    if (head === commit && options.clean !== true) return;
    let behind = this.#behind() ?? [];
    this.#markDirty();
    const replaced =
      head === undefined || options.clean === true ? undefined : await this.#replaceContents(head, commit);
    if (replaced !== undefined) behind = [...new Set([...behind, ...replaced])];
    else {
      const isMerged = head !== undefined && options.clean !== true && (await this.#merge(head, commit, behind));
      if (!isMerged) await this.#heal(commit);
      behind = [];
    }
    writeFileSync(join(this.#gitDir, "HEAD"), `${commit}\n`);
    this.#markBehind(behind);
  }

  /** The index is that of the commit which the slot holds. */
  get isSettled(): boolean {
    return this.#behind()?.length === 0;
  }

  /** Brings the index up to the commit that the slot holds, for commands that go by it. A checkout that was quick left that for later. */
  async settle(): Promise<void> {
    const commit = this.head();
    const behind = this.#behind() ?? [];
    if (commit === undefined || behind.length === 0) return;
    this.#markDirty();
    await this.#catchUp(commit, behind);
    this.#markBehind([]);
  }

  /** Gives the paths the entries of `commit`, which the work tree holds. */
  async #catchUp(commit: string, paths: readonly string[]): Promise<void> {
    const env = { GIT_LITERAL_PATHSPECS: "1" };
    const entries: string[] = [];
    for (let at = 0; at < paths.length; at += PATHS_A_CALL) {
      const some = paths.slice(at, at + PATHS_A_CALL);
      const listed = await this.git.runOk(["ls-tree", "-z", "--full-tree", commit, "--", ...some], { env });
      entries.push(listed.stdout);
    }
    await this.git.runOk(["update-index", "-z", "--index-info"], { input: entries.join("") });
    await this.git.runOk(["checkout-index", "-f", "-u", "-z", "--stdin"], { input: paths.join("\0") });
  }

  /** Says that the work tree may have been written to; the next checkout looks through all of it. */
  taint(): void {
    this.#markDirty();
  }

  /** Back to the commit it holds, with every other file removed. */
  async reset(): Promise<void> {
    const commit = this.#recordedHead();
    if (commit !== undefined) await this.checkout(commit, { clean: true });
  }

  /** Leaves the slot to others. It keeps what it holds. */
  release(): void {
    this.#lock.release();
  }

  /**
   * The usual case, files whose content changes and nothing more, without the merge: read-tree looks up each of the tree's
   * 87,000 objects (0.55 s of processor time), and to write the index takes 0.1 s. An index of the changed files alone serves
   * as well, and the other is settled when it is needed. Returns the paths; undefined, with nothing done, when there is more to it.
   */
  async #replaceContents(head: string, commit: string): Promise<readonly string[] | undefined> {
    const compared = await this.git.run(["diff-tree", "-r", "-z", "--raw", "--no-renames", head, commit]);
    // The commit that it held may be gone from the operator's repository.
    if (compared.exitCode !== 0) return undefined;
    const changes = compared.stdout;
    const entries: string[] = [];
    const paths: string[] = [];
    const fields = changes.split("\0");
    // git-diff-tree(1), raw output: ":<mode> <mode> <name> <name> <status>" NUL "<path>" NUL
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [, from, to, name, status] = /^:(\d{6}) (\d{6}) [0-9a-f]+ ([0-9a-f]+) (\w)/.exec(fields[at]!) ?? [];
      if (status !== "M" || from !== to || (to !== "100644" && to !== "100755")) return undefined;
      entries.push(`${to} ${name}\t${fields[at + 1]}\0`);
      paths.push(fields[at + 1]!);
    }
    if (paths.length > MAX_REPLACED) return undefined;
    if (paths.length === 0) return [];
    // Attributes decide how a file is written; the whole index has the file of the new commit, the work tree that of the old.
    if (paths.some((path) => /(^|\/)\.gitattributes$/.test(path))) return undefined;
    const small = this.git.withIndex(join(this.folder, "changed.index"));
    rmSync(join(this.folder, "changed.index"), { force: true });
    await small.runOk(["update-index", "-z", "--index-info"], { input: entries.join("") });
    await small.runOk(["checkout-index", "-f", "-a"]);
    return paths;
  }

  /** Two-way merge of the index and the work tree: touches what differs between the two commits and nothing else. */
  async #merge(head: string, commit: string, behind: readonly string[]): Promise<boolean> {
    try {
      if (behind.length > 0) await this.#catchUp(head, behind);
      return (await this.git.run(["read-tree", "-m", "-u", head, commit])).exitCode === 0;
    } catch (error) {
      if (error instanceof ToolError && error.code === "failed") return false;
      throw error;
    }
  }

  async #heal(commit: string): Promise<void> {
    // Written for the first time, and a kernel: it had better fit.
    if (!existsSync(join(this.#gitDir, "index")) && (await this.#isKernel(commit)))
      requireSpace(this.dir, WORK_TREE_BYTES, "a work tree of the kernel");
    rmSync(join(this.#gitDir, "index.lock"), { force: true });
    rmSync(join(this.#gitDir, "rebase-apply"), { recursive: true, force: true });
    // HEAD must name a commit for git to take the folder for a repository at all.
    writeFileSync(join(this.#gitDir, "HEAD"), `${commit}\n`);
    const reset = ["reset", "--quiet", "--hard", commit];
    if ((await this.git.run(reset)).exitCode !== 0) {
      // An index cut short by a crash cannot be read; without one all files are written again.
      rmSync(join(this.#gitDir, "index"), { force: true });
      await this.git.runOk(reset);
    }
    await this.git.runOk(["clean", "-ffdxq"]);
  }

  async #isKernel(commit: string): Promise<boolean> {
    return (await this.tree.git.run(["cat-file", "-e", `${commit}:Kbuild`])).exitCode === 0;
  }

  #recordedHead(): string | undefined {
    const path = join(this.#gitDir, "HEAD");
    const head = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    return /^[0-9a-f]{40,64}$/.test(head) ? head : undefined;
  }

  #markDirty(): void {
    writeFileSync(this.#dirtyMark, "");
  }

  #markBehind(paths: readonly string[]): void {
    if (paths.length === 0) rmSync(this.#dirtyMark, { force: true });
    else {
      writeFileSync(`${this.#dirtyMark}.new`, paths.join("\0"));
      renameSync(`${this.#dirtyMark}.new`, this.#dirtyMark);
    }
  }

  /** Paths that the index is behind with; undefined where more than that may be wrong. */
  #behind(): readonly string[] | undefined {
    if (!existsSync(this.#dirtyMark)) return [];
    const paths = readFileSync(this.#dirtyMark, "utf8");
    return paths === "" ? undefined : paths.split("\0");
  }
}
