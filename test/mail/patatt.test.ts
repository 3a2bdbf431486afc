import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { authenticate } from "../../src/mail/authenticate.ts";
import { verifyPatatt } from "../../src/mail/patatt.ts";
import { temporaryFolder } from "../support/mail/daemon.ts";
import { copyKeys, type Patatt, patattOf } from "../support/mail/patatt.ts";

const identity = "dev@example.org";
const mail = [
  "From: A Developer <dev@example.org>",
  "Subject: Re: [PATCH v2 2/4] exit: simplify the fault path of",
  " waitid",
  "Date: Mon, 02 Nov 2026 11:58:00 +0000",
  "Message-ID: <answer-1@example.org>",
  "In-Reply-To: <20261102-waitid-v2-2@example.org>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=UTF-8",
  "Content-Transfer-Encoding: 8bit",
  "",
  "> quoted",
  "#objreview recheck",
  "",
  "Grüße",
  "",
].join("\n");

const scratch = temporaryFolder("patatt-test");
after(() => scratch.remove());
let ed: Patatt;
let pgp: Patatt;
before(async () => {
  ed = await patattOf(join(scratch.path, "ed"), identity, "ed25519");
  pgp = await patattOf(join(scratch.path, "pgp"), identity, "openpgp");
});

const noDns = async () => {
  throw Object.assign(new Error("no"), { code: "ENOTFOUND" });
};

for (const kind of ["ed25519", "openpgp"] as const) {
  const patatt = () => (kind === "ed25519" ? ed : pgp);

  test(`${kind}: what patatt signs holds, and patatt agrees`, async () => {
    const signed = await patatt().sign(mail);
    assert.ok(await patatt().validates(signed), "patatt itself");
    const verdict = await verifyPatatt(Buffer.from(signed), identity, patatt().keys);
    assert.ok(!("refused" in verdict), JSON.stringify(verdict));
    assert.equal(verdict.identity, identity);
    assert.equal(verdict.title, "exit: simplify the fault path of waitid");
    assert.equal(verdict.text, "> quoted\n#objreview recheck\n\nGrüße\n");
    assert.ok(Math.abs(verdict.signedAt - Date.now()) < 120_000);
    assert.deepEqual([...verdict.covers], ["from", "subject", "message-id"]);
  });

  test(`${kind}: with the line ends of the wire`, async () => {
    const signed = (await patatt().sign(mail)).replaceAll("\n", "\r\n");
    assert.ok(!("refused" in (await verifyPatatt(Buffer.from(signed), identity, patatt().keys))));
  });

  for (const [what, change, why] of [
    [
      "the text",
      (text: string) => text.replace("#objreview recheck", "#objreview stop"),
      /not the one that was signed/,
    ],
    ["a line more", (text: string) => `${text}#objreview stop\n`, /not the one that was signed/],
    [
      "the subject",
      (text: string) => text.replace("Subject: Re: [PATCH v2 2/4] exit:", "Subject: Re: [PATCH v2 2/4] mm:"),
      /does not hold/,
    ],
    ["the Message-ID", (text: string) => text.replace("<answer-1@", "<answer-2@"), /does not hold/],
    [
      "the signing time",
      (text: string) =>
        text.replace(/ t=\d+/, " t=1").replace("X-Developer-Signature: v=1;", "X-Developer-Signature: v=1; x=1;"),
      /does not hold/,
    ],
    [
      "the signature",
      (text: string) => text.replace(/(X-Developer-Signature:[\s\S]*?b=)(\S\S)/, "$1AA"),
      /does not hold/,
    ],
    [
      "the covered fields",
      (text: string) => text.replace("h=from:subject:message-id", "h=from:subject"),
      /does not cover/,
    ],
  ] as const)
    test(`${kind}: refused, changed: ${what}`, async () => {
      const signed = await patatt().sign(mail);
      const changed = change(signed);
      assert.notEqual(changed, signed);
      const verdict = await verifyPatatt(Buffer.from(changed), identity, patatt().keys);
      assert.ok("refused" in verdict);
      assert.match(verdict.refused, why);
      assert.equal(await patatt().validates(changed), false, "patatt itself");
    });

  test(`${kind}: refused: somebody else's name, no key, another key, a key that is none`, async () => {
    const signed = Buffer.from(await patatt().sign(mail));
    const refusal = async (who: string, keys: string) => {
      const verdict = await verifyPatatt(signed, who, keys);
      return "refused" in verdict ? verdict.refused : "taken";
    };
    assert.match(await refusal("boss@example.org", patatt().keys), /somebody else/);
    assert.match(await refusal(identity, join(scratch.path, "nowhere")), /no (ed25519|openpgp) key/);
    const copy = copyKeys(patatt().keys, join(scratch.path, `copy-${kind}`));
    const file = join(copy, kind, "example.org", "dev", kind === "ed25519" ? "work" : "default");
    const stranger = await patattOf(join(scratch.path, `stranger-${kind}`), identity, kind);
    rmSync(file);
    writeFileSync(
      file,
      readFileSync(join(stranger.keys, kind, "example.org", "dev", kind === "ed25519" ? "work" : "default")),
    );
    assert.match(await refusal(identity, copy), /does not hold/);
    rmSync(file);
    writeFileSync(file, "no key");
    assert.match(await refusal(identity, copy), /does not hold/);
  });
}

test("the names in a signature lead to no other folder", async () => {
  const keys = join(scratch.path, "walk");
  mkdirSync(keys, { recursive: true });
  const signed = await ed.sign(mail);
  for (const selector of ["..", "../../../../etc/passwd", "a/b", ""]) {
    const verdict = await verifyPatatt(Buffer.from(signed.replace("s=work", `s=${selector}`)), identity, keys);
    assert.ok("refused" in verdict);
  }
});

test("a mail of an unsigned domain is taken by its patatt signature", async () => {
  const now = Date.now();
  const options = { resolver: noDns, receivedAt: now, now, freshHours: 24, patattKeys: ed.keys };
  const signed = Buffer.from(await ed.sign(mail));
  const verdict = await authenticate(signed, options);
  assert.ok(!("refused" in verdict), JSON.stringify(verdict));
  assert.equal(verdict.by, "patatt");
  assert.equal(verdict.evidence, "patatt ed25519/work");
  assert.match(verdict.signed?.text ?? "", /#objreview recheck/);

  const late = await authenticate(signed, { ...options, receivedAt: now + 25 * 3_600_000, now: now + 25 * 3_600_000 });
  assert.ok("refused" in late);
  assert.match(late.refused, /patatt: it was written too long before/);
  const without = await authenticate(signed, { ...options, patattKeys: undefined });
  assert.deepEqual(without, { refused: "it has no DKIM signature" });
});

test("an in-body From does not make the signature somebody else's", async () => {
  const inBody = mail.replace("\n\n> quoted", "\n\nFrom: Boss <boss@example.org>\n\n> quoted");
  const signed = await ed.sign(inBody);
  const asBoss = await verifyPatatt(Buffer.from(signed), "boss@example.org", ed.keys);
  assert.ok("refused" in asBoss, "the in-body From is no signer");
});
