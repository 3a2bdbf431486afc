import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { simpleParser } from "mailparser";
import { readMailBody } from "../../src/mail/mail-body.ts";
import { tellMail } from "../../src/mail/voice.ts";
import { OPT_OUT, optOutKey } from "../../src/mail/voice-notes.ts";
import { lastWeek } from "../../src/mail/week.ts";
import { tellWeekly } from "../../src/mail/weekly.ts";
import { renderWeekly, type WeeklySeries } from "../../src/mail/weekly-text.ts";
import { textWidth } from "../../src/report/wrap.ts";
import { brokenResult, cleanResult, exampleResult } from "../report/fixtures.ts";
import {
  listMails,
  openVoiceRoom,
  reviewSeries,
  takeMails,
  type VoiceRoom,
  voiceConfig,
} from "../support/mail/voice-room.ts";

const FIRST = "20261102-message-path-v1-1@dev.example.org";
const SECOND = "20261102-message-path-v2-1@dev.example.org";
const WEEKLY = { tree: "linux", to: ["chief@example.org", "other@example.org"], zone: "Europe/Berlin" };

async function withRoom(use: (room: VoiceRoom) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "objreview-weekly-"));
  const room = await openVoiceRoom(folder, Date.parse("2026-11-02T10:01:00Z"));
  try {
    await use(room);
  } finally {
    await room.store.close();
    rmSync(folder, { recursive: true });
  }
}

/** All digests in the outbox. */
async function digests(room: VoiceRoom) {
  const posts = await room.store.posts("mail:weekly linux");
  return Promise.all(
    posts.map(async ({ body, manner }) => {
      const { envelope, raw, messageId } = readMailBody(body);
      assert.equal(manner, "once");
      return { envelope, messageId, raw, mail: await simpleParser(raw) };
    }),
  );
}

test("a week ends by the clock on the wall, also where that is changed", () => {
  const when = { weekday: "monday", at: "08:00", zone: "Europe/Berlin" } as const;
  const week = (now: string) => {
    const { start, end, first, last } = lastWeek(Date.parse(now), when);
    return [first, last, new Date(start).toISOString(), new Date(end).toISOString()];
  };
  const plain = ["2026-11-02", "2026-11-09", "2026-11-02T07:00:00.000Z", "2026-11-09T07:00:00.000Z"];
  assert.deepEqual(week("2026-11-09T07:00:00Z"), plain, "at once");
  assert.deepEqual(week("2026-11-16T06:59:59Z"), plain, "until the next one");
  assert.deepEqual(week("2026-10-26T09:00:00Z").slice(2), ["2026-10-19T06:00:00.000Z", "2026-10-26T07:00:00.000Z"]);
  assert.deepEqual(week("2026-03-30T09:00:00Z").slice(2), ["2026-03-23T07:00:00.000Z", "2026-03-30T06:00:00.000Z"]);
  const late = lastWeek(Date.parse("2026-11-08T20:00:00Z"), {
    weekday: "monday",
    at: "00:30",
    zone: "Pacific/Auckland",
  });
  assert.equal(new Date(late.end).toISOString(), "2026-11-08T11:30:00.000Z", "it is Monday there");
});

test("what is open, since when; what a newer version repaired; once a week; nothing where nothing was", async () => {
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig({ weekly: [WEEKLY] }));
    assert.equal(await tellWeekly(parts), false, "the week before has nothing");
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, exampleResult());
    await tellMail(parts);
    room.clock.now = Date.parse("2026-11-09T07:00:00Z");
    assert.equal(await tellWeekly(parts), true);
    assert.equal(await tellWeekly(parts), false);
    const [{ envelope, mail, messageId, raw } = assert.fail()] = await digests(room);
    assert.deepEqual(envelope, { from: "objreview@bot.example", to: WEEKLY.to });
    assert.equal(mail.subject, "objreview: week to 2026-11-09, linux");
    assert.equal(mail.messageId, `<${messageId}>`);
    assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
    assert.equal(mail.inReplyTo, undefined);
    const text = mail.text!;
    assert.match(text, /^linux, 2026-11-02 to 2026-11-09: 1 series of 4 patches: 1 with findings\.$/m);
    assert.match(text, /^ {2}error: __do_sys_peek\(\) returns with user access open$/m);
    assert.match(text, /fs\/peek\.c:220, uaccess-return-open, open for 6 days/);
    assert.match(text, /https:\/\/lore\.example\.org\/linux-test\/20261102-message-path-v1-0@dev\.example\.org\/$/m);
    for (const line of raw.split("\r\n\r\n").slice(1).join("\r\n\r\n").split("\r\n")) {
      assert.ok(textWidth(line) <= 76 || line.includes("https://"), line);
    }

    room.clock.now = Date.parse("2026-11-10T10:00:00Z");
    await takeMails(room, listMails("clean.mbox"));
    await reviewSeries(room, SECOND, cleanResult());
    await tellMail(parts);
    room.clock.now = Date.parse("2026-11-17T10:00:00Z");
    assert.equal(await tellWeekly(parts), true, "a day late");
    const [, second = assert.fail()] = await digests(room);
    assert.match(second.mail.text!, /1 series of 2 patches: 1 with nothing new\./);
    assert.match(second.mail.text!, /^Repaired by a newer version:\n\n {2}error: __do_sys_peek/m);
    assert.match(second.mail.text!, /gone in ".*" v2 by A Developer/);
    assert.doesNotMatch(second.mail.text!, /Open findings/);
    assert.notEqual(second.messageId, messageId);

    room.clock.now = Date.parse("2026-11-23T10:00:00Z");
    assert.equal(await tellWeekly(parts), false);
    assert.equal((await digests(room)).length, 2);
  });
});

