import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pull } from "../support/github/world.ts";
import { setStage, settled, until } from "./running.ts";
import { BASE, comments, summaries, TARGET, withDefects } from "./scene.ts";

test("a pull request with two defects, a push that repairs one, a redelivery: each finding once", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first", 20: "second" })] });
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);
  assert.equal(fake.state.reviews.length, 1);
  assert.equal(summaries(fake, pull).length, 1);
  const [check] = fake.checks(pull.headSha);
  assert.equal(check?.conclusion, "neutral");
  assert.equal(check.annotations.length, 2);
  assert.equal(check.history.at(-1), "completed:neutral");

  const before = fake.calls.length;
  for (let time = 0; time < 5; time++) await fake.redeliver(fake.lastDelivery("pull_request", "opened"));
  await settled(stage, [TARGET]);
  assert.equal(fake.calls.length, before, "a redelivery asks for nothing");

  await fake.push(pull, { files: withDefects({ 20: "second" }) });
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["fixed first", "open second"]);
  assert.equal(summaries(fake, pull).length, 1);
  assert.equal(fake.state.reviews.length, 1);
  assert.equal(fake.checks(pull.headSha).length, 1);
  assert.deepEqual(fake.complaints, []);
});

test("a newer head ends the review of the older, a close cancels", async (t) => {
  const begun: string[] = [];
  const stopped: string[] = [];
  const stage = await setStage(t, {
    pause: async ({ series, signal }) => {
      const to = "to" in series ? series.to : "";
      begun.push(to);
      await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
      stopped.push(to);
    },
  });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  const first = pull.headSha;
  const isRunning = () => begun.includes(pull.headSha) && fake.checks(pull.headSha)[0]?.status === "in_progress";
  await until(stage, "the first head is under way", isRunning);
  await fake.push(pull, { files: withDefects({ 4: "second" }) });
  await until(stage, "the second head is under way", isRunning);
  assert.deepEqual(stopped, [first]);
  await fake.close(pull);
  await settled(stage, [TARGET]);
  await until(stage, "the second review is stopped", () => stopped.length === 2);
  assert.deepEqual(
    [first, pull.headSha].map((sha) => fake.checks(sha).map(({ conclusion }) => conclusion)),
    [["cancelled"], ["cancelled"]],
  );
  assert.deepEqual(comments(fake, pull), []);
  assert.deepEqual(fake.complaints, []);
});

test("configuration: wrong, off, paths, drafts", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: { ...BASE, ".github/objreview.yml": "enabld: true\n" } });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  await settled(stage, [TARGET]);
  const [check] = fake.checks(pull.headSha);
  assert.match(`${check?.title} ${check?.conclusion}`, /cannot be used neutral$/);
  assert.equal(summaries(fake, pull).length, 1);
  assert.match(summaries(fake, pull)[0]!.body, /enabled is meant/);

  fake.pushBase(repo, { ".github/objreview.yml": "paths:\n  include: [drivers/]\n" });
  await fake.push(pull, { files: withDefects({ 4: "first" }) });
  await settled(stage, [TARGET]);
  assert.deepEqual(
    fake.checks(pull.headSha).map(({ conclusion }) => conclusion),
    ["skipped"],
    stage.log.join("\n"),
  );
  fake.pushBase(repo, { ".github/objreview.yml": "enabled: false\n" });
  await fake.push(pull, { files: withDefects({ 5: "first" }) });
  await settled(stage, [TARGET]);
  assert.deepEqual(fake.checks(pull.headSha), []);

  fake.pushBase(repo, { ".github/objreview.yml": "{}\n" });
  const draft = await fake.openPull(repo, { author: "dev", isDraft: true, commits: [withDefects({ 6: "draft" })] });
  await settled(stage, [TARGET, "github:acme/linux#2"]);
  assert.deepEqual(fake.checks(draft.headSha), []);
  await fake.markReady(draft);
  await settled(stage, [TARGET, "github:acme/linux#2"]);
  assert.deepEqual(comments(fake, draft), ["open draft"]);
  assert.deepEqual(fake.complaints, []);
});

test("a stranger's head is not built; its check says who may let it", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  await stage.start();
  const pull = await fake.openPull(repo, {
    author: "stranger",
    fork: "stranger",
    commits: [withDefects({ 3: "first" })],
  });
  await settled(stage, [TARGET]);
  const runs = fake.checks(pull.headSha);
  assert.equal(runs.length, 1);
  assert.match(`${runs[0]!.title} ${runs[0]!.conclusion}`, /^Waiting for an approval neutral$/);
  assert.deepEqual(fake.gitRequests, []);
  assert.deepEqual(fake.complaints, []);
});

test("a comment that a person deleted stays away, one with an answer is kept", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first", 20: "second" })] });
  await settled(stage, [TARGET]);
  const [first, second] = fake.lineComments(pull);
  fake.state.removeReviewComment(first!);
  fake.replyTo(second!, "dev", "Is that so?");
  await fake.push(pull, { files: withDefects({ 3: "first", 20: "second", 22: "third" }) });
  await settled(stage, [TARGET]);
  const own = comments(fake, pull).filter((each) => !each.startsWith("undefined"));
  assert.deepEqual(own, ["open second", "open third"]);
  assert.deepEqual(fake.complaints, []);
});

test("those who wait are told their place, and told when it changes", async (t) => {
  const release: (() => void)[] = [];
  let isHeld = true;
  const stage = await setStage(t, {
    pause: () => (isHeld ? new Promise<void>((done) => void release.push(done)) : Promise.resolve()),
  });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pulls: Pull[] = [];
  for (const n of [1, 2, 3]) {
    pulls.push(await fake.openPull(repo, { author: "dev", commits: [withDefects({ [n]: `defect_${n}` })] }));
    await until(stage, `${n} has a check`, () => fake.checks(pulls[n - 1]!.headSha).length === 1);
  }
  const title = (n: number) => fake.checks(pulls[n]!.headSha)[0]?.title;
  await until(stage, "the first is under way", () => release.length === 1);
  assert.equal(title(1), "Queued, 1 review ahead");
  assert.equal(title(2), "Queued, 2 reviews ahead");
  release[0]!();
  await until(stage, "the third comes nearer", () => title(2) === "Queued, 1 review ahead");
  isHeld = false;
  for (const each of release) each();
  await settled(
    stage,
    [1, 2, 3].map((n) => `github:acme/linux#${n}`),
  );
  assert.equal(fake.lineComments(pulls[2]!).length, 1);
  assert.deepEqual(fake.complaints, []);
});

test("a pull request that conflicts with its base is reviewed over the merge base", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  fake.hooks.mode = "lose";
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  fake.pushBase(repo, withDefects({ 3: "theirs" }));
  assert.equal(pull.mergeSha, undefined, "it conflicts");
  fake.hooks.mode = "send";
  await fake.redeliver(fake.lastDelivery("pull_request", "opened"));
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first"]);
  assert.deepEqual(fake.complaints, []);
});
