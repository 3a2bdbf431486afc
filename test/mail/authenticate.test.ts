import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Authentic,
  type AuthenticateOptions,
  authenticate,
  type Refused,
  soleAddress,
} from "../../src/mail/authenticate.ts";
import { type DkimKey, dkimKey, dkimSigned, keyResolver, type SignOptions } from "../support/mail/signed.ts";

const now = Date.parse("2026-11-02T12:00:00Z");
const rsa = dkimKey("example.org");
const ed25519 = dkimKey("example.org", { selector: "ed", type: "ed25519" });
const sub = dkimKey("mail.example.org");
const other = dkimKey("elsewhere.example");
const weak = dkimKey("example.org", { selector: "weak", bits: 512 });
const tested = dkimKey("example.org", { selector: "testing", flags: "y" });
const gapps = dkimKey("example-org.20230601.gappssmtp.com");
const suffix = dkimKey("co.uk");
const resolver = keyResolver(rsa, ed25519, sub, other, weak, tested, gapps, suffix);

const headers = [
  "From: A Developer <dev@example.org>",
  "To: bot@objreview.example.net",
  "Subject: Re: [PATCH v2 2/4] exit: simplify the fault path of waitid",
  "Date: Mon, 02 Nov 2026 11:58:00 +0000",
  "Message-ID: <answer-1@example.org>",
  "In-Reply-To: <20261102-waitid-v2-2@example.org>",
  "References: <20261102-waitid-v2-0@example.org> <20261102-waitid-v2-2@example.org>",
];

function mailOf(lines: readonly string[] = headers, body = "#objreview recheck\n\nThanks\n"): string {
  return `${lines.join("\n")}\n\n${body}`.replaceAll("\n", "\r\n");
}

const replaced = (name: string, line: string) => headers.map((each) => (each.startsWith(`${name}:`) ? line : each));

function check(raw: Uint8Array | string, options: Partial<AuthenticateOptions> = {}) {
  const bytes = typeof raw === "string" ? Buffer.from(raw) : raw;
  return authenticate(bytes, { resolver, receivedAt: now, now, freshHours: 24, ...options });
}

const signed = (mail = mailOf(), key: DkimKey = rsa, options: SignOptions = {}) =>
  dkimSigned(mail, key, { signTime: new Date(now - 60_000), ...options });

function assertRefused(verdict: Authentic | Refused, why: RegExp): void {
  assert.ok("refused" in verdict, "it was taken");
  assert.match(verdict.refused, why);
}

function edited(raw: Buffer, from: string | RegExp, to: string): Buffer {
  const text = raw.toString("latin1");
  const changed = text.replace(from, to);
  assert.notEqual(changed, text, "nothing was changed");
  return Buffer.from(changed, "latin1");
}

for (const [what, key, options] of [
  ["RSA", rsa, {}],
  ["Ed25519", ed25519, {}],
  ["a domain below that of From", sub, {}],
  ["simple canonicalization", rsa, { canonicalization: "simple/simple" }],
] as const)
  test(`taken: ${what}`, async () => {
    const verdict = await check(await signed(mailOf(), key, options));
    assert.ok(!("refused" in verdict), JSON.stringify(verdict));
    assert.equal(verdict.address, "dev@example.org");
    assert.equal(verdict.by, "dkim");
    assert.match(verdict.evidence, new RegExp(`^DKIM d=${key.domain} s=${key.selector} a=`));
    assert.match(verdict.signature, /^[0-9a-f]{64}$/);
    for (const name of ["from", "subject", "date", "message-id", "in-reply-to"])
      assert.ok(verdict.covers.has(name), name);
  });

test("taken: with a Message-ID that nobody signed, and then the same by its signature under any", async () => {
  const mail = await signed(mailOf(), rsa, { fields: ["From", "Date", "Subject", "In-Reply-To"] });
  const [first, again] = [await check(mail), await check(edited(mail, "answer-1", "answer-2"))];
  assert.ok(!("refused" in first) && !("refused" in again));
  assert.equal(first.signature, again.signature);
  assert.equal(first.covers.has("message-id"), false);
});

