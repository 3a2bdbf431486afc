import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DryRunOutlet } from "../../src/mail/dry-run.ts";
import type { MailBody } from "../../src/mail/mail-body.ts";
import { SmtpOutlet } from "../../src/mail/smtp.ts";
import { freePort } from "../support/mail/daemon.ts";
import { CUTS, type Smtp, type SmtpOptions, startCuttingSmtp, startSmtp } from "../support/mail/smtp.ts";

const RAW = [
  "From: objreview <objreview@example.org>",
  "To: dev@example.org",
  "Subject: Re: [PATCH] peek",
  "Message-ID: <r.1.v1@example.org>",
  "",
  "objreview: 1 new finding, from this patch.",
  ".",
  ". a line that begins with a dot, and one with J\u00f6rg",
  "",
].join("\r\n");

const MAIL: MailBody = {
  envelope: { from: "bounces@example.org", to: ["dev@example.org", "list@example.org"] },
  messageId: "r.1.v1@example.org",
  raw: RAW,
};

const LOGIN = { user: "objreview", password: "correct horse" };
const soon = () => AbortSignal.timeout(20_000);

async function withSmtp(options: SmtpOptions, use: (smtp: Smtp, outlet: SmtpOutlet) => Promise<void>): Promise<void> {
  const smtp = await startSmtp(options);
  const { host, port } = smtp;
  const login = options.login && { user: options.login.user, "password-file": smtp.passwordFile };
  const outlet = new SmtpOutlet(
    { host, port, tls: options.tls ?? "off", ...(login === undefined ? {} : { login }) },
    { ca: smtp.certificate },
  );
  try {
    await use(smtp, outlet);
  } finally {
    await smtp.end();
  }
}

for (const tls of ["off", "starttls", "implicit"] as const) {
  test(`the bytes go out as they are, to the envelope's recipients, with tls ${tls}`, async () => {
    await withSmtp({ tls, login: LOGIN }, async (smtp, outlet) => {
      const outcome = await outlet.send(MAIL, soon());
      assert.equal(outcome.end, "sent", JSON.stringify(outcome));
      const [mail] = smtp.mails;
      assert.equal(smtp.mails.length, 1);
      assert.deepEqual([mail?.from, mail?.to], [MAIL.envelope.from, MAIL.envelope.to]);
      assert.equal(mail?.raw.toString("utf8"), RAW);
      assert.equal(mail?.isTls, tls !== "off");
      assert.equal(mail?.user, "objreview");
    });
  });
}

test("without TLS where it was asked for, nothing is said, and no password", async () => {
  await withSmtp({ tls: "off", login: LOGIN }, async (smtp) => {
    const login = { user: LOGIN.user, "password-file": smtp.passwordFile };
    for (const tls of ["starttls", "implicit"] as const) {
      const outlet = new SmtpOutlet({ host: smtp.host, port: smtp.port, tls, login }, { ca: smtp.certificate });
      const outcome = await outlet.send(MAIL, AbortSignal.timeout(3000));
      assert.equal(outcome.end, "again", JSON.stringify(outcome));
    }
    assert.equal(smtp.mails.length, 0);
  });
});

test("a certificate that nobody vouches for is not trusted", async () => {
  await withSmtp({ tls: "starttls" }, async (smtp) => {
    const outcome = await new SmtpOutlet({ host: smtp.host, port: smtp.port, tls: "starttls" }).send(MAIL, soon());
    assert.equal(outcome.end, "again");
    assert.match((outcome as { error: string }).error, /self.signed|certificate/i);
    assert.equal(smtp.mails.length, 0);
  });
});

test("a password that is wrong, or no file, is the operator's affair: the mail waits, and no error tells it", async () => {
  await withSmtp({ login: LOGIN }, async (smtp, outlet) => {
    for (const text of ["wrong horse\n", "", "two\nlines\n"]) {
      writeFileSync(smtp.passwordFile, text);
      const outcome = await outlet.send(MAIL, soon());
      assert.equal(outcome.end, "again", JSON.stringify([text, outcome]));
      assert.doesNotMatch((outcome as { error: string }).error, /wrong horse/);
    }
    rmSync(smtp.passwordFile);
    assert.equal((await outlet.send(MAIL, soon())).end, "again");
    assert.equal(smtp.mails.length, 0);
  });
});

