import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Running, setStage, settled, until } from "./running.ts";
import { BASE, comments, summaries, TARGET, withDefects } from "./scene.ts";

// The service dies at each call that changes something on GitHub, before and behind its effect, and another one goes on: at the end the pull request
// looks the same.

/** False: there are fewer writing calls than `n`. */
async function dieAt(t: TestContext, n: number, when: "before" | "after"): Promise<boolean> {
  const stage = await setStage(t, { mortal: true });
  const { fake } = stage;
  const repo = fake.repo("acme/linux", { files: BASE });
  fake.setRole(repo, "dev", "write");
  let running: Running = await stage.start();
  let isDead = false;
  let isRevived = false;
  fake.failAt(n, {
    when,
    how: () => {
      isDead = true;
      running.kill();
    },
    of: ({ method, operationId }) => method.toLowerCase() !== "get" && !operationId.includes("access-token"),
  });
  const calm = async () => {
    let isCalm = false;
    const done = settled(stage, [TARGET]).then(
      () => {
        isCalm = true;
      },
      () => undefined,
    );
    await until(stage, "calm or dead", () => isCalm || isDead, 30);
    if (isDead && !isRevived) {
      isRevived = true;
      // Leases end, and somebody starts it again.
      stage.pass(120);
      running = await stage.start();
    }
    await done;
    await settled(stage, [TARGET]);
  };
  const pull = await fake.openPull(repo, { author: "dev", commits: [withDefects({ 3: "first", 20: "second" })] });
  await calm();
  assert.deepEqual(comments(fake, pull), ["open first", "open second"]);
  const first = pull.headSha;
  await fake.push(pull, { files: withDefects({ 20: "second", 25: "third" }) });
  await calm();
  assert.deepEqual(comments(fake, pull), ["fixed first", "open second", "open third"]);
  assert.equal(summaries(fake, pull).length, 1);
  for (const sha of [first, pull.headSha]) {
    const runs = fake.checks(sha);
    assert.equal(runs.length, 1, `checks of ${sha}`);
    assert.equal(runs[0]!.conclusion, "neutral");
    assert.equal(runs[0]!.annotations.length, 2);
  }
  assert.deepEqual(fake.complaints, []);
  return isDead;
}

for (const when of ["before", "after"] as const) {
  test(`killed ${when} the effect of each writing call, each finding is there once`, async (t) => {
    let n = 1;
    while (true) {
      let wasKilled = false;
      await t.test(`call ${n}`, async (sub) => {
        wasKilled = await dieAt(sub, n, when);
      });
      if (!wasKilled) break;
      n++;
    }
    // Two checks made and ended, two reviews, a summary and its edit, an edit of what was fixed; progress besides.
    assert.ok(n > 8, `only ${n - 1} calls`);
  });
}
