// The oracle is git itself: what `git am --3way` makes of the same mails in an ordinary clone, with the same committer.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { ApplyResult } from "../../src/kernel/apply.ts";
import { applySeries } from "../../src/kernel/apply.ts";
import { COMMITTER } from "../../src/kernel/git.ts";
import { run, runOk } from "../../src/kernel/process.ts";
import { openSlot } from "../../src/kernel/slot.ts";
import { openTree } from "../../src/kernel/tree.ts";
import type { TestRepository } from "./make-repository.ts";
import { makeRepository, numbered, OWNER_ENV, scratchFolder, testState } from "./make-repository.ts";

async function setUp(t: TestContext) {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const base = await repository.commit("base", {
    "a.c": numbered(40),
    "dir/b.c": numbered(40),
    "tool.sh": { executable: "#!/bin/sh\n" },
    bin: "\u0000\u0001base",
  });
  return { dir, repository, base };
}

async function apply(
  t: TestContext,
  repository: TestRepository,
  base: string,
  mails: readonly Uint8Array[],
): Promise<ApplyResult> {
  const tree = await openTree(repository.dir, testState(scratchFolder(t)));
  const slot = await openSlot(tree, "review");
  t.after(() => slot.release());
  await slot.checkout(base);
  const result = await applySeries(slot, base, mails);
  assert.deepEqual(await applySeries(slot, base, mails, pathsOf(mails)), result, "over an index of the touched files");
  await slot.settle();
  const left = await slot.git.runOk(["status", "--porcelain", "--ignored"]);
  assert.equal(left.stdout, "", "the slot ends clean");
  assert.ok(slot.head() !== undefined);
  assert.ok(!existsSync(join(slot.folder, "apply")));
  if (result.kind !== "conflict") {
    for (const commit of result.commits) await slot.checkout(commit);
    assert.deepEqual(await applySeries(slot, base, mails), result, "again, from another commit in the slot");
  }
  return result;
}

/** Paths as the lines of the mails have them, unquoted ones only. */
function pathsOf(mails: readonly Uint8Array[]): string[] {
  const lines = /^(?:diff --git a\/(\S+) b\/(\S+)|(?:---|\+\+\+) [ab]\/(\S+)|(?:rename|copy) (?:from|to) (\S+))$/gm;
  return mails.flatMap((mail) =>
    [...Buffer.from(mail).toString("latin1").matchAll(lines)].flatMap((match) => match.slice(1).filter(Boolean)),
  );
}

/** Commits that git am makes one mail at a time, or the index of the mail at which it stops. */
async function gitAm(
  dir: string,
  repository: TestRepository,
  base: string,
  mails: readonly Uint8Array[],
): Promise<string[] | number> {
  const clone = join(dir, "oracle");
  const env = { ...OWNER_ENV, HOME: dir, GIT_COMMITTER_NAME: COMMITTER.name, GIT_COMMITTER_EMAIL: COMMITTER.email };
  await runOk(["git", "clone", "--quiet", repository.dir, clone], { env });
  await runOk(["git", "checkout", "--quiet", "--detach", base], { cwd: clone, env });
  const commits: string[] = [];
  for (const [index, mail] of mails.entries()) {
    const done = await run(["git", "am", "--3way", "--committer-date-is-author-date"], {
      cwd: clone,
      env,
      input: mail,
    });
    if (done.exitCode !== 0) return index;
    commits.push((await runOk(["git", "rev-parse", "HEAD"], { cwd: clone, env })).stdout.trim());
  }
  return commits;
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

function edit(mail: Uint8Array, change: (text: string) => string): Uint8Array {
  return Buffer.from(change(Buffer.from(mail).toString("latin1")), "latin1");
}

test("a series of every kind of change gives the commits of git am", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.commit(
    'a: change a line\n\nWith a body.\n\n  Indented.\n\n\nTwo empty lines above.\nFixes: 123456789abc ("x")',
    { "a.c": numbered(40, { 20: "one" }) },
  );
  await repository.commit("a: change another", { "a.c": numbered(40, { 20: "one", 30: "two" }) });
  await repository.commit("b: rename and change", { "dir/b.c": null, "other/deep/c.c": numbered(40, { 5: "three" }) });
  await repository.commit("new and gone", { "new/file.c": "x\n", "tool.sh": null });
  await repository.commit("file to folder", { "a.c": null, "a.c/inner.c": "y\n" });
  await repository.commit("link", { link: { link: "a.c/inner.c" }, exec: { executable: "#!/bin/sh\n" } });
  await repository.commit("no newline at the end, odd name", { "odd n\u00e4me\t.c": "x" });
  const mails = await repository.mails(`${base}..HEAD`);
  assert.equal(mails.length, 7);
  const result = await apply(t, repository, base, mails);
  assert.deepEqual(result, { kind: "applied", commits: await gitAm(dir, repository, base, mails) });
});

