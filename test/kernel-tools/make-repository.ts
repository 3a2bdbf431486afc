// Small git repositories for tests, made as their owner would make them: with the plain git and a work tree.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runOk, SYSTEM_PATH } from "../../src/kernel/process.ts";
import type { StateFolder } from "../../src/kernel/state-folder.ts";

export interface TestRepository {
  readonly dir: string;
  git(...args: readonly string[]): Promise<string>;
  write(files: Readonly<Record<string, string | null | { link: string } | { executable: string }>>): void;
  /** Writes the files, commits everything, returns the commit. null removes a file. */
  commit(message: string, files?: Parameters<TestRepository["write"]>[0]): Promise<string>;
  /** `git format-patch` of a range, one mail each. */
  mails(range: string): Promise<Uint8Array[]>;
}

/** A folder that is gone after the test; `t` is the test context. */
export function scratchFolder(t: { after(fn: () => void): void }, name = "objreview-test-"): string {
  const dir = mkdtempSync(join(tmpdir(), name));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function testState(dir: string): StateFolder {
  return { state: join(dir, "state"), cache: join(dir, "cache") };
}

export const OWNER_ENV = {
  PATH: SYSTEM_PATH,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ada Author",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada Author",
  GIT_COMMITTER_EMAIL: "ada@example.org",
  LC_ALL: "C",
  TZ: "UTC",
} as const;

export async function makeRepository(dir: string, initOptions: readonly string[] = []): Promise<TestRepository> {
  mkdirSync(dir, { recursive: true });
  let clock = 1_700_000_000;
  const git = async (...args: readonly string[]): Promise<string> => {
    const date = `${clock} +0100`;
    const env = { ...OWNER_ENV, HOME: dir, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    return (await runOk(["git", ...args], { cwd: dir, env })).stdout.trim();
  };
  await git("init", "--quiet", "--initial-branch=main", ...initOptions, ".");
  const repository: TestRepository = {
    dir,
    git,
    write(files) {
      for (const [name, content] of Object.entries(files)) {
        const path = join(dir, name);
        rmSync(path, { recursive: true, force: true });
        if (content === null) continue;
        mkdirSync(dirname(path), { recursive: true });
        if (typeof content === "string") writeFileSync(path, content);
        else if ("link" in content) symlinkSync(content.link, path);
        else {
          writeFileSync(path, content.executable);
          chmodSync(path, 0o755);
        }
      }
    },
    async commit(message, files) {
      clock += 60;
      repository.write(files ?? {});
      await git("add", "--all", "--force");
      await git("commit", "--quiet", "--allow-empty", "-m", message);
      return git("rev-parse", "HEAD");
    },
    async mails(range) {
      const { stdoutBytes } = await runOk(["git", "format-patch", "--stdout", "-M", range], {
        cwd: dir,
        env: { ...OWNER_ENV, HOME: dir },
      });
      const text = Buffer.from(stdoutBytes).toString("latin1");
      return text.split(/^(?=From [0-9a-f]{40,64} )/m).map((mail) => Buffer.from(mail, "latin1"));
    },
  };
  return repository;
}

/** A file of numbered lines, with some replaced. */
export function numbered(count: number, replaced: Readonly<Record<number, string>> = {}): string {
  return Array.from({ length: count }, (_, index) => `${replaced[index + 1] ?? `line ${index + 1}`}\n`).join("");
}
