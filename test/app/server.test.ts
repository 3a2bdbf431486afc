import assert from "node:assert/strict";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { MAX_BODY_BYTES, type ServerParts, startServer, WEBHOOKS_PATH } from "../../src/app/server.ts";
import { readSettings } from "../../src/app/settings.ts";
import type { Store } from "../../src/store/store.ts";
import { ENVIRONMENT, example, openStore, signed, silent } from "./parts.ts";

const TARGET = "github:Codertocat/Hello-World#2";

interface Running {
  readonly url: string;
  readonly store: Store;
  readonly woken: () => number;
  close(): Promise<void>;
}

async function start(t: TestContext, more: Partial<ServerParts> = {}): Promise<Running> {
  const store = await openStore(t);
  let woken = 0;
  const settings = readSettings({ ...ENVIRONMENT, HOST: "127.0.0.1", PORT: "0" });
  const server = await startServer({ settings, store, log: silent, wake: () => woken++, ...more });
  t.after(() => server.close());
  return { url: server.url, store, woken: () => woken, close: () => server.close() };
}

function send(url: string, event: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url + WEBHOOKS_PATH, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      "x-hub-signature-256": signed(body),
      ...headers,
    },
  });
}

test("a signed delivery is stored before it is answered, and once", async (t) => {
  const { url, store, woken } = await start(t);
  const body = JSON.stringify(example("pull_request.opened"));
  for (let time = 0; time < 5; time++) assert.equal((await send(url, "pull_request", body)).status, 200);
  const reviews = await store.reviews(TARGET);
  assert.equal(reviews.length, 1);
  assert.equal(reviews[0]!.state, "queued");
  const posts = await store.posts(TARGET);
  assert.deepEqual(
    posts.map((post) => post.identity),
    [`queued:${reviews[0]!.id}`],
  );
  assert.ok(woken() >= 1);
});

test("a newer head ends the older, a close ends both", async (t) => {
  const { url, store } = await start(t);
  const opened = example("pull_request.opened");
  await send(url, "pull_request", JSON.stringify(opened), { "x-github-delivery": "1" });
  const pushed = example("pull_request.synchronize");
  pushed.pull_request.head.sha = "f".repeat(40);
  await send(url, "pull_request", JSON.stringify(pushed), { "x-github-delivery": "2" });
  assert.deepEqual(
    (await store.reviews(TARGET)).map((review) => review.state),
    ["superseded", "queued"],
  );
  const closed = JSON.stringify(example("pull_request.closed"));
  await send(url, "pull_request", closed, { "x-github-delivery": "3" });
  assert.deepEqual(
    (await store.reviews(TARGET)).map((review) => review.state),
    ["superseded", "cancelled"],
  );
});

test("what is not signed with the secret is refused, and nothing is stored", async (t) => {
  const { url, store } = await start(t);
  const body = JSON.stringify(example("pull_request.opened"));
  const bad = [
    { "x-hub-signature-256": signed(body, "development") },
    { "x-hub-signature-256": signed(`${body} `) },
    { "x-hub-signature-256": "" },
    { "x-hub-signature-256": "sha256=" },
  ];
  for (const headers of bad) assert.equal((await send(url, "pull_request", body, headers)).status, 400);
  const forms: [Record<string, string>, number][] = [
    [{ "content-type": "application/x-www-form-urlencoded" }, 415],
    [{ "x-github-event": "" }, 400],
  ];
  for (const [headers, status] of forms) assert.equal((await send(url, "pull_request", body, headers)).status, status);
  assert.deepEqual(await store.reviews(TARGET), []);
});

test("a delivery that cannot be stored is an error, so that it is sent again", async (t) => {
  const store = await openStore(t);
  const broken = { ...store, receive: () => Promise.reject(new Error("disk full")), announce: store.announce };
  const { url } = await start(t, { store: broken as unknown as ServerParts["store"] });
  assert.equal((await send(url, "pull_request", JSON.stringify(example("pull_request.opened")))).status, 500);
});

test("a body that is too long is refused unread, one without a length too", async (t) => {
  const { url } = await start(t);
  const ask = (headers: Record<string, string | number>) =>
    new Promise<number>((done, fail) => {
      const asked = request(url + WEBHOOKS_PATH, { method: "POST", headers }, (response) => {
        response.resume();
        done(response.statusCode!);
      });
      asked.on("error", fail);
      asked.flushHeaders();
    });
  assert.equal(await ask({ "content-length": MAX_BODY_BYTES + 1 }), 413);
  assert.equal(await ask({ "transfer-encoding": "chunked" }), 411);
});

test("health, readiness and what is not there", async (t) => {
  let trouble: string | undefined;
  const { url, store } = await start(t, { trouble: () => trouble });
  const status = async (path: string, method = "GET") => (await fetch(url + path, { method })).status;
  assert.equal(await status("/healthz"), 200);
  assert.equal(await status("/readyz"), 200);
  trouble = "no worker";
  assert.equal(await status("/readyz"), 503);
  trouble = undefined;
  await store.close();
  assert.equal(await status("/readyz"), 503);
  assert.equal(await status("/healthz"), 200);
  assert.equal(await status("/"), 404);
  assert.equal(await status("/probot"), 404);
  assert.equal(await status(WEBHOOKS_PATH), 405);
});

test("closing lets a delivery end that is being stored", async (t) => {
  const store = await openStore(t);
  let release: () => void = silent;
  const slow: ServerParts["store"] = {
    receive: async (...args) => {
      await new Promise<void>((done) => {
        release = done;
      });
      return store.receive(...args);
    },
    announce: (...args) => store.announce(...args),
    forgetDeliveries: (time) => store.forgetDeliveries(time),
    open: (limit) => store.open(limit),
  };
  const running = await start(t, { store: slow });
  const answer = send(running.url, "pull_request", JSON.stringify(example("pull_request.opened")));
  while (release === silent) await new Promise((done) => setTimeout(done, 5));
  const closed = running.close();
  await assert.rejects(fetch(`${running.url}/healthz`));
  release();
  assert.equal((await answer).status, 200);
  await closed;
  assert.equal((await store.reviews(TARGET)).length, 1);
});
