import assert from "node:assert/strict";
import { test } from "node:test";
import { setStage, settled, until } from "./running.ts";
import { BASE, comments, TARGET, withDefects } from "./scene.ts";

test("what happened while nobody listened is asked for again, once", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  // Nobody listens there.
  fake.listenAt("http://127.0.0.1:9/");
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  const comment = await fake.comment(pull, "dev", "/objreview help");
  const failed = fake.state.deliveries.length;
  assert.ok(failed >= 2);
  await stage.start();
  const target = `${TARGET}/comment/${comment.id}`;
  await until(stage, "the help", async () => (await stage.store.posts(target))[0]?.state === "sent");
  await settled(stage, [TARGET, target]);
  assert.deepEqual(comments(fake, pull), ["open first"]);
  assert.equal(comment.reactions.length, 1);
  const redelivered = fake.state.deliveries.filter(({ isRedelivery }) => isRedelivery);
  assert.ok(redelivered.length >= 2);
  assert.ok(redelivered.every(({ statusCode }) => statusCode === 200));

  // Another service on the same store finds nothing to do.
  await stage.start();
  await new Promise((done) => setTimeout(done, 1000));
  await settled(stage, [TARGET]);
  assert.equal(fake.state.deliveries.filter(({ isRedelivery }) => isRedelivery).length, redelivered.length);
  assert.equal(fake.checks(pull.headSha).length, 1);
  assert.deepEqual(fake.complaints, []);
});

test("an open head that nobody told of is found, one with our check is left alone", async (t) => {
  const stage = await setStage(t);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  fake.listenAt(undefined);
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first" })] });
  const closed = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 5: "closed" })] });
  await fake.close(closed);
  await stage.start();
  await until(stage, "the head was found", async () => (await stage.store.reviews(TARGET)).length === 1);
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first"]);
  assert.deepEqual(fake.checks(closed.headSha), []);
  assert.deepEqual(fake.complaints, []);
});
