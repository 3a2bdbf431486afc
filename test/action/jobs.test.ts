// Which jobs may run: events, and what lies in the workspace, over real repositories.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findGitCredentials, findHeadCheckouts } from "../../src/action/checkouts.ts";
import { readPullRequestEvent, readWorkflowRunEvent } from "../../src/action/events.ts";
import { fetchHead } from "../../src/action/fetch-head.ts";
import { refuseBuild, refusePost } from "../../src/action/refusals.ts";
import { FormatError, ToolError, UsageError } from "../../src/base/errors.ts";
import { start } from "../support/github/fake-kit.ts";

const root = mkdtempSync(join(tmpdir(), "objreview-action-"));
after(() => rmSync(root, { recursive: true, force: true }));

function git(cwd: string, ...args: string[]): string {
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
  const stdio: "pipe"[] = ["pipe", "pipe", "pipe"];
  return execFileSync("git", [...who, "-c", "protocol.file.allow=always", ...args], { cwd, env, stdio })
    .toString()
    .trim();
}

function commit(dir: string, text: string): string {
  writeFileSync(join(dir, "file"), text);
  git(dir, "add", "file");
  git(dir, "commit", "--quiet", "--allow-empty", "-m", text);
  return git(dir, "rev-parse", "HEAD");
}

/** A server with main (base) and, on top of an older commit of it, a pull request of two commits. */
const origin = join(root, "owner", "name");
mkdirSync(origin, { recursive: true });
git(origin, "init", "--quiet");
git(origin, "config", "uploadpack.allowAnySHA1InWant", "true");
const first = commit(origin, "one");
const fork = commit(origin, "two");
git(origin, "checkout", "--quiet", "-b", "topic");
commit(origin, "topic one");
const head = commit(origin, "topic two");
git(origin, "update-ref", "refs/pull/5/head", head);
git(origin, "checkout", "--quiet", "main");
const base = commit(origin, "three");
git(origin, "merge", "--quiet", "--no-ff", "-s", "ours", "-m", "merge", "topic");
const merge = git(origin, "rev-parse", "HEAD");
git(origin, "update-ref", "refs/pull/5/merge", merge);
git(origin, "reset", "--quiet", "--hard", base);
git(origin, "branch", "--quiet", "-D", "topic");

test("the build job runs on pull_request alone, and without a secret of any kind", () => {
  const facts = { eventName: "pull_request", secrets: [], gitCredentials: [] };
  refuseBuild(facts);
  for (const eventName of ["pull_request_target", "workflow_run", "issue_comment", "push", ""])
    assert.throws(() => refuseBuild({ ...facts, eventName }), UsageError, eventName);
  assert.throws(() => refuseBuild({ ...facts, secrets: ["GITHUB_TOKEN"] }), {
    message: /^refused: a write token together with a checkout of the head: .*GITHUB_TOKEN/,
  });
  assert.throws(() => refuseBuild({ ...facts, gitCredentials: ["http.https://x/.extraheader"] }), {
    message: /persist-credentials: false/,
  });
});

test("the post job runs on workflow_run alone, with a token, and not beside the head", () => {
  const facts = { eventName: "workflow_run", hasToken: true, headSha: head, headCheckouts: [] };
  refusePost(facts);
  for (const eventName of ["pull_request_target", "pull_request", ""])
    assert.throws(() => refusePost({ ...facts, eventName }), UsageError);
  assert.throws(() => refusePost({ ...facts, hasToken: false }), /needs a token/);
  assert.throws(() => refusePost({ ...facts, headCheckouts: ["src"] }), {
    message: /^refused: a write token together with a checkout of the head: src holds/,
  });
});

test("a checkout of the head is seen, also as a merge and as a shallow one; one of the base is none", async () => {
  const workspace = join(root, "workspace");
  const url = `file://${origin}`;
  const cloned = (name: string, ...args: string[]): string => {
    const dir = join(workspace, name);
    mkdirSync(dir, { recursive: true });
    git(dir, "init", "--quiet");
    git(dir, "fetch", "--quiet", ...args);
    git(dir, "checkout", "--quiet", "FETCH_HEAD");
    return dir;
  };
  cloned("base", "--depth=1", url, "main");
  assert.deepEqual(await findHeadCheckouts(workspace, head), []);
  const dirs = [
    cloned("head", "--depth=1", url, "refs/pull/5/head"),
    cloned("a/merge", "--depth=1", url, "refs/pull/5/merge"),
    cloned("a/b/deep", url, "refs/pull/5/merge"),
  ];
  mkdirSync(join(workspace, "odd", ".git"), { recursive: true });
  const odd = join(workspace, "odd");
  assert.deepEqual((await findHeadCheckouts(workspace, head)).sort(), [...dirs, odd].sort());
  assert.deepEqual(await findHeadCheckouts(join(root, "nowhere"), head), []);
});

