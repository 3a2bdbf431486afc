import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { splitMboxStream } from "../../../src/mail/sources/mbox-stream.ts";
import { openSource } from "../../../src/mail/sources/open.ts";
import { joinMboxrd, splitMbox } from "../../../src/patch/mbox.ts";
import { temporaryFolder } from "../../support/mail/daemon.ts";
import { seededRandom } from "../../support/random.ts";
import { idOf, mail, range, readAll } from "./reading.ts";

const folder = temporaryFolder("intake");
after(() => folder.remove());
let files = 0;

const open = (at: string) =>
  openSource({ kind: "mbox", name: "box", at, "poll-minutes": 0.01 }, { state: folder.path });

const separator = "From dev@example.org Sun Nov 22 12:00:00 2026\n";
const boxOf = (...names: (string | number)[]): string => names.map((name) => `${separator}${mail(name)}\n`).join("");

/** As a file that nobody has written to for a minute. */
function settle(path: string): void {
  const then = new Date(Date.now() - 60_000);
  utimesSync(path, then, then);
}

function box(text: string | Uint8Array): string {
  const path = join(folder.path, `box${files++}`);
  writeFileSync(path, text);
  settle(path);
  return path;
}

test("a file that grows at its end", async () => {
  const path = box(boxOf(1, 2, 3));
  const source = open(path);
  assert.equal(source.name, "mbox:box");
  const first = await readAll(source);
  assert.deepEqual([first.ids, first.skipped], [[1, 2, 3].map(idOf), []]);
  assert.equal(Buffer.from(first.raws[0] as Uint8Array).toString(), `${mail(1)}\n`);
  assert.equal((await readAll(source, first.cursor)).batches, 0);
  appendFileSync(path, boxOf(4, 5));
  settle(path);
  const second = await readAll(open(path), first.cursor);
  assert.deepEqual([second.ids, second.skipped], [[4, 5].map(idOf), []]);
});

test("a message that is being written is waited for", async () => {
  const path = box(boxOf(1));
  const half = `${separator}${mail(2)}`;
  appendFileSync(path, half.slice(0, 150));
  const writing = (async () => {
    await new Promise((done) => setTimeout(done, 1000));
    appendFileSync(path, `${half.slice(150)}\n`);
  })();
  const heard = await readAll(open(path));
  await writing;
  assert.deepEqual([heard.ids, heard.skipped], [[1, 2].map(idOf), []]);
  assert.match(Buffer.from(heard.raws[1] as Uint8Array).toString(), /This is mail 2\.\n\n$/);
});

test("a file that was rotated: what was not read of the old one comes first", async () => {
  for (const how of ["renamed", "copied and cut off"]) {
    const path = box(boxOf(1, 2));
    const first = await readAll(open(path));
    appendFileSync(path, boxOf(3));
    if (how === "renamed") renameSync(path, `${path}.1`);
    else copyFileSync(path, `${path}.1`);
    writeFileSync(path, boxOf(4, 5));
    settle(path);
    settle(`${path}.1`);
    const second = await readAll(open(path), first.cursor);
    assert.deepEqual([second.ids, second.skipped], [[3, 4, 5].map(idOf), []], how);
    assert.equal((await readAll(open(path), second.cursor)).batches, 0);
  }
});

test("a file that was cut off, replaced or rewritten is read from its start, and that is said", async () => {
  for (const change of ["cut off", "replaced by a longer one", "rewritten in its middle"]) {
    const path = box(boxOf(1, 2, 3));
    const first = await readAll(open(path));
    if (change === "cut off") truncateSync(path, boxOf(1).length);
    else if (change === "replaced by a longer one") writeFileSync(path, boxOf("a", "b", "c", "d", "e"));
    else writeFileSync(path, boxOf(1, 2, 3).replace("Subject:", "Status: RO\nSubject:") + boxOf(4));
    settle(path);
    const second = await readAll(open(path), first.cursor);
    const expected = { "cut off": [1], "replaced by a longer one": ["a", "b", "c", "d", "e"] }[change] ?? [1, 2, 3, 4];
    assert.deepEqual(second.ids, expected.map(idOf), change);
    assert.deepEqual(second.skipped, [`${path}: cut off, rewritten or replaced; it is read from its start`]);
  }
});

test("what cannot be taken is named by its place and passed over", async () => {
  const bigBody = `${"x".repeat(70)}\n`.repeat(240_000);
  const big = `${separator}${mail("big", { body: bigBody })}`;
  const path = box(`text\nof nobody\n${boxOf(1)}${separator}${big}${boxOf(2)}`);
  const heard = await readAll(open(path));
  assert.deepEqual(heard.ids, [1, 2].map(idOf));
  const at = 15 + boxOf(1).length;
  assert.deepEqual(heard.skipped, [
    'byte 0: text without a "From " line; perhaps the message before it was half written',
    `byte ${at}: nothing behind its "From " line`,
    `byte ${at + separator.length}: ${big.length} bytes, at most 16777216 are taken`,
  ]);
});

