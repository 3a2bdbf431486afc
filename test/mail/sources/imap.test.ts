import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import tls from "node:tls";
import type { MailSource } from "../../../src/mail/source.ts";
import { MAX_MAIL_BYTES } from "../../../src/mail/sources/gather.ts";
import { openSource } from "../../../src/mail/sources/open.ts";
import { freePort, temporaryFolder } from "../../support/mail/daemon.ts";
import { type Dovecot, startDovecot } from "../../support/mail/dovecot.ts";
import { idOf, mail, range, readAll, until } from "./reading.ts";

const folder = temporaryFolder("intake");
after(() => folder.remove());

interface Options {
  readonly tls?: "implicit" | "starttls" | "off";
  readonly port?: number;
  readonly host?: string;
  readonly mailbox?: string;
  readonly passwordFile?: string;
  readonly sinceDays?: number;
  readonly now?: () => number;
}

function open(server: Dovecot, options: Options = {}): MailSource {
  const { tls: how = "off" } = options;
  const config = {
    kind: "imap",
    name: "inbox",
    host: options.host ?? server.host,
    port: options.port ?? (how === "implicit" ? server.tlsPort : server.port),
    tls: how,
    login: { user: server.user, "password-file": options.passwordFile ?? server.passwordFile },
    mailbox: options.mailbox ?? "INBOX",
    "since-days": options.sinceDays ?? 7,
  } as const;
  return openSource(config, { state: folder.path, ...(options.now === undefined ? {} : { now: options.now }) });
}

test("a mailbox is read, then what is new in it; nothing is flagged or moved", async () => {
  const server = await startDovecot();
  const source = open(server);
  try {
    assert.equal(source.name, "imap:inbox");
    server.drop(range(1, 450).map((i) => mail(i)));
    const first = await readAll(source);
    assert.deepEqual(first.ids.toSorted(), range(1, 450).map(idOf).toSorted());
    assert.ok(first.batches >= 2);
    assert.deepEqual(first.skipped, []);
    assert.deepEqual(await readAll(source, first.cursor), { ...first, ids: [], raws: [], batches: 0 });
    await server.deliver(mail(451));
    const second = await readAll(source, first.cursor);
    assert.deepEqual(second.ids, [idOf(451)]);
    assert.match(Buffer.from(second.raws[0] as Uint8Array).toString(), /\r\n\r\nThis is mail 451\.\r\n$/);
    // Another process.
    await server.deliver(mail(452));
    const other = open(server);
    assert.deepEqual((await readAll(other, second.cursor)).ids, [idOf(452)]);
    await other.close();
    // maildir(5): flags stand behind ":2,"; S is what was seen.
    for (const { file } of server.messages()) assert.doesNotMatch(file, /:2,./);
    assert.equal(server.messages().length, 452);
    // Killed behind the first batch.
    const half = await readAll(open(server), undefined, 1);
    assert.ok(half.ids.length < 300);
    const rest = await readAll(source, half.cursor);
    assert.deepEqual([...half.ids, ...rest.ids].toSorted(), range(1, 452).map(idOf).toSorted());
  } finally {
    await source.close();
    await server.end();
  }
});

test("new mail is told within a second, also while the connection comes and goes", async () => {
  const server = await startDovecot();
  const source = open(server);
  const stop = new AbortController();
  try {
    const seen = new Map<string, number>();
    const failures: string[] = [];
    // What a service does: read, wait, again; a failure is noted.
    const serving = (async () => {
      let cursor: string | undefined;
      while (!stop.signal.aborted) {
        try {
          for await (const batch of source.read(cursor, stop.signal, () => {})) {
            for (const each of batch.mails) seen.set(each.messageId, performance.now());
            cursor = batch.cursor;
          }
        } catch (error) {
          failures.push((error as Error).message);
        }
        await source.wait(stop.signal);
      }
    })();
    await server.deliver(mail(1));
    await until(() => seen.has(idOf(1)), 5000, "the first mail");
    const waits: number[] = [];
    for (const i of [2, 3, 4]) {
      await new Promise((done) => setTimeout(done, 300));
      await server.deliver(mail(i));
      const delivered = performance.now();
      await until(() => seen.has(idOf(i)), 5000, `mail ${i}`);
      waits.push((seen.get(idOf(i)) as number) - delivered);
    }
    // A machine that is busy with something else may hold up one of them.
    const median = waits.toSorted((a, b) => a - b)[1] as number;
    assert.ok(median < 1000, `told after ${waits.join(", ")} ms`);
    await server.stop();
    await until(() => failures.length >= 1, 10_000, "the failure");
    for (const words of failures) {
      assert.match(words, /^imap:inbox: 127\.0\.0\.1:\d+: (ECONNREFUSED|ECONNRESET|.*[Cc]onnection.*|.*[Cc]losed.*)/);
    }
    await new Promise((done) => setTimeout(done, 3000));
    assert.ok(failures.length < 6, `${failures.length} attempts in three seconds`);
    server.drop([mail(5)]);
    await server.start();
    await until(() => seen.has(idOf(5)), 15_000, "what came while the server was down");
    await server.deliver(mail(6));
    await until(() => seen.has(idOf(6)), 5000, "the mail behind it");
    const began = performance.now();
    stop.abort();
    await serving;
    assert.ok(performance.now() - began < 1000, "it ends when it is told to");
  } finally {
    stop.abort();
    await source.close();
    await server.end();
  }
});

