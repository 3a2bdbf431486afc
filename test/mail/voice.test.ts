import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { simpleParser } from "mailparser";
import { mailBody } from "../../src/mail/mail-body.ts";
import { openOutlet } from "../../src/mail/outlet.ts";
import { SmtpOutlet } from "../../src/mail/smtp.ts";
import { sendNextMail, tellMail } from "../../src/mail/voice.ts";
import { noteAsked, OPT_OUT, optOutKey, SILENT, TOLD } from "../../src/mail/voice-notes.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { cleanResult, exampleResult } from "../report/fixtures.ts";
import { startCuttingSmtp, startSmtp } from "../support/mail/smtp.ts";
import {
  LIST,
  listMails,
  openVoiceRoom,
  reviewSeries,
  takeMails,
  type VoiceRoom,
  voiceConfig,
} from "../support/mail/voice-room.ts";

const SENT = Date.parse("2026-11-02T10:00:00Z");
const HOUR = 3_600_000;
const SENDER = fileURLToPath(new URL("../support/mail/sender.ts", import.meta.url));

async function withRoom(use: (room: VoiceRoom, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-voice-"));
  const room = await openVoiceRoom(join(folder, "state"), SENT + 60_000);
  try {
    await use(room, folder);
  } finally {
    await room.store.close();
    rmSync(folder, { recursive: true });
  }
}

/** A result about the shipped series: the finding is from its second patch. */
function resultOf(ids: readonly string[], changes: Partial<ReviewResult> = {}): ReviewResult {
  const result = exampleResult();
  return {
    ...result,
    patches: result.patches.map((patch, i) => ({ ...patch, messageId: ids[i] ?? "none@example.org" })),
    ...changes,
  };
}

const FIRST = "20261102-message-path-v1-1@dev.example.org";
const SECOND = "20261102-message-path-v2-1@dev.example.org";
const V1 = [1, 2, 3, 4].map((number) => `20261102-message-path-v1-${number}@dev.example.org`);
const V2 = [1, 2].map((number) => `20261102-message-path-v2-${number}@dev.example.org`);

async function reasons({ room }: VoiceRoom): Promise<unknown[]> {
  return (await room.notes(SILENT)).map(({ value }) => JSON.parse(value));
}

test("a finding becomes one mail under its patch, however often it is decided and reviewed", async () => {
  await withRoom(async (room) => {
    const smtp = await startSmtp();
    try {
      const config = voiceConfig({
        smtp: { host: smtp.host, port: smtp.port, tls: "off", "bounces-to": "b@bot.example" },
      });
      const parts = room.parts(config, openOutlet(config));
      const found = await takeMails(room, listMails());
      assert.deepEqual(
        found.map(({ identity, state }) => [identity, state]),
        [[FIRST, "complete"]],
      );
      await reviewSeries(room, FIRST, resultOf(V1));
      assert.equal(await sendNextMail(parts), false, "nothing is decided yet");
      assert.equal(await tellMail(parts), true);
      assert.equal(await tellMail(parts), false);
      assert.equal(await sendNextMail(parts), true);
      assert.equal(await sendNextMail(parts), false);
      await reviewSeries(room, FIRST, resultOf(V1), true);
      await tellMail(parts);
      assert.equal(await sendNextMail(parts), false, "a recheck that nobody asked for says nothing again");
      assert.equal(smtp.mails.length, 1);
      const [{ from, to, raw } = assert.fail()] = smtp.mails;
      assert.deepEqual([from, to], ["b@bot.example", ["dev@example.org", LIST]]);
      const mail = await simpleParser(raw);
      assert.equal(mail.subject, "Re: [PATCH 2/4] scm: put_cmsg() needs only one error label");
      assert.equal(mail.inReplyTo, `<${V1[1]}>`);
      assert.deepEqual(mail.references, ["<20261102-message-path-v1-0@dev.example.org>", `<${V1[1]}>`]);
      assert.match(mail.text!, /Closes: https:\/\/lore\.example\.org\/linux-test\/r\.\w+\.v1@bot\.example\/$/m);
      const [post] = await room.store.posts(`mail:${FIRST}`);
      assert.equal(post?.state, "sent");
      assert.deepEqual(await reasons(room), [{ reason: "this version was answered already" }]);
    } finally {
      await smtp.end();
    }
  });
});

test("the next version is compared with it; a clean one is silence", async () => {
  await withRoom(async (room, folder) => {
    const config = voiceConfig({ "dry-run": join(folder, "out") });
    const parts = room.parts(config, openOutlet(config));
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, resultOf(V1));
    await tellMail(parts);
    await sendNextMail(parts);
    room.clock.now += 25 * HOUR;
    const both = await takeMails(room, listMails("clean.mbox"));
    assert.deepEqual(
      both.map(({ identity, olderThan, previous }) => [identity, olderThan, previous]),
      [
        [FIRST, SECOND, undefined],
        [SECOND, undefined, FIRST],
      ],
    );
    await reviewSeries(room, SECOND, resultOf(V2, { series: { ...exampleResult().series, version: 2 } }));
    await tellMail(parts);
    await sendNextMail(parts);
    const files = readdirSync(join(folder, "out")).sort();
    assert.equal(files.length, 2);
    const text = readFileSync(join(folder, "out", files.find((name) => name.includes(".v2@"))!), "utf8");
    assert.match(text, /^objreview: 1 finding of v1 is still there, nothing else is new\.\r$/m);
    assert.match(text, /^Against v1: +fixed 0, still there 1, new 0\.\r$/m);
    assert.match(text, /^In-Reply-To: <20261102-message-path-v2-2@dev\.example\.org>\r$/m);
  });
});

