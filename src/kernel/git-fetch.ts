// Commits from another machine, by git over HTTP: no hooks, no submodules, no tags but those that were asked for, no other protocol, each object looked at
// by git-fsck's eyes. What came may be looked at in quarantine before it is kept.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { FormatError, ToolError } from "../base/errors.ts";
import { COMMITTER, type Git, type GitRunOptions } from "./git.ts";

export interface FetchOrder {
  readonly url: string;
  /** "+refs/heads/main:refs/objreview/base", or "refs/heads/main" where the objects alone are wanted. */
  readonly refs: readonly string[];
  /** Options about a cut history: "--depth=100", "--unshallow". */
  readonly depth?: readonly string[];
  /** Value of the header "Authorization". */
  readonly authorization?: string | undefined;
  readonly timeoutMillis: number;
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
}

const AUTH_VARIABLE = "OBJREVIEW_GIT_AUTHORIZATION";
/** Sins of old that kernel history has; other objects that git finds malformed are refused. git-fsck(1), "FSCK MESSAGES". */
const OLD_SINS = [
  "missingSpaceBeforeDate",
  "zeroPaddedFilemode",
  "badTimezone",
  "missingEmail",
  "missingNameBeforeEmail",
];
/** git-config(1), http.lowSpeedLimit: bytes a second and for how long. */
const SLOW = ["-c", "http.lowSpeedLimit=500", "-c", "http.lowSpeedTime=120"];
const SIZE_POLL_MILLIS = 200;

/** Throws ToolError. */
export async function fetchRefs(git: Git, order: FetchOrder): Promise<void> {
  const fsck = OLD_SINS.flatMap((sin) => ["-c", `fetch.fsck.${sin}=ignore`]);
  const { url, refs, depth = [], timeoutMillis, signal } = order;
  await git.runOk(
    [
      ...["-c", "fetch.fsckObjects=true", ...fsck, ...httpOptions(order)],
      ...["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"],
      ...["--no-recurse-submodules", ...depth, "--end-of-options", url, ...refs],
    ],
    { env: { ...httpEnvironment(order), ...order.env }, timeoutMillis, signal },
  );
}

/** Object names by full ref name, those that a tag peels to as "<ref>^{}". Throws ToolError. */
export async function listRemoteRefs(git: Git, order: FetchOrder): Promise<ReadonlyMap<string, string>> {
  const { url, refs, timeoutMillis, signal } = order;
  const options: GitRunOptions = {
    env: httpEnvironment(order),
    timeoutMillis,
    signal,
    maxOutputBytes: 4 * 1024 * 1024,
  };
  const args = [...httpOptions(order), "ls-remote", "--quiet", "--end-of-options", url, ...refs];
  const listed = await git.runOk(args, options);
  const found = new Map<string, string>();
  for (const line of listed.stdout.split("\n")) {
    const [name, ref] = line.split("\t");
    if (name !== undefined && ref !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(name)) found.set(ref, name);
  }
  return found;
}

function httpOptions({ url, authorization }: FetchOrder): string[] {
  // Not in the arguments, which every user of the machine can read.
  const login = `--config-env=http.${new URL(url).origin}/.extraHeader=${AUTH_VARIABLE}`;
  // git would run itself in the repository whose objects are borrowed, to ask for its refs.
  const borrowed = ["-c", "core.alternateRefsCommand=true"];
  return ["-c", "http.followRedirects=false", ...SLOW, ...borrowed, ...(authorization === undefined ? [] : [login])];
}

function httpEnvironment({ url, authorization }: FetchOrder): Record<string, string> {
  const protocol = new URL(url).protocol.replace(":", "");
  if (protocol !== "https" && protocol !== "http")
    throw new FormatError("unsupported", `nothing is fetched by ${protocol}`, { format: "address" });
  const login = authorization === undefined ? {} : { [AUTH_VARIABLE]: `Authorization: ${authorization}` };
  return { GIT_ALLOW_PROTOCOL: protocol, ...login };
}

