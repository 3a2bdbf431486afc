import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { patchChecks } from "../../src/mail/patch-checks.ts";
import { type Check, postCheck } from "../../src/mail/patchwork-client.ts";
import {
  brokenResult,
  cleanResult,
  conflictResult,
  exampleResult,
  inconclusiveResult,
  twoFindingsResult,
} from "../report/fixtures.ts";
import { makeHostile } from "../report/hostile.ts";
import { temporaryFolder } from "../support/mail/daemon.ts";
import { ownPatchwork, type PatchworkServer, PROJECT, realPatchwork } from "../support/mail/patchwork.ts";
import { openScene, patchId, seriesMails } from "./command-scene.ts";

const none = new Set<string>();
const ID = "20261102-waitid-v2-2@example.org";

const states = (checks: ReturnType<typeof patchChecks>) => checks.map(({ state }) => state);

test("each patch has its state; what nobody could tell has none", () => {
  assert.deepEqual(states(patchChecks(cleanResult(), [1, 2, 3, 4], none)), [
    "success",
    "success",
    "success",
    "success",
  ]);
  const example = exampleResult();
  const bad = example.findings.find((each) => each.class === "new")!.patch!.number;
  const checks = patchChecks(example, [1, 2, 3, 4], none);
  assert.deepEqual(
    states(checks),
    [1, 2, 3, 4].map((number) => (number === bad ? "fail" : "success")),
  );
  assert.match(checks[bad - 1]!.description, /^1 error \(uaccess-return-open\)/);
  assert.deepEqual(
    states(patchChecks(example, [1, 2, 3, 4], new Set(example.findings.map((each) => each.fingerprint)))),
    Array(4).fill("success"),
  );
  assert.deepEqual(patchChecks(inconclusiveResult(), [1, 2], none), []);
});

test("what does not build or apply is said of its patch, and of those behind it that they were not judged", () => {
  const broken = brokenResult();
  const bad = broken.broken!.patch!.number;
  for (const { number, state, description } of patchChecks(broken, [1, 2, 3, 4], none)) {
    assert.equal(state, number < bad ? "success" : number === bad ? "fail" : "warning");
    if (number === bad) assert.match(description, /^does not build: /);
  }
  const conflict = patchChecks(conflictResult(), [1, 2, 3, 4], none);
  assert.match(conflict[conflictResult().conflict!.patch.number - 1]!.description, /^does not apply to /);
});

test("a description is one short line, whatever the names are", () => {
  for (const result of [exampleResult(), twoFindingsResult(), brokenResult(), conflictResult()]) {
    for (const { description } of patchChecks(makeHostile(result), [1, 2, 3, 4], none)) {
      assert.ok(description.length <= 130 && !/[\u0000-\u001f\u202e]/.test(description), description);
    }
  }
});

interface Scene {
  readonly server: PatchworkServer;
  post(check?: Partial<Check>, messageId?: string): ReturnType<typeof postCheck>;
  list(): Promise<{ state: string; context: string; description: string; target_url: string | null }[]>;
}

async function scene(t: TestContext, open: (ids: readonly string[]) => Promise<PatchworkServer>): Promise<Scene> {
  const folder = temporaryFolder("patchwork-token");
  const server = await open(["other@example.org", ID]);
  t.after(async () => {
    await server.close();
    folder.remove();
  });
  const tokenFile = join(folder.path, "token");
  writeFileSync(tokenFile, `${server.token}\n`, { mode: 0o600 });
  const config = { url: server.url, project: PROJECT, "token-file": tokenFile, context: "objreview" };
  return {
    server,
    post: (check = {}, messageId = ID) =>
      postCheck(config, messageId, {
        state: "fail",
        context: "objreview",
        description: "1 error",
        targetUrl: "https://objreview.example.org/r/1",
        ...check,
      }),
    list: async () => (await (await fetch(`${server.url}/api/1.2/patches/2/checks/`)).json()) as never,
  };
}

const checkout = process.env.OBJREVIEW_TEST_PATCHWORK;
const servers: [string, (ids: readonly string[]) => Promise<PatchworkServer>][] = [["our patchwork", ownPatchwork]];
if (checkout !== undefined) servers.push(["patchwork itself", (ids) => realPatchwork(checkout, ids)]);

