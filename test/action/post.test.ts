// The post job against what GitHub would answer: a review from an artifact to a check and comments, and everything that is no such review.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import nock from "nock";
import { type PostOutcome, type PostRequest, post, postWords } from "../../src/action/post.ts";
import { filesAsDiff, type PullFile } from "../../src/action/pull-files.ts";
import { UsageError } from "../../src/base/errors.ts";
import { DiffPlaces } from "../../src/github/diff-places.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import { renderJson } from "../../src/report/json.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";
import { DIFF } from "../github/fixtures.ts";
import { shownByGithub } from "../github/rendered.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { cleanResult, twoFindingsResult } from "../report/fixtures.ts";
import { HOSTILE, makeHostile } from "../report/hostile.ts";
import { API, HEAD, Server, TOKEN, workflowRun } from "./server.ts";

const workspace = mkdtempSync(join(tmpdir(), "objreview-post-"));
after(() => rmSync(workspace, { recursive: true, force: true }));
afterEach(() => nock.cleanAll());

/** The files of the fixtures' diff as the endpoint has them: hunks without headers. */
const files: PullFile[] = DIFF.split(/^(?=diff --git )/m).map((text) => ({
  filename: /^\+\+\+ b\/(.+)$/m.exec(text)![1]!,
  status: "modified",
  patch: text.slice(text.indexOf("@@")).replace(/\n$/, ""),
}));
const LINES = [218, 219, 220, 221, 222, 223].map((line) => `fs/peek.c:${line}`);
const FILL = Array.from({ length: 10 }, (_, n) => `arch/x86/lib/fill_words.S:${15 + n}`);

/** Two findings that are both there at the head, on lines 220 and 24 of their files. */
function twoAtTip(): ReviewResult {
  const two = twoFindingsResult();
  return { ...two, findings: two.findings.map(({ repairedBy: _, ...finding }) => finding) };
}

function open(result: ReviewResult, lines: readonly string[] = [...LINES, ...FILL]): Server {
  const server = new Server(files, lines);
  server.mergeBase = result.base.commit;
  server.review = renderJson(result);
  return server;
}

function run(change: Partial<PostRequest> = {}): Promise<PostOutcome> {
  return post({
    ...{ eventName: "workflow_run", event: workflowRun(), repository: "owner/name", token: TOKEN, apiUrl: API },
    ...{ account: "github-actions[bot]", workspace, artifact: "objreview", paced: false, onProgress: () => {} },
    ...change,
  });
}

test("the endpoint's hunks make the places that git's diff makes", () => {
  const [fromApi, fromGit] = [new DiffPlaces(filesAsDiff(files)), new DiffPlaces(parseDiff(DIFF))];
  for (const path of ["fs/peek.c", "arch/x86/lib/fill_words.S", "no"]) {
    for (let line = 1; line < 300; line++) {
      for (const side of ["LEFT", "RIGHT"] as const)
        assert.equal(fromApi.has({ path, line, side }), fromGit.has({ path, line, side }), `${path}:${line} ${side}`);
    }
  }
  const odd: PullFile[] = [
    { filename: "big.c", status: "modified" },
    { filename: "gone.c", status: "removed", patch: "@@ -1 +0,0 @@\n-x\n\\ No newline at end of file" },
    { filename: "b\nad", status: "renamed", previous_filename: "a", patch: "@@ -1,9 +1,9 @@ lies\n x" },
  ];
  const read = filesAsDiff(odd);
  assert.deepEqual(
    read.map(({ path, status, hunks }) => [path, status, hunks.length]),
    [
      ["big.c", "modified", 0],
      ["gone.c", "deleted", 1],
      ["b\nad", "renamed", 0],
    ],
  );
});

