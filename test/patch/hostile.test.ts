import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { FileDiff } from "../../src/patch/file-diff.ts";
import { nearestDiffLine, quoteHunk } from "../../src/patch/hunks.ts";
import { changedIdentifiers, onlyCommentsOrBlank } from "../../src/patch/identifiers.ts";
import { joinMboxrd, splitMbox } from "../../src/patch/mbox.ts";
import { parseMessage } from "../../src/patch/message.ts";
import { readSeries } from "../../src/patch/series.ts";
import { readSubject } from "../../src/patch/subject.ts";
import { cpuMillis } from "../support/cpu-time.ts";
import { GitRepo, makeZoo } from "./git-repo.ts";

const repo = new GitRepo();
after(() => repo.destroy());
const zoo = makeZoo(repo);
const encoder = new TextEncoder();
const bytes = (text: string): Uint8Array => encoder.encode(text);
const latin1 = (mail: Uint8Array): string => Buffer.from(mail).toString("latin1");
const separator = "From x Mon Sep 17 00:00:00 2001\n";

/** A value or one FormatError of one line: anything else is a defect. */
async function valueOrFormatError<T>(run: () => T | Promise<T>): Promise<T | FormatError> {
  try {
    return await run();
  } catch (error) {
    assert.ok(error instanceof FormatError, `${error instanceof Error ? error.stack : error}`);
    assert.equal(error.message.split("\n").length, 1);
    return error;
  }
}

/** Runs within `millis`, generous for a busy machine; a quadratic reader takes minutes on these inputs. */
async function within<T>(millis: number, run: () => T | Promise<T>): Promise<T> {
  const start = cpuMillis();
  const value = await run();
  const took = cpuMillis() - start;
  assert.ok(took < millis, `${took} ms`);
  return value;
}

test("mbox: separators as git sees them, unquoting, both line ends, no final newline", () => {
  const one = "From: a@b.c\nSubject: x\n\nFrom here on\n>From there\n>>From x Mon Sep 17 00:00:00 2001\n From x\nlast";
  const mbox = `${separator}${one}\n\n${separator.replaceAll("\n", "\r\n")}${one.replaceAll("\n", "\r\n")}`;
  const parts = splitMbox(bytes(mbox));
  assert.deepEqual(
    parts.map((part) => [part.number, part.offset]),
    [
      [1, 0],
      [2, separator.length + one.length + 2],
    ],
  );
  const expected = one.replace(">From there", "From there").replace(">>From x", ">From x");
  assert.equal(latin1(parts[0]?.bytes as Uint8Array), `${expected}\n\n`);
  assert.equal(latin1(parts[1]?.bytes as Uint8Array), expected);
  // No separator: one message, even when it quotes one further down.
  assert.equal(splitMbox(bytes(`From: a@b.c\n\ntext\n${separator}x\n`)).length, 1);
  const again = splitMbox(joinMboxrd(parts.map((part) => part.bytes)));
  assert.deepEqual(
    again.map((part) => latin1(part.bytes).trimEnd()),
    parts.map((part) => latin1(part.bytes).trimEnd()),
  );
});

test("mbox: a body that git would split is split by us at the same place", () => {
  const mbox = `${separator}From: a@b.c\n\ntext\nFrom 1234567 Tue Jan  2 03:04:05 2024\nFrom: b@c.d\n\nmore\n`;
  repo.write("in.mbox", mbox);
  const count = Number(repo.git("mailsplit", "-o.", "in.mbox").trim());
  assert.equal(splitMbox(bytes(mbox)).length, count);
  assert.equal(count, 2);
});

test("mbox: limits and emptiness name message and offset", async () => {
  const limits = { maxMessages: 2, maxMessageBytes: 100, maxBytes: 1000 };
  const mail = `${separator}From: a@b.c\n\nx\n`;
  const fail = async (text: string) => {
    const error = await valueOrFormatError(() => splitMbox(bytes(text), limits));
    assert.ok(error instanceof FormatError);
    assert.equal(error.place.format, "mbox");
    return [error.code, error.place.offset, error.message] as const;
  };
  assert.deepEqual((await fail(mail.repeat(3))).slice(0, 2), ["over-budget", mail.length * 2]);
  assert.match((await fail(mail.repeat(3)))[2], /message 3/);
  assert.match((await fail(mail + separator + "y".repeat(200)))[2], /message 2: 232 bytes/);
  assert.equal((await fail("x".repeat(1001)))[0], "over-budget");
  assert.equal((await fail(""))[0], "truncated");
  assert.equal((await fail("\n\n"))[0], "truncated");
  assert.match((await fail(mail + separator))[2], /message 2: nothing behind/);
});

