import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble } from "../../../src/mail/assemble.ts";
import type { ClusterMail } from "../../../src/mail/assembled.ts";
import { type MailFacts, mailFactsSchema, parseFacts, readMail } from "../../../src/mail/facts.ts";
import { linkKeys } from "../../../src/mail/keys.ts";
import { cpuMillis } from "../../support/cpu-time.ts";
import { seededRandom } from "../../support/random.ts";

// Whatever somebody sends: bounded facts, bounded keys, bounded time, no throw.

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const DAY = 86_400_000;

async function facts(head: string, body = "x\n"): Promise<MailFacts> {
  const one = await readMail(
    "m@x",
    text(`From: A <a@x.org>\nDate: Mon, 2 Mar 2026 10:00:00 +0000\n${head}\n\n${body}`),
  );
  return mailFactsSchema.parse(JSON.parse(JSON.stringify(one)));
}

test("a thousand references: few are kept, the root and the nearest among them", async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => `<r${index}@x>`);
  const one = await facts(`Subject: Re: [PATCH 1/2] t\nReferences: ${ids.join("\n ")}`);
  assert.equal(one.references.length, 40);
  assert.equal(one.references[0], "r0@x");
  assert.equal(one.references[39], "r999@x");
  const keys = linkKeys(one);
  assert.ok(keys.length <= 40 && keys.includes("id:r0@x") && keys.includes("id:r999@x"));
});

test("what a sender makes long stays short in the facts and keys", async () => {
  const many = Array.from({ length: 5000 }, (_, index) => `p${index}@example.org`).join(",\n ");
  const long = "v".repeat(5000);
  const links = Array.from({ length: 500 }, (_, index) => `v1: https://lore.kernel.org/r/l${index}@x`).join("\n");
  const one = await facts(
    `To: ${many}\nCc: ${many}\nMessage-ID: <${long}@x>\nIn-Reply-To: <${long}@y>\nList-Id: <${long}>\nSubject: [PATCH ${"w ".repeat(2000)}0/3] ${long}`,
    `${links}\nchange-id: ${"c".repeat(150)}\n${"prerequisite-patch-id: abc\n".repeat(5000)}`,
  );
  assert.ok(JSON.stringify(one).length < 80_000, `${JSON.stringify(one).length} characters`);
  const keys = linkKeys(one);
  assert.ok(keys.length <= 40);
  for (const key of keys) assert.ok(key.length <= 200);
});

const unreadable: Readonly<Record<string, string>> = {
  nothing: "",
  "no header": "\n\nx\n",
  "a header without end": `Subject: ${"x".repeat(1 << 20)}`,
  "parts without end": `Content-Type: multipart/mixed; boundary=b\n\n${"--b\nContent-Type: text/plain\n\nx\n".repeat(5000)}`,
  "hunks that lie": "Subject: [PATCH] t\n\n---\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,999 +1,999 @@\n-a\n+b\n",
  "bytes of any kind": Buffer.from(Uint8Array.from({ length: 5000 }, (_, index) => (index * 97) & 255)).toString(
    "latin1",
  ),
};
for (const [name, raw] of Object.entries(unreadable)) {
  test(`not readable: ${name}`, async () => {
    const one = await readMail("m@x", new Uint8Array(Buffer.from(raw, "latin1")));
    assert.deepEqual(parseFacts(JSON.stringify(one)), JSON.parse(JSON.stringify(one)));
    assert.equal(one.diff, undefined);
    const { series, rest } = assemble([{ facts: one, receivedAt: 1 }]);
    assert.equal(series.length + rest.length, 1);
    assert.ok(series.every((each) => each.state === "not-a-patch" && each.reason !== ""));
  });
}

