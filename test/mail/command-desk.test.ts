import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { simpleParser } from "mailparser";
import { OPT_OUT, optOutKey } from "../../src/mail/voice-notes.ts";
import { cleanResult, exampleResult } from "../report/fixtures.ts";
import { keyResolver } from "../support/mail/signed.ts";
import {
  AUTHOR,
  BOT,
  LIST,
  MAINTAINER,
  openScene,
  patchId,
  type ReplyText,
  replyText,
  type Scene,
  STRANGER,
  seriesMails,
  signedReply,
} from "./command-scene.ts";

const target = `mail:${patchId(1)}`;

/** A series that was reviewed and answered. */
async function answered(t: TestContext, changes: Record<string, unknown> = {}): Promise<Scene> {
  const scene = await openScene(changes);
  t.after(() => scene.close());
  for (const mail of seriesMails(scene)) await scene.deliver(mail);
  await scene.run();
  assert.equal(scene.reviews, 1);
  scene.now += 60_000;
  return scene;
}

/** What was sent by then is looked at no more. */
async function ask(scene: Scene, text: ReplyText = {}) {
  scene.sent.length = 0;
  await scene.deliver(await signedReply(scene, text));
  await scene.run();
  return scene.sent;
}

const text = (mail: { raw: string }) => mail.raw.slice(mail.raw.indexOf("\r\n\r\n") + 4).replaceAll("\r\n", "\n");

