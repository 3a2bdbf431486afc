// Both jobs, one after the other, as the runner starts them: a pull request of the kernel, a real build, the artifact, what stands on the pull request.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ActionIo, actionBuild, actionPost } from "../../src/action/command.ts";
import { UsageError } from "../../src/base/errors.ts";
import { kernelRepository } from "../app/serving.ts";
import { type FakeGitHub, startFakeGitHub } from "../support/github/fake-github.ts";
import type { Pull, Repo } from "../support/github/world.ts";
import { reviewEnv } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";
import { type Front, openFront } from "./front.ts";
import { reviewZip } from "./zips.ts";

const SOURCE = "arch/x86/lib/copy_page_64.S";
const LONE = "\nSYM_FUNC_START(objr_lone)\n\txorl\t%eax, %eax\n\tRET\n";
/** A write token of a workflow, as docs/action/objreview-post.yml asks for it. */
const PERMISSIONS = {
  actions: "read",
  checks: "write",
  contents: "read",
  pull_requests: "write",
  metadata: "read",
} as const;
/** A test posts more in a minute than GitHub would take. */
const RATES = { pointsPerMinute: 100_000, contentPerMinute: 10_000, contentPerHour: 10_000 };

interface Scene {
  readonly fake: FakeGitHub;
  readonly repo: Repo;
  readonly front: Front;
  /** Folder of the runner. */
  readonly dir: string;
  readonly said: string[];
}

async function open(t: TestContext): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), "objreview-jobs-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const fake = await startFakeGitHub({ dir: join(dir, "github"), rates: RATES });
  t.after(() => fake.stop());
  mkdirSync(join(dir, "workspace"));
  return { fake, repo: kernelRepository(fake, "acme/linux"), front: await openFront(t, fake), dir, said: [] };
}

function ioOf({ said }: Scene): ActionIo {
  return { out: (text) => void said.push(text.trimEnd()), onProgress: () => {} };
}

function job(scene: Scene, eventName: string, event: object): Record<string, string | undefined> {
  const { OBJREVIEW_CACHE, OBJREVIEW_STATE, PATH, HOME } = reviewEnv();
  const path = join(scene.dir, "event.json");
  writeFileSync(path, JSON.stringify(event));
  return {
    ...{ PATH, HOME, OBJREVIEW_CACHE, OBJREVIEW_STATE, GITHUB_EVENT_NAME: eventName, GITHUB_EVENT_PATH: path },
    GITHUB_REPOSITORY: "acme/linux",
    GITHUB_WORKSPACE: join(scene.dir, "workspace"),
    GITHUB_STEP_SUMMARY: join(scene.dir, "summary.md"),
    GITHUB_OUTPUT: join(scene.dir, "output"),
    RUNNER_TEMP: scene.dir,
  };
}

/** The tree that a job would have checked out: it borrows the same objects, and gets the pull request's own. */
function checkedOut(pull: Pull): string {
  const { dir } = openSeriesTree();
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
  const ref = `+refs/pull/${pull.number}/head:refs/objreview-test/action`;
  execFileSync("git", ["fetch", "--quiet", "--no-auto-maintenance", pull.repo.git.dir, ref], { cwd: dir, env });
  return dir;
}

async function build(scene: Scene, pull: Pull): Promise<number> {
  const event = {
    pull_request: {
      ...{ number: pull.number, draft: false, commits: 1 },
      ...{ base: { sha: pull.baseSha, ref: "main" }, head: { sha: pull.headSha } },
    },
    repository: { full_name: "acme/linux" },
  };
  const env = job(scene, "pull_request", event);
  const out = join(scene.dir, "review");
  const status = await actionBuild({ tree: checkedOut(pull), sandbox: "bwrap", out }, ioOf(scene), env);
  scene.front.zip = reviewZip(readFileSync(join(out, "review.json")));
  return status;
}

async function post(scene: Scene, pull: Pull, id: number): Promise<number> {
  const run = {
    ...{ id, run_attempt: 1, html_url: `https://example.org/runs/${id}`, event: "pull_request", conclusion: "success" },
    ...{ head_sha: pull.headSha, head_branch: pull.headRef },
    head_repository: { id: pull.headRepo.id, owner: { login: pull.headRepo.owner } },
  };
  const env = job(scene, "workflow_run", {
    ...{ action: "completed", workflow_run: run, repository: { full_name: "acme/linux" } },
  });
  const token = scene.fake.workflowToken(scene.repo, PERMISSIONS);
  const options = { artifact: "objreview", account: "github-actions[bot]", paced: false };
  return actionPost(options, ioOf(scene), { ...env, GITHUB_API_URL: scene.front.apiUrl, OBJREVIEW_TOKEN: token });
}