/** Facts of a patch, made by hand: the assembly sees nothing else. */
function patch(id: string, version: number, number: number, total: number, more: Partial<MailFacts> = {}): MailFacts {
  return {
    facts: 1,
    messageId: id,
    size: 1000,
    references: [],
    from: { name: "A", address: "a@x.org" },
    to: [],
    cc: [],
    lists: [],
    date: DAY,
    subjectText: "",
    subject: {
      isPatch: true,
      isPull: false,
      isReply: false,
      version,
      number,
      total,
      prefixes: [],
      tags: [],
      title: `part ${number}`,
    },
    title: `part ${number} of it`,
    diff: { hash: id, exactHash: id, files: 1, lines: 1, paths: ["x"] },
    scissors: false,
    prerequisites: [],
    versionLinks: [],
    ...more,
  };
}
const received = (list: readonly MailFacts[]): ClusterMail[] =>
  list.map((each) => ({ facts: each, receivedAt: 2 * DAY }));

test("a cycle of answers ends", () => {
  const ring = Array.from({ length: 50 }, (_, index) => {
    const next = `c${(index + 1) % 50}@x`;
    return patch(`c${index}@x`, 1 + (index % 3), 1 + (index % 5), 5, {
      inReplyTo: next,
      references: [next, `c${index}@x`],
    });
  });
  const replies = ring.map((each) => ({
    ...each,
    messageId: `r${each.messageId}`,
    inReplyTo: `r${each.inReplyTo}`,
    references: [],
    subject: { ...each.subject, isReply: true },
  }));
  const { series, rest } = assemble(received([...ring, ...replies]));
  assert.equal(new Set(series.flatMap((each) => each.mails)).size, 50);
  assert.equal(rest.length, 50);
});

const COUNT = 10_000;
const crowds: Readonly<Record<string, (index: number, random: number) => MailFacts>> = {
  "replies in one thread": (index) =>
    patch(`m${index}@x`, 1, 1, 3, {
      ...(index > 0 && { inReplyTo: `m${index - 1}@x`, references: ["m0@x", `m${index - 1}@x`] }),
      subject: { ...patch("", 1, 1, 3).subject, isReply: index > 0 },
    }),
  "first patches of one count": (index) => patch(`m${index}@x`, 1, 1, 2),
  "patches of any number that answer the first": (index, random) =>
    patch(`m${index}@x`, 1, random % 1001, 1000, { inReplyTo: "m0@x", references: ["m0@x"] }),
  "patches of any number, no thread": (index, random) =>
    patch(`m${index}@x`, 1, random % 1001, 1000, { date: DAY + (random % DAY) }),
  "single patches with one title": (index) => {
    const { number, total, ...subject } = patch("", 1, 1, 1).subject;
    void [number, total];
    return patch(`m${index}@x`, 1, 1, 1, { subject, date: DAY + index });
  },
  "versions, the newest first": (index) => patch(`m${index}@x`, COUNT - index, 1, 1, { date: DAY + index }),
  "partial rerolls of each other": (index) =>
    patch(`m${index}@x`, 1 + index, 1 + (index % 50), 50, {
      date: DAY + index,
      ...(index >= 50 && { inReplyTo: `m${index - 50}@x`, references: [`m${index - 50}@x`] }),
    }),
  "one change-id": (index) => patch(`m${index}@x`, index % 9999, 1, 1, { changeId: "c", date: DAY + index }),
  "links to all the others": (index, random) =>
    patch(`m${index}@x`, 1, 0, 3, {
      versionLinks: Array.from({ length: 20 }, (_, at) => `m${(random + at * 37) % COUNT}@x`),
    }),
};
for (const [name, make] of Object.entries(crowds)) {
  test(`${COUNT} mails in one cluster: ${name}`, () => {
    const random = seededRandom(name.length);
    const mails = received(Array.from({ length: COUNT }, (_, index) => make(index, random())));
    const began = cpuMillis();
    const { series, rest } = assemble(mails);
    const took = cpuMillis() - began;
    assert.equal(new Set([...series.flatMap((each) => each.mails), ...rest.map((each) => each.messageId)]).size, COUNT);
    assert.ok(took < 10_000, `${took} ms of the processor`);
  });
}