test("headers: line breaks, NUL and brackets inside decoded words do not survive", async () => {
  const forged = Buffer.from("[PATCH] x\r\nBcc: victim@example.org\0\n\u2028y").toString("base64");
  const text = `From: =?UTF-8?B?${Buffer.from("A\r\nCc: b <c@d>").toString("base64")}?= <a@b.c>\nSubject: =?UTF-8?B?${forged}?=\nMessage-ID: <a\0@b>\nIn-Reply-To: <p@q> junk\nReferences: <r@s>\n <t@u><v@w>\n\nbody\n`;
  const [raw] = splitMbox(bytes(text));
  assert.ok(raw);
  const message = await parseMessage(raw);
  for (const value of [
    message.subjectText,
    message.from?.name ?? "",
    message.from?.address ?? "",
    message.messageId ?? "",
  ]) {
    assert.doesNotMatch(value, /[\u0000-\u001f\u007f\u2028]/);
  }
  assert.equal(message.subjectText, "[PATCH] x Bcc: victim@example.org y");
  assert.equal(message.inReplyTo, "p@q");
  assert.deepEqual(message.references, ["r@s", "t@u", "v@w"]);
});

test("charsets: the label, a wrong label, no label, an unknown one", async () => {
  const body = async (charset: string | undefined, content: Uint8Array) => {
    const type = charset === undefined ? "" : `Content-Type: text/plain; charset=${charset}\n`;
    const mail = new Uint8Array(Buffer.concat([bytes(`From: a@b.c\nSubject: x\n${type}\n`), content]));
    return (await parseMessage({ number: 1, offset: 0, bytes: mail })).body;
  };
  const utf8 = bytes("gr\u00fc\u00dfe\n");
  const latin = Uint8Array.from([0x67, 0x72, 0xfc, 0xdf, 0x65, 10]);
  for (const charset of ["utf-8", "us-ascii", "iso-8859-1", "x-no-such", undefined]) {
    assert.equal(await body(charset, utf8), "gr\u00fc\u00dfe\n", charset);
  }
  for (const charset of ["iso-8859-15", "us-ascii", "utf-8", "x-no-such", undefined]) {
    assert.equal(await body(charset, latin), "gr\u00fc\u00dfe\n", charset);
  }
  const japanese = Uint8Array.from([0x1b, 0x24, 0x42, 0x46, 0x7c, 0x4b, 0x5c, 0x1b, 0x28, 0x42, 10]);
  assert.equal(await body("iso-2022-jp", japanese), "\u65e5\u672c\n");
  const koi8 = Uint8Array.from([0xf0, 0xd2, 0xc9, 10]);
  assert.equal(await body("koi8-r", koi8), "\u041f\u0440\u0438\n");
});