test("held in the quiet hours: decided again at their end, and not at all when a newer version is there by then", async () => {
  await withRoom(async (room) => {
    const hours = { from: "09:00", to: "12:00", zone: "UTC" };
    const config = voiceConfig({}, { "quiet-hours": hours });
    const parts = room.parts(config);
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, resultOf(V1));
    assert.equal(await tellMail(parts), false);
    const again = Date.parse("2026-11-02T12:00:00Z");
    assert.deepEqual(await reasons(room), [{ reason: "held in the quiet hours", again }]);
    room.clock.now = again - 1;
    assert.equal(await tellMail(parts), false);
    room.clock.now = again;
    assert.equal(await tellMail(parts), true);
    assert.deepEqual(await reasons(room), []);
    assert.equal((await room.store.posts(`mail:${FIRST}`)).length, 1);
  });
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig({}, { "embargo-hours": 30 }));
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, resultOf(V1));
    assert.equal(await tellMail(parts), false);
    room.clock.now += 25 * HOUR;
    await takeMails(room, listMails("clean.mbox"));
    room.clock.now += 6 * HOUR;
    assert.equal(await tellMail(parts), true);
    assert.deepEqual(await reasons(room), [{ reason: "superseded by a later version" }]);
    assert.deepEqual(await room.store.posts(`mail:${FIRST}`), []);
  });
});

test("a mail that waits in the outbox while a newer version comes is not sent", async () => {
  await withRoom(async (room, folder) => {
    const config = voiceConfig({ "dry-run": join(folder, "out") });
    const parts = room.parts(config, openOutlet(config));
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, resultOf(V1));
    await tellMail(parts);
    room.clock.now += 25 * HOUR;
    await takeMails(room, listMails("clean.mbox"));
    assert.equal(await sendNextMail(parts), true);
    const [post] = await room.store.posts(`mail:${FIRST}`);
    assert.deepEqual([post?.state, post?.error], ["failed", "superseded by a later version before it was sent"]);
    assert.equal(await sendNextMail(parts), false);
  });
});

