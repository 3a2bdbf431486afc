import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSource } from "../../../src/mail/sources/open.ts";
import { temporaryFolder } from "../../support/mail/daemon.ts";
import { idOf, mail, range, readAll } from "./reading.ts";

// Epochs that public-inbox would not write, made with git alone.

const folder = temporaryFolder("intake");
after(() => folder.remove());
let archives = 0;

const env = {
  PATH: process.env.PATH,
  HOME: folder.path,
  GIT_CONFIG_NOSYSTEM: "1",
  LC_ALL: "C",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
};

class Epoch {
  readonly mirror = join(folder.path, `archive${archives++}`);
  readonly dir = join(this.mirror, "git", "0.git");
  #tip = "";

  constructor(format = "sha1") {
    mkdirSync(this.dir, { recursive: true });
    this.git(["init", "--quiet", "--bare", "--template=", "--initial-branch=master", `--object-format=${format}`]);
    this.git(["config", "core.looseCompression", "9"]);
  }

  git(args: readonly string[], input: string | Uint8Array = ""): string {
    return execFileSync("git", ["-C", this.dir, ...args], { env, input, encoding: "utf8" }).trim();
  }

  blob(bytes: string | Uint8Array): string {
    return this.git(["hash-object", "-w", "--stdin"], bytes);
  }

  /** A commit whose tree is these entries, as `git mktree` reads them; its id. */
  commit(entries: string, date = Math.floor(Date.now() / 1000)): string {
    const tree = this.git(["mktree", "--missing"], entries);
    const when = { GIT_AUTHOR_DATE: `@${date} +0000`, GIT_COMMITTER_DATE: `@${date} +0000` };
    const parent = this.#tip === "" ? [] : ["-p", this.#tip];
    const args = ["-C", this.dir, "commit-tree", tree, "-m", "mail", ...parent];
    this.#tip = execFileSync("git", args, { env: { ...env, ...when }, encoding: "utf8" }).trim();
    this.git(["update-ref", "refs/heads/master", this.#tip]);
    return this.#tip;
  }

  mail(bytes: string | Uint8Array, date?: number): string {
    return this.commit(`100644 blob ${this.blob(bytes)}\tm\n`, date);
  }

  objectFile(id: string): string {
    return join(this.dir, "objects", id.slice(0, 2), id.slice(2));
  }
}

let states = 0;
const open = (at: string) =>
  openSource(
    { kind: "public-inbox", name: "list", at, "poll-minutes": 1, "since-days": 7 },
    { state: join(folder.path, `state${states++}`) },
  );

test("a commit whose mail is none, or too big, or missing, is named; the others come", async () => {
  const epoch = new Epoch();
  epoch.mail(mail(1));
  const tree = epoch.git(["mktree"], "");
  const [asTree, asCommit, nothing, bomb, missing] = [
    epoch.commit(`040000 tree ${tree}\tm\n`),
    epoch.commit(`160000 commit ${"1".repeat(40)}\tm\n`),
    epoch.commit(`100644 blob ${epoch.blob("x")}\tREADME\n`),
    epoch.mail(Buffer.alloc(100 << 20)),
    epoch.commit(`100644 blob ${"2".repeat(40)}\tm\n`),
  ].map((commit) => `epoch 0, commit ${commit.slice(0, 12)}`);
  // A mail that was purged, and one that was deleted.
  epoch.mail("");
  epoch.commit(`100644 blob ${epoch.blob(mail(1))}\td\n`);
  epoch.mail(mail(2));
  const began = performance.now();
  const source = open(epoch.mirror);
  const heard = await readAll(source);
  assert.deepEqual(heard.ids, [1, 2].map(idOf));
  assert.deepEqual(
    heard.skipped.toSorted(),
    [
      `${asTree}: its mail is a tree`,
      `${asCommit}: no mail in it that can be read`,
      `${nothing}: no mail in it that can be read`,
      `${bomb}: 104857600 bytes, at most 16777216 are taken`,
      `${missing}: no mail in it that can be read`,
    ].toSorted(),
  );
  assert.ok(performance.now() - began < 20_000);
  assert.equal((await readAll(source, heard.cursor)).batches, 0);
});

test("bytes of any kind are a mail, called after what they are", async () => {
  const epoch = new Epoch();
  const garbage = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256));
  epoch.mail(garbage);
  epoch.mail(mail(1, { body: "NUL \0 NUL\n" }));
  epoch.mail(`${"X-Long: y\n".repeat(100_000)}${mail(2)}`);
  epoch.mail(mail(3, { id: "<a\0b@example.org>" }));
  const { ids, raws, skipped } = await readAll(open(epoch.mirror));
  assert.deepEqual(skipped, []);
  assert.match(ids[0] as string, /^sha256\.[0-9a-f]{64}@no-message-id$/);
  assert.deepEqual(Buffer.from(raws[0] as Uint8Array), garbage);
  assert.deepEqual(ids.slice(1, 3), [1, 2].map(idOf));
  assert.match(ids[3] as string, /^sha256\./);
});