test("subjects in the spellings that lists see", () => {
  const of = (text: string) => {
    const { isPatch, isPull, isReply, version, number, total, prefixes, title } = readSubject(text);
    const kind = isPull ? "pull" : isPatch ? "patch" : "-";
    return [kind, isReply, version, number, total, prefixes.join(" "), title];
  };
  assert.deepEqual(of("[PATCH RFC net-next v3 02/11] area: t"), ["patch", false, 3, 2, 11, "RFC net-next", "area: t"]);
  assert.deepEqual(of("[PATCH] t"), ["patch", false, 1, undefined, undefined, "", "t"]);
  assert.deepEqual(of("Re: [PATCH v2 1/2] t"), ["patch", true, 2, 1, 2, "", "t"]);
  assert.deepEqual(of("RE: AW: Re[2]: [PATCH] t"), ["patch", true, 1, undefined, undefined, "", "t"]);
  assert.deepEqual(of("[PATCHv4 0/3] t"), ["patch", false, 4, 0, 3, "", "t"]);
  assert.deepEqual(of("[RFC v2 1/3] t"), ["patch", false, 2, 1, 3, "RFC", "t"]);
  assert.deepEqual(of("[list-name] [PATCH 1/3] t"), ["patch", false, 1, 1, 3, "list-name", "t"]);
  assert.deepEqual(of("[PATCH][V2] t"), ["patch", false, 2, undefined, undefined, "", "t"]);
  assert.deepEqual(of("[PATCH] [media] t"), ["patch", false, 1, undefined, undefined, "", "[media] t"]);
  assert.deepEqual(of("[PATCH 5.10.y] t"), ["patch", false, 1, undefined, undefined, "5.10.y", "t"]);
  assert.deepEqual(of("[GIT PULL] x86/urgent"), ["pull", false, 1, undefined, undefined, "GIT PULL", "x86/urgent"]);
  assert.deepEqual(of("[PULL] t"), ["pull", false, 1, undefined, undefined, "PULL", "t"]);
  assert.deepEqual(of("[ANNOUNCE] t"), ["-", false, 1, undefined, undefined, "ANNOUNCE", "t"]);
  assert.deepEqual(of("no bracket [PATCH]"), ["-", false, 1, undefined, undefined, "", "no bracket [PATCH]"]);
  assert.deepEqual(of("[PATCH 1 of 2] t"), ["patch", false, 1, 1, 2, "", "t"]);
  assert.deepEqual(of("[net,v2,1/2] t"), ["-", false, 2, 1, 2, "net", "t"]);
  assert.deepEqual(of("[Patch 2/2]: t"), ["patch", false, 1, 2, 2, "", "t"]);
  assert.deepEqual(of("PATCH v2 1/2: t"), ["patch", false, 2, 1, 2, "", "t"]);
  assert.deepEqual(of("[PATCH -v2] t"), ["patch", false, 2, undefined, undefined, "", "t"]);
  assert.deepEqual(of("[PATCH v2.1 3/5] t"), ["patch", false, 2, 3, 5, "", "t"]);
  assert.deepEqual(of("[PATCH] v3: t"), ["patch", false, 3, undefined, undefined, "", "t"]);
  assert.deepEqual(of("[PATCH 00/33 v6] t"), ["patch", false, 6, 0, 33, "", "t"]);
  assert.deepEqual(of("Forwarded: Re: [PATCH] t"), ["patch", true, 1, undefined, undefined, "", "t"]);
  assert.deepEqual(of("[PATCH] serial: fix 508/512"), [
    "patch",
    false,
    1,
    undefined,
    undefined,
    "",
    "serial: fix 508/512",
  ]);
  assert.deepEqual(readSubject("[list-name] [PATCH net 1/3] t").tags, ["list-name"]);
  assert.deepEqual(of("[PATCH v99999 1/99999] t").slice(2, 5), [1, undefined, undefined]);
});

