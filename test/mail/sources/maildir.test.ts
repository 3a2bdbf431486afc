import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSource } from "../../../src/mail/sources/open.ts";
import { temporaryFolder } from "../../support/mail/daemon.ts";
import { idOf, mail, range, readAll } from "./reading.ts";

const folder = temporaryFolder("intake");
after(() => folder.remove());
let dirs = 0;
let names = 0;

function makeMaildir(): string {
  const at = join(folder.path, `Maildir${dirs++}`);
  for (const part of ["cur", "new", "tmp"]) mkdirSync(join(at, part), { recursive: true });
  return at;
}

const open = (at: string, now?: () => number) =>
  openSource(
    { kind: "maildir", name: "box", at, "poll-minutes": 0.01 },
    { state: folder.path, ...(now === undefined ? {} : { now }) },
  );

/** As maildir(5) wants it; the name of the file. */
function put(at: string, text: string | Uint8Array, part = "new", flags = ""): string {
  const name = `${1_700_000_000 + ((names * 7919) % 1000)}.M${names++}P1.host${flags}`;
  writeFileSync(join(at, "tmp", name), text);
  renameSync(join(at, "tmp", name), join(at, part, name));
  return name;
}

test("new/ and cur/, then what is new; nothing is touched", async () => {
  const at = makeMaildir();
  put(at, mail(1));
  put(at, mail(2), "cur", ":2,S");
  put(at, mail(3), "cur", ":2,");
  const listing = (): string => execFileSync("ls", ["-lR", "--time-style=full-iso", at], { encoding: "utf8" });
  const before = listing();
  const source = open(at);
  assert.equal(source.name, "maildir:box");
  const first = await readAll(source);
  assert.deepEqual([first.ids.toSorted(), first.skipped], [[1, 2, 3].map(idOf), []]);
  assert.deepEqual(
    first.raws.map((raw) => Buffer.from(raw).toString()).toSorted(),
    [1, 2, 3].map((i) => mail(i)).toSorted(),
  );
  assert.equal(listing(), before);
  const quiet = await readAll(source, first.cursor);
  assert.deepEqual([quiet.ids, quiet.batches], [[], 0]);
  put(at, mail(4));
  assert.deepEqual((await readAll(source, first.cursor)).ids, [idOf(4)]);
});

test("a message that a reader moves and flags is not new by that", async () => {
  const at = makeMaildir();
  const name = put(at, mail(1));
  const source = open(at);
  const first = await readAll(source);
  renameSync(join(at, "new", name), join(at, "cur", `${name}:2,`));
  renameSync(join(at, "cur", `${name}:2,`), join(at, "cur", `${name}:2,RS`));
  put(at, mail(2));
  assert.deepEqual((await readAll(source, first.cursor)).ids, [idOf(2)]);
});

test("the cursor is as short after 5000 messages, and after a restart little is read again", async () => {
  const at = makeMaildir();
  for (const i of range(1, 5000)) put(at, mail(i));
  const first = await readAll(open(at));
  assert.equal(new Set(first.ids).size, 5000);
  assert.ok(first.batches >= 25);
  assert.ok((first.cursor as string).length < 40, first.cursor);
  // From a point of view of an hour later, and another process.
  const later = (): number => Date.now() + 3600_000;
  assert.deepEqual((await readAll(open(at, later), first.cursor)).ids.length, 5000, "within the look-back");
  const hourOld = `changed ${Math.floor(statSync(join(at, "new")).ctimeMs) + 3600_000}`;
  const again = await readAll(open(at, later), hourOld);
  assert.deepEqual(again.ids, []);
});