test("recheck: reviewed again, and the verdict is the one answer, to the asker alone", async (t) => {
  const scene = await answered(t);
  assert.equal(scene.sent.length, 1, "the reply to the series");
  scene.result = cleanResult();
  const [answer, ...more] = await ask(scene, { from: MAINTAINER, id: "ask@kernel.example" });
  assert.ok(answer !== undefined && more.length === 0);
  assert.equal(scene.reviews, 2);
  assert.deepEqual(answer.envelope.to, [MAINTAINER]);
  const mail = await simpleParser(answer.raw);
  assert.equal(mail.inReplyTo, "<ask@kernel.example>");
  assert.equal(mail.headers.get("auto-submitted"), "auto-replied");
  assert.match(text(answer), /^> #objreview recheck\n\nobjreview: /);
  assert.equal((await scene.store.reviews(target)).length, 2);
  // And no more of it.
  scene.sent.length = 0;
  await scene.run();
  assert.deepEqual([scene.sent.length, scene.reviews], [0, 2]);
});

test("recheck by the author, with another base and profile", async (t) => {
  const scene = await answered(t);
  await ask(scene, { body: "#objreview recheck base=v6.11 profile=x86_64-gcc\n" });
  const last = (await scene.store.reviews(target)).at(-1)!;
  const request = JSON.parse(last.request);
  assert.deepEqual([last.base, request.base, request.profile], ["v6.11", "v6.11", "x86_64-gcc"]);
});

test("recheck with a profile that is not there is answered", async (t) => {
  const scene = await answered(t);
  const [answer] = await ask(scene, { body: "#objreview recheck profile=riscv\n" });
  assert.match(text(answer!), /Not done: there is no profile riscv here; there are x86_64-gcc\./);
  assert.equal(scene.reviews, 1);
});

test("explain: the finding that the answered mail showed, under the quoted command", async (t) => {
  const scene = await answered(t);
  const shown = scene.sent[0]!.messageId;
  // A later review has other findings under the same id.
  const other = exampleResult();
  scene.result = {
    ...other,
    findings: other.findings.map((each) => ({ ...each, function: "other", message: "other() is something else" })),
  };
  await ask(scene, { from: MAINTAINER });
  const [answer, ...more] = await ask(scene, {
    to: shown,
    references: [patchId(1), shown],
    body: "Hm.\n#objreview explain f1\n",
  });
  assert.ok(answer !== undefined && more.length === 0);
  assert.match(text(answer), /^> #objreview explain f1\n\nerror: /);
  assert.ok(!text(answer).includes("other()"), "that of the mail that is answered");
  const [last] = await ask(scene, { body: "#objreview explain f1\n" });
  assert.ok(text(last!).includes("other()"), "an answer to the patch means the last one");
});

test("several commands in one mail are one answer, each under its line", async (t) => {
  const scene = await answered(t);
  const sent = await ask(scene, {
    body: "#objreview explain f99\ntext\n#objreview explian f1\n> #objreview stop all\n#objreview waive f1 no\n",
  });
  assert.equal(sent.length, 1);
  assert.match(
    text(sent[0]!),
    /^> #objreview explain f99\n\nNot done: the review of this version has no one finding f99\.\n\n> #objreview explian f1\n\nNot understood: there is no command explian[\s\S]*\n\n> #objreview waive f1 no\n\nNot done: only maintainers waive a finding\.\n$/,
  );
  for (const line of text(sent[0]!).split("\n")) assert.ok(line.length <= 76 && !line.startsWith("#objreview"), line);
});

test("waive: a maintainer's, for the list, once; the next review is silent", async (t) => {
  const scene = await answered(t);
  const [answer] = await ask(scene, { from: MAINTAINER, body: "#objreview waive f1 the caller checks it\n" });
  assert.match(text(answer!), /Done: f1 is taken as it is on linux-test@example.net/);
  const waivers = await scene.store.waivers(`mail:${LIST}`);
  assert.deepEqual(
    waivers.map(({ fingerprint, reason, by }) => [fingerprint, reason, by]),
    [[scene.result.findings[0]!.fingerprint, "the caller checks it", MAINTAINER]],
  );
  await ask(scene, { from: MAINTAINER, body: "#objreview waive f1 again\n" });
  assert.equal((await scene.store.waivers(`mail:${LIST}`)).length, 1);
});

test("stop and start, for oneself, a series, a list, all", async (t) => {
  const scene = await answered(t);
  const keys = async () => (await scene.room.notes(OPT_OUT)).map(({ key }) => key).sort();
  const [first] = await ask(scene, { from: STRANGER, body: "#objreview stop\n" });
  assert.deepEqual(first!.envelope.to, [STRANGER]);
  assert.deepEqual(await keys(), [optOutKey("author", STRANGER)], "of oneself everybody decides");
  await ask(scene, {
    from: STRANGER,
    body: "#objreview start\n#objreview stop series\n#objreview stop list\n#objreview stop all\n",
  });
  assert.deepEqual(await keys(), []);
  await ask(scene, { body: "#objreview stop series\n#objreview stop list\n" });
  assert.deepEqual(await keys(), [optOutKey("series", patchId(1))], "a list is for maintainers");
  await ask(scene, { from: MAINTAINER, body: "#objreview start series\n#objreview stop all\n" });
  assert.deepEqual(await keys(), [optOutKey("list", LIST)]);
});

test("an author who said stop gets no mail about the next series", async (t) => {
  const scene = await answered(t);
  await ask(scene, { body: "#objreview stop\n" });
  scene.sent.length = 0;
  for (const mail of seriesMails(scene, { name: "next" })) await scene.deliver(mail);
  await scene.run();
  assert.deepEqual([scene.reviews, scene.sent.length], [2, 0]);
});

const ignored: readonly (readonly [string, (scene: Scene) => Promise<string | Uint8Array>, RegExp])[] = [
  ["an unsigned mail", async (scene) => replyText(scene), /no DKIM signature/],
  [
    "a forged From",
    async (scene) =>
      Buffer.from(
        (await signedReply(scene, { from: STRANGER })).toString().replace(`From: ${STRANGER}`, `From: ${MAINTAINER}`),
      ),
    /not of the domain/,
  ],
  [
    "a stranger",
    (scene) =>
      signedReply(scene, {
        from: STRANGER,
        body: "#objreview recheck\n#objreview explain f1\n#objreview help\n#objreview nonsense\n",
      }),
    /neither a maintainer/,
  ],
  [
    "a vacation note that quotes without a sign",
    (scene) => signedReply(scene, { more: ["Auto-Submitted: auto-replied"] }),
    /auto-replied/,
  ],
  [
    "a maintainer's bounce",
    (scene) => signedReply(scene, { from: MAINTAINER, more: ["Content-Type: multipart/report; boundary=x"] }),
    /^$/,
  ],
  [
    "a patch in a maintainer's mail",
    (scene) =>
      signedReply(scene, {
        from: MAINTAINER,
        body: "#objreview waive f1 x\n---\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n",
      }),
    /^$/,
  ],
  [
    "quoted commands",
    (scene) => signedReply(scene, { from: MAINTAINER, body: "> #objreview recheck\n> #objreview stop all\nNo.\n" }),
    /^$/,
  ],
  [
    "a mail of last week",
    async (scene) => {
      const raw = await signedReply(scene);
      scene.now += 7 * 24 * 3_600_000;
      return raw;
    },
    /too long before/,
  ],
];

for (const [what, make, why] of ignored)
  test(`nothing is done and nothing said: ${what}`, async (t) => {
    const scene = await answered(t);
    const raw = await make(scene);
    scene.sent.length = 0;
    scene.logged.length = 0;
    await scene.deliver(raw);
    await scene.run();
    assert.deepEqual([scene.sent.length, scene.reviews], [0, 1]);
    assert.deepEqual(await scene.room.notes(OPT_OUT), []);
    if (why.source !== "^$") assert.match(scene.logged.join("\n"), why);
  });

test("Reply-To leads nowhere: the answer goes to the proven address", async (t) => {
  const scene = await answered(t);
  const [answer] = await ask(scene, {
    body: "#objreview help\n",
    more: [`Reply-To: ${LIST}, victim@elsewhere.example`, "Cc: victim@elsewhere.example"],
  });
  assert.deepEqual(answer!.envelope.to, [AUTHOR]);
  const mail = await simpleParser(answer!.raw);
  assert.deepEqual([(mail.to as { text: string }).text, mail.cc, mail.replyTo], [AUTHOR, undefined, undefined]);
});

test("a replay under another Message-ID finds the signature used", async (t) => {
  const scene = await answered(t);
  const raw = await signedReply(scene, { id: "once@example.org", body: "#objreview help\n" });
  scene.sent.length = 0;
  await scene.deliver(raw);
  await scene.run();
  assert.equal(scene.sent.length, 1);
  // The same bytes under another key of the mailroom: what a source makes of a mail whose header it reads in another way.
  await scene.room.deliver("test", [{ messageId: "twice@example.org", raw }]);
  await scene.run();
  assert.equal(scene.sent.length, 1);
  assert.match(scene.logged.join("\n"), /signature was there before/);
});

test("so many mails a day, then silence", async (t) => {
  const scene = await answered(t, { commands: { maintainers: [MAINTAINER], "per-day": 2 } });
  let count = 0;
  for (let i = 0; i < 4; i++) count += (await ask(scene, { body: "#objreview help\n" })).length;
  assert.equal(count, 2);
  scene.now += 25 * 3_600_000;
  assert.equal((await ask(scene, { body: "#objreview help\n" })).length, 1);
});

test("a DNS that is down keeps the command, until it is back", async (t) => {
  const scene = await answered(t);
  const works = scene.resolver;
  scene.resolver = async () => {
    throw Object.assign(new Error("timeout"), { code: "ETIMEOUT" });
  };
  assert.equal((await ask(scene, { body: "#objreview help\n" })).length, 0);
  scene.resolver = keyResolver();
  scene.resolver = works;
  await scene.run();
  assert.equal(scene.sent.length, 1);
});

test("killed between any two steps it does everything once", async (t) => {
  const scene = await answered(t);
  scene.sent.length = 0;
  await scene.deliver(
    await signedReply(scene, {
      from: MAINTAINER,
      body: "#objreview waive f1 fine\n#objreview recheck\n#objreview stop list\n",
    }),
  );
  // The n-th write dies after it was done, and from then on nothing is read or written; for every n until none dies.
  type Methods = Record<string, (...args: unknown[]) => unknown>;
  const owners = [scene.store, scene.room] as unknown as Methods[];
  const writes = new Set(["receive", "waive", "note", "removeNote", "file", "putSeries", "announce", "tell", "finish"]);
  let deaths = 0;
  for (let at = 1; at < 80; at++) {
    let count = 0;
    let isDead = false;
    const changed = owners.flatMap((owner) =>
      Object.getOwnPropertyNames(Object.getPrototypeOf(owner))
        .filter((name) => name !== "constructor")
        .map((name) => ({ owner, name, real: owner[name] as Methods[string] })),
    );
    for (const { owner, name, real } of changed) {
      owner[name] = async (...args: unknown[]) => {
        if (isDead) throw new Error("dead");
        const result = await real.apply(owner, args);
        if (writes.has(name) && ++count === at) isDead = true;
        if (isDead) throw new Error("killed");
        return result;
      };
    }
    await scene.run().catch(() => {});
    for (const { owner, name } of changed) delete owner[name];
    if (!isDead) break;
    deaths++;
    // What the dead one held is given back.
    scene.now += 10 * 60_000;
  }
  await scene.run();
  assert.ok(deaths >= 5, `${deaths} deaths`);
  assert.equal((await scene.store.waivers(`mail:${LIST}`)).length, 1);
  assert.equal((await scene.store.reviews(target)).length, 2);
  assert.equal((await scene.room.notes(OPT_OUT)).length, 1);
  const subjects = scene.sent.map((mail) => text(mail).split("\n")[0]);
  assert.deepEqual(subjects.sort(), ["> #objreview recheck", "> #objreview waive f1 fine"], "one answer, one verdict");
});

test("two robots that answer each other stop after one mail", async (t) => {
  const scene = await answered(t);
  scene.sent.length = 0;
  // The other one answers whatever it gets, quoted or not, signs it, and says nothing of being a robot; it even is a maintainer.
  const echo = (body: string, quote: string) => body.replace(/^/gm, quote);
  for (const quote of ["> ", ""]) {
    scene.sent.length = 0;
    let mails = 0;
    let body = "#objreview nonsense\n#objreview help\n";
    let to = patchId(1);
    for (let round = 0; round < 10; round++) {
      const before = scene.sent.length;
      await scene.deliver(
        await signedReply(scene, { from: MAINTAINER, to, body, references: [patchId(0), patchId(1), to] }),
      );
      await scene.run();
      if (scene.sent.length === before) break;
      mails++;
      const answer = scene.sent.at(-1)!;
      body = echo(text(answer), quote);
      to = answer.messageId;
    }
    assert.equal(mails, 1, quote);
  }
});

test("our own mail that comes back through the list is no command and no series", async (t) => {
  const scene = await answered(t);
  const [answer] = await ask(scene, { body: "#objreview help\n" });
  scene.sent.length = 0;
  await scene.deliver(
    answer!.raw.replace("\r\n\r\n", "\r\nList-Id: <linux-test.example.net>\r\n\r\n#objreview help\r\n"),
  );
  await scene.run();
  assert.equal(scene.sent.length, 0);
  assert.equal(answer!.raw.includes(`From: objreview <${BOT}>`), true);
});

test("an answer to our answer still finds the series", async (t) => {
  const scene = await answered(t);
  const [answer] = await ask(scene, { body: "#objreview help\n" });
  const id = answer!.messageId;
  const [next] = await ask(scene, {
    to: id,
    references: [patchId(0), patchId(1), id],
    body: "#objreview explain f1\n",
  });
  assert.match(text(next!), /^> #objreview explain f1\n\nerror: /);
});

test("an old version is not reviewed again", async (t) => {
  const scene = await answered(t);
  for (const mail of seriesMails(scene, { version: 2 })) {
    await scene.deliver(mail.replace(/^(Message-ID: .*-v2-0@.*)$/m, `$1\nIn-Reply-To: <${patchId(0)}>`));
  }
  await scene.run();
  const [answer] = await ask(scene);
  assert.match(text(answer!), /Not done: there is a newer version/);
});