const mega = 5 * 1024 * 1024;
const traps: Record<string, string> = {
  " From lines": " From x Mon Sep 17 00:00:00 2001\n".repeat(mega / 33),
  "From lines without a date": "From x y z\n".repeat(mega / 11),
  separators: separator.repeat(mega / separator.length),
  ">From lines": separator + `${">".repeat(60)}From x\n`.repeat(mega / 67),
  "one line": "x".repeat(mega),
  "one long From line": `From ${"1:00 ".repeat(mega / 5)}`,
  "blank lines": "\n".repeat(mega),
  CRs: "\r".repeat(mega),
  NULs: "\0".repeat(mega),
  "header lines": "X-A: b\n".repeat(mega / 7),
  "diff headers": `${separator}From: a@b.c\nSubject: [PATCH] x\n\n---\n${"diff --git a/x b/x\n".repeat(mega / 19)}`,
  "--- lines": `${separator}From: a@b.c\nSubject: [PATCH] x\n\n---\n${"--- a/x\n+++ b/x\n".repeat(mega / 16)}`,
  "blanks in a diff header": `diff --git a/x${" b/x".repeat(mega / 4)}\nold mode 100644\nnew mode 100755\n`,
  quotes: `diff --git "a/${'\\"'.repeat(mega / 2)}\nold mode 100644\nnew mode 100755\n`,
  "three dashes and blanks": `${separator}From: a@b.c\nSubject: [PATCH] x\n\n---${" ".repeat(mega)}x\n`,
  trailers: `${separator}From: a@b.c\nSubject: [PATCH] x\n\n${"base-commit: \t".repeat(mega / 14)}`,
  "QP escapes": `From: a@b.c\nSubject: [PATCH] x\nContent-Transfer-Encoding: quoted-printable\n\n${"=".repeat(mega)}`,
  "QP blanks": `From: a@b.c\nSubject: [PATCH] x\nContent-Transfer-Encoding: quoted-printable\n\n${"= ".repeat(mega / 2)}`,
  "base64 noise": `From: a@b.c\nSubject: [PATCH] x\nContent-Transfer-Encoding: base64\n\n${"=A!".repeat(mega / 3)}`,
  parts: `From: a@b.c\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n${"--b\nContent-Type: text/plain\n\nx\n".repeat(mega / 33)}`,
  boundaries: `From: a@b.c\nSubject: [PATCH] x\nContent-Type: multipart/mixed; boundary=b\n\n${"--b\n".repeat(mega / 4)}`,
  "flowed blanks": `From: a@b.c\nSubject: [PATCH] x\nContent-Type: text/plain; format=flowed\n\n${"x \n".repeat(mega / 3)}`,
  "hunk headers": `diff --git a/y b/y\n--- a/y\n+++ b/y\n${"@@ -1 +1 @@\n".repeat(mega / 12)}`,
  "binary lines": `diff --git a/y b/y\nindex 1234..5678 100644\nGIT binary patch\n${"literal 0\n\n".repeat(mega / 11)}`,
};
for (const [what, text] of Object.entries(traps)) {
  test(`5 MB of ${what} end in a value or one error, in bounded time`, async () => {
    const result = await within(8000, () => valueOrFormatError(() => readSeries([{ name: "in", bytes: bytes(text) }])));
    if (!(result instanceof FormatError))
      assert.ok(result.reason.length > 0 && result.reason.length < 400, result.reason);
  });
}

test("deep MIME nesting is bounded", async () => {
  let mail = "From: a@b.c\nSubject: [PATCH] x\nMIME-Version: 1.0\n";
  for (let level = 0; level < 5000; level++)
    mail += `Content-Type: multipart/mixed; boundary="b${level}"\n\n--b${level}\n`;
  mail += "Content-Type: text/plain\n\nhello\n";
  const result = await within(8000, () => valueOrFormatError(() => readSeries([{ name: "in", bytes: bytes(mail) }])));
  assert.ok(result instanceof FormatError);
  assert.match(result.message, /message 1: more than 200 MIME parts/);
});

test("a hunk of a million lines is read in bounded time, and more than the limit is refused", async () => {
  const count = 1_000_000;
  const text = `diff --git a/y.c b/y.c\n--- a/y.c\n+++ b/y.c\n@@ -1,${count} +1,${count} @@\n${"-a\n".repeat(count)}${"+b\n".repeat(count)}`;
  const [file] = await within(8000, () => parseDiff(text));
  assert.equal(file?.hunks[0]?.lines.length, 2 * count);
  await within(8000, () => {
    assert.equal(quoteHunk(file as FileDiff, count)?.lines.length, 12);
    assert.deepEqual(nearestDiffLine(file as FileDiff, 5, 1, count), { line: 5, isDeletion: false });
    assert.equal(changedIdentifiers(file as FileDiff).mentioned.size, 2);
    assert.equal(onlyCommentsOrBlank(file as FileDiff), false);
  });
  const more = await valueOrFormatError(() => parseDiff(text, { maxLines: count }));
  assert.ok(more instanceof FormatError && more.code === "over-budget");
});

test("one hunk line of 1 MB, in the shapes that make lexers quadratic", async () => {
  for (const shape of ["a ", '"', '\\"', "'\"", "/*", "*/", "/**/", "//", "#define ", "a::", "  "]) {
    const line = shape.repeat((1024 * 1024) / shape.length);
    for (const start of [1, 50]) {
      const [file] = parseDiff(
        `diff --git a/y.c b/y.c\n--- a/y.c\n+++ b/y.c\n@@ -${start} +${start} @@\n-a\n+${line}\n`,
      );
      await within(4000, () => {
        changedIdentifiers(file as FileDiff);
        assert.equal(onlyCommentsOrBlank(file as FileDiff), false, shape);
      });
    }
  }
});

