import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { hookResults } from "../../src/mail/ci-hook.ts";
import { mailConfigSchema } from "../../src/mail/config.ts";
import { openSqliteStores } from "../../src/store/sqlite.ts";
import { brokenResult, cleanResult, exampleResult, inconclusiveResult } from "../report/fixtures.ts";
import { temporaryFolder } from "../support/mail/daemon.ts";
import { LIST, openScene, patchId, replyText, type Scene, seriesMails } from "./command-scene.ts";

const config = mailConfigSchema.parse({
  address: "bot@objreview.example.net",
  sources: [{ kind: "stdin" }],
  trees: [{ name: "linux", at: "/nowhere" }],
  lists: [{ address: LIST, trees: ["linux"] }],
  "review-url": "https://objreview.example.org/r/",
});

async function reviewed(t: TestContext, result = exampleResult()): Promise<Scene> {
  const scene = await openScene();
  t.after(() => scene.close());
  // The example's findings are of the second patch.
  scene.result = result;
  for (const mail of seriesMails(scene)) await scene.deliver(mail);
  await scene.run();
  return scene;
}

const ask = (scene: Scene, mail: string) =>
  hookResults({ store: scene.store, room: scene.room, config }, Buffer.from(mail));

test("each patch has its own answer, and the cover letter that of the series", async (t) => {
  const scene = await reviewed(t);
  const [cover, first, second] = seriesMails(scene);
  const [review] = await scene.store.reviews(`mail:${patchId(1)}`);
  const url = `https://objreview.example.org/r/${review!.id}`;
  assert.deepEqual(
    (await ask(scene, first!)).map(({ tool, status, url: page, details }) => [tool, status, page, details]),
    [["objreview", "pass", url, undefined]],
  );
  const [bad] = await ask(scene, second!.replaceAll("\n", "\r\n"));
  assert.equal(bad!.status, "fail");
  assert.match(bad!.summary, /^1 error \(uaccess-return-open\)/);
  assert.match(bad!.details!, /^error: .*\n[\s\S]*\(f1\)/);
  const [series] = await ask(scene, cover!);
  assert.deepEqual([series!.status, series!.details], ["fail", bad!.details]);
  assert.match(series!.summary, /^1 new finding/);
});

test("a waived finding fails nothing", async (t) => {
  const scene = await reviewed(t);
  const { fingerprint } = exampleResult().findings[0]!;
  await scene.store.waive({ scope: `mail:${LIST}`, fingerprint, reason: "x", by: "boss@kernel.example" });
  assert.deepEqual(
    (await Promise.all(seriesMails(scene).map((mail) => ask(scene, mail)))).flat().map(({ status }) => status),
    ["pass", "pass", "pass"],
  );
});

test("broken, clean, and no verdict", async (t) => {
  const broken = await reviewed(t, {
    ...brokenResult(),
    broken: { ...brokenResult().broken!, patch: { number: 1, subject: "x" } },
  });
  assert.deepEqual(
    (await ask(broken, seriesMails(broken)[1]!)).map(({ status }) => status),
    ["fail"],
  );
  const clean = await reviewed(t, cleanResult());
  assert.deepEqual(
    (await ask(clean, seriesMails(clean)[0]!)).map(({ status }) => status),
    ["pass"],
  );
  const none = await reviewed(t, inconclusiveResult());
  const [answer] = await ask(none, seriesMails(none)[1]!);
  assert.deepEqual([answer!.status, answer!.summary.startsWith("no verdict: ")], ["warn", true]);
});

test("what is not known has no answer, what is not reviewed yet says so", async (t) => {
  const scene = await reviewed(t);
  assert.deepEqual(await ask(scene, "From: a@b.c\nMessage-ID: <unknown@example.org>\n\nx\n"), []);
  assert.deepEqual(await ask(scene, "no mail at all"), []);
  const reply = replyText(scene);
  await scene.deliver(reply);
  await scene.run();
  assert.deepEqual(await ask(scene, reply), [], "a reply is no patch");
  const waiting = seriesMails(scene, { name: "late" });
  await scene.deliver(waiting[1]!);
  await scene.run();
  assert.deepEqual(await ask(scene, waiting[1]!), [{ tool: "objreview", status: "warn", summary: "not reviewed yet" }]);
});

test("as b4 runs it: a mail on standard input, JSON on standard output", async (t) => {
  const folder = temporaryFolder("ci-hook");
  t.after(() => folder.remove());
  const state = join(folder.path, "state");
  mkdirSync(join(folder.path, "tree"));
  writeFileSync(
    join(folder.path, "mail.yml"),
    `address: bot@objreview.example.net\nstate: ${state}\nsources:\n  - {kind: stdin}\ntrees:\n  - {name: linux, at: ${folder.path}/tree}\nlists:\n  - {address: ${LIST}, trees: [linux]}\n`,
  );
  const run = (input: string) =>
    new Promise<{ code: number | null; out: string; err: string }>((done) => {
      const bin = fileURLToPath(new URL("../../bin/objreview", import.meta.url));
      const child = execFile(bin, ["mail", "ci-hook", "--config", join(folder.path, "mail.yml")], (error, out, err) =>
        done({ code: error === null ? 0 : (error.code as number), out, err }),
      );
      child.stdin?.end(input);
    });
  const early = await run("Message-ID: <a@b>\n\n");
  assert.deepEqual([early.code, early.out], [2, ""]);
  assert.match(early.err, /there is no mail service/);
  const { store } = await openSqliteStores(state);
  await store.close();
  assert.deepEqual(await run("Message-ID: <a@b>\n\n"), { code: 0, out: "[]\n", err: "" });
});