test("a slot that was never written to will do", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.commit("a: change", { "a.c": numbered(40, { 20: "one" }) });
  const mails = await repository.mails(`${base}..HEAD`);
  const tree = await openTree(repository.dir, testState(join(dir, "fresh")));
  const slot = await openSlot(tree, "review");
  t.after(() => slot.release());
  assert.deepEqual(await applySeries(slot, base, mails, ["a.c"]), {
    kind: "applied",
    commits: await gitAm(dir, repository, base, mails),
  });
});

test("authors, dates and encodings come out as git am has them", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.commit("a: change", { "a.c": numbered(40, { 20: "one" }) });
  const [mail] = await repository.mails(`${base}..HEAD`);
  const variants: ((text: string) => string)[] = [
    (text) => text.replace(/^From: .*$/m, "From: =?UTF-8?q?J=C3=B6rg=20M=C3=BCller?= <joerg@example.org>"),
    (text) =>
      text
        .replace(/^From: .*$/m, 'From: "Doe, Jane" <jane@example.org>')
        .replace(/^Date: .*$/m, "Date: Tue, 2 Jan 2024 03:04:05 -0800"),
    (text) => text.replace("\n\n---\n", "\n\nFrom: In Body <body@example.org>\n\nText.\n---\n"),
    (text) =>
      text.replace(/^Subject: .*$/m, "Subject: [PATCH v3 net-next 2/9 RESEND] [x] a: long\n subject that is folded"),
    (text) => text.replaceAll("\n", "\r\n"),
    (text) => text.slice(text.indexOf("\n") + 1),
    (text) =>
      text.replace(
        "\n---\n",
        "\nFrom here on it is text, and:\nFrom ada@example.org Mon Sep 17 00:00:00 2001\nmore\n\n---\n",
      ),
  ];
  for (const [index, variant] of variants.entries()) {
    const changed = edit(mail!, variant);
    const ours = await apply(t, repository, base, [changed]);
    assert.equal(ours.kind, "applied", `variant ${index}`);
    // git am takes the line "From ..." in the text for the start of a mail unless the mail comes without its own.
    const forGit = index === 6 ? edit(changed, (text) => text.slice(text.indexOf("\n") + 1)) : changed;
    const theirs = await gitAm(scratchFolder(t), repository, base, [forGit]);
    assert.deepEqual(ours, { kind: "applied", commits: theirs }, `variant ${index}`);
  }
  assert.ok(dir);
});

test("a mail without a usable date or name is applied all the same, and always to the same commit", async (t) => {
  const { repository, base } = await setUp(t);
  await repository.commit("a: change", { "a.c": numbered(40, { 20: "one" }) });
  const [mail] = await repository.mails(`${base}..HEAD`);
  const odd = edit(mail!, (text) =>
    text.replace(/^Date: .*$/m, "Date: yesterday noonish, 99").replace(/^From: .*$/m, "From: <ada@example.org>"),
  );
  const once = await apply(t, repository, base, [odd]);
  assert.equal(once.kind, "applied");
  assert.deepEqual(await apply(t, repository, base, [odd]), once);
});

test("a patch against older context merges three ways, as git am does", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.git("checkout", "--quiet", "-b", "topic");
  await repository.commit("topic: one", { "a.c": numbered(40, { 20: "one" }) });
  await repository.commit("topic: two", { "a.c": numbered(40, { 20: "one", 35: "two" }) });
  const mails = await repository.mails(`${base}..topic`);
  await repository.git("checkout", "--quiet", "main");
  // The context of the first patch changes, in a place that does not overlap; the file moves as well.
  await repository.commit("main: context", { "a.c": numbered(40, { 18: "moved on" }) });
  const head = await repository.commit("main: rename", { "a.c": null, "moved/a.c": numbered(40, { 18: "moved on" }) });
  const result = await apply(t, repository, head, mails);
  assert.deepEqual(result, { kind: "applied", commits: await gitAm(dir, repository, head, mails) });
  assert.equal(result.kind === "applied" && new Set(result.commits).size, 2);
});

test("without the blobs for three ways a patch with fuzzed context is a conflict, not a crash", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.commit("one", { "a.c": numbered(40, { 20: "one" }) });
  const mails = (await repository.mails(`${base}..HEAD`)).map((mail) =>
    edit(mail, (text) =>
      text.replace(/^index [0-9a-f]+\.\.[0-9a-f]+/m, "index 1234567..89abcde").replace(" line 18", " line eighteen"),
    ),
  );
  assert.equal(await gitAm(dir, repository, base, mails), 0);
  const result = await apply(t, repository, base, mails);
  assert.equal(result.kind, "conflict");
  assert.deepEqual(result.kind === "conflict" && [result.patch, result.files], [0, ["a.c"]]);
  assert.match(
    result.kind === "conflict" ? result.message : "",
    /^the hunk at a\.c:\d+ does not fit, and there is no common version to merge with$/,
  );
});