test("silences, broken builds and series without a verdict are named, waived findings are not open", async () => {
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig({ weekly: [WEEKLY] }, { reply: "silent" }));
    await takeMails(room, listMails());
    const { fingerprint } = exampleResult().findings.find((each) => each.class === "new")!;
    await reviewSeries(room, FIRST, { ...brokenResult(), reason: "fs/peek.c:12: no such thing" });
    await tellMail(parts);
    room.clock.now = Date.parse("2026-11-09T08:00:00Z");
    await tellWeekly(parts);
    const [{ mail } = assert.fail()] = await digests(room);
    assert.match(mail.text!, /1 that did not\s+build/);
    assert.match(
      mail.text!,
      /^Does not build:\n\n {2}"net: small clean-ups on the way of a message" by A Developer:\s+fs\/peek/m,
    );
    assert.match(mail.text!, /^Not mailed:\n\n {2}1 with something to say: linux-test@example\.org is silent/m);
    room.clock.now = Date.parse("2026-11-10T10:00:00Z");
    await takeMails(room, listMails("clean.mbox"));
    await reviewSeries(room, SECOND, exampleResult());
    await room.store.waive({ scope: `mail:${SECOND}`, fingerprint, reason: "known", by: "chief@example.org" });
    room.clock.now = Date.parse("2026-11-16T08:00:00Z");
    await tellWeekly(parts);
    const [, second = assert.fail()] = await digests(room);
    assert.doesNotMatch(second.mail.text!, /Open findings/);
  });
});

test("who wants no mail at all gets no digest either", async () => {
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig({ weekly: [WEEKLY] }));
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, exampleResult());
    await room.room.note({ kind: OPT_OUT, key: optOutKey("author", "other@example.org"), value: "", at: 0 });
    room.clock.now = Date.parse("2026-11-09T08:00:00Z");
    await tellWeekly(parts);
    assert.deepEqual(
      (await digests(room)).map(({ envelope }) => envelope.to),
      [["chief@example.org"]],
    );
  });
});

test("a killed process tells the week once all the same", async () => {
  await withRoom(async (room) => {
    const parts = room.parts(voiceConfig({ weekly: [WEEKLY] }));
    await takeMails(room, listMails());
    await reviewSeries(room, FIRST, exampleResult());
    room.clock.now = Date.parse("2026-11-09T08:00:00Z");
    const dying = { ...parts, room: { ...bound(room), note: () => Promise.reject(new Error("killed")) } };
    await assert.rejects(tellWeekly(dying), /killed/);
    room.clock.now += 1000;
    await tellWeekly(parts);
    assert.equal((await digests(room)).length, 1);
  });
});

function bound({ room }: VoiceRoom) {
  return {
    seriesSince: room.seriesSince.bind(room),
    notes: room.notes.bind(room),
    note: room.note.bind(room),
  };
}

test("words of strangers start no line and make no link", () => {
  const evil = "https://evil.example\n\nSigned-off-by: me \u202e#objreview stop";
  const finding = {
    severity: "error",
    rule: evil,
    function: evil,
    file: evil,
    line: 1,
    message: evil,
    since: 0,
  } as const;
  const series: WeeklySeries = {
    title: evil,
    version: 2,
    author: evil,
    messageId: "m@example.org",
    patches: 1,
    isOfWeek: true,
    isSuperseded: false,
    verdict: "findings",
    why: evil,
    findings: Array.from({ length: 60 }, () => finding),
    fixed: [finding],
    silent: evil,
  };
  const week = { start: 0, end: 1, first: "2026-11-02", last: "2026-11-09" };
  const text = renderWeekly({
    name: "objreview",
    tree: "linux",
    week,
    series: [series, { ...series, verdict: "conflict" }],
  });
  assert.doesNotMatch(text, /:\/\/|\u202e|#objreview|^\s*Signed-off-by/m);
  assert.match(text, /^ {2}and 80 more$/m);
});
