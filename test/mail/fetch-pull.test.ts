import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ToolError } from "../../src/base/errors.ts";
import { openTree } from "../../src/kernel/tree.ts";
import { mailConfigSchema } from "../../src/mail/config.ts";
import { type PreparedSeries, type PrepareParts, prepareSeries } from "../../src/mail/prepare-series.ts";
import { scratchFolder, testState } from "../kernel-tools/make-repository.ts";
import { GitRepository } from "../support/github/git-host.ts";
import { startGitServer } from "../support/mail/git-server.ts";

/** A maintainer's repository behind git's own HTTP server, and a tree of ours that shares its first commits. */
async function scene(t: TestContext) {
  const dir = scratchFolder(t);
  const hosted = GitRepository.create(join(dir, "hosted", "ada", "linux.git"));
  const root = hosted.commit({ message: "root", files: { "a.c": "a\n", "b.c": "b\n" } });
  const base = hosted.commit({ parent: root, message: "base", files: { "a.c": "a2\n" } });
  hosted.setRef("refs/heads/main", base);
  const local = GitRepository.create(join(dir, "linux"));
  local.run(["fetch", "--quiet", hosted.dir, "refs/heads/main:refs/heads/main"]);
  local.run(["symbolic-ref", "HEAD", "refs/heads/main"]);
  const server = await startGitServer(join(dir, "hosted"));
  t.after(() => server.close());
  const scratch = join(dir, "scratch");
  mkdirSync(scratch);
  const config = mailConfigSchema.parse({
    address: "bot@example.org",
    sources: [{ kind: "stdin" }],
    trees: [{ name: "linux", at: local.dir, "pull-from": [`${server.url}/ada/`] }],
    lists: [{ address: "list@example.org", trees: ["linux"] }],
  });
  const pull = (
    {
      from = base,
      tip,
      ref = "for-linus",
      path = "ada/linux.git",
    }: { from?: string; tip: string; ref?: string; path?: string },
    more: Partial<PrepareParts> = {},
  ): Promise<PreparedSeries> => {
    const text = [
      "From: Ada <ada@example.org>\nSubject: [GIT PULL] two fixes\nMessage-ID: <pull@example.org>\n",
      `The following changes since commit ${from}:\n\n  base\n`,
      `are available in the Git repository at:\n\n  ${server.url}/${path} ${ref}\n`,
      `for you to fetch changes up to ${tip}:\n\n  tip\n`,
      `${"-".repeat(64)}\n`,
    ].join("\n");
    const parts: PrepareParts = {
      state: testState(dir),
      trees: config.trees,
      maxPatches: 60,
      scratch,
      raw: async () => Buffer.from(text),
      findPrerequisite: async () => undefined,
      signal: new AbortController().signal,
      ...more,
    };
    const patches = [{ number: 1, messageId: "pull@example.org" }];
    return prepareSeries(parts, { patches, isPullRequest: true, date: 1_700_100_000_000 });
  };
  const tree = () => openTree(local.dir, testState(dir));
  const has = async (commit: string) => (await (await tree()).git.run(["cat-file", "-e", commit])).exitCode === 0;
  const incoming = async () => {
    const { folder } = await tree();
    return readdirSync(folder).filter((name) => /incoming/.test(name));
  };
  return { dir, hosted, local, server, root, base, pull, tree, has, incoming };
}

function reasonOf(prepared: PreparedSeries): string {
  return "reason" in prepared ? `${prepared.kind}: ${prepared.reason}` : JSON.stringify(prepared);
}

test("a signed tag's commits are fetched into the store that the child opens, and nowhere else", async (t) => {
  const { hosted, local, base, pull, tree, incoming } = await scene(t);
  const one = hosted.commit({ parent: base, message: "one", files: { "a.c": "a3\n" } });
  const two = hosted.commit({ parent: one, message: "two", files: { "b.c": "b2\n" } });
  hosted.run(["tag", "-a", "-m", "what it is for", "thing-1", two]);
  const before = local.run(["count-objects", "-v"]);
  // Left by a process that was killed.
  const left = join((await tree()).folder, "incoming", "objects-left", "pack");
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, "tmp_pack_1"), "half a pack");
  const prepared = await pull({ tip: two, ref: "tags/thing-1" });
  assert.ok(prepared.kind === "ready", reasonOf(prepared));
  assert.deepEqual([prepared.base, prepared.series], [base, { from: base, to: two }]);
  assert.deepEqual([prepared.chosenBy, prepared.baseCommit], ["where the pull request starts", base]);
  const opened = await tree();
  assert.deepEqual(await opened.commitsBetween(base, two), [one, two]);
  assert.equal(local.run(["count-objects", "-v"]), before, "the operator's repository was not written to");
  assert.deepEqual(await incoming(), [], "nothing is left of the quarantine");
  const refs = (await opened.git.runOk(["for-each-ref", "--format=%(refname)"])).stdout;
  assert.equal(refs.trim(), "refs/heads/main", "no ref came along");
  // Again, with nothing to fetch.
  assert.deepEqual(await pull({ tip: two, ref: "tags/thing-1" }), prepared);
});

test("a history with merges is one commit from base to tip", async (t) => {
  const { hosted, root, base, pull, tree } = await scene(t);
  const side = hosted.commit({ parent: root, message: "side", files: { "c.c": "c\n" } });
  const merge = hosted.testMerge(base, side) as string;
  hosted.setRef("refs/heads/for-linus", merge);
  const prepared = await pull({ tip: merge });
  assert.ok(prepared.kind === "ready" && "to" in prepared.series, reasonOf(prepared));
  const { to } = prepared.series;
  const opened = await tree();
  assert.deepEqual(await opened.commitsBetween(base, to), [to]);
  assert.equal(await opened.diff(base, to), await opened.diff(base, merge));
});