test("credentials that actions/checkout leaves in a repository are seen", async () => {
  const dir = join(root, "credentials");
  mkdirSync(dir);
  git(dir, "init", "--quiet");
  git(dir, "remote", "add", "origin", "https://example.org/owner/name");
  assert.deepEqual(await findGitCredentials(dir), []);
  git(dir, "remote", "add", "second", "https://x-access-token:secret@example.org/owner/name");
  // Newer versions keep it in a file beside, which is included.
  writeFileSync(join(root, "more"), '[http "https://example.org/"]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n');
  git(dir, "config", `includeIf.gitdir:${dir}/.git.path`, join(root, "more"));
  assert.deepEqual(await findGitCredentials(dir), ["http.https://example.org/.extraheader", "remote.second.url"]);
});

const request = { url: `file://${origin}`, number: 5, headSha: head, baseSha: base, commits: 2 };
let folders = 0;
const fetchInto = (change: object) => fetchHead({ ...request, folder: join(root, `fetched-${folders++}`), ...change });

test("the head is fetched down to where it left its base, and no deeper", async () => {
  const folder = join(root, "straight");
  assert.deepEqual(await fetchInto({ folder }), { kind: "fetched", mergeBase: fork });
  assert.equal(git(folder, "rev-list", "--count", head), "3");
  assert.throws(() => git(folder, "cat-file", "-e", first));
  assert.throws(() => git(folder, "cat-file", "-e", base), "the base's tip is not needed for a straight line");
});

test("with a merge in it, or a wrong count, the two are looked at together", async () => {
  const folder = join(root, "merged");
  assert.deepEqual(await fetchInto({ folder, number: 5, commits: 7 }), { kind: "fetched", mergeBase: fork });
  git(origin, "update-ref", "refs/pull/6/head", merge);
  assert.deepEqual(await fetchInto({ number: 6, headSha: merge, commits: 3 }), { kind: "fetched", mergeBase: base });
});

test("another head by now is no error; a pull request that is not there is one", async () => {
  assert.deepEqual(await fetchInto({ headSha: base }), { kind: "superseded" });
  await assert.rejects(fetchInto({ number: 99 }), ToolError);
  await assert.rejects(fetchInto({ url: "ext::sh -c touch% /tmp/x" }), ToolError);
});

test("events are read as GitHub writes them; others are refused in a line", () => {
  const sha = "a".repeat(40);
  const repository = { full_name: "owner/name" };
  const pull = { number: 7, commits: 2, base: { sha, ref: "main" }, head: { sha } };
  const event = readPullRequestEvent(JSON.stringify({ pull_request: pull, repository, action: "opened" }));
  assert.deepEqual([event.number, event.commits, event.isDraft, event.headSha], [7, 2, false, sha]);
  const run = {
    ...{ id: 1, run_attempt: 1, html_url: "https://example.org/runs/1", event: "pull_request", conclusion: "success" },
    ...{ head_sha: sha, head_branch: "topic", head_repository: null },
  };
  const text = (change: object, action = "completed"): string =>
    JSON.stringify({ action, repository, workflow_run: { ...run, ...change } });
  assert.equal(readWorkflowRunEvent(text({})).headOwner, "", "a fork that is gone");
  assert.equal(readWorkflowRunEvent(text({ html_url: "javascript:alert(1)" })).runUrl, "");
  assert.throws(() => readWorkflowRunEvent(text({ event: "push" })), UsageError);
  assert.throws(() => readWorkflowRunEvent(text({}, "requested")), UsageError);
  for (const bad of [text({ head_sha: "HEAD" }), text({ id: "1" }), "{", "[]"])
    assert.throws(() => readWorkflowRunEvent(bad), FormatError);
  assert.throws(
    () => readPullRequestEvent(JSON.stringify({ pull_request: pull, repository: { full_name: "a/../b" } })),
    FormatError,
  );
});

test("the same from a server that speaks HTTP: a fork's head too; what needs a password is an error at once", async (t) => {
  const { fake, repo, pull } = await start(t);
  const fork = await fake.openPull(repo, { author: "eve", fork: "eve", commits: [{ "b.c": "1\n" }, { "b.c": "2\n" }] });
  for (const [one, commits] of [
    [pull, 1],
    [fork, 2],
  ] as const) {
    const { number, headSha, baseSha } = one;
    const fetched = await fetchInto({ url: fake.gitUrl(repo), number, headSha, baseSha, commits });
    assert.deepEqual(fetched, { kind: "fetched", mergeBase: baseSha });
  }
  const closed = fake.repo("octo/closed", { files: { "a.c": "1\n" }, isPrivate: true });
  const began = performance.now();
  await assert.rejects(fetchInto({ url: fake.gitUrl(closed), number: 1 }), ToolError);
  assert.ok(performance.now() - began < 10_000);
  assert.deepEqual(fake.complaints, []);
});
