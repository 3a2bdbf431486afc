// Before anything is fetched: whether this head is still the one, is wanted, and may be built. Everything is asked from GitHub now, with the
// configuration of the base branch.

import { CONFIG_PATH, DEFAULT_CONFIG, type RepositoryConfig } from "../github/config.ts";
import { readConfig } from "../github/config-text.ts";
import { type Asker, mayBuild, type Permission } from "../github/permission.ts";
import type { Records, Review } from "../store/store.ts";
import { statusOf } from "./call-errors.ts";
import type { Api } from "./client.ts";
import type { Gate } from "./outcome.ts";
import { type PullWork, type Repository, readWorkRequest, type WorkRequest } from "./work-request.ts";

export interface PullFacts {
  readonly headSha: string;
  readonly baseRef: string;
  readonly title: string;
  readonly author: { readonly login: string; readonly type: string };
  readonly association: string;
  readonly isOpen: boolean;
  readonly isDraft: boolean;
  readonly isLocked: boolean;
  /** Commits that the head has and the base has not, as GitHub counts. */
  readonly commits: number;
}

export type Admission =
  | { readonly go: true; readonly config: RepositoryConfig; readonly pull: PullFacts | undefined }
  | {
      readonly go: false;
      readonly gate: Gate /** Of a pull request that is closed, or elsewhere by now. */;
      readonly pull?: PullFacts;
    };

export async function admit(
  api: Api,
  store: Pick<Records, "reviews">,
  review: Review,
  request: WorkRequest,
): Promise<Admission> {
  if (request.kind === "merge-group") {
    const config = await configAt(api, request, request.baseSha);
    if (!config.ok) return config.admission;
    if (!config.config.enabled) return stop({ why: "disabled" });
    // Whoever put it into the queue may write, and every change in it has been through its own pull request.
    return { go: true, config: config.config, pull: undefined };
  }
  const pull = await readPull(api, request, request.number);
  if (!pull.isOpen) return { ...stop({ why: "closed" }), pull };
  if (pull.headSha !== review.head || pull.baseRef !== review.base) return { ...stop({ why: "moved" }), pull };
  const read = await configAt(api, request, pull.baseRef);
  if (!read.ok) return read.admission;
  const { config } = read;
  if (!config.enabled) return stop({ why: "disabled" });
  if (pull.isDraft && !config.drafts) return stop({ why: "draft" });
  if (!(await isBuildAllowed(api, store, request, review, pull, config))) return stop({ why: "approval" });
  return { go: true, config, pull };
}

function stop(gate: Gate): { go: false; gate: Gate } {
  return { go: false, gate };
}

export async function readPull(api: Api, { owner, repo }: Repository, number: number): Promise<PullFacts> {
  const { data } = await api.rest.pulls.get({ owner, repo, pull_number: number });
  return {
    headSha: data.head.sha,
    baseRef: data.base.ref,
    title: data.title,
    // A deleted account is nobody.
    author: { login: data.user?.login ?? "ghost", type: data.user?.type ?? "User" },
    association: data.author_association,
    isOpen: data.state === "open",
    isDraft: data.draft === true,
    isLocked: data.locked,
    commits: data.commits,
  };
}

type ConfigRead =
  | { readonly ok: true; readonly config: RepositoryConfig }
  | { readonly ok: false; readonly admission: { go: false; gate: Gate } };

/** The file as it is on `ref`, a branch of the repository itself: never the head's. */
async function configAt(api: Api, { owner, repo }: Repository, ref: string): Promise<ConfigRead> {
  const text = await fileAt(api, { owner, repo }, CONFIG_PATH, ref);
  if (text === undefined) return { ok: true, config: DEFAULT_CONFIG };
  const read = readConfig(text);
  if (read.ok) return read;
  return { ok: false, admission: stop({ why: "config", errors: read.errors.map((each) => ({ ...each })) }) };
}

/** The configuration on a branch, or the defaults where there is none that can be used. */
export async function usableConfig(api: Api, repository: Repository, ref: string): Promise<RepositoryConfig> {
  const read = await configAt(api, repository, ref);
  return read.ok ? read.config : DEFAULT_CONFIG;
}

async function fileAt(
  api: Api,
  { owner, repo }: { readonly owner: string; readonly repo: string },
  path: string,
  ref: string,
): Promise<string | undefined> {
  try {
    const { data } = await api.rest.repos.getContent({ owner, repo, path, ref });
    // A folder is a list, a submodule or symbolic link has no content of its own: no configuration.
    if (Array.isArray(data) || data.type !== "file" || !("content" in data)) return undefined;
    return Buffer.from(data.content, "base64").toString("utf8");
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** GET .../collaborators/{user}/permission; who is not known there has none. */
export async function permissionOf(api: Api, { owner, repo }: Repository, login: string): Promise<Permission> {
  try {
    const { data } = await api.rest.repos.getCollaboratorPermissionLevel({ owner, repo, username: login });
    const { permission } = data;
    return permission === "admin" || permission === "write" || permission === "read" ? permission : "none";
  } catch (error) {
    if (statusOf(error) === 404) return "none";
    throw error;
  }
}

/** Whether this head may be built by now: by the author's standing, or because a person let it. */
export async function isBuildAllowed(
  api: Api,
  store: Pick<Records, "reviews">,
  request: PullWork,
  review: Pick<Review, "target" | "head">,
  pull: PullFacts,
  config: RepositoryConfig,
): Promise<boolean> {
  if (config.builds === "everyone") return true;
  const approvedShas = await approvedHeads(store, review.target);
  const nobody: Asker = { ...pull.author, permission: "none" };
  const facts = { builds: config.builds, headSha: review.head, approvedShas };
  if (mayBuild({ ...facts, author: nobody, mergedBefore: 0 })) return true;
  const author: Asker = { ...pull.author, permission: await permissionOf(api, request, pull.author.login) };
  // Search has a limit of its own, 30 in a minute: only where it decides.
  if (mayBuild({ ...facts, author, mergedBefore: 0 })) return true;
  return mayBuild({ ...facts, author, mergedBefore: 1 }) && (await mergedBefore(api, request, pull)) > 0;
}

/** An approval is part of the order that it allowed, and that is of one head: a push leaves it behind. */
export async function approvedHeads(store: Pick<Records, "reviews">, target: string): Promise<string[]> {
  return (await store.reviews(target)).flatMap(({ head, request }) => {
    const read = readWorkRequest(request);
    return read.kind === "pull" && read.approvedBy !== undefined ? [head] : [];
  });
}

/** Pull requests of the author that were merged here. CONTRIBUTOR says that there is one; a member's association hides it, so that it is looked for. */
async function mergedBefore(api: Api, { owner, repo }: Repository, pull: PullFacts): Promise<number> {
  if (pull.association === "CONTRIBUTOR") return 1;
  if (pull.association !== "MEMBER" && pull.association !== "COLLABORATOR") return 0;
  // It goes into a query: names that GitHub does not give out are nobody's.
  if (!/^[A-Za-z0-9-]{1,60}$/.test(pull.author.login)) return 0;
  const q = `repo:${owner}/${repo} is:pr is:merged author:${pull.author.login}`;
  const { data } = await api.rest.search.issuesAndPullRequests({ q, per_page: 1 });
  return data.total_count;
}