test("a batch that could not be stored is given again by the same source", async () => {
  // The second time by a clock that stands: all batches have the same cursor.
  const standing = Date.now();
  for (const now of [undefined, () => standing]) {
    const at = makeMaildir();
    for (const i of range(1, 450)) put(at, mail(i));
    const source = open(at, now);
    const stored: string[] = [];
    let cursor: string | undefined;
    await assert.rejects(async () => {
      for await (const batch of source.read(cursor, new AbortController().signal, assert.fail)) {
        if (stored.length > 0) throw new Error("the disk is full");
        stored.push(...batch.mails.map((each) => each.messageId));
        cursor = batch.cursor;
      }
    }, /disk is full/);
    const rest = await readAll(source, cursor);
    assert.deepEqual(new Set([...stored, ...rest.ids]), new Set(range(1, 450).map(idOf)));
  }
});

test("a clock that was wrong once does not hide what comes later", async () => {
  const at = makeMaildir();
  put(at, mail(1));
  const source = open(at);
  const heard = await readAll(source, `changed ${Date.now() + 365 * 24 * 3600_000}`);
  assert.deepEqual(heard.ids, [idOf(1)]);
  put(at, mail(2));
  assert.deepEqual((await readAll(source, heard.cursor)).ids, [idOf(2)]);
});

test("links, pipes, folders, giants and unreadable files are named, once, and passed over", async () => {
  const at = makeMaildir();
  const secret = join(folder.path, "secret");
  writeFileSync(secret, mail("secret"));
  const inNew = (name: string): string => join(at, "new", name);
  symlinkSync(secret, inNew("1.link"));
  symlinkSync(join(at, "nowhere"), inNew("2.dangling"));
  execFileSync("mkfifo", [inNew("3.pipe")]);
  mkdirSync(inNew("4.folder"));
  writeFileSync(inNew("5.giant"), mail("giant"));
  truncateSync(inNew("5.giant"), 20 << 20);
  writeFileSync(inNew("6.empty"), "");
  writeFileSync(inNew(".hidden"), mail("hidden"));
  writeFileSync(
    Buffer.concat([Buffer.from(`${at}/new/7.`), Buffer.from([0xff, 0xfe]), Buffer.from("\n.odd")]),
    mail(7),
  );
  put(at, mail(8));
  const source = open(at);
  const first = await readAll(source);
  assert.deepEqual(first.ids.toSorted(), [7, 8].map(idOf));
  assert.deepEqual(first.skipped.toSorted(), [
    "new/1.link: no regular file",
    "new/2.dangling: no regular file",
    "new/3.pipe: no regular file",
    "new/4.folder: no regular file",
    "new/5.giant: 20971520 bytes, at most 16777216 are taken",
    "new/6.empty: empty",
  ]);
  put(at, mail(9));
  const second = await readAll(source, first.cursor);
  assert.deepEqual([second.ids, second.skipped], [[idOf(9)], []]);
});

test("a folder that is a link, or none", async () => {
  const at = makeMaildir();
  rmSync(join(at, "new"), { recursive: true });
  await assert.rejects(readAll(open(at)), {
    name: "ToolError",
    code: "not-found",
    message: `maildir:box: ${at}/new does not exist`,
  });
  symlinkSync("/etc", join(at, "new"));
  await assert.rejects(readAll(open(at)), {
    message: `maildir:box: ${at}/new is no folder (a link is not followed)`,
  });
});

test("NUL bytes and any other byte are given as they are", async () => {
  const at = makeMaildir();
  const bytes = Buffer.concat([Buffer.from(mail(1)), Buffer.from(Array.from({ length: 256 }, (_, i) => i))]);
  put(at, bytes);
  const heard = await readAll(open(at));
  assert.deepEqual(Buffer.from(heard.raws[0] as Uint8Array), bytes);
  assert.equal(readdirSync(join(at, "new")).length, 1);
});

test("a file of somebody else is named", async () => {
  const at = makeMaildir();
  const name = put(at, mail(1));
  chmodSync(join(at, "new", name), 0);
  // Root may read all, so it is somebody else (Debian's "nobody") meanwhile.
  const isRoot = process.getuid?.() === 0;
  chmodSync(folder.path, 0o755);
  if (isRoot) process.seteuid?.(65534);
  try {
    const heard = await readAll(open(at));
    assert.deepEqual([heard.ids, heard.skipped], [[], [`new/${name}: EACCES`]]);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