for (const [what, open] of servers) {
  test(`${what}: a check is made once, and again when it says something else`, async (t) => {
    const { post, list } = await scene(t, open);
    assert.equal((await post()).end, "sent");
    assert.equal((await post()).end, "repeated");
    assert.equal((await post({ state: "success", description: "nothing new" })).end, "sent");
    assert.equal((await post()).end, "sent", "back again: the last one counts");
    const { targetUrl: _, ...bare } = {
      targetUrl: "",
      state: "warning",
      context: "objreview-arm64",
      description: "x",
    } as const;
    assert.equal((await post({ ...bare, targetUrl: undefined })).end, "sent");
    assert.equal((await post({ ...bare, targetUrl: undefined })).end, "repeated");
    assert.deepEqual(
      (await list()).map(({ state, context, description, target_url }) => [state, context, description, target_url]),
      [
        ["fail", "objreview", "1 error", "https://objreview.example.org/r/1"],
        ["success", "objreview", "nothing new", "https://objreview.example.org/r/1"],
        ["fail", "objreview", "1 error", "https://objreview.example.org/r/1"],
        ["warning", "objreview-arm64", "x", null],
      ],
    );
  });

  test(`${what}: a patch that is not there yet, a check that is none`, async (t) => {
    const { post } = await scene(t, open);
    assert.deepEqual(await post({}, "unknown@example.org"), {
      end: "again",
      error: "patchwork does not have this patch",
    });
    assert.equal((await post({ targetUrl: "no address" })).end, "refused");
  });

  test(`${what}: a wrong token is the operator's affair and waits`, async (t) => {
    const { server, post } = await scene(t, async (ids) => ({ ...(await open(ids)), token: "f".repeat(40) }));
    const outcome = await post();
    assert.equal(outcome.end, "again");
    assert.ok(!JSON.stringify(outcome).includes(server.token));
  });
}

test("a server that is ill or asks for patience is asked again, later", async (t) => {
  const { server, post } = await scene(t, ownPatchwork);
  server.failNext?.(503, { "Retry-After": "120" });
  assert.deepEqual(await post(), { end: "again", error: "GET patches/: 503", retryMillis: 120_000 });
  server.failNext?.(429, { "Retry-After": "999999" });
  assert.equal(((await post()) as { retryMillis?: number }).retryMillis, 3_600_000);
  server.failNext?.(502, {}, "<html>");
  assert.deepEqual(await post(), { end: "again", error: "GET patches/: 502" });
  server.failNext?.(200, {}, '{"detail": "surprise"}');
  assert.equal((await post()).end, "again");
  server.failNext?.(200, {}, "<html>");
  assert.equal((await post()).end, "again");
  assert.equal((await post()).end, "sent");
});

test("a hundred and more checks of one context are gone through to the last", async (t) => {
  const { post } = await scene(t, ownPatchwork);
  for (let i = 0; i < 100; i++) await post({ description: `${i}` });
  assert.equal((await post({ description: "99" })).end, "repeated");
  assert.equal((await post({ description: "100" })).end, "sent");
  assert.equal((await post({ description: "100" })).end, "repeated");
});

test("the token follows no redirection", async (t) => {
  let seen = "";
  const thief = createServer((request, response) => {
    seen = request.headers.authorization ?? "nothing";
    response.end("[]");
  });
  await new Promise<void>((done) => thief.listen(0, "127.0.0.1", done));
  t.after(() => thief.close());
  const { server, post } = await scene(t, ownPatchwork);
  server.failNext?.(302, { Location: `http://127.0.0.1:${(thief.address() as AddressInfo).port}/` });
  assert.equal((await post()).end, "again");
  assert.equal(seen, "");
});

test("a review that ends sets a check on each patch, though the list is silent, and once", async (t) => {
  const server = await ownPatchwork([patchId(1), patchId(2)]);
  const folder = temporaryFolder("patchwork-token");
  writeFileSync(join(folder.path, "token"), server.token, { mode: 0o600 });
  const own = await openScene({
    lists: [{ address: "linux-test@example.net", trees: ["linux"] }],
    patchwork: { url: server.url, project: PROJECT, "token-file": join(folder.path, "token") },
    "review-url": "https://objreview.example.org/r",
  });
  t.after(async () => {
    await own.close();
    await server.close();
    folder.remove();
  });
  own.result = cleanResult();
  for (const mail of seriesMails(own)) await own.deliver(mail);
  await own.run();
  await own.run();
  assert.equal(own.sent.length, 0);
  assert.equal(server.requests?.filter((each) => each.startsWith("POST")).length, 2);
  const [check] = (await (await fetch(`${server.url}/api/1.2/patches/1/checks/`)).json()) as {
    target_url: string;
    state: string;
  }[];
  const [review] = await own.store.reviews(`mail:${patchId(1)}`);
  assert.deepEqual([check!.state, check!.target_url], ["success", `https://objreview.example.org/r/${review!.id}`]);
});
