import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { pullTarget } from "../../src/app/work-request.ts";
import { type Stage, type StageOptions, setStage, settled, until } from "./running.ts";
import { BASE, comments, reactions, replies, summaries, TARGET, withDefects } from "./scene.ts";

async function scene(t: TestContext, author = "dev", options: StageOptions = {}) {
  const stage = await setStage(t, options);
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  fake.setRole(repo, "boss", "maintain");
  await stage.start();
  const pull = await fake.openPull(repo, { author, commits: [withDefects({ 3: "first", 20: "second" })] });
  await settled(stage, [TARGET]);
  const say = async (login: string, body: string) => {
    const comment = await fake.comment(pull, login, body);
    await settled(stage, [
      TARGET,
      `${pullTarget({ owner: "acme", repo: "linux", installation: 1 }, 1)}/comment/${comment.id}`,
    ]);
    return comment;
  };
  return { stage, fake, repo, pull, say };
}

async function states(stage: Stage): Promise<string[]> {
  return (await stage.store.reviews(TARGET)).map(({ state }) => state);
}

test("recheck: a new check of the same head, nothing posted twice; refused to a stranger", async (t) => {
  const { stage, fake, pull, say } = await scene(t);
  const refused = await say("stranger", "/objreview recheck");
  assert.deepEqual(reactions(refused), ["-1"]);
  assert.deepEqual(await states(stage), ["finished"]);
  const done = await say("boss", "Again, please.\n/objreview recheck");
  assert.deepEqual(reactions(done), ["+1"]);
  assert.deepEqual(await states(stage), ["finished", "finished"]);
  assert.equal(fake.checks(pull.headSha).length, 2);
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);
  assert.equal(fake.conversation(pull).length, 3, "two comments of people, one summary");
  assert.deepEqual(fake.complaints, []);
});

test("a permission is asked from GitHub, not read from the comment", async (t) => {
  const { fake, say } = await scene(t);
  await say("boss", "/objreview recheck");
  const asked = fake.calls.filter(({ path }) => path.includes("/collaborators/boss/permission"));
  assert.equal(asked.length, 1);
});

test("explain and waive: by the id of the report, of this head", async (t) => {
  const { stage, fake, pull, say } = await scene(t);
  await say("boss", "/objreview explain f1");
  assert.equal(replies(fake, pull).length, 1);
  assert.match(replies(fake, pull)[0]!.body, /first\(\).*returns with user access open/);
  const waived = await say("boss", "/objreview waive f2 the caller closes it @someone");
  assert.deepEqual(reactions(waived), ["+1"]);
  assert.deepEqual(comments(fake, pull), ["open first", "waived second"]);
  assert.match(fake.lineComments(pull)[1]!.body, /Waived by boss: the caller closes it/);
  assert.match(summaries(fake, pull)[0]!.body, /1 waived/);
  assert.equal((await stage.store.waivers(TARGET)).length, 1);
  const unknown = await say("boss", "/objreview waive f9 no");
  assert.deepEqual(reactions(unknown), ["confused"]);
  const author = await say("stranger", "/objreview waive f1 no");
  assert.deepEqual(reactions(author), ["-1"]);
  // It holds for the next push.
  await fake.push(pull, { files: withDefects({ 3: "first", 20: "second", 25: "third" }) });
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "waived second", "open third"]);
  assert.deepEqual(fake.complaints, []);
});

test("what is not understood is answered with the list, once", async (t) => {
  const { fake, pull, say } = await scene(t);
  const comment = await say("dev", "/objreview frobnicate\n/objreview help");
  assert.deepEqual(reactions(comment).sort(), ["+1", "confused"]);
  assert.equal(replies(fake, pull).length, 1);
  assert.match(replies(fake, pull)[0]!.body, /no command frobnicate/);
  assert.deepEqual(fake.complaints, []);
});