test("the limits count what was put into the outbox in the last 24 hours, over all series", async () => {
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig({}, { limits: { "per-author": 1 } }));
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, resultOf(V1));
    await tellMail(parts);
    assert.deepEqual((await room.room.notes(TOLD)).map(({ key }) => key).sort(), [
      `author dev@example.org ${FIRST}`,
      `list ${LIST} ${FIRST}`,
    ]);
    room.clock.now += 23 * HOUR;
    await takeMails(room, listMails("clean.mbox"));
    await reviewSeries(room, SECOND, resultOf(V2));
    await tellMail(parts);
    assert.match(JSON.stringify(await reasons(room)), /its author has had 1 mails/);
    await reviewSeries(room, SECOND, resultOf(V2), true);
    room.clock.now += 2 * HOUR;
    await tellMail(parts);
    assert.equal((await room.store.posts(`mail:${SECOND}`)).length, 1);
  });
});

test("opt-outs and waivers are read from the store", async () => {
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig());
    await takeMails(room, listMails());
    const at = room.clock.now;
    await room.room.note({ kind: OPT_OUT, key: optOutKey("author", "Dev@example.org"), value: "", at });
    await reviewSeries(room, FIRST, resultOf(V1));
    await tellMail(parts);
    await room.room.removeNote(OPT_OUT, optOutKey("author", "dev@example.org"));
    const { fingerprint } = resultOf(V1).findings.find((each) => each.class === "new")!;
    await room.store.waive({ scope: `mail:${FIRST}`, fingerprint, reason: "known", by: "chief@example.org" });
    await reviewSeries(room, FIRST, resultOf(V1), true);
    await tellMail(parts);
    assert.deepEqual((await reasons(room)).map((each) => (each as { reason: string }).reason).sort(), [
      "all that is new is waived",
      "its author wants no mail",
    ]);
  });
});

test("who asked is answered once, also where the list is silent, and where the review failed", async () => {
  await withRoom(async (room, folder) => {
    const config = voiceConfig({ "dry-run": join(folder, "out") }, { reply: "silent" });
    const parts = room.parts(config, openOutlet(config));
    await takeMails(room, listMails());
    const ask = (messageId: string) =>
      noteAsked(room.room, FIRST, {
        by: { address: "chief@example.org" },
        mail: { messageId, subject: "Re: [PATCH 2/4] scm", references: [V1[1]!] },
        line: "#objreview recheck",
        at: room.clock.now,
      });
    await ask("ask-1@example.org");
    assert.equal(await ask("ask-1@example.org"), false);
    room.clock.now += 1000;
    await reviewSeries(room, FIRST, cleanResult());
    room.clock.now += 1000;
    await ask("ask-2@example.org");
    for (let i = 0; i < 3; i++) await tellMail(parts);
    while (await sendNextMail(parts));
    assert.equal(readdirSync(join(folder, "out")).length, 1, "the second is for the next review");
    room.clock.now += 1000;
    await reviewSeries(room, FIRST, cleanResult(), true);
    await tellMail(parts);
    while (await sendNextMail(parts));
    const files = readdirSync(join(folder, "out"));
    assert.equal(files.length, 2);
    const texts = files.map((name) => readFileSync(join(folder, "out", name), "utf8"));
    assert.match(texts.join(), /In-Reply-To: <ask-1@example.org>[\s\S]*objreview: nothing new/);
    assert.match(texts.join(), /In-Reply-To: <ask-2@example.org>/);
    for (const text of texts) assert.match(text, /^To: chief@example.org\r$/m);
  });
});

