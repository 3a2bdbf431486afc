import { ApiError, notFound, unprocessable } from "./api-error.ts";
import { readDiff } from "./diff.ts";
import { type Call, type Route, requireRepo } from "./route.ts";
import type { Repo } from "./world.ts";

function requireCommit(repo: Repo, name: string): string {
  const sha = repo.git.resolve(name.replace(/^refs\/heads\/|^heads\//, ""));
  if (sha === undefined) throw new ApiError(404, `No commit found for the ref ${name}`);
  return sha;
}

/** `permission` knows four values; the exact role is beside it. */
function permissionOf(role: string): string {
  return role === "maintain" ? "write" : role === "triage" ? "read" : role;
}

function contents(call: Call) {
  const { params, query, render } = call;
  const repo = requireRepo(call);
  const sha = requireCommit(repo, query.ref ?? repo.defaultBranch);
  const path = params.path ?? "";
  const [type, blob] = repo.git.entry(sha, path) ?? [];
  if (type === undefined || blob === undefined) throw notFound();
  if (type !== "blob") throw unprocessable("The fake lists no folders");
  if (call.accept.includes("raw")) return { body: repo.git.text(sha, path) };
  const bytes = repo.git.bytes(["cat-file", "blob", blob]);
  // Larger files come without their content, and those beyond 100 MB not at all.
  const isShown = bytes.length <= 1024 * 1024;
  const url = `${call.api}/repos/${repo.owner}/${repo.name}/contents/${path}?ref=${query.ref ?? repo.defaultBranch}`;
  const page = `${render.web}/${repo.owner}/${repo.name}/blob/${sha}/${path}`;
  const self = { self: url, git: null, html: page };
  return {
    body: {
      type: "file",
      encoding: isShown ? "base64" : "none",
      size: bytes.length,
      name: path.split("/").pop(),
      path,
      content: isShown ? bytes.toString("base64").replace(/(.{60})/g, "$1\n") : "",
      sha: blob,
      url,
      git_url: null,
      html_url: page,
      download_url: null,
      _links: self,
    },
  };
}

export const repoRoutes: Readonly<Record<string, Route>> = {
  "repos/get": (call) => ({ body: call.render.repo(requireRepo(call)) }),

  "repos/get-branch": (call) => {
    const repo = requireRepo(call);
    const name = call.params.branch ?? "";
    const sha = repo.git.resolve(name);
    if (sha === undefined) throw new ApiError(404, "Branch not found");
    return { body: { name, commit: call.render.commit(repo, sha), protected: false } };
  },

  "git/get-ref": (call) => {
    const repo = requireRepo(call);
    const ref = call.params.ref ?? "";
    const sha = repo.git.resolve(ref.replace(/^heads\//, ""));
    if (sha === undefined) throw notFound();
    const url = `${call.api}/repos/${repo.owner}/${repo.name}/git`;
    const object = { type: "commit", sha, url: `${url}/commits/${sha}` };
    return { body: { ref: `refs/${ref}`, node_id: `REF_${sha}`, url: `${url}/refs/${ref}`, object } };
  },

  "repos/get-content": contents,

  "repos/get-commit": (call) => {
    const repo = requireRepo(call);
    return { body: call.render.commit(repo, requireCommit(repo, call.params.ref ?? "")) };
  },

  "repos/compare-commits-with-basehead": (call) => {
    const repo = requireRepo(call);
    const [from = "", to = ""] = (call.params.basehead ?? "").split("...");
    // "owner:branch" names a fork's; its commits are in the same network.
    const at = (name: string): string => {
      const [owner, ref] = name.includes(":") ? (name.split(":") as [string, string]) : [repo.owner, name];
      const fork = call.world.repos.find((each) => each.owner === owner && (each === repo || each.parent === repo));
      return requireCommit(fork ?? repo, ref);
    };
    const [base, head] = [at(from), at(to)];
    const facts = repo.git.compare(base, head);
    if (facts === undefined) throw new ApiError(404, "No common ancestor");
    const { ahead, behind, mergeBase } = facts;
    const status = ahead > 0 && behind > 0 ? "diverged" : ahead > 0 ? "ahead" : behind > 0 ? "behind" : "identical";
    const url = `${call.api}/repos/${repo.owner}/${repo.name}/compare/${from}...${to}`;
    const files = readDiff(repo.git.pullDiff(base, head)).slice(0, 300);
    return {
      body: {
        url,
        base_commit: call.render.commit(repo, base),
        merge_base_commit: call.render.commit(repo, mergeBase),
        status,
        ahead_by: ahead,
        behind_by: behind,
        total_commits: ahead,
        commits: repo.git
          .commits(base, head)
          .slice(0, 250)
          .map((sha) => call.render.commit(repo, sha)),
        files: files.map((file) => call.render.diffEntry(repo, head, file)),
      },
    };
  },

  "repos/get-collaborator-permission-level": (call) => {
    const repo = requireRepo(call);
    const login = call.params.username ?? "";
    const user = call.world.users.get(login.toLowerCase());
    if (user === undefined) throw notFound();
    const role = call.world.role(repo, login);
    return {
      body: { permission: permissionOf(role), role_name: role, user: { ...call.render.user(user), role_name: role } },
    };
  },

  // What an App may count by it: "repo:o/n is:pr is:merged author:x" and the like, each word as GitHub reads it.
  "search/issues-and-pull-requests": (call) => {
    const words = (call.query.q ?? "").split(/[ +]+/).filter((word) => word !== "");
    const value = (key: string): string | undefined =>
      words.find((word) => word.startsWith(`${key}:`))?.slice(key.length + 1);
    const flags = new Set(words.filter((word) => word.startsWith("is:")).map((word) => word.slice(3)));
    const known = words.every((word) => /^(repo|author|head|is|type|state|base):/.test(word));
    const repoName = value("repo");
    if (!known || repoName === undefined)
      throw unprocessable("The fake knows repo:, author:, base:, is:, type:, state:");
    const [owner = "", name = ""] = repoName.split("/");
    const repo = call.world.repo(owner, name);
    const state = value("state") ?? (flags.has("open") ? "open" : flags.has("closed") ? "closed" : undefined);
    const items = call.world.pulls.filter(
      (pull) =>
        pull.repo === repo &&
        (value("author") === undefined || pull.author.login.toLowerCase() === value("author")?.toLowerCase()) &&
        (value("base") === undefined || pull.baseRef === value("base")) &&
        (!flags.has("merged") || pull.mergedAt !== undefined) &&
        (state === undefined || pull.isOpen === (state === "open")),
    );
    const shown = items.map((pull) => {
      const {
        id,
        number,
        title,
        body,
        user,
        html_url,
        created_at,
        updated_at,
        closed_at,
        state: is,
      } = call.render.pullSimple(pull) as Record<string, unknown>;
      return { id, number, title, body, user, html_url, created_at, updated_at, closed_at, state: is, score: 1 };
    });
    const perPage = Math.min(100, Number(call.query.per_page ?? 30));
    return { body: { total_count: items.length, incomplete_results: false, items: shown.slice(0, perPage) } };
  },
};