test("taken: with LF, as archives keep mails, and behind an mbox line", async () => {
  const raw = (await signed()).toString().replaceAll("\r\n", "\n");
  assert.ok(!("refused" in (await check(raw))));
  assert.ok(!("refused" in (await check(`From mboxrd@z Thu Jan  1 00:00:00 1970\n${raw}`))));
});

test("taken: one good signature among others", async () => {
  const once = (await signed()).toString();
  const twice = await dkimSigned(once, other);
  assert.ok(!("refused" in (await check(twice))));
});

test("taken: what stands above the signed fields is not looked at", async () => {
  const raw = Buffer.concat([Buffer.from("Received: from a\r\n by b\r\nX-Spam: no\r\n"), await signed()]);
  assert.ok(!("refused" in (await check(raw))));
});

test("the same signature has the same hash, another mail another", async () => {
  const raw = await signed();
  const [first, again, next] = [
    await check(raw),
    await check(raw),
    await check(await signed(mailOf(headers, "other\n"))),
  ];
  assert.ok(!("refused" in first) && !("refused" in again) && !("refused" in next));
  assert.equal(first.signature, again.signature);
  assert.notEqual(first.signature, next.signature);
});

const forgeries: readonly (readonly [string, () => Promise<Uint8Array>, RegExp])[] = [
  ["no signature", async () => Buffer.from(mailOf()), /no DKIM signature/],
  ["a changed text", async () => edited(await signed(), "recheck", "waive f1 x"), /body hash did not verify/],
  [
    "a footer of the list",
    async () => Buffer.concat([await signed(), Buffer.from("____\r\nlist footer\r\n")]),
    /body hash/,
  ],
  ["a changed subject", async () => edited(await signed(), "waitid", "wait4"), /bad signature/],
  ["a forged From", async () => edited(await signed(), "<dev@example.org>", "<boss@example.org>"), /bad signature/],
  ["a changed Date", async () => edited(await signed(), "11:58:00", "11:59:00"), /bad signature/],
  [
    "a changed In-Reply-To",
    async () => edited(await signed(), "In-Reply-To: <20261102-waitid-v2-2", "In-Reply-To: <other"),
    /bad signature/,
  ],
  ["a changed Message-ID", async () => edited(await signed(), "answer-1", "answer-2"), /bad signature/],
  ["another domain's signature", async () => signed(mailOf(), other), /not of the domain/],
  ["a mail provider's own name", async () => signed(mailOf(), gapps), /not of the domain/],
  [
    "a public suffix",
    async () => signed(mailOf(replaced("From", "From: dev@example.co.uk")), suffix),
    /not of the domain/,
  ],
  [
    "a display name that is an address",
    async () => signed(mailOf(replaced("From", 'From: "dev@example.org" <eve@elsewhere.example>')), rsa),
    /not of the domain/,
  ],
  ["a part of the text (l=)", async () => signed(mailOf(), rsa, { maxBodyLength: 5 }), /l=/],
  ["the whole text, said with l=", async () => signed(mailOf(), rsa, { maxBodyLength: 30 }), /l=/],
  ["a key of 512 bits", async () => signed(mailOf(), weak), /weak-key/],
  ["a domain that only tests", async () => signed(mailOf(), tested), /t=y/],
  ["a key that is not there", async () => signed(mailOf(), { ...rsa, selector: "gone" }), /no key/],
  [
    "a key of another",
    async () => signed(mailOf(), { ...other, domain: "example.org", selector: "s1" }),
    /bad signature/,
  ],
  [
    "an unsigned subject",
    async () => signed(mailOf(), rsa, { fields: ["From", "Date", "Message-ID", "In-Reply-To"] }),
    /subject not signed/,
  ],
  [
    "an unsigned In-Reply-To",
    async () => signed(mailOf(), rsa, { fields: ["From", "Date", "Subject", "Message-ID"] }),
    /in-reply-to not signed/,
  ],
  [
    "an In-Reply-To that was put in",
    async () => {
      const lines = headers.filter((line) => !line.startsWith("In-Reply-To"));
      return edited(await signed(mailOf(lines)), "\r\nSubject: Re", "\r\nIn-Reply-To: <a@b>\r\nSubject: Re");
    },
    /in-reply-to not signed|bad signature/,
  ],
  [
    "two Froms, the signed one below",
    async () => Buffer.concat([Buffer.from("From: boss@example.org\r\n"), await signed()]),
    /2 from fields/,
  ],
  [
    "two Froms, the signed one above",
    async () => edited(await signed(), "\r\n\r\n", "\r\nFrom: boss@example.org\r\n\r\n"),
    /2 from fields/,
  ],
  ["two Subjects", async () => Buffer.concat([Buffer.from("Subject: x\r\n"), await signed()]), /2 subject fields/],
  [
    "a From with a blank before its colon",
    async () => Buffer.concat([Buffer.from("From : boss@example.org\r\n"), await signed()]),
    /2 from fields|line that is no field/,
  ],
  [
    "a line that is no field",
    async () => Buffer.concat([Buffer.from("X: y\r\nFrom boss\r\n"), await signed()]),
    /no field/,
  ],
  [
    "two addresses in From",
    async () => signed(mailOf(replaced("From", "From: boss@example.org, dev@example.org"))),
    /not one plain address/,
  ],
  [
    "a group in From",
    async () => signed(mailOf(replaced("From", "From: friends: dev@example.org;"))),
    /not one plain address/,
  ],
  [
    "no Message-ID",
    async () => signed(mailOf(headers.filter((line) => !line.startsWith("Message-ID")))),
    /no Message-ID/,
  ],
  ["an expired signature", async () => signed(mailOf(), rsa, { expires: new Date(now - 1000) }), /expired/],
  [
    "an old mail",
    async () => signed(mailOf(replaced("Date", "Date: Sat, 31 Oct 2026 11:58:00 +0000"))),
    /too long before/,
  ],
  [
    "a mail from the future",
    async () => signed(mailOf(replaced("Date", "Date: Mon, 02 Nov 2026 14:00:00 +0000"))),
    /in the future/,
  ],
  [
    "the year 2077",
    async () => signed(mailOf(replaced("Date", "Date: Tue, 02 Nov 2077 14:00:00 +0000"))),
    /in the future/,
  ],
  ["a date that is none", async () => signed(mailOf(replaced("Date", "Date: yesterday"))), /date cannot be read/],
  [
    "an old signature under a new date",
    async () => signed(mailOf(), rsa, { signTime: new Date(now - 48 * 3_600_000) }),
    /too long before/,
  ],
  ["a header without an end", async () => Buffer.from(headers.join("\r\n")), /does not end/],
  [
    "a hundred signatures",
    async () => Buffer.concat([Buffer.from("DKIM-Signature: v=1; d=example.org\r\n".repeat(100)), await signed()]),
    /101 DKIM signatures/,
  ],
];