test("a damaged object is named, and is not the end of the source", async () => {
  const epoch = new Epoch();
  for (const i of range(1, 5)) epoch.mail(mail(i));
  const damaged = epoch.blob(mail("damaged", { body: "z".repeat(5000) }));
  const commit = epoch.commit(`100644 blob ${damaged}\tm\n`);
  for (const i of range(6, 9)) epoch.mail(mail(i));
  chmodSync(epoch.objectFile(damaged), 0o644);
  writeFileSync(epoch.objectFile(damaged), "this is not a zlib stream");
  const source = open(epoch.mirror);
  const heard = await readAll(source);
  assert.deepEqual(heard.ids, [...range(1, 5), ...range(6, 9)].map(idOf));
  assert.equal(heard.skipped.length, 1);
  assert.match(
    heard.skipped[0] as string,
    new RegExp(`^epoch 0, commit ${commit.slice(0, 12)}: .*cannot? be read|no mail`),
  );
  assert.equal((await readAll(source, heard.cursor)).batches, 0);
});

test("a history with a hole in it is an error, and the cursor stays", async () => {
  const epoch = new Epoch();
  const first = epoch.mail(mail(1));
  const source = open(epoch.mirror);
  const heard = await readAll(source);
  const hole = epoch.mail(mail(2));
  epoch.mail(mail(3));
  assert.ok(existsSync(epoch.objectFile(hole)) && first !== hole);
  rmSync(epoch.objectFile(hole));
  await assert.rejects(readAll(source, heard.cursor), { name: "ToolError", message: /^public-inbox:list: / });
});

test("dates of all times do not hide a mail once the archive is known", async () => {
  const epoch = new Epoch();
  epoch.mail(mail(0));
  const source = open(epoch.mirror);
  const first = await readAll(source);
  const now = Math.floor(Date.now() / 1000);
  const dates = [now - 9e8, now + 9e8, 0, now - 1e6, 4_000_000_000];
  for (const [i, date] of dates.entries()) epoch.mail(mail(i + 1, { date: new Date(date * 1000) }), date);
  assert.deepEqual((await readAll(source, first.cursor)).ids, range(1, 5).map(idOf));
});

test("an archive whose objects are named by SHA-256", async () => {
  const epoch = new Epoch("sha256");
  for (const i of range(1, 3)) epoch.mail(mail(i));
  const source = open(epoch.mirror);
  const first = await readAll(source);
  assert.deepEqual(first.ids, range(1, 3).map(idOf));
  epoch.mail(mail(4));
  assert.deepEqual((await readAll(source, first.cursor)).ids, [idOf(4)]);
});

test("a cursor that nobody can read begins anew, one of another archive goes on by the date", async () => {
  const epoch = new Epoch();
  for (const i of range(1, 3)) epoch.mail(mail(i));
  for (const cursor of ["", "{", '{"0":["x","",1]}', "[]", '{"0":["--all","",1]}']) {
    assert.deepEqual((await readAll(open(epoch.mirror), cursor)).ids, range(1, 3).map(idOf), cursor);
  }
  const gone = JSON.stringify({ 7: ["3".repeat(40), "4".repeat(40), 1] });
  assert.deepEqual((await readAll(open(epoch.mirror), gone)).ids, range(1, 3).map(idOf));
  const other = JSON.stringify({ 0: ["3".repeat(40), "4".repeat(40), Math.floor(Date.now() / 1000)] });
  const heard = await readAll(open(epoch.mirror), other);
  assert.deepEqual(heard.ids, range(1, 3).map(idOf));
  assert.match(heard.skipped[0] as string, /rewritten/);
});

test("20,000 mails: memory stays flat", async () => {
  const epoch = new Epoch();
  const parts: string[] = [];
  const now = Math.floor(Date.now() / 1000);
  for (const i of range(1, 20_000)) {
    const text = mail(i, { body: `${String(i).repeat(20)}\n`.repeat(20) });
    parts.push(
      `commit refs/heads/master\ncommitter A <a@example.org> ${now} +0000\ndata 2\nx\n`,
      `M 100644 inline m\ndata ${Buffer.byteLength(text)}\n${text}\n`,
    );
  }
  epoch.git(["fast-import", "--quiet"], parts.join(""));
  parts.length = 0;
  let seen = 0;
  let peak = 0;
  let settled = 0;
  for await (const batch of open(epoch.mirror).read(undefined, new AbortController().signal, assert.fail)) {
    seen += batch.mails.length;
    const { rss } = process.memoryUsage();
    if (seen <= 4000) settled = Math.max(settled, rss);
    peak = Math.max(peak, rss);
  }
  assert.equal(seen, 20_000);
  assert.ok(peak - settled < 100 << 20, `${(peak - settled) >> 20} MB more than after 4000`);
});