test("NUL bytes in a mail are text or an error, never in a path", async () => {
  const patch =
    "From: a@b.c\nSubject: [PATCH] x\0\n\nwhy\0\n---\ndiff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\0\n+b\n";
  const result = await readSeries([{ name: "in", bytes: bytes(patch) }]);
  assert.equal(result.state, "complete");
  const inPath = await valueOrFormatError(() =>
    readSeries([{ name: "in", bytes: bytes(patch.replaceAll("/y", "/y\0")) }]),
  );
  assert.ok(inPath instanceof FormatError);
  assert.match(inPath.message, /control character in the path/);
});

test("a series cut at any of 200 places, or with bytes changed, ends in a value or one error", async () => {
  const mbox = repo.gitBytes("format-patch", "--stdout", "-M", "-C", "--binary", "--cover-letter", zoo.base);
  const outcome = new Map<string, number>();
  for (let round = 0; round < 200; round++) {
    const copy = mbox.slice(0, round % 2 === 0 ? Math.floor((mbox.length * (round + 1)) / 201) : mbox.length);
    if (round % 2 === 1) {
      for (let edit = 0; edit < 3; edit++)
        copy[(round * 7919 + edit * 104729) % copy.length] = (round * 31 + edit * 17) & 0xff;
    }
    const result = await valueOrFormatError(() => readSeries([{ name: "in", bytes: copy }]));
    const state = result instanceof FormatError ? "error" : result.state;
    outcome.set(state, (outcome.get(state) ?? 0) + 1);
    // A mail that is missing or cut is never part of a series called complete with all its patches.
    if (round % 2 === 0 && round < 192) assert.notEqual(state, "complete", `cut at ${copy.length}`);
  }
  assert.ok((outcome.get("incomplete") ?? 0) > 30, JSON.stringify([...outcome]));
  assert.ok((outcome.get("error") ?? 0) > 10, JSON.stringify([...outcome]));
});

test("where git apply reads a damaged diff, we read the same files or refuse it", () => {
  const lines = makeZooDiff();
  let agreed = 0;
  let refused = 0;
  for (let round = 0; round < 250; round++) {
    const text = damage(lines, round);
    const git = repo.try(text, "apply", "--numstat", "-z", "-");
    let ours: string[];
    try {
      ours = parseDiff(text).map((file) => file.path);
    } catch (error) {
      assert.ok(error instanceof FormatError);
      refused++;
      continue;
    }
    if (git.status !== 0) continue;
    const rows = git.stdout.split("\0").filter(Boolean);
    const theirs = rows.map((row) => row.split("\t").slice(2).join("\t"));
    // git stops at a binary patch whose packed data is damaged, says so, and goes on with what it has; we do not unpack.
    const seen = git.stderr.includes("corrupt binary patch") ? ours.slice(0, theirs.length) : ours;
    assert.deepEqual(seen, theirs, `${text}\n${git.stderr}`);
    agreed++;
  }
  assert.ok(agreed > 60, String(agreed));
  assert.ok(refused > 60, String(refused));
});

function makeZooDiff(): string[] {
  const mbox = repo.git("format-patch", "--stdout", "-M", "-C", "--binary", "--no-stat", zoo.base);
  return mbox
    .split(/^(?=diff --git )/m)
    .slice(1)
    .join("")
    .split("\n");
}

/** A diff with a few lines dropped, doubled, swapped, cut or taken from elsewhere, always the same for one round. */
function damage(lines: readonly string[], round: number): string {
  const start = (round * 37) % (lines.length - 40);
  const at = lines.findIndex((line, index) => index >= start && line.startsWith("diff --git"));
  const out = lines.slice(Math.max(0, at), Math.max(0, at) + 40);
  for (let edit = 0; edit < 1 + (round % 3); edit++) {
    const place = (round * 13 + edit * 29) % out.length;
    const other = lines[(round * 101 + edit * 53) % lines.length] as string;
    const action = (round + edit) % 5;
    if (action === 0) out.splice(place, 1);
    else if (action === 1) out.splice(place, 0, out[place] as string);
    else if (action === 2) out.splice(place, 0, other);
    else if (action === 3) out[place] = (out[place] as string).slice(0, (round * 7) % 30);
    else out[place] = other;
  }
  return `${out.join("\n")}\n`;
}