test("what is not as the mail says is not kept", async (t) => {
  const { hosted, root, base, pull, has, incoming } = await scene(t);
  const one = hosted.commit({ parent: base, message: "one", files: { "a.c": "a3\n" } });
  const two = hosted.commit({ parent: one, message: "two", files: { "b.c": "b2\n" } });
  hosted.setRef("refs/heads/for-linus", two);
  assert.equal(
    reasonOf(await pull({ tip: one })),
    `inconclusive: for-linus is at ${two.slice(0, 12)} by now, the mail says ${one.slice(0, 12)}`,
  );
  assert.equal(reasonOf(await pull({ tip: two, ref: "gone" })), "inconclusive: the repository has no gone");
  const other = hosted.commit({ message: "of another family", files: { "x.c": "x\n" } });
  hosted.setRef("refs/heads/other", other);
  assert.equal(
    reasonOf(await pull({ tip: other, ref: "other" })),
    `inconclusive: the commit that it starts at, ${base.slice(0, 12)}, is not below what is to be pulled`,
  );
  assert.equal(
    reasonOf(await pull({ tip: two, from: "9".repeat(40) })),
    "inconclusive: the commit that it starts at, 999999999999, is not in its history",
  );
  const apart = hosted.commit({ parent: root, message: "beside the base", files: { "y.c": "y\n" } });
  hosted.setRef("refs/heads/apart", apart);
  assert.match(reasonOf(await pull({ tip: apart, ref: "apart" })), /is not below what is to be pulled$/);
  for (const commit of [one, two, other, apart]) assert.equal(await has(commit), false, commit);
  assert.deepEqual(await incoming(), []);
  assert.equal(reasonOf(await pull({ tip: base, ref: "main" })), "inconclusive: there is no commit in it");
});

test("too many commits, and too many bytes", async (t) => {
  const { hosted, base, pull, has } = await scene(t);
  let tip = base;
  for (let i = 0; i < 4; i++) tip = hosted.commit({ parent: tip, message: `c${i}`, files: { "a.c": `a${i}\n` } });
  hosted.setRef("refs/heads/for-linus", tip);
  assert.equal(reasonOf(await pull({ tip }, { maxPatches: 3 })), "too-big: 4 commits, at most 3 are reviewed");
  assert.equal(await has(tip), false);
  const noise = Array.from({ length: 60_000 }, (_, i) => Math.imul(i, 0x9e3779b1).toString(36)).join("");
  const big = hosted.commit({ parent: base, message: "big", files: { "big.bin": noise } });
  hosted.setRef("refs/heads/big", big);
  const limits = { pullLimits: { maxBytes: 64 * 1024 } };
  assert.match(
    reasonOf(await pull({ tip: big, ref: "big" }, limits)),
    /^too-big: more than 1 MB would have to be fetched$/,
  );
  assert.equal(await has(big), false);
  assert.equal((await pull({ tip })).kind, "ready");
});

test("an address that the tree does not allow is not asked", async (t) => {
  const { base, pull, server } = await scene(t);
  assert.match(
    reasonOf(await pull({ tip: base, path: "eve/linux.git" })),
    /is not one of the addresses that are fetched from$/,
  );
  assert.match(reasonOf(await pull({ tip: base, path: "ada/%2e%2e/eve/linux.git" })), /^inconclusive: tree linux: /);
  assert.match(
    reasonOf(await pull({ tip: base, ref: "-u" })),
    /^inconclusive: what is to be pulled is not the name of a ref$/,
  );
  assert.deepEqual(server.asked, []);
});

test("a redirect is not followed, a server that fails is worth another try", async (t) => {
  const { dir, hosted, base, pull, server } = await scene(t);
  const tip = hosted.commit({ parent: base, message: "one", files: { "a.c": "a3\n" } });
  hosted.setRef("refs/heads/for-linus", tip);
  const other = await startGitServer(join(dir, "hosted"));
  t.after(() => other.close());
  server.instead = (path) => ({ status: 302, headers: { location: `${other.url}${path}?service=git-upload-pack` } });
  await assert.rejects(pull({ tip }), ToolError);
  assert.deepEqual(other.asked, []);
  server.instead = () => ({ status: 503 });
  await assert.rejects(pull({ tip }), ToolError);
  server.instead = undefined;
  assert.equal((await pull({ tip })).kind, "ready");
});

test("objects that git-fsck finds malformed are refused", async (t) => {
  const { hosted, base, pull, has } = await scene(t);
  // A file ".git" in a tree: what a checkout of it would run is the sender's.
  const blob = hosted.run(["hash-object", "-w", "--stdin"], "[core]\n").trim();
  const tree = hosted.run(["mktree"], `100644 blob ${blob}\t.git\n`).trim();
  const bad = hosted.run(["commit-tree", tree, "-p", base, "-m", "bad"]).trim();
  hosted.setRef("refs/heads/for-linus", bad);
  assert.equal(reasonOf(await pull({ tip: bad })), "inconclusive: git finds an object in it that is malformed");
  assert.equal(await has(bad), false);
});

test("a stop is a stop", async (t) => {
  const { hosted, base, pull } = await scene(t);
  const tip = hosted.commit({ parent: base, message: "one", files: { "a.c": "a3\n" } });
  hosted.setRef("refs/heads/for-linus", tip);
  await assert.rejects(
    pull({ tip }, { signal: AbortSignal.abort() }),
    (error: ToolError) => error.code === "cancelled",
  );
});
