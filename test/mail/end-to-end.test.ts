import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { MailStatus } from "../../src/mail/status.ts";
import { splitMbox } from "../../src/patch/mbox.ts";
import { testCacheFolder } from "../support/kernel-tree.ts";
import { runProgram } from "../support/mail/daemon.ts";
import { startDovecot } from "../support/mail/dovecot.ts";
import { muttIndex } from "../support/mail/mutt.ts";
import { startPublicInbox } from "../support/mail/public-inbox.ts";
import { startSmtp } from "../support/mail/smtp.ts";
import { readRepositoryFile, repositoryRoot } from "../support/repository.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// The shipped series on its whole way: a list's archive, the service as people start it, a real review of the kernel, SMTP with TLS and a password, and the
// reply as b4 and mutt show it.

/** The series as its author would send it today, the mails of it out of order. */
function todaysSeries(to: string): string[] {
  const mails = splitMbox(new TextEncoder().encode(readRepositoryFile("example/series.mbox")));
  const start = Date.now() - 60_000;
  const texts = mails.map(({ bytes }, i) =>
    new TextDecoder()
      .decode(bytes)
      .replace(/^Date: .*$/m, `Date: ${new Date(start + i * 1000).toUTCString().replace("GMT", "+0000")}\nTo: ${to}`),
  );
  return [texts[2]!, texts[0]!, texts[4]!, texts[1]!, texts[3]!];
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function objreview(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((done) => {
    const options = { env, timeout: 540_000, maxBuffer: 64 << 20 };
    execFile(join(repositoryRoot, "bin/objreview"), [...args], options, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
  });
}

async function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "objreview-end-to-end-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const inbox = await startPublicInbox({ name: "linux-test" });
  t.after(() => inbox.end());
  const dovecot = await startDovecot();
  t.after(() => dovecot.end());
  const login = { user: "objreview", password: "horse battery staple" };
  const smtp = await startSmtp({
    tls: "starttls",
    login,
    // The author's mailbox, and the list, whose archive has it from then on.
    async forward({ raw }) {
      await dovecot.deliver(raw);
      await inbox.deliver(raw);
    },
  });
  t.after(() => smtp.end());
  for (const mail of todaysSeries(inbox.address)) {
    await inbox.deliver(mail);
    await dovecot.deliver(mail);
  }
  const archive = await inbox.serve();
  const state = join(folder, "state");
  mkdirSync(state);
  // Work trees of the kernel take longer to write than all that is tested here.
  symlinkSync(join(testCacheFolder(), "test-state"), join(state, "reviews"));
  const config = join(folder, "mail.yml");
  writeFileSync(
    config,
    `address: objreview@bot.example.org
sources:
  - {kind: public-inbox, name: linux-test, at: "${archive.url}"}
trees:
  - {name: linux, at: ${openSeriesTree().dir}}
lists:
  - {address: ${inbox.address}, trees: [linux], reply: list}
smtp:
  host: ${smtp.host}
  port: ${smtp.port}
  tls: starttls
  login: {user: ${login.user}, password-file: ${smtp.passwordFile}}
settle-seconds: 1
`,
  );
  const certificate = join(folder, "ca.pem");
  writeFileSync(certificate, smtp.certificate);
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    OBJREVIEW_STATE: state,
    OBJREVIEW_CACHE: testCacheFolder(),
    NODE_EXTRA_CA_CERTS: certificate,
  };
  return {
    folder,
    inbox,
    dovecot,
    smtp,
    archive,
    env,
    run: (args: readonly string[]) => objreview(["mail", ...args, "--config", config], env),
  };
}

