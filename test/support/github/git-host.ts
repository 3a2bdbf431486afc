import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

// The git side of the fake: bare repositories on disk, served by git's own `git http-backend`.

/** Path -> the new text, a change of the old one, or null to remove the file. */
export type FileEdits = Readonly<Record<string, string | ((text: string) => string) | null>>;

export interface CommitOf {
  /** Undefined: a root commit. */
  readonly parent?: string;
  readonly message: string;
  readonly files: FileEdits;
  readonly author?: string;
}

const ENV = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  LC_ALL: "C",
  GIT_AUTHOR_NAME: "GitHub",
  GIT_AUTHOR_EMAIL: "noreply@github.com",
  GIT_COMMITTER_NAME: "GitHub",
  GIT_COMMITTER_EMAIL: "noreply@github.com",
  // A merge of the same two commits is the same commit.
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_DATE: "1700000000 +0000",
};

export interface CommitFacts {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string; readonly date: string };
}

export interface CompareFacts {
  readonly mergeBase: string;
  readonly ahead: number;
  readonly behind: number;
}

export class GitRepository {
  readonly dir: string;
  #clock = 1_700_000_000;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** `borrow`: the objects folder of a repository whose objects need not be copied. */
  static create(dir: string, borrow?: string): GitRepository {
    const repository = new GitRepository(dir);
    mkdirSync(dir, { recursive: true });
    repository.run(["init", "--quiet", "--bare", "--template=", "."]);
    mkdirSync(join(dir, "objects", "info"), { recursive: true });
    if (borrow !== undefined) writeFileSync(join(dir, "objects", "info", "alternates"), `${borrow}\n`);
    // As github.com: partial clones, and any commit of the repository's network by its id.
    repository.run(["config", "uploadpack.allowFilter", "true"]);
    repository.run(["config", "uploadpack.allowAnySHA1InWant", "true"]);
    repository.run(["config", "http.receivepack", "false"]);
    return repository;
  }

  run(args: readonly string[], input: string | Buffer = ""): string {
    return this.bytes(args, input).toString("utf8");
  }

  bytes(args: readonly string[], input: string | Buffer = ""): Buffer {
    return execFileSync("git", args, { cwd: this.dir, env: ENV, input, maxBuffer: 1 << 28, stdio: "pipe" });
  }

