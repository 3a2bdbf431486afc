// A public-inbox elsewhere: bare clones of its epochs in the service's state folder, fetched from its HTTP server when it says that something is new.

import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { z } from "zod";
import { ToolError } from "../../base/errors.ts";
import { type Git, initBareStore, openGit } from "../../kernel/git.ts";
import { ensureFolder } from "../../kernel/state-folder.ts";
import { VERSION } from "../../version.ts";
import { type Archive, type Epoch, MAX_EPOCHS } from "./archive.ts";

/** public-inbox's manifest.js.gz (as grokmirror's): path of a repository -> what it is like. */
const manifestSchema = z.record(z.string(), z.looseObject({ fingerprint: z.string().nullish() }));
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
const REQUEST_MILLIS = 60_000;
/** An epoch is about a gigabyte. */
const FETCH_MILLIS = 4 * 3600_000;
const DAY_SECONDS = 24 * 3600;
const HEAD_REF = "refs/objreview/head";
/** What a git that was killed leaves behind, and what would stop every one after it. */
const STALE_LOCKS = ["shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock", "gc.pid.lock", `${HEAD_REF}.lock`];

export interface Clones {
  /** Asks the server what there is. Throws ToolError where it does not answer, or has no such archive. */
  look(signal: AbortSignal): Promise<Archive>;
}

/** `folder` is ours, for this source. */
export function openClones(url: string, folder: string): Clones {
  const base = url.replace(/\/+$/, "");
  const home = ensureFolder(folder, "home");
  /** Of each epoch when it was fetched last by this process: while the server says the same, it is not asked again. */
  const fetched = new Map<number, string>();
  const ready = new Map<number, Promise<Git>>();

  const clone = (number: number): Promise<Git> => {
    let git = ready.get(number);
    if (git === undefined) {
      git = prepareClone(join(folder, `${number}.git`), home);
      ready.set(number, git);
      git.catch(() => ready.delete(number));
    }
    return git;
  };

  return {
    async look(signal) {
      const manifest = await readManifest(base, signal);
      const epochs = new Map<number, string | undefined>();
      let archiveVersion: 1 | 2 = 2;
      for (const [path, { fingerprint }] of Object.entries(manifest ?? {})) {
        const number = /\/git\/(\d{1,4})\.git$/.exec(path)?.[1];
        if (number !== undefined && Number(number) < MAX_EPOCHS) epochs.set(Number(number), fingerprint ?? undefined);
      }
      if (manifest !== undefined && epochs.size === 0) {
        archiveVersion = 1;
        epochs.set(0, undefined);
      }
      if (manifest === undefined) archiveVersion = await probe(base, await clone(0), epochs, folder, signal);
      const address = (number: number): string => (archiveVersion === 1 ? base : `${base}/${number}`);
      return {
        version: archiveVersion,
        numbers: [...epochs.keys()].sort((a, b) => a - b),
        async open(number, since, stop): Promise<Epoch> {
          const git = await clone(number);
          const fingerprint = epochs.get(number);
          if (fingerprint === undefined || fetched.get(number) !== fingerprint) {
            await fetchHead(git, address(number), since, stop);
            if (fingerprint !== undefined) fetched.set(number, fingerprint);
          }
          const head = await git.run(["rev-parse", "--verify", "--quiet", `${HEAD_REF}^{commit}`]);
          return { number, git, head: head.exitCode === 0 ? head.stdout.trim() : undefined };
        },
      };
    },
  };
}