test("one mail without a separator line, and one that is empty", async () => {
  assert.deepEqual((await readAll(open(box(mail(1))))).ids, [idOf(1)]);
  assert.deepEqual((await readAll(open(box("")))).ids, []);
  assert.deepEqual((await readAll(open(box("\n\n")))).ids, []);
});

test("a file that is not there, or is none", async () => {
  const none = join(folder.path, "none");
  await assert.rejects(readAll(open(none)), {
    name: "ToolError",
    code: "not-found",
    message: `mbox:box: ${none} does not exist`,
  });
  mkdirSync(none);
  await assert.rejects(readAll(open(none)), { message: `mbox:box: ${none} is no regular file` });
  rmSync(none, { recursive: true });
});

test("300 MB are read in bounded memory", async () => {
  const path = join(folder.path, "large");
  const filler = `${"y".repeat(70)}\n`.repeat(400);
  const out = openSync(path, "w");
  let count = 0;
  for (let bytes = 0; bytes < 300 << 20; count++)
    bytes += writeSync(out, `${separator}${mail(count, { body: filler })}\n`);
  closeSync(out);
  settle(path);
  // `ids` alone are kept.
  let seen = 0;
  let peak = 0;
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  for await (const batch of open(path).read(undefined, new AbortController().signal, assert.fail)) {
    seen += batch.mails.length;
    peak = Math.max(peak, process.memoryUsage().rss - before);
  }
  rmSync(path);
  assert.equal(seen, count);
  assert.ok(peak < 250 << 20, `${peak >> 20} MB more`);
});

test("the stream is split where the whole is, whatever its chunks are", async () => {
  const bodies = [
    "plain\n",
    "From nobody at all\n",
    "From me Sun Nov 22 12:00:00 2026\nnot quoted\n",
    ">From me Sun Nov 22 12:00:00 2026\n",
    "Fro",
    "\nFrom",
    "no line end",
    `From ${"x".repeat(500)} 12:00:00 2026\n`,
    "\r\n\r\n",
    "",
  ];
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number): number => random() % limit;
    const pick = (): string => Array.from({ length: below(4) }, () => bodies[below(bodies.length)]).join("");
    const text = `${"\n".repeat(below(3))}${Array.from({ length: 1 + below(5) }, (_, i) => separator + mail(i, { body: pick() })).join("")}`;
    const bytes = Buffer.from(text);
    const expected = splitMbox(bytes, { maxBytes: 1 << 20, maxMessages: 100, maxMessageBytes: 1 << 20 });
    async function* chunks() {
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + below(seed % 3 === 0 ? 3 : 300);
        yield bytes.subarray(at, at + length);
        at += length;
      }
    }
    const pieces: { start: number; end: number; raw: string }[] = [];
    for await (const { start, end, raw } of splitMboxStream(chunks())) {
      pieces.push({ start, end, raw: Buffer.from(raw as Uint8Array).toString() });
    }
    const wanted = expected.map((each, i) => ({
      start: each.offset,
      end: expected[i + 1]?.offset ?? bytes.length,
      raw: Buffer.from(each.bytes).toString(),
    }));
    assert.deepEqual(pieces, wanted, `seed ${seed}`);
  }
});

test("what joinMboxrd wrote comes out as it went in", async () => {
  const raws = range(1, 20).map((i) =>
    Buffer.from(mail(i, { body: `>From\n>>From x\nFrom a 12:00:00 2026\n${i}\n\n` })),
  );
  const heard = await readAll(open(box(joinMboxrd(raws))));
  assert.deepEqual(
    heard.raws.map((raw) => Buffer.from(raw).toString()),
    // The empty line behind a message is the mbox's; as splitMbox we leave it there.
    raws.map((raw) => `${raw}\n`),
  );
});

test("standard input: one mail, an mbox, a mail that quotes a separator line", async () => {
  const quoting = mail("q", { body: `look:\n${separator}Subject: not a mail\n\nyes\n` });
  const cases: [string, string[]][] = [
    [mail(1), [idOf(1)]],
    [boxOf(1, 2, 3), [1, 2, 3].map(idOf)],
    [`\n\n${boxOf(1)}`, [idOf(1)]],
    [quoting, [idOf("q")]],
    ["", []],
  ];
  for (const [text, ids] of cases) {
    async function* stdin() {
      for (let at = 0; at < text.length; at += 37) yield Buffer.from(text.slice(at, at + 37));
    }
    const source = openSource({ kind: "stdin", name: "stdin" }, { state: folder.path, stdin: stdin() });
    assert.equal(source.name, "stdin:stdin");
    const heard = await readAll(source);
    assert.deepEqual([heard.ids, heard.skipped, heard.cursor], [ids, [], undefined]);
    if (text === quoting) assert.equal(Buffer.from(heard.raws[0] as Uint8Array).toString(), quoting);
    assert.equal((await readAll(source)).batches, 0, "it is read once");
  }
  assert.throws(() => openSource({ kind: "stdin", name: "stdin" }, { state: folder.path }), {
    name: "UsageError",
    message: "stdin:stdin: there is no standard input here",
  });
});
