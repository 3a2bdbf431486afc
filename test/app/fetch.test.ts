import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { GitHub } from "../../src/app/client.ts";
import { type Fetched, type FetchPlace, fetchChange, type Wanted } from "../../src/app/fetch.ts";
import { readSettings } from "../../src/app/settings.ts";
import { FormatError, ToolError } from "../../src/base/errors.ts";
import { startFakeGitHub } from "../support/github/fake-github.ts";
import type { Pull } from "../support/github/world.ts";

async function scene(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "objreview-fetch-"));
  const fake = await startFakeGitHub({ dir: join(folder, "github") });
  t.after(async () => {
    await fake.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const repo = fake.repo("acme/linux", { files: { "a.c": "a\n", "b.c": "b\n" }, isPrivate: true });
  const github = new GitHub(
    readSettings({
      APP_ID: String(fake.app.id),
      PRIVATE_KEY: fake.app.privateKey,
      WEBHOOK_SECRET: fake.app.webhookSecret,
      GITHUB_API_URL: fake.url,
      GITHUB_WEB_URL: fake.webUrl,
      OBJREVIEW_THROTTLE: "off",
      HOME: folder,
    }),
  );
  const { id: installation } = fake.state.installations[0]!;
  const place = async (more: Partial<FetchPlace> = {}): Promise<FetchPlace> => ({
    folder: join(folder, "mirrors"),
    kernelTree: undefined,
    cloneUrl: github.cloneUrl({ owner: "acme", repo: "linux", installation }),
    token: await github.fetchToken({ owner: "acme", repo: "linux", installation }),
    signal: new AbortController().signal,
    ...more,
  });
  const wanted = (pull: Pull, commits: number): Wanted => ({
    ...{ installation, owner: "acme", repo: "linux", head: pull.headSha, headRef: `refs/pull/${pull.number}/head` },
    ...{ baseRef: pull.baseRef, commits, title: pull.title },
  });
  const git = (fetched: Fetched, ...args: string[]) =>
    execFileSync("git", ["-C", fetched.tree, ...args])
      .toString()
      .trim();
  return { folder, fake, repo, place, wanted, git };
}

test("the merge base is found here, with a base that has moved on", async (t) => {
  const { fake, repo, place, wanted, git } = await scene(t);
  const base = fake.tip(repo);
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "a.c": "a2\n" }, { "a.c": "a3\n" }] });
  fake.pushBase(repo, { "b.c": "b2\n" });
  const fetched = await fetchChange(await place(), wanted(pull, 2));
  assert.equal(fetched.mergeBase, base);
  assert.equal(fetched.tip, pull.headSha);
  assert.deepEqual(fetched.files, ["a.c"]);
  assert.match(fetched.diff, /^diff --git a\/a\.c b\/a\.c\n[\s\S]*\n-a\n\+a3\n$/);
  assert.equal(git(fetched, "rev-list", "--count", `${base}..${pull.headSha}`), "2");
  assert.deepEqual(fake.complaints, []);
});

test("a forced push and a base change are fetched over what is there", async (t) => {
  const { fake, repo, place, wanted } = await scene(t);
  const base = fake.tip(repo);
  const pull = await fake.openPull(repo, { author: "dev", fork: "dev", commits: [{ "a.c": "a2\n" }] });
  await fetchChange(await place(), wanted(pull, 1));
  await fake.push(pull, { sha: fake.commit(repo, base, { "b.c": "other\n" }) });
  const forced = await fetchChange(await place(), wanted(pull, 1));
  assert.deepEqual(forced.files, ["b.c"]);
  const next = fake.commit(repo, pull.headSha, { "c.c": "c\n" }, "next");
  await fake.changeBase(pull, "next");
  await fake.push(pull, { sha: fake.commit(repo, next, { "d.c": "d\n" }) });
  const rebased = await fetchChange(await place(), wanted(pull, 1));
  assert.equal(rebased.mergeBase, next);
  assert.deepEqual(rebased.files, ["d.c"]);
});

test("a history with merges in it, or a long one, is one commit, the same each time", async (t) => {
  const { fake, repo, place, wanted, git } = await scene(t);
  const pull = await fake.openPull(repo, { author: "dev", title: "Two\nlines", commits: [{ "a.c": "a2\n" }] });
  const base = fake.pushBase(repo, { "b.c": "b2\n" });
  const merged = repo.git.testMerge(base, pull.headSha);
  await fake.push(pull, { sha: merged! });
  const fetched = await fetchChange(await place(), wanted(pull, 2));
  assert.equal(fetched.mergeBase, base);
  assert.notEqual(fetched.tip, pull.headSha);
  assert.equal(git(fetched, "rev-parse", `${fetched.tip}^{tree}`), git(fetched, "rev-parse", `${merged}^{tree}`));
  assert.equal(git(fetched, "log", "--format=%P %s", "-1", fetched.tip), `${base} Two lines`);
  assert.equal((await fetchChange(await place(), wanted(pull, 2))).tip, fetched.tip);
  const long = await fake.openPull(repo, {
    author: "dev",
    commits: Array.from({ length: 101 }, (_, i) => ({ "a.c": `${i}\n` })),
  });
  const one = await fetchChange(await place(), wanted(long, 101));
  assert.equal(git(one, "rev-list", "--count", `${one.mergeBase}..${one.tip}`), "1");
});

