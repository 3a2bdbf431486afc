import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findKernelTree, testCacheFolder } from "./kernel-tree.ts";

// A git repository on top of the kernel tree, for series that a test makes: it borrows the tree's objects, so a commit costs
// a tenth of a second and no work tree.

/** Path -> the new text, a change of the old one, or null to remove the file. */
export type Edits = Readonly<Record<string, string | ((text: string) => string) | null | { link: string }>>;

export interface SeriesTree {
  /** Bare repository; its HEAD is the kernel tree's. */
  readonly dir: string;
  /** The commit that the kernel tree's HEAD names. */
  readonly base: string;
  /** A commit on top of `parent`; a rename is a removal and a file of the same text. */
  commit(parent: string, subject: string, edits: Edits): string;
  read(commit: string, path: string): string;
  /** `git format-patch --stdout` of `from..to` as numbered patches. */
  mbox(from: string, to: string): string;
  /** A plain diff without mail around it. */
  diff(from: string, to: string): string;
}

const WHO = "A Developer <dev@example.org> 1700000000 +0000";
const MAX_OUTPUT = 256 * 1024 * 1024;

/** Opens the repository, made when there is none. It is kept between runs: its work trees are what takes long to write. */
export function openSeriesTree(): SeriesTree {
  const { tree } = findKernelTree();
  const dir = join(testCacheFolder(), "test-state", "series.git");
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
  const git = (cwd: string, args: readonly string[], input?: string | Buffer): Buffer =>
    execFileSync("git", args, { cwd, env, input: input ?? "", maxBuffer: MAX_OUTPUT, stdio: ["pipe", "pipe", "pipe"] });
  const base = git(tree, ["rev-parse", "HEAD"]).toString().trim();
  const common = git(tree, ["rev-parse", "--path-format=absolute", "--git-common-dir"]).toString().trim();
  const alternates = join(dir, "objects", "info", "alternates");
  if (!existsSync(alternates) || readFileSync(alternates, "utf8") !== `${join(common, "objects")}\n`) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    git(dir, ["init", "--quiet", "--bare", "--template=", "."]);
    mkdirSync(join(dir, "objects", "info"), { recursive: true });
    writeFileSync(alternates, `${join(common, "objects")}\n`);
  }
  git(dir, ["update-ref", "refs/heads/base", base]);
  git(dir, ["symbolic-ref", "HEAD", "refs/heads/base"]);
  const read = (commit: string, path: string): string => git(dir, ["cat-file", "blob", `${commit}:${path}`]).toString();
  return {
    dir,
    base,
    read,
    commit(parent, subject, edits) {
      const body: string[] = [];
      const lines = [`commit refs/objreview-test/${process.pid}`, "mark :1", `author ${WHO}`, `committer ${WHO}`];
      lines.push(`data ${Buffer.byteLength(subject)}`, subject, `from ${parent}`);
      for (const [path, edit] of Object.entries(edits)) {
        if (edit === null) {
          body.push(`D ${path}`);
          continue;
        }
        const isLink = typeof edit === "object";
        const text = isLink ? edit.link : typeof edit === "string" ? edit : edit(read(parent, path));
        if (typeof edit === "function" && text === read(parent, path))
          throw new Error(`the edit of ${path} changes nothing`);
        body.push(`M ${isLink ? "120000" : "100644"} inline ${path}`, `data ${Buffer.byteLength(text)}`, text);
      }
      const stream = [...lines, ...body, "get-mark :1", ""].join("\n");
      const made = git(dir, ["fast-import", "--quiet", "--force", "--date-format=raw"], stream).toString().trim();
      // What a series commit borrows nothing from and no ref names is not looked at by git-gc, which never runs here.
      git(dir, ["update-ref", "-d", `refs/objreview-test/${process.pid}`]);
      return made;
    },
    mbox: (from, to) => git(dir, ["format-patch", "--stdout", "-n", "-M", `${from}..${to}`]).toString(),
    diff: (from, to) => git(dir, ["diff", "-M", from, to]).toString(),
  };
}