test("an approval lets one head be built, and does not survive a push", async (t) => {
  const { stage, fake, pull, say } = await scene(t, "stranger");
  assert.deepEqual(comments(fake, pull), []);
  const own = await say("stranger", "/objreview approve");
  assert.deepEqual(reactions(own), ["-1"]);
  assert.deepEqual(fake.gitRequests, []);
  const approved = await say("boss", "/objreview approve");
  assert.deepEqual(reactions(approved), ["+1"]);
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);

  await fake.push(pull, { files: withDefects({ 3: "first", 25: "third" }) });
  await settled(stage, [TARGET]);
  const [waiting] = fake.checks(pull.headSha);
  assert.equal(waiting?.title, "Waiting for an approval");
  // A recheck is no way around it, for the author as for anybody else.
  const again = await say("stranger", "/objreview recheck");
  assert.deepEqual(reactions(again), ["-1"]);
  assert.match(replies(fake, pull).at(-1)!.body, /waits for an approval/);
  await fake.click(waiting, "approve", "boss");
  await until(stage, "the button was heard", async () => (await states(stage)).length >= 4);
  await settled(stage, [TARGET]);
  assert.deepEqual(comments(fake, pull), ["open first", "fixed second", "open third"]);
  assert.deepEqual(fake.complaints, []);
});

test("an approval without a commit is not for a head that came after it was written", async (t) => {
  const { stage, fake, pull } = await scene(t, "stranger");
  // As it happens when a push overtakes the comment: the comment is dated before the new head was heard of.
  stage.pass(60);
  await fake.push(pull, { files: withDefects({ 3: "evil" }) });
  await settled(stage, [TARGET]);
  const comment = await fake.comment(pull, "boss", "/objreview approve");
  await settled(stage, [TARGET, `${TARGET}/comment/${comment.id}`]);
  assert.deepEqual(reactions(comment), ["confused"]);
  assert.match(replies(fake, pull)[0]!.body, new RegExp(`/objreview approve ${pull.headSha.slice(0, 12)}`));
  const old = await fake.comment(pull, "boss", `/objreview approve ${"a".repeat(40)}`);
  await settled(stage, [TARGET, `${TARGET}/comment/${old.id}`]);
  assert.deepEqual(reactions(old), ["-1"]);
  assert.deepEqual(comments(fake, pull), []);
  const named = await fake.comment(pull, "boss", `/objreview approve ${pull.headSha}`);
  await settled(stage, [TARGET, `${TARGET}/comment/${named.id}`]);
  assert.deepEqual(comments(fake, pull), ["open evil"]);
  assert.deepEqual(fake.complaints, []);
});

test("re-run of one check and of all of them", async (t) => {
  const { stage, fake, pull } = await scene(t);
  const [run] = fake.checks(pull.headSha);
  const count = async (n: number) => {
    await until(stage, `${n} reviews`, async () => (await states(stage)).length === n);
    await settled(stage, [TARGET]);
  };
  await fake.rerequest(run!, "dev");
  await count(2);
  await fake.rerequestSuite(run!, "boss");
  await count(3);
  await fake.rerequest(run!, "stranger");
  const last = fake.lastDelivery("check_run", "rerequested");
  assert.equal(last.statusCode, 200);
  await new Promise((done) => setTimeout(done, 300));
  await count(3);
  assert.equal(fake.checks(pull.headSha).length, 3);
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);
  assert.deepEqual(fake.complaints, []);
});

test("a merge group gets a check and no comments", async (t) => {
  const { stage, fake, repo } = await scene(t);
  const base = fake.tip(repo);
  const ref = `gh-readonly-queue/main/pr-1-${base}`;
  const head = fake.commit(repo, base, withDefects({ 7: "queued" }), ref);
  const comments = fake.state.reviewComments.length;
  await fake.hooks.mergeGroup(repo, "main", base, head, fake.user("boss"));
  await settled(stage, [TARGET, `github:acme/linux@refs/heads/${ref}`]);
  assert.deepEqual(
    fake.checks(head).map(({ conclusion, annotations }) => [conclusion, annotations.length]),
    [["neutral", 1]],
  );
  assert.equal(fake.state.reviewComments.length, comments);
  assert.deepEqual(fake.complaints, []);
});
