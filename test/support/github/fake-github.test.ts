import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tokenOctokit } from "./client.ts";
import { refusal, start, status, text } from "./fake-kit.ts";

test("a comment stands on a line of the diff or nowhere", async (t) => {
  const { fake, pull, n, rest } = await start(t);
  const review = (line: number, more: object = {}) =>
    rest.pulls.createReview({
      ...n,
      commit_id: pull.headSha,
      event: "COMMENT",
      body: "x",
      comments: [
        { path: "a.c", line: 20, side: "RIGHT", body: "good" },
        { path: "a.c", line, side: "RIGHT", body: "?", ...more },
      ],
    });
  // Line 20 is changed, and three lines of context are around it.
  assert.equal(await status(review(16)), 422);
  assert.equal(await status(review(24)), 422);
  assert.equal(await status(review(20, { path: "b.c" })), 422);
  // Nothing of a refused review is there.
  assert.deepEqual(fake.lineComments(pull), []);
  assert.equal(await status(review(20, { start_line: 20, start_side: "RIGHT" })), 422);
  assert.equal(await status(review(20, { start_line: 12, start_side: "RIGHT" })), 422);
  await review(23);
  await review(20, { start_line: 18, start_side: "RIGHT" });
  await review(20, { side: "LEFT" });
  const at = fake.lineComments(pull).map(({ line, startLine, side }) => [startLine, line, side]);
  assert.deepEqual(at.slice(1, 2), [[undefined, 23, "RIGHT"]]);
  assert.deepEqual(at[3], [18, 20, "RIGHT"]);
  assert.deepEqual(at[5], [undefined, 20, "LEFT"]);
  const single = { ...n, commit_id: pull.headSha, path: "a.c", body: "x" };
  assert.equal(await status(rest.pulls.createReviewComment({ ...single, line: 1 })), 422);
  await rest.pulls.createReviewComment({ ...single, subject_type: "file" });
  assert.equal(await status(rest.pulls.createReviewComment({ ...single, commit_id: pull.baseSha, line: 20 })), 422);
  assert.deepEqual(fake.complaints, []);
});

test("a check run takes 50 annotations at a time, and keeps them", async (t) => {
  const { fake, pull, at, rest } = await start(t);
  const annotation = { path: "a.c", start_line: 1, end_line: 1, annotation_level: "notice" as const, message: "m" };
  const output = (count: number) => ({
    title: "t",
    summary: "s",
    annotations: Array.from({ length: count }, () => annotation),
  });
  const create = { ...at, name: "c", head_sha: pull.headSha, status: "in_progress" as const };
  assert.equal(await status(rest.checks.create({ ...create, output: output(51) })), 422);
  const { data } = await rest.checks.create({ ...create, output: output(50) });
  assert.equal(data.output.annotations_count, 50);
  const id = { ...at, check_run_id: data.id };
  await rest.checks.update({ ...id, output: output(3) });
  const all = await rest.checks.listAnnotations({ ...id, per_page: 100 });
  assert.equal(all.data.length, 53);
  const pages = await rest.checks.listAnnotations({ ...id, per_page: 50, page: 2 });
  assert.equal(pages.data.length, 3);
  // Complaints are of the one that was not right by the description.
  assert.equal(fake.complaints.length, 1);
  assert.match(fake.complaints[0]!, /annotations must NOT have more than 50 items/);
});

test("a check run is right or refused", async (t) => {
  const { fake, pull, at, rest } = await start(t);
  const create = { ...at, name: "c", head_sha: pull.headSha };
  const output = { title: "t", summary: "s" };
  const wrong: readonly object[] = [
    { ...create, status: "completed", output },
    { ...create, head_sha: "0".repeat(40) },
    { ...create, conclusion: "stale" },
    { ...create, conclusion: "great" },
    { ...create, output: { title: "t" } },
    { ...create, output: { title: "t", summary: "s".repeat(65_536) } },
    { ...create, actions: [{ label: "x".repeat(21), description: "d", identifier: "i" }] },
    { ...create, outptu: output },
    { ...at, head_sha: pull.headSha },
    {
      ...create,
      output: {
        ...output,
        annotations: [{ path: "a.c", start_line: 3, end_line: 2, annotation_level: "notice", message: "m" }],
      },
    },
    {
      ...create,
      output: {
        ...output,
        annotations: [
          {
            path: "a.c",
            start_line: 1,
            end_line: 2,
            start_column: 1,
            end_column: 2,
            annotation_level: "notice",
            message: "m",
          },
        ],
      },
    },
  ];
  for (const body of wrong) {
    assert.equal(await status(rest.checks.create(body as typeof create)), 422, JSON.stringify(body).slice(0, 200));
  }
  assert.deepEqual(fake.checks(pull.headSha), []);
  const { data } = await rest.checks.create({ ...create, conclusion: "neutral", output });
  assert.equal(data.status, "completed");
  fake.complaints.length = 0;
  const far = { path: "a.c", start_line: 100, end_line: 100, annotation_level: "notice" as const, message: "m" };
  await rest.checks.update({ ...at, check_run_id: data.id, output: { ...output, annotations: [far] } });
  assert.match(fake.complaints.join(), /a\.c:100, which has 41 lines/);
});