/** Undefined: the server has none, so the epochs have to be tried one by one. */
async function readManifest(base: string, signal: AbortSignal): Promise<z.infer<typeof manifestSchema> | undefined> {
  const address = `${base}/manifest.js.gz`;
  const failed = (why: string, cause?: unknown): ToolError =>
    new ToolError("failed", `${address}: ${why}`, { command: ["GET", address], cause });
  let bytes: Uint8Array;
  try {
    const response = await fetch(address, {
      headers: { "user-agent": `objreview/${VERSION}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MILLIS)]),
    });
    if (response.status === 404 || response.status === 501) return undefined;
    if (!response.ok) throw failed(`the server answers ${response.status}`);
    bytes = await readBounded(response);
  } catch (error) {
    if (error instanceof ToolError) throw error;
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw failed(cause?.code ?? cause?.message ?? (error as Error).message, error);
  }
  try {
    const text = await promisify(gunzip)(bytes, { maxOutputLength: MAX_MANIFEST_BYTES });
    return manifestSchema.parse(JSON.parse(text.toString("utf8")));
  } catch {
    // A page that says in HTML that there is none.
    return undefined;
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_MANIFEST_BYTES) throw new Error(`more than ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Tries epochs from the newest that is known on, and 0 first; the version of the archive. */
async function probe(
  base: string,
  git: Git,
  epochs: Map<number, string | undefined>,
  folder: string,
  signal: AbortSignal,
): Promise<1 | 2> {
  const known = readdirSync(folder)
    .flatMap((name) => /^(\d{1,4})\.git$/.exec(name)?.[1] ?? [])
    .map(Number);
  for (const number of known) {
    if (number > 0) epochs.set(number, undefined);
  }
  if (await isThere(git, `${base}/0`, signal)) epochs.set(0, undefined);
  for (let number = Math.max(0, ...epochs.keys()) + (epochs.size === 0 ? 0 : 1); number < MAX_EPOCHS; number++) {
    if (!(await isThere(git, `${base}/${number}`, signal))) break;
    epochs.set(number, undefined);
  }
  if (epochs.size > 0) return 2;
  if (!(await isThere(git, base, signal))) {
    throw new ToolError("not-found", `there is no archive at ${base}, neither epochs nor a repository`, {
      command: ["git", "ls-remote", base],
    });
  }
  epochs.set(0, undefined);
  return 1;
}

async function isThere(git: Git, url: string, signal: AbortSignal): Promise<boolean> {
  const listed = await git.run([...network(), "ls-remote", "--quiet", url, "HEAD"], {
    signal,
    timeoutMillis: 2 * REQUEST_MILLIS,
    env: onlyProtocolOf(url),
  });
  if (listed.exitCode === 0) return true;
  if (/not found|\b40[34]\b/i.test(listed.stderr)) return false;
  throw new ToolError("failed", `${url}: ${lastLine(listed.stderr)}`, {
    command: ["git", "ls-remote", url],
    exitCode: listed.exitCode,
  });
}

async function prepareClone(gitDir: string, home: string): Promise<Git> {
  if (statSync(join(gitDir, "HEAD"), { throwIfNoEntry: false }) === undefined) {
    rmSync(gitDir, { recursive: true, force: true });
    await initBareStore(gitDir, home, "sha1");
  }
  for (const name of STALE_LOCKS) rmSync(join(gitDir, name), { force: true });
  return openGit({ gitDir, home });
}

/** As little as will do the first time, what is new later. A server that cannot cut off history gives all of it. */
async function fetchHead(git: Git, url: string, since: number | undefined, signal: AbortSignal): Promise<void> {
  const hasHead = (await git.run(["rev-parse", "--verify", "--quiet", HEAD_REF])).exitCode === 0;
  const first = hasHead || since === undefined ? [] : [[`--shallow-since=${since - DAY_SECONDS}`], ["--depth=1"]];
  let words = "";
  for (const depth of [...first, []]) {
    const fetching = await git.run(
      [
        ...network(),
        "fetch",
        "--quiet",
        "--force",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        ...depth,
        url,
        `+HEAD:${HEAD_REF}`,
      ],
      { signal, timeoutMillis: FETCH_MILLIS, env: onlyProtocolOf(url) },
    );
    if (fetching.exitCode === 0) {
      // Small packs of every poll become one. If it fails, the next does it.
      const keep = ["-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "-c", "gc.bigPackThreshold=256m"];
      await git.run([...keep, "gc", "--auto", "--quiet"], { signal, timeoutMillis: FETCH_MILLIS }).catch(() => {});
      return;
    }
    // An epoch that was begun and has nothing in it yet.
    if (/find remote ref HEAD/i.test(fetching.stderr)) return;
    words = lastLine(fetching.stderr);
  }
  throw new ToolError("failed", `${url}: ${words}`, { command: ["git", "fetch", url] });
}

function network(): string[] {
  return [
    "-c",
    "http.lowSpeedLimit=1000",
    "-c",
    "http.lowSpeedTime=120",
    "-c",
    `http.userAgent=objreview/${VERSION} git`,
  ];
}

/** Neither a redirection nor anything else leads to another protocol. */
function onlyProtocolOf(url: string): Record<string, string> {
  return { GIT_ALLOW_PROTOCOL: url.startsWith("https:") ? "https" : "http:https" };
}

function lastLine(text: string): string {
  const lines = text.trim().split("\n");
  const fatal = lines.findLast((line) => line.startsWith("fatal:")) ?? lines.at(-1) ?? "";
  return fatal
    .replace(/^fatal: /, "")
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, 300);
}