const REFUSALS: readonly [what: string, answers: NonNullable<SmtpOptions["answers"]>, end: string, words: RegExp][] = [
  ["4xx to MAIL", { mail: "451 4.7.1 come back later" }, "again", /come back later/],
  ["5xx to MAIL", { mail: "550 5.7.1 not from you" }, "refused", /not from you/],
  ["530 to MAIL", { mail: "530 5.7.0 say who you are first" }, "again", /who you are/],
  [
    "5xx to all RCPT",
    { rcpt: { "dev@example.org": "550 5.1.1 no such user", "list@example.org": "553 5.1.8 no such list" } },
    "refused",
    /no such user.*no such list/,
  ],
  [
    "4xx to one RCPT and 5xx to the other",
    { rcpt: { "dev@example.org": "450 4.2.0 greylisted", "list@example.org": "550 5.1.1 no such list" } },
    "again",
    /greylisted/,
  ],
  ["4xx to the message", { data: "452 4.3.1 disk full" }, "again", /disk full/],
  ["5xx to the message", { data: "554 5.7.1 spam" }, "refused", /spam/],
];

for (const [what, answers, end, words] of REFUSALS) {
  test(`refused: ${what}`, async () => {
    await withSmtp({ answers }, async (smtp, outlet) => {
      const outcome = await outlet.send(MAIL, soon());
      assert.equal(outcome.end, end, JSON.stringify(outcome));
      assert.match((outcome as { error: string }).error, words);
      assert.equal(smtp.mails.length, 0);
    });
  });
}

test("one recipient who is refused does not keep it from the others, and is named", async () => {
  await withSmtp({ answers: { rcpt: { "list@example.org": "550 5.1.1 no such list" } } }, async (smtp, outlet) => {
    const outcome = await outlet.send(MAIL, soon());
    assert.equal(outcome.end, "sent");
    assert.match((outcome as { remote: string }).remote, /but not to all: .*no such list/);
    assert.deepEqual(smtp.mails[0]?.to, ["dev@example.org"]);
  });
});

test("a message that is too big for the server is refused before it is sent", async () => {
  await withSmtp({ size: 200 }, async (smtp, outlet) => {
    assert.equal((await outlet.send(MAIL, soon())).end, "refused");
    assert.equal(smtp.mails.length, 0);
  });
});

test("nobody there: again", async () => {
  const outlet = new SmtpOutlet({ host: "127.0.0.1", port: await freePort(), tls: "off" });
  const outcome = await outlet.send(MAIL, soon());
  assert.equal(outcome.end, "again");
  assert.match((outcome as { error: string }).error, /ECONNREFUSED/);
});

for (const manner of ["reset", "close", "silent"] as const) {
  for (const cut of CUTS) {
    test(`the connection breaks (${manner}) at "${cut}": tried again only where it cannot have been taken`, async () => {
      const server = await startCuttingSmtp(cut, manner);
      try {
        const outlet = new SmtpOutlet({ host: "127.0.0.1", port: server.port, tls: "off" });
        const outcome = await outlet.send(MAIL, AbortSignal.timeout(manner === "silent" ? 300 : 10_000));
        const isHandedOver = cut === "message" || cut === "dot" || cut === "accepted";
        assert.equal(outcome.end, isHandedOver ? "unknown" : "again", JSON.stringify(outcome));
        assert.equal(server.taken(), cut === "accepted" ? 1 : 0);
        assert.equal(server.connections(), 1);
      } finally {
        await server.end();
      }
    });
  }
}

test("a dry run leaves whole files under the Message-ID, in its folder and nowhere else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "objreview-dry-"));
  try {
    const inner = join(folder, "out");
    const outlet = new DryRunOutlet(inner);
    const outcome = await outlet.send(MAIL);
    assert.deepEqual(outcome, { end: "sent", remote: join(inner, "r.1.v1@example.org.eml") });
    await outlet.send({ ...MAIL, messageId: "../../x/y@example.org" });
    assert.deepEqual(readdirSync(folder), ["out"]);
    assert.deepEqual(readdirSync(inner).sort(), ["_._.._x_y@example.org.eml", "r.1.v1@example.org.eml"]);
    assert.equal(readFileSync(join(inner, "r.1.v1@example.org.eml"), "utf8"), RAW);
    writeFileSync(join(folder, "file"), "");
    assert.equal((await new DryRunOutlet(join(folder, "file")).send(MAIL)).end, "again");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
