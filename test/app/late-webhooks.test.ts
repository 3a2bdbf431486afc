import assert from "node:assert/strict";
import { test } from "node:test";
import { setStage, settled, until } from "./running.ts";
import { BASE, comments, TARGET, withDefects } from "./scene.ts";

// GitHub promises no order of its webhooks, and some come only when they are sent again: what is reviewed in the end is the head that is there.

test("a webhook of an older head that comes late takes nothing from the newer one", async (t) => {
  let isHeld = false;
  const stage = await setStage(t, {
    pause: async ({ signal }) => {
      while (isHeld && !signal.aborted) await new Promise((done) => setTimeout(done, 10));
    },
  });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  await settled(stage, [TARGET]);
  fake.hooks.mode = "lose";
  await fake.push(pull, { files: withDefects({ 4: "second" }) });
  const late = fake.lastDelivery("pull_request", "synchronize");
  fake.hooks.mode = "send";
  isHeld = true;
  await fake.push(pull, { files: withDefects({ 5: "third" }) });
  await until(stage, "the newest head is under way", () => fake.checks(pull.headSha)[0]?.status === "in_progress");
  await fake.redeliver(late);
  isHeld = false;
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["fixed first", "open third"]);
  const conclusions = fake.checks(pull.headSha).map(({ conclusion }) => conclusion);
  assert.equal(conclusions.at(-1), "neutral");
  assert.deepEqual(fake.complaints, []);
});

test("a head that was looked at while it was not the one, and is the one again", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  await stage.start();
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  await settled(stage, [TARGET]);
  // Each webhook comes when the head has moved on already.
  const [here, there] = [4, 5].map((line) => fake.commit(repo, pull.headSha, withDefects({ [line]: `on${line}` })));
  fake.hooks.mode = "lose";
  await fake.push(pull, { sha: here! });
  const late = fake.lastDelivery("pull_request", "synchronize");
  await fake.push(pull, { sha: there! });
  fake.hooks.mode = "send";
  await fake.redeliver(late);
  await settled(stage, [TARGET]);
  await fake.push(pull, { sha: here! });
  await settled(stage, [TARGET]);
  assert.ok(comments(fake, pull).includes("open on4"), comments(fake, pull).join());
  // Closed when the worker looks, and opened again.
  await fake.push(pull, { sha: there! });
  await settled(stage, [TARGET]);
  fake.hooks.mode = "lose";
  await fake.push(pull, { files: withDefects({ 6: "third" }) });
  const pushed = fake.lastDelivery("pull_request", "synchronize");
  await fake.close(pull);
  fake.hooks.mode = "send";
  await fake.redeliver(pushed);
  await settled(stage, [TARGET]);
  await fake.reopen(pull);
  await settled(stage, [TARGET]);
  assert.ok(comments(fake, pull).includes("open third"), comments(fake, pull).join());
  assert.deepEqual(fake.complaints, []);
});
