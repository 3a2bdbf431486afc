import assert from "node:assert/strict";
import { test } from "node:test";
import { setStage, settled, until } from "./running.ts";
import { BASE, comments, TARGET, withDefects } from "./scene.ts";

test("a comment that a person deleted stays away, also when the service died as it was posted", async (t) => {
  const stage = await setStage(t, { mortal: true });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  const first = await stage.start();
  let isDead = false;
  const how = (): void => {
    isDead = true;
    first.kill();
  };
  fake.failAt(1, { how, when: "after", of: ({ operationId }) => operationId === "pulls/create-review" });
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first", 20: "second" })] });
  await until(stage, "it is dead", () => isDead);
  stage.pass(120);
  await stage.start();
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);
  fake.state.removeReviewComment(fake.lineComments(pull)[0]!);
  await fake.push(pull, { files: withDefects({ 3: "first", 20: "second", 22: "third" }) });
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open second", "open third"]);
  assert.deepEqual(fake.complaints, []);
});