  #try(args: readonly string[]): string | undefined {
    try {
      return this.run(args).trim();
    } catch {
      return undefined;
    }
  }

  commit({ parent, message, files, author = "A Developer <dev@example.org>" }: CommitOf): string {
    const who = `${author} ${this.#clock++} +0000`;
    const ref = `refs/fake/new-${process.pid}`;
    const lines = [`commit ${ref}`, "mark :1", `author ${who}`, `committer ${who}`];
    lines.push(`data ${Buffer.byteLength(message)}`, message, ...(parent === undefined ? [] : [`from ${parent}`]));
    for (const [path, edit] of Object.entries(files)) {
      const text = typeof edit === "function" ? edit(this.text(parent ?? "", path) ?? "") : edit;
      if (text === null) lines.push(`D ${path}`);
      else lines.push(`M 100644 inline ${path}`, `data ${Buffer.byteLength(text)}`, text);
    }
    const stream = [...lines, "get-mark :1", ""].join("\n");
    const made = this.run(["fast-import", "--quiet", "--force", "--date-format=raw"], stream).trim();
    this.run(["update-ref", "-d", ref]);
    return made;
  }

  /** The patches of a mailbox one by one, as `git am` makes them; the last commit. */
  commitMails(parent: string, mbox: string): string {
    const index = join(this.dir, `index-${process.pid}`);
    const git = (args: readonly string[], input: string): string =>
      execFileSync("git", args, { cwd: this.dir, env: { ...ENV, GIT_INDEX_FILE: index }, input, encoding: "utf8" });
    try {
      git(["read-tree", parent], "");
      return mbox
        .split(/^(?=From [0-9a-f]{40} )/m)
        .filter((mail) => /^diff --git /m.test(mail))
        .reduce((last, mail) => {
          const subject = /^Subject: (?:\[[^\]]*\] )?(.*)$/m.exec(mail)?.[1] ?? "";
          const text = mail
            .slice(mail.indexOf("\n\n") + 2)
            .split(/^---$/m)[0]!
            .trim();
          git(["apply", "--cached"], mail.slice(mail.search(/^diff --git /m)));
          const tree = git(["write-tree"], "").trim();
          return git(["commit-tree", tree, "-p", last, "-F", "-"], `${subject}\n\n${text}\n`).trim();
        }, parent);
    } finally {
      rmSync(index, { force: true });
    }
  }

  setRef(ref: string, sha: string | undefined): void {
    if (sha !== undefined) this.run(["update-ref", ref, sha]);
    else if (this.#try(["rev-parse", "--verify", "--quiet", ref]) !== undefined) this.run(["update-ref", "-d", ref]);
  }

  /** A branch, a tag or a commit's id. */
  resolve(name: string): string | undefined {
    for (const ref of [`refs/heads/${name}`, `refs/tags/${name}`, ...(/^[0-9a-f]{7,40}$/.test(name) ? [name] : [])]) {
      const sha = this.#try(["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
      if (sha !== undefined) return sha;
    }
    return undefined;
  }

  hasCommit(sha: string): boolean {
    return this.#try(["cat-file", "-t", sha]) === "commit";
  }

  text(sha: string, path: string): string | undefined {
    try {
      return this.run(["cat-file", "blob", `${sha}:${path}`]);
    } catch {
      return undefined;
    }
  }

  /** [type, id] of a path of a commit. */
  entry(sha: string, path: string): readonly [string, string] | undefined {
    const line = this.run(["ls-tree", sha, "--", path]).trim();
    const match = /^\d+ (\w+) ([0-9a-f]+)\t/.exec(line);
    return match === null ? undefined : [match[1]!, match[2]!];
  }

  facts(sha: string): CommitFacts {
    const [tree, parents, name, email, date, message] = this.run([
      "show",
      "-s",
      "--format=%T%x00%P%x00%an%x00%ae%x00%aI%x00%B",
      sha,
    ]).split("\0") as [string, string, string, string, string, string];
    const split = parents.split(" ").filter((each) => each !== "");
    return { sha, tree, parents: split, message: message.trimEnd(), author: { name, email, date } };
  }

  isAncestor(older: string, newer: string): boolean {
    return this.#try(["merge-base", "--is-ancestor", older, newer]) !== undefined;
  }

  mergeBase(a: string, b: string): string | undefined {
    return this.#try(["merge-base", a, b]);
  }

  /** What GitHub shows of a pull request: merge base to head, three lines of context. */
  pullDiff(base: string, head: string): string {
    const from = this.mergeBase(base, head);
    return from === undefined ? "" : this.run(["diff", "-M", "-U3", "--full-index", from, head]);
  }

  plainDiff(from: string, to: string, path: string): string {
    return this.run(["diff", "-U0", from, to, "--", path]);
  }

  /** Newest last. */
  commits(base: string, head: string): string[] {
    return this.run(["rev-list", "--reverse", `${base}..${head}`])
      .split("\n")
      .filter((each) => each !== "");
  }

  compare(base: string, head: string): CompareFacts | undefined {
    const mergeBase = this.mergeBase(base, head);
    if (mergeBase === undefined) return undefined;
    const count = (range: string): number => Number(this.run(["rev-list", "--count", range]));
    return { mergeBase, ahead: count(`${base}..${head}`), behind: count(`${head}..${base}`) };
  }

  /** The commit that a merge would make; undefined where they conflict. */
  testMerge(base: string, head: string): string | undefined {
    const tree = this.#try(["merge-tree", "--write-tree", base, head])?.split("\n")[0];
    if (tree === undefined) return undefined;
    const message = `Merge ${head} into ${base}`;
    return this.run(["commit-tree", tree, "-p", base, "-p", head, "-m", message]).trim();
  }
}

/** Hands one request to git's CGI program. `path`: below `root`, as "/owner/name.git/info/refs". */
export function serveGit(root: string, path: string, req: IncomingMessage, res: ServerResponse): void {
  const url = new URL(req.url ?? "/", "http://localhost");
  const header = (name: string): string | undefined => {
    const value = req.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const child = spawn("git", ["http-backend"], {
    env: {
      ...ENV,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: req.method,
      CONTENT_TYPE: header("content-type"),
      HTTP_CONTENT_ENCODING: header("content-encoding"),
      GIT_PROTOCOL: header("git-protocol"),
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  // A client that hangs up takes its program with it, and the other way round.
  child.stdin.on("error", () => {});
  res.on("close", () => child.kill());
  req.pipe(child.stdin);
  let head = Buffer.alloc(0);
  let isHead = true;
  child.stdout.on("data", (chunk: Buffer) => {
    if (!isHead) {
      res.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    isHead = false;
    for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const [name = "", value = ""] = line.split(/: */, 2);
      if (name.toLowerCase() === "status") res.statusCode = Number(value.slice(0, 3));
      else res.setHeader(name, value);
    }
    if (end + 4 < head.length) res.write(head.subarray(end + 4));
  });
  child.on("close", () => {
    if (isHead) res.statusCode = 500;
    res.end();
  });
}