test("a fork's pull request is built without a token and told by the job that has one, once", async (t) => {
  const scene = await open(t);
  const { fake, repo, said } = scene;
  const text = repo.git.text(fake.tip(repo), SOURCE)!;
  const pull = await fake.openPull(repo, { author: "ada", fork: "ada", commits: [{ [SOURCE]: text + LONE }] });
  assert.deepEqual([await build(scene, pull), said.at(-1)], [0, "objreview: findings"]);
  assert.match(readFileSync(join(scene.dir, "output"), "utf8"), /^verdict=findings$/m);
  assert.match(readFileSync(join(scene.dir, "summary.md"), "utf8"), /1 new finding/);

  assert.deepEqual([await post(scene, pull, 1), said.at(-1)], [0, "objreview: #1: findings; 1 new comment, 0 edits"]);
  const [comment] = fake.lineComments(pull);
  const line = text.split("\n").length + 3;
  assert.deepEqual([comment?.path, comment?.line, comment?.user.login], [SOURCE, line, "github-actions[bot]"]);
  assert.match(comment!.body, /```suggestion\n\tRET\nSYM_FUNC_END\(objr_lone\)\n```/);
  const checks = () => fake.checks(pull.headSha).map(({ name, status, conclusion }) => [name, status, conclusion]);
  assert.deepEqual(checks(), [["objreview", "completed", "neutral"]]);

  const standing = () => [fake.lineComments(pull).map(({ body }) => body), fake.conversation(pull).length, checks()];
  const before = standing();
  assert.equal(await post(scene, pull, 1), 0);
  assert.deepEqual(standing(), before, "the same run posts nothing again");

  // The suggestion is taken into the commit: the comment is closed, and nothing else is said.
  const amended = fake.commit(repo, fake.tip(repo), { [SOURCE]: `${text}${LONE}SYM_FUNC_END(objr_lone)\n` });
  await fake.push(pull, { sha: amended });
  assert.deepEqual([await build(scene, pull), said.at(-1)], [0, "objreview: clean"]);
  assert.equal(await post(scene, pull, 2), 0);
  assert.match(fake.lineComments(pull)[0]!.body, new RegExp(`^\\*\\*Fixed in ${pull.headSha.slice(0, 12)}\\.\\*\\*`));
  assert.deepEqual([fake.lineComments(pull).length, checks()], [1, [["objreview", "completed", "success"]]]);
  assert.deepEqual(fake.complaints, []);
});

test("a token in the building job, and the head in the posting one, are refused before anything happens", async (t) => {
  const scene = await open(t);
  const { fake, repo } = scene;
  const pull = await fake.openPull(repo, { author: "ada", commits: [{ "Documentation/new.rst": "New\n" }] });
  const calls = fake.calls.length;
  const event = {
    pull_request: { number: 1, commits: 1, base: { sha: pull.baseSha, ref: "main" }, head: { sha: pull.headSha } },
  };
  const env = job(scene, "pull_request", { ...event, repository: { full_name: "acme/linux" } });
  const io = ioOf(scene);
  const building = { sandbox: "runner", out: join(scene.dir, "review") } as const;
  await assert.rejects(actionBuild(building, io, { ...env, GITHUB_TOKEN: "x" }), {
    message: /^refused: a write token together with a checkout of the head: the build job holds GITHUB_TOKEN/,
  });
  await assert.rejects(actionBuild(building, io, { ...env, GITHUB_EVENT_NAME: "pull_request_target" }), UsageError);
  // What a checkout of the pull request leaves in the workspace.
  const workspace = join(scene.dir, "workspace");
  execFileSync("git", ["init", "--quiet", workspace]);
  appendFileSync(join(workspace, ".git/objects/info/alternates"), `${join(repo.git.dir, "objects")}\n`);
  await assert.rejects(post(scene, pull, 1), {
    message: /^refused: a write token together with a checkout of the head: .* holds/,
  });
  assert.equal(fake.calls.length, calls);
});