test("another UIDVALIDITY: the mailbox is read again, no further back than was asked for", async () => {
  const server = await startDovecot();
  try {
    const source = open(server);
    server.drop([mail(1), mail(2), mail(3)]);
    const first = await readAll(source);
    await source.close();
    await server.stop();
    server.resetUidValidity();
    server.drop([mail(4)]);
    await server.start();
    const again = await readAll(source, first.cursor);
    assert.deepEqual(again.ids.toSorted(), [1, 2, 3, 4].map(idOf));
    assert.equal(again.skipped.length, 1);
    assert.match(again.skipped[0] as string, /^INBOX: UIDVALIDITY is \d+, was \d+; it is read again$/);
    const quiet = await readAll(source, again.cursor);
    assert.deepEqual([quiet.ids, quiet.skipped], [[], []]);
    await source.close();
    // The mailbox's days are over: from a point of view of three weeks later.
    const later = open(server, { now: () => Date.now() + 21 * 24 * 3600 * 1000 });
    const late = await readAll(later);
    assert.deepEqual(late.ids, []);
    await server.deliver(mail(5));
    assert.deepEqual((await readAll(later, late.cursor)).ids, [idOf(5)]);
    await later.close();
  } finally {
    await server.end();
  }
});

test("what is too big is asked for by its size alone, and named", async () => {
  const server = await startDovecot();
  const source = open(server);
  try {
    const line = `${"x".repeat(75)}\n`;
    const big = mail("big", { body: line.repeat(Math.ceil(MAX_MAIL_BYTES / line.length)) });
    server.drop([mail(1), big, mail(2)]);
    const all = await readAll(source);
    assert.deepEqual(all.ids.toSorted(), [1, 2].map(idOf));
    assert.equal(all.skipped.length, 1);
    assert.match(all.skipped[0] as string, /^UID \d: 1[67]\d+ bytes, at most 16777216 are taken$/);
  } finally {
    await source.close();
    await server.end();
  }
});

test("TLS from the first byte, and by STARTTLS; a certificate that nobody vouches for is refused", async () => {
  const server = await startDovecot();
  const known = tls.getCACertificates("default");
  try {
    await server.deliver(mail(1));
    for (const how of ["implicit", "starttls"] as const) {
      const source = open(server, { tls: how });
      await assert.rejects(readAll(source), {
        name: "ToolError",
        message: /^imap:inbox: 127\.0\.0\.1:\d+: (DEPTH_ZERO_SELF_SIGNED_CERT|self-signed certificate)/,
      });
      tls.setDefaultCACertificates([...known, server.certificate]);
      assert.deepEqual((await readAll(source)).ids, [idOf(1)], how);
      await source.close();
      tls.setDefaultCACertificates(known);
    }
  } finally {
    tls.setDefaultCACertificates(known);
    await server.end();
  }
});

test("a server that offers no STARTTLS gets no password", async () => {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const plain = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.write("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n");
    socket.on("data", (data) => {
      heard.push(String(data));
      for (const line of String(data).split("\r\n")) {
        const tag = /^(\S+) (\S+)/.exec(line);
        if (tag?.[2]?.toUpperCase() === "CAPABILITY") {
          socket.write(`* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n${tag[1]} OK done\r\n`);
        } else if (tag !== null) socket.write(`${tag[1]} BAD no\r\n`);
      }
    });
  });
  await new Promise<void>((done) => plain.listen(0, "127.0.0.1", done));
  try {
    const passwordFile = join(folder.path, "password");
    writeFileSync(passwordFile, "the-secret\n", { mode: 0o600 });
    const { port } = plain.address() as { port: number };
    const server = { host: "127.0.0.1", port, user: "reviewer", passwordFile } as Dovecot;
    await assert.rejects(readAll(open(server, { tls: "starttls" })), { name: "ToolError", message: /^imap:inbox: / });
    const said = heard.join("");
    assert.ok(!said.includes("the-secret") && !said.includes(Buffer.from("\0reviewer\0the-secret").toString("base64")));
    assert.doesNotMatch(said, /LOGIN|AUTHENTICATE/i);
  } finally {
    for (const socket of sockets) socket.destroy();
    plain.close();
  }
});

test("each failure is one line that names the server and holds no password", async () => {
  const server = await startDovecot();
  try {
    const wrong = join(folder.path, "wrong");
    writeFileSync(wrong, "not-the-password\n", { mode: 0o600 });
    await assert.rejects(readAll(open(server, { passwordFile: wrong })), (error: Error) => {
      assert.equal(error.message, `imap:inbox: 127.0.0.1:${server.port}: refuses the login of ${server.user}`);
      assert.ok(!JSON.stringify(error).includes("not-the-password"));
      return true;
    });
    await assert.rejects(readAll(open(server, { mailbox: "Lists/none" })), {
      message: `imap:inbox: 127.0.0.1:${server.port}: has no mailbox Lists/none`,
    });
    const port = await freePort();
    await assert.rejects(readAll(open(server, { port })), { message: `imap:inbox: 127.0.0.1:${port}: ECONNREFUSED` });
    const none = join(folder.path, "none");
    await assert.rejects(readAll(open(server, { passwordFile: none })), {
      message: `imap:inbox: the password file ${none}: ENOENT`,
    });
    chmodSync(wrong, 0o644);
    await assert.rejects(readAll(open(server, { passwordFile: wrong })), {
      message: `imap:inbox: the password file ${wrong}: everybody may read it; take that away (chmod 600)`,
    });
    assert.throws(() => open(server, { host: "imap.example.org" }), {
      name: "UsageError",
      message: "imap:inbox: tls may be off for a server on this machine only, not for imap.example.org",
    });
  } finally {
    await server.end();
  }
});
