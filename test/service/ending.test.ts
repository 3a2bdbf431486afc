import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MachineError, ToolError } from "../../src/base/errors.ts";
import { endAttempt, failureWords } from "../../src/service/ending.ts";
import { Lease } from "../../src/service/lease.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";

/** A store with one review that is wanted, a clock, and a service that may be stopped. */
async function scene(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "objreview-ending-"));
  let time = 1_000_000;
  const store = await openSqliteStore(folder, { now: () => time, attempts: 3, retrySeconds: 30 });
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const order = { kind: "review", target: "t", head: "h", base: "b", request: "{}" } as const;
  await store.receive({ source: "test", id: "1" }, [order]);
  const logged: string[] = [];
  const stopping = new AbortController();
  const parts = {
    store,
    log: (_: string, message: string) => void logged.push(message),
    stop: stopping.signal,
    beatMillis: 60_000,
  };
  return {
    logged,
    stop: () => stopping.abort(),
    pass(seconds: number) {
      time += seconds * 1000;
    },
    review: async () => (await store.reviews("t"))[0]!,
    /** False: nothing is to be done now. */
    async fail(error: unknown): Promise<boolean> {
      const claim = await store.claimReview("w");
      if (claim === undefined) return false;
      const lease = new Lease(parts, claim);
      await endAttempt(parts, claim, lease, error);
      lease.end();
      return true;
    },
  };
}

test("a stop uses up no attempt, however many there are", async (t) => {
  const { fail, stop, review, logged } = await scene(t);
  stop();
  for (let n = 0; n < 6; n++) {
    assert.ok(await fail(new ToolError("cancelled", "the review was stopped", { command: ["review"] })));
    assert.deepEqual([(await review()).state, (await review()).error], ["queued", ""]);
  }
  assert.deepEqual([...new Set(logged)], ["review put back"]);
});

test("what the machine cannot do waits longer each time, and is told in a plain sentence when it stays so", async (t) => {
  const { fail, pass, review } = await scene(t);
  const full = new MachineError(
    "a work tree takes 1.6 GB in /srv/secret, and 0.1 GB are free there",
    "its disk is full",
  );
  for (const seconds of [120, 900]) {
    assert.ok(await fail(full));
    assert.equal((await review()).state, "queued");
    pass(seconds - 1);
    assert.equal(await fail(full), false, "too early");
    pass(2);
  }
  assert.ok(await fail(full));
  const { state, error } = await review();
  assert.equal(state, "failed");
  const words = failureWords(error);
  assert.equal(words, "objreview could not finish this review; it was tried several times: its disk is full");
  assert.doesNotMatch(error, /secret/);
});

test("other failures are tried again soon, and their words stay with the operator", async (t) => {
  const { fail, pass, review } = await scene(t);
  for (let n = 0; n < 3; n++) {
    assert.ok(await fail(new Error("cannot parse /srv/secret/x")));
    pass(31);
  }
  const { state, error } = await review();
  assert.equal(state, "failed");
  assert.match(error, /secret/);
  assert.doesNotMatch(failureWords(error), /secret/);
});