test("comments are of one size, of their author, and not on a locked pull request", async (t) => {
  const { fake, repo, pull, at, n, rest } = await start(t);
  const issue = { ...at, issue_number: n.pull_number };
  assert.equal(await status(rest.issues.createComment({ ...issue, body: "x".repeat(65_537) })), 422);
  assert.equal(await status(rest.issues.createComment({ ...issue, body: "" })), 422);
  const { data } = await rest.issues.createComment({ ...issue, body: "x".repeat(65_536) });
  await rest.issues.updateComment({ ...at, comment_id: data.id, body: "shorter" });
  const other = await fake.comment(pull, "mallory", "hello");
  assert.equal(await status(rest.issues.updateComment({ ...at, comment_id: other.id, body: "x" })), 403);
  assert.equal(await status(rest.issues.deleteComment({ ...at, comment_id: other.id })), 403);
  const react = { ...at, comment_id: other.id };
  assert.equal((await rest.reactions.createForIssueComment({ ...react, content: "eyes" })).status, 201);
  assert.equal((await rest.reactions.createForIssueComment({ ...react, content: "eyes" })).status, 200);
  assert.equal(other.reactions.length, 1);
  pull.isLocked = true;
  assert.equal(await status(rest.issues.createComment({ ...issue, body: "x" })), 403);
  const review = { ...n, event: "COMMENT" as const, body: "x" };
  assert.equal(await status(rest.pulls.createReview(review)), 403);
  const foreign = fake.repo("octo/other", { isForeign: true });
  const elsewhere = await fake.openPull(foreign, { author: "ada", commits: [{ README: "y\n" }] });
  const there = { owner: "octo", repo: "other", issue_number: elsewhere.number, body: "x" };
  assert.equal(await status(rest.issues.createComment(there)), 404);
  assert.equal(repo.nextNumber, 2);
});

test("a token does what its permissions say, and for its hour", async (t) => {
  let now = Date.now();
  const { fake, repo, pull, at, n, rest } = await start(t, { now: () => now });
  const reader = tokenOctokit(fake, fake.workflowToken(repo, { contents: "read", metadata: "read" })).rest;
  const comment = { ...at, issue_number: n.pull_number, body: "x" };
  assert.equal(await status(reader.issues.createComment(comment)), 403);
  await rest.checks.create({ ...at, name: "c", head_sha: pull.headSha });
  const [run] = fake.checks(pull.headSha);
  const writer = tokenOctokit(fake, fake.workflowToken(repo, { checks: "write", metadata: "read" })).rest;
  const answer = await refusal(writer.checks.update({ ...at, check_run_id: run!.id, name: "d" }));
  assert.equal(answer.status, 403);
  assert.match(answer.message, /can only be modified by the GitHub App that created it/);
  now += 3_600_001;
  assert.equal(await status(writer.repos.get(at)), 401);
});

test("the secondary limits bite, and say when to come back", async (t) => {
  let now = Date.now();
  const { at, n, rest } = await start(t, { now: () => now, rates: { contentPerMinute: 2, pointsPerMinute: 40 } });
  const comment = { ...at, issue_number: n.pull_number, body: "x" };
  await rest.issues.createComment(comment);
  await rest.issues.createComment(comment);
  const error = await rest.issues.createComment(comment).then(
    () => assert.fail("it was taken"),
    (reason: { status: number; response: { headers: Record<string, string> } }) => reason,
  );
  assert.equal(error.status, 403);
  assert.equal(error.response.headers["retry-after"], "60");
  now += 60_000;
  await rest.issues.createComment(comment);
  // A write is five points: after 35 more there is room for no other one, but for reads.
  for (let i = 0; i < 7; i++) await rest.issues.updateComment({ ...at, comment_id: 1, body: "x" }).catch(() => {});
  assert.equal(await status(rest.issues.createComment(comment)), 403);
});

test("faults come at the call that they are planned for, before or after the effect", async (t) => {
  const { fake, pull, at, n, rest } = await start(t);
  const comment = { ...at, issue_number: n.pull_number, body: "x" };
  // The token is fetched with the first call.
  await rest.repos.get(at);
  fake.failAt(2, { how: 502 });
  await rest.issues.createComment(comment);
  assert.equal(await status(rest.issues.createComment(comment)), 502);
  assert.equal(fake.conversation(pull).length, 1);
  fake.failAt(1, { how: "cut", when: "after" });
  await refusal(rest.issues.createComment(comment));
  assert.equal(fake.conversation(pull).length, 2, "the caller does not know, and it is there");
  fake.failAt(1, { how: "cut", of: ({ operationId }) => operationId === "pulls/get" });
  await rest.issues.createComment(comment);
  await refusal(rest.pulls.get(n));
  let killed = 0;
  fake.failAt(1, { how: () => void killed++ });
  await refusal(rest.pulls.get(n));
  assert.equal(killed, 1);
  await rest.pulls.get(n);
});

