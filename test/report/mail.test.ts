import assert from "node:assert/strict";
import { test } from "node:test";
import { simpleParser } from "mailparser";
import { UsageError } from "../../src/base/errors.ts";
import { renderDigest } from "../../src/report/digest.ts";
import { type MailOptions, renderMail, replyTarget } from "../../src/report/mail.ts";
import { brokenResult, conflictResult, exampleResult, FIXTURES, hostileResult, twoFindingsResult } from "./fixtures.ts";
import { assertGolden } from "./golden.ts";

const OPTIONS: MailOptions = {
  from: { name: "objreview", address: "objreview@example.org" },
  to: [{ name: "A Developer", address: "dev@example.org" }],
  cc: [{ address: "linux-test@example.org" }],
  date: new Date("2026-11-02T09:41:07Z"),
  domain: "objreview.example.org",
};

/** Header name (lower case) -> values, unfolded, as RFC 5322 has it. */
function headersOf(mail: string): Map<string, string[]> {
  const head = mail.slice(0, mail.indexOf("\r\n\r\n")).replaceAll(/\r\n[ \t]/g, " ");
  const headers = new Map<string, string[]>();
  for (const line of head.split("\r\n")) {
    const [, name, value] = /^([!-9;-~]+): (.*)$/.exec(line) ?? assert.fail(`not a header: ${line}`);
    headers.set(name!.toLowerCase(), [...(headers.get(name!.toLowerCase()) ?? []), value!]);
  }
  return headers;
}

const EXPECTED_HEADERS = new Set(
  "from to cc subject date message-id in-reply-to references auto-submitted x-auto-response-suppress mime-version content-type content-transfer-encoding".split(
    " ",
  ),
);

test("the mail as a whole reads as the golden text", () => {
  assertGolden("mail-example.eml", renderMail(exampleResult(), { ...OPTIONS, sinceMailMillis: 41_000 }));
});

test("an independent reader gets back what was put in", async () => {
  const mail = await simpleParser(renderMail(exampleResult(), OPTIONS));
  assert.equal(mail.from?.text, '"objreview" <objreview@example.org>');
  assert.equal(mail.subject, "Re: [PATCH v2 2/4] peek: simplify the fault path");
  assert.equal(mail.inReplyTo, "<20261102-peek-v2-2@example.org>");
  assert.deepEqual(mail.references, ["<20261102-peek-v2-0@example.org>", "<20261102-peek-v2-2@example.org>"]);
  assert.equal(mail.date?.toISOString(), "2026-11-02T09:41:07.000Z");
  assert.equal(mail.headers.get("auto-submitted"), "auto-replied");
  assert.equal(mail.text, renderDigest(exampleResult(), { replyTo: 2 }));
});

test("it answers the patch that it is about, else the cover letter", () => {
  assert.equal(replyTarget(exampleResult()).patch, 2);
  assert.equal(replyTarget(brokenResult()).patch, 2);
  assert.equal(replyTarget(conflictResult()).patch, 3);
  const two = twoFindingsResult();
  assert.equal(replyTarget(two).patch, 2, "the patch of the first of them");
  const { patch: _, ...unattributed } = two.findings[0]!;
  assert.deepEqual(replyTarget({ ...two, findings: [unattributed] }), {
    subject: "[PATCH 0/4] fs: tidy up the peek system call",
    messageId: "20261102-peek-v2-0@example.org",
  });
  const one = exampleResult();
  one.patches.length = 1;
  assert.equal(replyTarget(one).subject, "[PATCH v2] peek: name the length argument");
  one.patches[0]!.subject = "Re: [RFC PATCH net-next v2] peek: name it";
  assert.equal(replyTarget(one).subject, "[RFC PATCH net-next v2] peek: name it");
});

test("the Message-ID belongs to the version of the series, not to the run", () => {
  const id = (result: ReturnType<typeof exampleResult>) => headersOf(renderMail(result, OPTIONS)).get("message-id")![0];
  const result = exampleResult();
  const again = { ...result, findings: [], verdict: "clean" as const, timings: [] };
  assert.equal(id(result), id(again));
  assert.notEqual(id(result), id({ ...result, series: { ...result.series, version: 3 } }));
  assert.notEqual(id(result), id({ ...result, series: { ...result.series, messageId: "other@example.org" } }));
  assert.match(id(result)!, /^<[\w.]+@objreview\.example\.org>$/);
});

test("names beyond ASCII are encoded, quoted where they must be, and come back whole", async () => {
  const name = "J\u00f6rg \u8d75, \u{1f600} with a name that is longer than one encoded word may be";
  const text = renderMail(exampleResult(), {
    ...OPTIONS,
    to: [
      { name, address: "j@example.org" },
      { name: 'O"Neil, A.', address: "o@example.org" },
    ],
  });
  assert.match(text.slice(0, text.indexOf("\r\n\r\n")), /^[\x20-\x7e\r\n]*$/);
  const mail = await simpleParser(text);
  const to = Array.isArray(mail.to) ? mail.to[0] : mail.to;
  assert.deepEqual(
    to?.value.map((entry) => [entry.name, entry.address]),
    [
      [name, "j@example.org"],
      ['O"Neil, A.', "o@example.org"],
    ],
  );
});

test("no header comes out of what the patch says", async () => {
  for (const [name, build] of [
    ...FIXTURES,
    ["hostile patch", () => ({ ...hostileResult(), verdict: "broken" as const })] as const,
  ]) {
    const text = renderMail(build(), OPTIONS);
    const headers = headersOf(text);
    for (const [header, values] of headers) {
      assert.ok(EXPECTED_HEADERS.has(header), `${name}: ${header}`);
      assert.equal(values.length, 1, `${name}: ${header}`);
    }
    assert.equal(headers.get("to")![0], "A Developer <dev@example.org>", name);
    assert.doesNotMatch(text.replaceAll("\r\n", ""), /[\r\n]/, `${name}: every line ends in CRLF`);
    for (const line of text.split("\r\n")) assert.ok(Buffer.byteLength(line) <= 998, `${name}: RFC 5322 2.1.1`);
    const mail = await simpleParser(text);
    assert.equal(mail.bcc, undefined, name);
    assert.equal(mail.attachments.length, 0, name);
  }
});

test("a Message-ID that is none is not answered to", () => {
  const result = exampleResult();
  result.patches[1]!.messageId = "x@y>\r\nBcc: a@b";
  const headers = headersOf(renderMail(result, OPTIONS));
  assert.equal(headers.get("in-reply-to"), undefined);
  assert.equal(headers.get("references")![0], "<20261102-peek-v2-0@example.org>");
});

test("what the caller gets wrong is one clear error", () => {
  const wrong: Partial<MailOptions>[] = [
    { to: [] },
    { to: [{ address: "a@b\r\nBcc: c@d" }] },
    { from: { address: "nobody" } },
    { domain: "x y" },
    { date: new Date(Number.NaN) },
  ];
  for (const entry of wrong) assert.throws(() => renderMail(exampleResult(), { ...OPTIONS, ...entry }), UsageError);
});