test("a cut history is fetched deeper until both ends meet as GitHub counts them", async (t) => {
  const { fake, repo, place, wanted, git } = await scene(t);
  const old = fake.tip(repo);
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "a.c": "a2\n" }] });
  // More commits behind the fork than the first depth shows.
  for (let n = 0; n < 130; n++) fake.commit(repo, fake.tip(repo), { "b.c": `${n}\n` }, "main");
  const fetched = await fetchChange(await place(), wanted(pull, 1));
  assert.equal(fetched.mergeBase, old);
  assert.ok(fake.gitRequests.filter((each) => each.includes("upload-pack")).length >= 4);
  assert.equal(git(fetched, "rev-list", "--count", `${old}..${pull.headSha}`), "1");
  // A short one stays cut.
  const other = await fake.openPull(repo, { author: "dev", commits: [{ "a.c": "a3\n" }] });
  await fetchChange(await place(), wanted(other, 1));
});

test("objects of a kernel on this machine are not fetched", async (t) => {
  const { fake, repo, place, wanted } = await scene(t);
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "a.c": "a2\n" }] });
  const fetched = await fetchChange(await place({ kernelTree: repo.git.dir }), wanted(pull, 1));
  assert.deepEqual(fetched.files, ["a.c"]);
  assert.equal(existsSync(join(fetched.tree, "shallow")), false);
  const own = execFileSync("git", ["-C", fetched.tree, "count-objects"]).toString();
  assert.match(own, /^0 objects/);
});

test("a head that is gone, a token that is none: an error without the token in it", async (t) => {
  const { fake, repo, place, wanted } = await scene(t);
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "a.c": "a2\n" }] });
  const gone = { ...wanted(pull, 1), head: "d".repeat(40) };
  await assert.rejects(fetchChange(await place(), gone), ToolError);
  const token = "ghs_0123456789abcdef0123456789abcdef0123";
  await assert.rejects(
    fetchChange(await place({ token }), { ...wanted(pull, 1), owner: "other" }),
    (error: unknown) => {
      assert.ok(error instanceof ToolError);
      const told = `${error.message} ${error.stderrTail} ${JSON.stringify(error.command)}`;
      assert.equal(told.includes(token), false);
      assert.equal(told.includes(Buffer.from(`x-access-token:${token}`).toString("base64")), false);
      return true;
    },
  );
});

test("fetches that run at once into one repository wait for each other", async (t) => {
  const { folder, fake, repo, place, wanted } = await scene(t);
  const pulls = [];
  for (const n of [1, 2, 3]) {
    pulls.push(await fake.openPull(repo, { author: "dev", commits: [{ "a.c": `a${n}\n` }] }));
  }
  const where = await place();
  const all = await Promise.all(pulls.map((pull) => fetchChange(where, wanted(pull, 1))));
  assert.deepEqual(
    all.map(({ tip }) => tip),
    pulls.map(({ headSha }) => headSha),
  );
  const config = readFileSync(join(folder, "mirrors", "acme+linux.git", "config"), "utf8");
  assert.equal(/token|extraheader/i.test(config), false);
});

test("names that git could read otherwise are refused before it is asked", async (t) => {
  const { fake, repo, place, wanted } = await scene(t);
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "a.c": "a2\n" }] });
  const where = await place();
  const before = fake.gitRequests.length;
  for (const name of ["main:refs/heads/x", "*", "-main", "a b", "a..b", "main^", "a\nb", ""]) {
    await assert.rejects(fetchChange(where, { ...wanted(pull, 1), baseRef: name }), FormatError);
    await assert.rejects(fetchChange(where, { ...wanted(pull, 1), headRef: name }), FormatError);
  }
  assert.equal(fake.gitRequests.length, before);
  // A branch may take the place of a folder of branches.
  fake.commit(repo, fake.tip(repo), { "c.c": "c\n" }, "next/one");
  await fetchChange(where, { ...wanted(pull, 1), baseRef: "next/one" });
  repo.git.setRef("refs/heads/next/one", undefined);
  fake.commit(repo, fake.tip(repo), { "c.c": "c\n" }, "next");
  await fetchChange(where, { ...wanted(pull, 1), baseRef: "next" });
});