test("a server that wants it later gets it later; one that refuses it is believed", async () => {
  await withRoom(async (room) => {
    const smtp = await startSmtp({ answers: { mail: "451 4.7.1 come back later" } });
    try {
      const config = voiceConfig({ smtp: { host: smtp.host, port: smtp.port, tls: "off" } });
      const parts = room.parts(config, openOutlet(config));
      await takeMails(room, listMails());
      await reviewSeries(room, FIRST, resultOf(V1));
      await tellMail(parts);
      for (const minutes of [1, 5, 15]) {
        assert.equal(await sendNextMail(parts), true);
        assert.equal(await sendNextMail(parts), false, "not yet");
        room.clock.now += minutes * 60_000;
      }
      smtp.answers = { data: "554 5.7.1 spam" };
      assert.equal(await sendNextMail(parts), true);
      room.clock.now += 1000 * HOUR;
      assert.equal(await sendNextMail(parts), false, "never again");
      const [post] = await room.store.posts(`mail:${FIRST}`);
      assert.equal(post?.state, "failed");
      assert.match(post!.error, /554 5\.7\.1 spam/);
      assert.equal(smtp.mails.length, 0);
    } finally {
      await smtp.end();
    }
  });
});

test("where nobody can know whether it was taken it is never sent again", async () => {
  await withRoom(async (room) => {
    const server = await startCuttingSmtp("accepted");
    try {
      const config = voiceConfig();
      const parts = room.parts(config, new SmtpOutlet({ host: "127.0.0.1", port: server.port, tls: "off" }));
      await takeMails(room, listMails());
      await reviewSeries(room, FIRST, resultOf(V1));
      await tellMail(parts);
      assert.equal(await sendNextMail(parts), true);
      for (let i = 0; i < 3; i++) {
        room.clock.now += HOUR;
        await room.store.sweep();
        assert.equal(await sendNextMail(parts), false);
      }
      assert.equal((await room.store.posts(`mail:${FIRST}`))[0]?.state, "unknown");
      assert.equal(server.taken(), 1);
    } finally {
      await server.end();
    }
  });
});

test("killed again and again while it sends: no mail goes out twice, and each is sent or known to be unknown", async () => {
  await withRoom(async (room, folder) => {
    const smtp = await startSmtp();
    const count = 60;
    const ids = Array.from({ length: count }, (_, i) => `r.${i}@bot.example`);
    const envelope = { from: "b@bot.example", to: ["dev@example.org"] };
    const posts = ids.map((messageId) => ({
      identity: `mail:${messageId}`,
      target: `mail:${messageId}`,
      kind: "mail",
      manner: "once" as const,
      body: mailBody({ envelope, messageId, raw: `Message-ID: <${messageId}>\r\n\r\nhello\r\n` }),
    }));
    await room.store.receive(
      { source: "test", id: "all" },
      posts.map((post) => ({ kind: "post", post })),
    );
    try {
      let kills = 0;
      for (let isDone = false, round = 0; !isDone; round++) {
        const ahead = round * 200_000;
        const child = spawn(process.execPath, [SENDER, join(folder, "state"), String(smtp.port), String(ahead)]);
        const before = smtp.mails.length;
        // After it has begun to send: behind one mail, two, three ...
        const timer = setInterval(() => {
          if (round < 8 && smtp.mails.length > before + (round % 4)) child.kill("SIGKILL");
        }, 1);
        const [code] = (await once(child, "exit")) as [number | null];
        clearInterval(timer);
        if (code === null) kills++;
        else assert.equal(code, 0);
        isDone = code === 0;
      }
      assert.ok(kills >= 4, `only ${kills} were killed`);
      const received = smtp.mails.map(({ raw }) => /Message-ID: <(.*)>/.exec(raw.toString())?.[1]);
      assert.equal(new Set(received).size, received.length, "one went out twice");
      const states = await Promise.all(ids.map(async (id) => (await room.store.posts(`mail:${id}`))[0]!.state));
      for (const [i, state] of states.entries()) {
        assert.ok(state === "sent" || state === "unknown", `${ids[i]} is ${state}`);
        if (state === "sent") assert.ok(received.includes(ids[i]), `${ids[i]} was not sent`);
      }
      assert.ok(states.filter((state) => state === "unknown").length <= kills);
    } finally {
      await smtp.end();
    }
  });
});
