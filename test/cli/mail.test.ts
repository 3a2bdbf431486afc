import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { MailStatus } from "../../src/mail/status.ts";
import { makeRepository, numbered, scratchFolder } from "../kernel-tools/make-repository.ts";
import { repositoryRoot } from "../support/repository.ts";

// The commands as they are typed, over a repository that is no kernel: a review of it comes to no verdict, and soon.

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function setUp(t: TestContext, source: (folder: string) => string) {
  const folder = scratchFolder(t, "objreview-mail-cli-");
  const tree = await makeRepository(join(folder, "tree"));
  await tree.commit("base", { "lib/a.c": numbered(9) });
  await tree.commit("lib: a change", { "lib/a.c": numbered(9, { 4: "int x;" }) });
  const [mail] = await tree.mails("HEAD~1..HEAD");
  await tree.git("reset", "--quiet", "--hard", "HEAD~1");
  const date = new Date(Date.now() - 60_000).toUTCString().replace("GMT", "+0000");
  const patch = Buffer.from(mail!)
    .toString()
    .replace(/^Date: .*$/m, `Date: ${date}\nTo: linux-test@example.org\nMessage-ID: <one@example.org>`);
  const config = join(folder, "mail.yml");
  writeFileSync(
    config,
    `address: objreview@example.org
sources:
  - ${source(folder)}
trees:
  - {name: linux, at: ${tree.dir}, branches: [main]}
lists:
  - {address: linux-test@example.org, trees: [linux], reply: list}
dry-run: ${join(folder, "sent")}
settle-seconds: 0
`,
  );
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    OBJREVIEW_STATE: join(folder, "state"),
    OBJREVIEW_CACHE: join(folder, "cache"),
  };
  return {
    folder,
    config,
    patch,
    run: (args: readonly string[], input = "") =>
      new Promise<Ended>((done) => {
        const command = [...args.slice(0, 1), "--config", config, ...args.slice(1)];
        const child = execFile(
          join(repositoryRoot, "bin/objreview"),
          ["mail", ...command],
          { env },
          (error, out, err) => done({ code: error === null ? 0 : Number(error.code), out, err }),
        );
        child.stdin?.on("error", () => {});
        child.stdin?.end(input);
      }),
  };
}

test("a series on standard input, and what became of it", async (t) => {
  const { patch, run } = await setUp(t, () => "{kind: stdin}");
  const checked = await run(["check-config"]);
  assert.deepEqual([checked.code, checked.err], [0, ""]);
  assert.match(checked.out, /can be used: sources stdin; trees linux; 1 list, 1 of them answered; mails go into /);
  const once = await run(["once", "--wait"], patch);
  assert.equal(once.code, 0, once.err);
  for (const line of [
    /^mail: read source=stdin:stdin mails=1 new=1$/m,
    /^mail: ordered target=mail:one@example\.org ended=0$/m,
    /^mail: base review=\S+ base=\S+ chosenBy=1 of 1 blobs match \S+$/m,
    /^mail: review ended review=\S+ verdict=inconclusive reason=/m,
    /^mail: silent series=one@example\.org .*no verdict/m,
  ]) {
    assert.match(once.err, line);
  }
  const status = await run(["status"]);
  assert.match(
    status.out,
    /^1 series, 0 open reviews, 0 mails to be read\n\nlib: a change\n {2}ada@example\.org {2}one@example\.org\n/,
  );
  assert.match(
    status.out,
    /^ {2}ordered: 1 of 1 patch$\n^ {2}review: inconclusive on \S+: .*\n {2}no mail: no verdict/m,
  );
  const json: MailStatus = JSON.parse((await run(["status", "--json", "--days", "1", "--limit", "5"])).out);
  assert.deepEqual(
    [
      json.version,
      json.isCut,
      json.series.map((each) => [each.identity, each.state, each.review?.verdict, each.mails]),
    ],
    ["1.0", false, [["one@example.org", "ordered", "inconclusive", []]]],
  );
  const again = await run(["once"], patch);
  assert.match(again.err, /mails=1 new=0/);
  assert.doesNotMatch(again.err, /ordered|review/);
  const watch = await run(["watch"]);
  assert.equal(watch.code, 2);
  assert.match(watch.err, /source stdin: standard input is for mail once/);
});

test("the last line says what a run came to, also where there was nothing in it", async (t) => {
  const { patch, run } = await setUp(t, () => "{kind: stdin}");
  const last = async (input: string): Promise<string> => {
    const ended = await run(["once"], input);
    assert.equal(ended.code, 0, ended.err);
    return ended.err.trimEnd().split("\n").at(-1)!;
  };
  assert.equal(await last(""), "mail: done: no mail in stdin:stdin");
  assert.equal(
    await last("\0\x7fELF no mail\n".repeat(2000)),
    "mail: done: 1 mail read; no series; 1 mail in none (no patch and no reply)",
  );
  const half = patch.replace("[PATCH]", "[PATCH 1/2]").replace("<one@", "<half@");
  assert.equal(await last(half), "mail: done: 1 mail read; 1 series (waiting)");
  assert.equal(await last(half), "mail: done: 1 mail read, all known already");
});

test("a source that is not there is told, and the rest is done", async (t) => {
  const { folder, patch, run } = await setUp(
    t,
    (at) => `{kind: mbox, name: box, at: ${at}/in.mbox}\n  - {kind: mbox, name: gone, at: ${at}/none/in.mbox}`,
  );
  writeFileSync(join(folder, "in.mbox"), `From git@z Thu Jan  1 00:00:00 2026\n${patch}`);
  const once = await run(["once"]);
  assert.equal(once.code, 1, once.err);
  assert.match(once.err, /^mail: error: a source was not read source=mbox:gone error=.*$/m);
  assert.match(once.err, /read source=mbox:box mails=1 new=1/);
  assert.match(
    once.err,
    /^mail: done: 1 mail read; 1 mail passed over, named above; 1 series \(ordered\); not read: mbox:gone$/m,
  );
});

test("what is wrong with a config is told by every command, line by line", async (t) => {
  const { folder, config, run } = await setUp(t, () => "{kind: stdin}");
  const good = readFileSync(config, "utf8");
  appendFileSync(config, "setle-seconds: 1\nworkers: many\n");
  for (const [command, code] of [
    ["check-config", 1],
    ["once", 2],
    ["watch", 2],
    ["status", 2],
  ] as const) {
    const ended = await run([command]);
    assert.equal(ended.code, code, command);
    assert.deepEqual(ended.err.trimEnd().split("\n"), [
      `${config}:10: setle-seconds: there is no such key; settle-seconds is meant, perhaps`,
      `${config}:11: workers: a number, not "many"`,
    ]);
  }
  writeFileSync(config, "");
  assert.equal((await run(["check-config"])).code, 1);
  const password = join(folder, "password");
  writeFileSync(password, "x\n", { mode: 0o600 });
  const imap = `{kind: imap, name: far, host: imap.example.org, tls: "off", login: {user: u, password-file: ${password}}}`;
  writeFileSync(config, good.replace("{kind: stdin}", imap));
  const open = await run(["check-config"]);
  assert.equal(open.code, 1);
  assert.match(open.err, /^\S+mail\.yml:3: sources\.0: .*imap\.example\.org/);
  const gone = await run(["once", "--config", "/nonexistent/mail.yml"]);
  assert.deepEqual([gone.code, gone.err], [2, "objreview: --config /nonexistent/mail.yml: no such file\n"]);
});
