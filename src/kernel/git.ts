// git, with everything off that could run somebody's program or read somebody's configuration. It never runs inside the
// operator's repository: the store it works on is our own (tree.ts), so no configuration but the one below is ever read.

import type { RunOptions, RunResult } from "./process.ts";
import { run, runOk, SYSTEM_PATH } from "./process.ts";
import { ensureFolder } from "./state-folder.ts";

/** Who the commits of a review are by. Fixed, so that the same series gives the same commits everywhere. */
export const COMMITTER = { name: "objreview", email: "objreview@localhost" } as const;

/** git-config(1). Given through the environment, which outranks every file. */
const CONFIG: Readonly<Record<string, string>> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.untrackedCache": "false",
  "core.attributesFile": "/dev/null",
  "core.excludesFile": "/dev/null",
  "core.pager": "cat",
  "core.editor": "/bin/false",
  "core.askPass": "/bin/false",
  "core.sshCommand": "/bin/false",
  "core.autocrlf": "false",
  "core.eol": "lf",
  "core.symlinks": "true",
  "core.protectHFS": "true",
  "core.protectNTFS": "true",
  "core.quotePath": "false",
  "credential.helper": "",
  "protocol.allow": "never",
  "submodule.recurse": "false",
  "diff.ignoreSubmodules": "all",
  "commit.gpgSign": "false",
  "gpg.program": "/bin/false",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "rerere.enabled": "false",
  "merge.conflictStyle": "merge",
  "index.threads": "true",
  // Shared path prefixes: half the bytes to read, hash and write.
  "index.version": "4",
  "checkout.workers": "0",
  "advice.detachedHead": "false",
  // Hostile input may not make a single object swallow the memory.
  "core.bigFileThreshold": "64m",
};

export interface GitPlace {
  /** Absolute path of the git folder: our store, or a slot's own folder whose `commondir` is the store. */
  readonly gitDir: string;
  readonly workTree?: string;
  readonly indexFile?: string;
  /** An empty folder that stands for the home. */
  readonly home: string;
}

export type GitRunOptions = Partial<
  Pick<RunOptions, "input" | "timeoutMillis" | "maxOutputBytes" | "signal" | "onLine">
> & {
  readonly env?: Readonly<Record<string, string>>;
};

export interface Git {
  readonly place: GitPlace;
  /** Any exit status is a result. */
  run(args: readonly string[], options?: GitRunOptions): Promise<RunResult>;
  /** A non-zero exit status is ToolError("failed"). */
  runOk(args: readonly string[], options?: GitRunOptions): Promise<RunResult>;
  /** The same repository with another index file. */
  withIndex(indexFile: string): Git;
}

const DEFAULT_TIMEOUT_MILLIS = 600_000;

export function openGit(place: GitPlace): Git {
  const command = (args: readonly string[]): string[] => ["git", ...args];
  const full = (options: GitRunOptions | undefined): RunOptions => ({
    timeoutMillis: DEFAULT_TIMEOUT_MILLIS,
    ...options,
    cwd: place.workTree ?? place.gitDir,
    env: { ...gitEnv(place), ...options?.env },
  });
  return {
    place,
    run: (args, options) => run(command(args), full(options)),
    runOk: (args, options) => runOk(command(args), full(options)),
    withIndex: (indexFile) => openGit({ ...place, indexFile }),
  };
}

/** Makes an empty bare repository of ours: no template, hence no hooks. Harmless where there is one already. */
export async function initBareStore(gitDir: string, home: string, objectFormat: "sha1" | "sha256"): Promise<void> {
  const env = gitEnv({ gitDir, home });
  const args = ["init", "--quiet", "--bare", "--template=", `--object-format=${objectFormat}`, gitDir];
  await runOk(["git", ...args], { env, cwd: ensureFolder(home) });
}

function gitEnv(place: GitPlace): Record<string, string> {
  const entries = Object.entries(CONFIG);
  const env: Record<string, string> = {
    PATH: SYSTEM_PATH,
    HOME: place.home,
    XDG_CONFIG_HOME: place.home,
    LC_ALL: "C",
    TZ: "UTC",
    GIT_DIR: place.gitDir,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_ALLOW_PROTOCOL: "",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_LITERAL_PATHSPECS: "0",
    GIT_MERGE_AUTOEDIT: "no",
    GIT_COMMITTER_NAME: COMMITTER.name,
    GIT_COMMITTER_EMAIL: COMMITTER.email,
    GIT_CONFIG_COUNT: String(entries.length),
  };
  for (const [index, [key, value]] of entries.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  if (place.workTree !== undefined) env.GIT_WORK_TREE = place.workTree;
  if (place.indexFile !== undefined) env.GIT_INDEX_FILE = place.indexFile;
  return env;
}
