import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../support/github/faults.ts";
import { setStage, settled, until } from "./running.ts";
import { BASE, comments, summaries, TARGET, withDefects } from "./scene.ts";

const creatingReview: Fault["of"] = ({ operationId }) => operationId === "pulls/create-review";
const creatingComment: Fault["of"] = ({ operationId }) => operationId === "pulls/create-review-comment";

test("a line that GitHub refuses is told in the summary, and keeps no other from its line", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  fake.failAt(1, { how: 422, of: creatingReview });
  fake.failAt(2, { how: 422, of: creatingComment });
  const pull = await fake.openPull(repo, {
    author: "dev",
    commits: [withDefects({ 3: "first", 12: "second", 20: "third" })],
  });
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "open third"]);
  assert.equal(summaries(fake, pull).length, 1);
  assert.match(summaries(fake, pull)[0]!.body, /second/);
  assert.deepEqual(fake.complaints, []);
});

test("errors, cut connections and rate limits on the way: each finding once", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const writes: Fault["of"] = ({ method, operationId }) => method !== "get" && !operationId.includes("access-token");
  fake.failAt(2, { how: 502, when: "after", of: writes });
  fake.failAt(4, { how: "cut", when: "after", of: writes });
  fake.failAt(6, { how: "secondary", of: writes });
  fake.failAt(9, { how: "cut", when: "before" });
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first", 20: "second" })] });
  await until(stage, "the check is completed", () => fake.checks(pull.headSha)[0]?.status === "completed", 60);
  const posts = async () => (await stage.store.posts(TARGET)).every(({ state }) => state === "sent");
  await until(stage, "all is said", posts, 60);
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);
  assert.equal(summaries(fake, pull).length, 1);
  assert.equal(fake.checks(pull.headSha).length, 1);
  assert.equal(fake.checks(pull.headSha)[0]!.annotations.length, 2);
  assert.deepEqual(fake.complaints, []);
});

test("more findings than the caps: annotations in batches, the gravest on lines, the rest counted", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const lines = Array.from({ length: 130 }, (_, i) => `DEFECT many_${i}`);
  const repo = fake.repo("acme/linux", { files: { "lib/a.c": "\n" } });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [{ "lib/a.c": `${lines.join("\n")}\n` }] });
  await settled(stage, [TARGET]);
  const [check] = fake.checks(pull.headSha);
  assert.equal(check?.annotations.length, 100);
  assert.equal(fake.lineComments(pull).length, 10);
  assert.match(summaries(fake, pull)[0]!.body, /10 findings on their lines, 120 in the table/);
  const page = `${fake.webUrl}/acme/linux/runs/${check?.id}`;
  assert.ok(
    summaries(fake, pull)[0]!.body.includes(`and 110 more, [all of them](${page})`),
    "they are counted and linked",
  );
  assert.deepEqual(fake.complaints, []);
});

test("a locked conversation is left alone; the check says it all", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  pull.isLocked = true;
  await stage.start();
  await until(stage, "the head was found", async () => (await stage.store.reviews(TARGET)).length === 1);
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), []);
  assert.deepEqual(fake.conversation(pull), []);
  assert.equal(fake.checks(pull.headSha)[0]?.annotations.length, 1);
  const posts = await stage.store.posts(TARGET);
  assert.deepEqual([...new Set(posts.map(({ state }) => state))], ["sent"], "nothing was tried in vain");
  assert.deepEqual(fake.complaints, []);
});

test("a review that breaks down each time ends its check, and names no folder", async (t) => {
  const stage = await setStage(t, {
    pause: async ({ tree }) => {
      throw new Error(`disk full: ${tree}`);
    },
  });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  await settled(stage, [TARGET]);
  const [check] = fake.checks(pull.headSha);
  assert.equal(check?.conclusion, "neutral");
  assert.equal(`${check.title}${check.summary}`.includes("mirrors"), false);
  assert.equal(stage.log.filter((line) => line.includes("broke down")).length, 3);
  assert.deepEqual(comments(fake, pull), []);
  assert.deepEqual(fake.complaints, []);
});