for (const [what, make, why] of forgeries)
  test(`refused: ${what}`, async () => assertRefused(await check(await make()), why));

test("refused: what came while nobody was listening", async () => {
  assertRefused(await check(await signed(), { now: now + 25 * 3_600_000 }), /came too long ago/);
});

test("a DNS that does not answer is asked again", async () => {
  const down = async () => {
    throw Object.assign(new Error("timeout"), { code: "ETIMEOUT" });
  };
  const verdict = await check(await signed(), { resolver: down });
  assert.deepEqual(verdict, { refused: "DKIM: the key could not be asked for", again: true });
});

test("one plain address", () => {
  for (const [value, address] of [
    ["dev@example.org", "dev@example.org"],
    ["A Developer <Dev@Example.ORG>", "dev@example.org"],
    ['"Developer, A. (x) <boss@example.org>" <dev@example.org>', "dev@example.org"],
    ["=?UTF-8?q?J=C3=BCrgen?= <dev+x@mail.example.org>", "dev+x@mail.example.org"],
    ["boss@example.org <dev@example.org>", undefined],
    ["dev@example.org (boss@example.org)", undefined],
    ["<dev@example.org> boss@example.org", undefined],
    ["<a@example.org> <b@example.org>", undefined],
    ["dev@localhost", undefined],
    ["@example.org", undefined],
    ["dev@example.org@elsewhere.example", undefined],
    ["", undefined],
  ] as const)
    assert.equal(soleAddress(value), address, value);
});