test("a conflict names the patch and the files, and the rest of the series is not tried", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.git("checkout", "--quiet", "-b", "topic");
  await repository.commit("one", { "a.c": numbered(40, { 20: "one" }) });
  await repository.commit("two", {
    "a.c": numbered(40, { 20: "two" }),
    "dir/b.c": numbered(40, { 3: "two" }),
    "dir/ok.c": "new\n",
  });
  await repository.commit("three", { "a.c": numbered(40, { 20: "three" }) });
  const mails = await repository.mails(`${base}..topic`);
  await repository.git("checkout", "--quiet", "main");
  const head = await repository.commit("main", { "dir/b.c": numbered(40, { 3: "main" }) });
  assert.equal(await gitAm(dir, repository, head, mails), 1);
  const result = await apply(t, repository, head, mails);
  assert.equal(result.kind, "conflict");
  if (result.kind === "conflict") {
    assert.equal(result.patch, 1);
    assert.deepEqual(result.files, ["dir/b.c"]);
    assert.ok(result.message !== "" && !result.message.includes("\n"), result.message);
  }
});

test("a file that is not there is a conflict in that file", async (t) => {
  const { repository, base } = await setUp(t);
  await repository.commit("add", { "late.c": numbered(10) });
  const added = await repository.git("rev-parse", "HEAD");
  await repository.commit("change", { "late.c": numbered(10, { 5: "five" }) });
  const [mail] = await repository.mails(`${added}..HEAD`);
  const gone = edit(mail!, (text) => text.replace(/^index [0-9a-f]+\.\./m, "index 1111111.."));
  const result = await apply(t, repository, base, [gone]);
  assert.deepEqual(result.kind === "conflict" && result.files, ["late.c"]);
});

test("what the base already has is named, and the rest is applied", async (t) => {
  const { repository, base } = await setUp(t);
  await repository.commit("one", { "a.c": numbered(40, { 20: "one" }) });
  const upstream = await repository.git("rev-parse", "HEAD");
  await repository.commit("two", { "dir/b.c": numbered(40, { 20: "two" }) });
  const mails = await repository.mails(`${base}..HEAD`);
  const result = await apply(t, repository, upstream, mails);
  assert.deepEqual(result.kind === "already-upstream" && result.patches, [0]);
  assert.ok(result.kind === "already-upstream");
  assert.equal(result.commits[0], upstream);
  assert.notEqual(result.commits[1], upstream);
});

test("a patch that is in the history but was changed since is upstream, not a conflict", async (t) => {
  const { repository, base } = await setUp(t);
  const one = await repository.commit("one", { "a.c": numbered(40, { 20: "one" }) });
  const mails = await repository.mails(`${base}..${one}`);
  const later = await repository.commit("changed again", {
    "a.c": numbered(40, { 20: "one and more", 21: "x", 19: "y" }),
  });
  const result = await apply(t, repository, later, mails);
  assert.deepEqual(result, { kind: "already-upstream", patches: [0], commits: [later] });
});

test("mails without a patch, and patches that leave the tree, are conflicts", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.commit("new file", { "new.c": "x\n" });
  const [mail] = await repository.mails(`${base}..HEAD`);
  const cases = [
    bytes("From: A <a@example.org>\nSubject: no patch\n\nJust text.\n"),
    bytes(""),
    Buffer.from([0, 255, 10, 0]),
    ...["../../escape.c", ".git/hooks/pre-commit", ".GIT/config", "/etc/objreview-test", "dir/../../x"].map((path) =>
      edit(mail!, (text) => text.replaceAll("new.c", path)),
    ),
  ];
  for (const [index, hostile] of cases.entries()) {
    const result = await apply(t, repository, base, [hostile]);
    assert.equal(result.kind, "conflict", `case ${index}`);
  }
  assert.ok(!existsSync(join(dir, "escape.c")));
  assert.ok(!existsSync("/etc/objreview-test"));
});

test("a patch cannot write through a link that an earlier one made", async (t) => {
  const { dir, repository, base } = await setUp(t);
  await repository.commit("link", { out: { link: dir } });
  const linked = await repository.git("rev-parse", "HEAD");
  await repository.commit("file", { out: null, "out/escaped.c": "x\n" });
  const [first, second] = await repository.mails(`${base}..HEAD`);
  // Only the part that makes the file: the link stays.
  const through = edit(second!, (text) => text.replace(/^diff --git a\/out b\/out\n[\s\S]*?(?=^diff --git)/m, ""));
  const result = await apply(t, repository, base, [first!, through]);
  assert.equal(result.kind, "conflict");
  assert.ok(!existsSync(join(dir, "escaped.c")));
  assert.ok(linked);
});