test("a series from the archive of a list is reviewed, and the reply stands under the right patch", async (t) => {
  const { folder, dovecot, smtp, archive, run } = await setUp(t);
  const checked = await run(["check-config"]);
  assert.deepEqual([checked.code, checked.err], [0, ""]);
  assert.match(checked.out, /mails go to 127\.0\.0\.1/);

  const once = await run(["once", "--wait"]);
  assert.equal(once.code, 0, once.err);
  assert.equal(smtp.mails.length, 1, once.err);
  const [sent] = smtp.mails;
  assert.deepEqual(
    [sent?.isTls, sent?.user, sent?.from, sent?.to],
    [true, "objreview", "objreview@bot.example.org", ["dev@example.org", "linux-test@lists.example.org"]],
  );
  const text = sent!.raw.toString();
  assert.match(text, /^In-Reply-To: <20261102-message-path-v1-2@dev\.example\.org>\r$/m);
  assert.match(text, /^Subject: Re: \[PATCH 2\/4\] scm: put_cmsg\(\) needs only one error label\r$/m);
  assert.match(text, /^error: put_cmsg\(\) returns with user access open\r$/m);
  assert.match(text, /your base-commit\. Series\r?\n? *applied|your base-commit\. Series applied/);
  const wide = text.split("\r\n").filter((line) => line.length > 78 && !/^( {2}(npx|b4)|\| Closes:) /.test(line));
  assert.deepEqual(wide, [], "commands and addresses alone are not broken");
  const page = await fetch(/^\| Closes: (\S+)\r$/m.exec(text)![1]!);
  assert.equal(page.status, 200, "the address that a fix is to name is that of the reply in the archive");
  assert.match(await page.text(), /put_cmsg\(\) returns with user access open/);

  const status: MailStatus = JSON.parse((await run(["status", "--json"])).out);
  assert.equal(status.series.length, 1);
  const [series] = status.series;
  assert.deepEqual(
    [series?.state, series?.review?.verdict, series?.review?.findings, series?.mails.map(({ state }) => state)],
    ["ordered", "findings", 2, ["sent"]],
  );
  assert.match((await run(["status"])).out, /net: small clean-ups on the way of a message \(4\/4\)\n.*\n {2}ordered: /);

  // The reply is in the archive by now: it is read, and it is one of ours.
  const again = await run(["once", "--wait"]);
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /read source=public-inbox:linux-test mails=1 new=1/);
  assert.equal(smtp.mails.length, 1, "it is said once");

  await t.test("mutt, over IMAP", async () => {
    const password = readFileSync(dovecot.passwordFile, "utf8").trim();
    const index = await muttIndex({ mailbox: `imap://${dovecot.user}@127.0.0.1:${dovecot.port}/INBOX`, password });
    assert.equal(index.length, 6, index.join("\n"));
    const at = index.findIndex((line) => line.startsWith("objreview"));
    assert.match(index[at]!, /^objreview *\| `->Re: \[PATCH 2\/4\] scm: put_cmsg\(\) needs only one error label$/);
    assert.match(index[at - 1]!, /^A Developer *\|->\[PATCH 2\/4\] scm: put_cmsg\(\)/);
  });

  await t.test("b4, from the archive", async () => {
    const home = join(folder, "home");
    const out = join(folder, "b4");
    for (const each of [home, out]) mkdirSync(each);
    const env = { PATH: process.env.PATH, HOME: home, GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C.UTF-8" };
    const git = (...args: string[]) => runProgram(["git", ...args], { env, cwd: home });
    await git("init", "-q", home);
    await git("config", "--global", "b4.midmask", `${archive.url}/%s`);
    await git("config", "--global", "b4.attestation-policy", "off");
    // Without a user b4 am ends with 1 and no word (b4 0.12, mbox.py: except KeyError).
    for (const [key, value] of [
      ["name", "A Reader"],
      ["email", "reader@example.org"],
    ] as const) {
      await git("config", "--global", `user.${key}`, value);
    }
    const written = (name: string) =>
      readFileSync(join(out, readdirSync(out).find((each) => new RegExp(`^${name}(\\.mbx)?$`).test(each)) ?? name));
    const b4 = (...args: string[]) => runProgram(["b4", "--no-stdin", ...args], { env, cwd: home });
    await b4("mbox", "-o", out, "-n", "thread", "20261102-message-path-v1-0@dev.example.org");
    const thread = splitMbox(written("thread")).map(({ bytes }) => new TextDecoder().decode(bytes));
    assert.equal(thread.length, 6);
    const reply = thread.find((mail) => /^From: objreview/m.test(mail))!;
    assert.match(reply, /^In-Reply-To: *\n? ?<20261102-message-path-v1-2@dev\.example\.org>$/m);
    // The reply stands in nobody's way: the series is still the series.
    await b4("am", "-o", out, "-n", "series", "20261102-message-path-v1-0@dev.example.org");
    const applied = splitMbox(written("series"));
    assert.equal(applied.length, 4);
    // b4 puts what looks like a trailer in a reply onto the patch: ours is for whoever repairs it later.
    for (const { bytes } of applied) assert.doesNotMatch(new TextDecoder().decode(bytes), /Reported-by|Closes/);
  });
});