/** git-check-ref-format(1), as far as another name than the one meant could be read out of it. Throws FormatError. */
export function checkRefName(name: string): void {
  if (/^[^\x00-\x20\x7f~^:?*[\\-][^\x00-\x20\x7f~^:?*[\\]{0,400}$/.test(name) && !/\.\.|@\{|\/\/|\/$/.test(name))
    return;
  throw new FormatError("bad-value", "not the name of a ref", { format: "git ref" });
}

export async function hasCommit(git: Git, commit: string): Promise<boolean> {
  return (await git.run(["cat-file", "-e", `${commit}^{commit}`])).exitCode === 0;
}

export async function countBetween(git: Git, from: string, to: string, ...only: readonly string[]): Promise<number> {
  return Number((await git.runOk(["rev-list", "--count", ...only, `${from}..${to}`, "--"])).stdout);
}

/**
 * `head`, or one commit that stands for everything from `base` on: where its history has merges, or is longer than `maxCommits`. The same commit each time.
 */
export async function reviewedTip(
  git: Git,
  { base, head, title, maxCommits }: { base: string; head: string; title: string; maxCommits: number },
): Promise<string> {
  const merges = await countBetween(git, base, head, "--merges");
  if (merges === 0 && (await countBetween(git, base, head)) <= maxCommits) return head;
  const date = `${(await git.runOk(["show", "-s", "--format=%ct", head])).stdout.trim()} +0000`;
  const env = {
    GIT_AUTHOR_NAME: COMMITTER.name,
    GIT_AUTHOR_EMAIL: COMMITTER.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  };
  const message = title.replaceAll(/[\u0000-\u001f\u007f]+/g, " ").trim() || "The whole change";
  const made = await git.runOk(["commit-tree", `${head}^{tree}`, "-p", base, "-F", "-"], { env, input: message });
  return made.stdout.trim();
}

/**
 * Fetches into a folder beside the repository's objects, asks `accept` with a git that sees both, and keeps what came where it answers true. At most `maxBytes`
 * come; more is ToolError("output-too-big"). One call at a time for each `folder`, which is on the same file system and belongs to nothing else.
 */
export async function fetchInQuarantine(
  git: Git,
  folder: string,
  order: FetchOrder,
  maxBytes: number,
  accept: (git: Git) => Promise<boolean>,
): Promise<boolean> {
  // What a process that died has left.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const incoming = mkdtempSync(join(folder, "objects-"));
  const own = join(git.place.gitDir, "objects");
  const env = { GIT_OBJECT_DIRECTORY: incoming, GIT_ALTERNATE_OBJECT_DIRECTORIES: own };
  const both: Git = {
    ...git,
    run: (args, options) => git.run(args, { ...options, env: { ...options?.env, ...env } }),
    runOk: (args, options) => git.runOk(args, { ...options, env: { ...options?.env, ...env } }),
  };
  const tooMuch = new AbortController();
  const watch = setInterval(() => {
    if (sizeOf(incoming) > maxBytes) tooMuch.abort();
  }, SIZE_POLL_MILLIS);
  try {
    const signal = AbortSignal.any([order.signal, tooMuch.signal]);
    await fetchRefs(both, { ...order, signal });
    clearInterval(watch);
    if (sizeOf(incoming) > maxBytes) tooMuch.abort();
    tooMuch.signal.throwIfAborted();
    if (!(await accept(both))) return false;
    keep(incoming, own);
    return true;
  } catch (error) {
    if (!tooMuch.signal.aborted) throw error;
    throw new ToolError("output-too-big", `more than ${maxBytes} bytes came`, {
      command: ["git", "fetch"],
      cause: error,
    });
  } finally {
    clearInterval(watch);
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch {
    // A folder that git removed meanwhile.
    return [];
  }
}

function sizeOf(folder: string): number {
  return filesBelow(folder).reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Objects and packs; the index of a pack last, for with it the pack is there. */
function keep(incoming: string, objects: string): void {
  const isObject = /^(?:pack\/pack-[0-9a-f]+\.(?:pack|rev|idx)|[0-9a-f]{2}\/[0-9a-f]+)$/;
  const names = filesBelow(incoming).map((path) => path.slice(incoming.length + 1));
  const wanted = names.filter((name) => isObject.test(name));
  wanted.sort((a, b) => Number(a.endsWith(".idx")) - Number(b.endsWith(".idx")));
  for (const name of wanted) {
    const target = join(objects, name);
    mkdirSync(join(target, ".."), { recursive: true });
    if (!existsSync(target)) renameSync(join(incoming, name), target);
  }
}