test("git serves the head, the test merge, and nothing that is private", async (t) => {
  const { fake, repo, pull } = await start(t);
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", args, { env: { PATH: process.env.PATH, GIT_TERMINAL_PROMPT: "0" } })).stdout;
  const heads = await git("ls-remote", fake.gitUrl(repo));
  assert.match(heads, new RegExp(`${pull.headSha}\trefs/pull/1/head`));
  assert.match(heads, /refs\/pull\/1\/merge/);
  fake.pushBase(repo, { "a.c": text({ 20: "theirs" }) });
  assert.doesNotMatch(await git("ls-remote", fake.gitUrl(repo)), /refs\/pull\/1\/merge/);
  const dir = mkdtempSync(join(tmpdir(), "fake-clone-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await git("init", "-q", "--bare", dir);
  await git("-C", dir, "fetch", "-q", "--depth=1", "--filter=blob:none", fake.gitUrl(repo), pull.headSha);
  const hidden = fake.repo("octo/hidden", { isPrivate: true });
  await assert.rejects(git("ls-remote", fake.gitUrl(hidden)), /could not read Username|Authentication failed/);
  const token = fake.workflowToken(hidden, { contents: "read", metadata: "read" });
  const url = new URL(fake.gitUrl(hidden));
  url.username = "x-access-token";
  url.password = token;
  assert.match(await git("ls-remote", url.href), /refs\/heads\/main/);
  await assert.rejects(
    git("-C", dir, "push", "-q", fake.gitUrl(repo), `${pull.headSha}:refs/heads/evil`),
    /403|denied/,
  );
});

test("a comment goes with its line, and is outdated when the line is changed", async (t) => {
  const { fake, repo, pull, n, rest } = await start(t);
  const comment = (line: number) => ({ path: "a.c", line, side: "RIGHT" as const, body: `on ${line}` });
  await rest.pulls.createReview({ ...n, event: "COMMENT", body: "x", comments: [comment(20), comment(22)] });
  await fake.push(pull, { files: { "a.c": `new\n${text({ 20: "changed", 22: "changed too" })}` } });
  const { data } = await rest.pulls.listReviewComments(n);
  assert.deepEqual(
    data.map(({ body, line, original_line }) => [body, line, original_line]),
    [
      ["on 20", 21, 20],
      ["on 22", null, 22],
    ],
  );
  assert.equal((await rest.pulls.get(n)).data.mergeable, null);
  assert.equal((await rest.pulls.get(n)).data.mergeable, true);
  fake.pushBase(repo, { "a.c": text({ 20: "theirs" }) });
  await rest.pulls.get(n);
  assert.equal((await rest.pulls.get(n)).data.mergeable_state, "dirty");
  assert.deepEqual(fake.complaints, []);
});

test("the API tells of files, contents, people, merged pull requests and deliveries", async (t) => {
  const { fake, repo, pull, at, n, rest, octokit } = await start(t);
  const { data: files } = await rest.pulls.listFiles(n);
  assert.deepEqual(
    files.map(({ filename, status: is, additions, deletions }) => [filename, is, additions, deletions]),
    [["a.c", "modified", 1, 1]],
  );
  const { data: content } = await rest.repos.getContent({ ...at, path: "a.c", ref: pull.headSha });
  assert.ok("content" in content && typeof content.content === "string");
  assert.match(Buffer.from(content.content, "base64").toString(), /changed/);
  assert.equal(await status(rest.repos.getContent({ ...at, path: ".github/objreview.yml" })), 404);
  fake.setRole(repo, "maria", "maintain");
  const permission = async (username: string) =>
    (await rest.repos.getCollaboratorPermissionLevel({ ...at, username })).data;
  const maria = await permission("maria");
  assert.deepEqual([maria.permission, maria.role_name], ["write", "maintain"]);
  assert.equal((await permission("ada")).permission, "read");
  const compare = await rest.repos.compareCommitsWithBasehead({ ...at, basehead: `main...${pull.headSha}` });
  assert.deepEqual([compare.data.status, compare.data.merge_base_commit.sha], ["ahead", fake.tip(repo)]);
  assert.equal((await rest.pulls.listCommits(n)).data.length, 1);
  await fake.close(pull, true);
  const search = { q: "repo:octo/tree is:pr is:merged author:ada", advanced_search: "true" };
  assert.equal((await rest.search.issuesAndPullRequests(search)).data.total_count, 1);
  assert.deepEqual((await rest.pulls.list(at)).data, []);
  assert.equal((await rest.pulls.list({ ...at, state: "closed" })).data.length, 1);
  const repositories = await octokit.rest.apps.listReposAccessibleToInstallation();
  assert.deepEqual(
    repositories.data.repositories.map(({ full_name }) => full_name),
    ["octo/tree"],
  );
  assert.equal((await rest.repos.getBranch({ ...at, branch: "main" })).data.commit.sha, fake.tip(repo));
  assert.deepEqual(fake.complaints, []);
});
