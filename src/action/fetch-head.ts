// The commits of one pull request from the server into an empty bare repository, without a token: the head, down to where it left its
// base. A whole kernel's history is gigabytes; this is one tree and the commits of the pull request.

import { UsageError } from "../base/errors.ts";
import { type Git, initBareStore, openGit } from "../kernel/git.ts";
import { ensureFolder } from "../kernel/state-folder.ts";

export interface FetchRequest {
  /** "https://github.com/owner/name" */
  readonly url: string;
  readonly number: number;
  readonly headSha: string;
  readonly baseSha: string;
  /** Commits of the pull request, as the event has it: how deep the head has to be fetched when none of them is a merge. */
  readonly commits: number;
  /** Folder that is made for it. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

export type Fetched =
  | { readonly kind: "fetched"; readonly mergeBase: string }
  /** The pull request has another head by now. */
  | { readonly kind: "superseded" };

/** Where the two meet is looked for in so many commits of each, and then no further. */
const DEPTHS = [200, 5000, 100_000];
const FETCH_TIMEOUT_MILLIS = 30 * 60_000;

/** Throws ToolError where git cannot fetch, UsageError where head and base have nothing in common. */
export async function fetchHead(request: FetchRequest): Promise<Fetched> {
  const { folder, headSha, baseSha, commits } = request;
  const home = ensureFolder(`${folder}.home`);
  await initBareStore(folder, home, headSha.length === 64 ? "sha256" : "sha1");
  const git = openGit({ gitDir: folder, home });
  await fetchRefs(git, request, commits + 1, [`+refs/pull/${request.number}/head:refs/heads/head`]);
  const head = (await git.runOk(["rev-parse", "--verify", "refs/heads/head^{commit}"])).stdout.trim();
  if (head !== headSha) return { kind: "superseded" };
  await git.runOk(["symbolic-ref", "HEAD", "refs/heads/head"]);
  const straight = await endOfStraightLine(git, headSha, commits);
  if (straight !== undefined) return { kind: "fetched", mergeBase: straight };
  for (const depth of DEPTHS) {
    const refs = [`+refs/pull/${request.number}/head:refs/heads/head`, `+${baseSha}:refs/heads/base`];
    await fetchRefs(git, request, depth, refs);
    const mergeBase = await findMergeBase(git, headSha, baseSha);
    if (mergeBase !== undefined) return { kind: "fetched", mergeBase };
  }
  throw new UsageError(
    `no commit that ${headSha.slice(0, 12)} and its base share was found in ${DEPTHS.at(-1)} commits`,
  );
}

async function fetchRefs(
  git: Git,
  { url, signal }: FetchRequest,
  depth: number,
  refs: readonly string[],
): Promise<void> {
  const args = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-fetch-head",
  ];
  await git.runOk([...args, `--depth=${depth}`, "--end-of-options", url, ...refs], {
    // git(1): for this command these transports and no others.
    env: { GIT_ALLOW_PROTOCOL: "https:http:file" },
    timeoutMillis: FETCH_TIMEOUT_MILLIS,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The commit below the `commits` of the pull request where each of them has one parent. It is what they were made from. */
async function endOfStraightLine(git: Git, headSha: string, commits: number): Promise<string | undefined> {
  if (commits === 0) return undefined;
  // The boundary of a shallow repository has no parents for git-rev-list(1).
  const listed = await git.runOk(["rev-list", "--parents", `--max-count=${commits}`, headSha]);
  const lines = listed.stdout.trimEnd().split("\n");
  let next: string | undefined = headSha;
  for (const line of lines) {
    const [commit, ...parents] = line.split(" ");
    if (commit !== next || parents.length !== 1) return undefined;
    next = parents[0];
  }
  return lines.length === commits ? next : undefined;
}

/** The one best common ancestor (git-merge-base(1)) in a repository that has enough of both. */
export async function findMergeBase(git: Git, headSha: string, baseSha: string): Promise<string | undefined> {
  const found = await git.run(["merge-base", headSha, baseSha]);
  const commit = found.stdout.trim();
  return found.exitCode === 0 && /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}