test("a review becomes a check and comments on lines; a second run posts nothing again", async () => {
  const server = open(twoAtTip());
  const outcome = await run();
  assert.equal(postWords(outcome), "#7: findings; 2 new comments, 0 edits");
  assert.deepEqual(
    server.lineComments.map(({ path, line }) => `${path}:${line}`),
    ["fs/peek.c:220", "arch/x86/lib/fill_words.S:24"],
  );
  const [check] = server.checks;
  assert.deepEqual(
    [server.checks.length, check?.head_sha, check?.status, check?.conclusion, check?.external_id],
    [1, HEAD, "completed", "neutral", "objreview-run-55-1"],
  );
  assert.equal(check?.details_url, "https://example.org/owner/name/actions/runs/55");
  assert.equal(check?.actions, undefined, "a button asks an app, and there is none");
  assert.equal(server.annotations.length, 2);
  assert.equal(server.talk.length, 1);
  assert.doesNotMatch(server.talk[0]!.body, /\/objreview/, "nobody reads commands");
  const before = structuredClone([server.lineComments, server.talk, server.annotations]);
  const again = await run();
  assert.equal(postWords(again), "#7: findings; 0 new comments, 0 edits");
  assert.deepEqual([server.lineComments, server.talk, server.annotations], before);
  assert.equal(server.checks.length, 1);
  assert.ok(server.calls.length <= 24, `${server.calls.length} calls for two runs`);
});

test("the next push closes what it fixed, and answers of people stay", async () => {
  const server = open(twoAtTip());
  await run();
  const [first] = server.lineComments;
  const person = { login: "reviewer" };
  server.lineComments.push({ id: 1, user: person, body: first!.body, in_reply_to_id: first!.id });
  const two = twoAtTip();
  server.review = renderJson({ ...two, findings: two.findings.slice(0, 1) });
  const outcome = await run({ event: workflowRun({ id: 55, run_attempt: 2 }) });
  assert.equal(outcome.kind, "posted");
  assert.deepEqual(
    server.lineComments.map(({ body }) => body.startsWith("**Fixed in cccccccccccc.**")),
    [false, true, false],
  );
  assert.equal(server.checks.length, 2, "another attempt is another check");
});

test("a line that GitHub does not take costs that comment alone, and the summary tells it", async () => {
  const server = open(twoAtTip(), LINES);
  const outcome = await run();
  assert.ok(outcome.kind === "posted");
  assert.equal(outcome.comments, 1);
  assert.deepEqual(
    server.lineComments.map(({ path }) => path),
    ["fs/peek.c"],
  );
  assert.match(server.talk[0]!.body, /fill_words/);
});

test("a head that moved on gets no comments, and one that is gone not even a check", async () => {
  const server = open(twoAtTip());
  server.onWrite = () => {
    server.headSha = "d".repeat(40);
  };
  assert.equal(postWords(await run()), "#7: the head moved on; only the check of the old one was written");
  assert.deepEqual([server.lineComments.length, server.talk.length, server.checks.length], [0, 0, 1]);
  const writes = server.writes.length;
  assert.match(postWords(await run()), /^nothing to post: no open pull request has cccccccccccc/);
  assert.equal(server.writes.length, writes);
});

test("head and pull request come from the event and the API: the review cannot name others", async () => {
  const other = { number: 8, state: "open", head: { sha: HEAD, repo: { id: 666 } }, base: { ref: "main", sha: HEAD } };
  const elsewhere = { ...other, number: 9, head: { sha: "e".repeat(40), repo: { id: 42 } } };
  const server = open(twoAtTip());
  server.others = [other, elsewhere];
  assert.equal((await run()).kind, "posted");
  assert.deepEqual(
    [...new Set(server.writes.map((call) => /\/(?:pulls|issues)\/(\d+)\//.exec(call)?.[1] ?? ""))].sort(),
    ["", "7"],
  );
  nock.cleanAll();
  // A review of another base is not one of this head.
  const wrong = open(cleanResult());
  wrong.mergeBase = "f".repeat(40);
  const outcome = await run();
  assert.equal(outcome.kind, "unusable");
  assert.deepEqual(
    [wrong.checks[0]?.conclusion, wrong.checks[0]?.output.title, wrong.lineComments.length, wrong.talk.length],
    ["neutral", "The review cannot be used", 0, 0],
  );
});

test("a hostile review makes a check that says so, and no comment", async () => {
  const good = twoFindingsResult();
  const cases: [string, string, RegExp][] = [
    ["no JSON", "<script>", /not JSON/],
    ["10 MB of text", JSON.stringify({ ...good, reason: "@everyone ".repeat(1_000_000) }), /at most/],
    ["a field more", JSON.stringify({ ...good, "pull_request @team": 3 }), /review/],
    ["not ended", JSON.stringify({ ...good, verdict: "building" }), /did not end/],
    ["empty", "", /not JSON/],
  ];
  for (const [name, text, words] of cases) {
    const server = open(good);
    server.review = text;
    const outcome = await run();
    assert.ok(outcome.kind === "unusable", name);
    assert.match(outcome.why, words, name);
    assert.deepEqual([server.checks.length, server.lineComments.length, server.talk.length], [1, 0, 0], name);
    const summary = server.checks[0]!.output.summary;
    assert.ok(summary.length < 1000, name);
    assert.deepEqual(shownByGithub(summary).mentions, [], name);
    nock.cleanAll();
  }
});

test("an artifact that is too large is not downloaded", async () => {
  const server = open(cleanResult());
  server.artifactBytes = 1 << 30;
  assert.match(postWords(await run()), /no review: artifact: 1073741824 bytes/);
  assert.ok(!server.calls.some((call) => call.includes("/zip")));
});

test("hostile words in a review of the schema are shown, and do nothing", async () => {
  const paths = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "fs/peek.c\n",
    ".github/workflows/x.yml\u202e",
    "C:\\x",
  ];
  const findings = paths.map((file, n): ReviewFinding => ({ ...peekFinding, id: `f${n}`, file, fingerprint: `${n}` }));
  const two = twoAtTip();
  const dressed = makeHostile({ ...two, reason: "x" });
  const onLine = { ...two.findings[0]!, message: `@torvalds @org/team #1 ${HOSTILE.join(" ")}` };
  const result: ReviewResult = { ...dressed, base: two.base, findings: [onLine, ...dressed.findings, ...findings] };
  const server = open(result);
  const outcome = await run();
  assert.ok(outcome.kind === "posted", postWords(outcome));
  assert.equal(server.lineComments.length, 1, "only on lines of the diff");
  for (const { path } of server.annotations) assert.match(path, /^[\w./-]+$/);
  for (const { path } of server.annotations) assert.ok(!path.includes("..") && !path.startsWith("/"), path);
  const bodies = [...server.lineComments, ...server.talk].map(({ body }) => body);
  bodies.push(server.checks[0]!.output.summary);
  for (const body of bodies) {
    const shown = shownByGithub(body);
    const links = [...shown.html.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1]!);
    assert.deepEqual(
      links.filter((link) => !link.startsWith("https://example.org/owner/name/actions/runs/55")),
      [],
    );
    assert.deepEqual([shown.mentions, shown.references], [[], []]);
    assert.ok(!shown.elements.some((name) => ["script", "img", "svg", "style"].includes(name)));
    assert.doesNotMatch(body, /\u202e/);
    assert.ok(body.length <= 65_535);
  }
});

test("no artifact: nothing after a build that ended well, a check after one that did not", async () => {
  const server = open(cleanResult());
  server.artifact = undefined;
  assert.equal(postWords(await run()), "nothing to post: the build job left no review");
  assert.equal(server.writes.length, 0);
  const outcome = await run({ event: workflowRun({ conclusion: "failure" }) });
  assert.equal(outcome.kind, "unusable");
  assert.match(server.checks[0]!.output.summary, /ended as failure/);
});

test("the base branch's configuration decides: failing, silence, drafts, a mistake", async () => {
  const server = open(twoAtTip());
  server.config = "check:\n  fail-on: error\ncomment:\n  severity: never\n  summary: false\n";
  await run();
  assert.deepEqual([server.checks[0]?.conclusion, server.lineComments.length, server.talk.length], ["failure", 0, 0]);
  server.config = "enabled: false\n";
  assert.match(postWords(await run()), /enabled: false/);
  server.config = undefined;
  server.draft = true;
  assert.equal(postWords(await run()), "nothing to post: it is a draft");
  server.config = "limts: 3\n";
  assert.equal((await run()).kind, "unusable");
  assert.match(server.checks.at(-1)!.output.summary, /limits/);
});

test("the job is refused before a call is made where it must not run", async () => {
  const server = open(cleanResult());
  for (const change of [
    { eventName: "pull_request_target" },
    { token: "" },
    { event: workflowRun({ event: "push" }) },
    { repository: "owner/other" },
  ])
    await assert.rejects(run(change), UsageError);
  assert.equal(server.calls.length, 0);
});
