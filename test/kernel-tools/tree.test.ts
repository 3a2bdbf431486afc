import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { openTree } from "../../src/kernel/tree.ts";
import { makeRepository, numbered, scratchFolder, testState } from "./make-repository.ts";

function usageError(pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, pattern);
    assert.ok(!error.message.includes("\n"), "one line");
    return true;
  };
}

test("a folder that is no repository is one clear line", async (t) => {
  const dir = scratchFolder(t);
  await assert.rejects(openTree(join(dir, "missing"), testState(dir)), usageError(/missing: no such folder/));
  await assert.rejects(openTree(dir, testState(dir)), usageError(/not a git repository/));
  writeFileSync(join(dir, ".git"), "something else\n");
  await assert.rejects(openTree(dir, testState(dir)), usageError(/not a gitdir file/));
});

test("revisions: branches, tags, abbreviations, ancestors; nothing else", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const first = await repository.commit("first", { "a.c": "int a;\n" });
  await repository.git("tag", "-a", "-m", "annotated", "v1");
  const second = await repository.commit("second", { "a.c": "int b;\n" });
  const tree = await openTree(repository.dir, testState(dir));
  assert.deepEqual(await tree.resolve("main"), { commit: second, name: "main" });
  assert.deepEqual(await tree.resolve("v1"), { commit: first, name: "v1" });
  assert.deepEqual(await tree.resolve("main~1"), { commit: first, name: "main~1" });
  assert.deepEqual(await tree.resolve(first), { commit: first, name: "v1" });
  assert.deepEqual(await tree.resolve("HEAD"), { commit: second, name: `v1-1-g${second.slice(0, 12)}` });
  assert.equal((await tree.resolve(second.slice(0, 10))).commit, second);
  for (const rev of [
    "--help",
    "-x",
    "",
    "main:a.c",
    ":/first",
    "main@{1}",
    "a b",
    "nope",
    "a\n",
    "main..v1",
    "*",
    "main^{tree}",
  ]) {
    await assert.rejects(tree.resolve(rev), usageError(/revision|no commit/), rev);
  }
});

test("new refs of the tree are seen at the next opening, deleted ones are gone", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  await repository.commit("first", { "a.c": "int a;\n" });
  await repository.git("branch", "topic");
  await (await openTree(repository.dir, testState(dir))).resolve("topic");
  await repository.git("branch", "-D", "topic");
  await repository.git("pack-refs", "--all");
  const second = await repository.commit("second", { "a.c": "int b;\n" });
  const tree = await openTree(repository.dir, testState(dir));
  assert.equal((await tree.resolve("main")).commit, second, "a loose ref outranks the packed one");
  await assert.rejects(tree.resolve("topic"), usageError(/no commit/));
});

test("bare repositories, linked work trees, shallow clones and SHA-256 are trees too", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  await repository.commit("first", { "a.c": "int a;\n" });
  const head = await repository.commit("second", { "a.c": "int b;\n" });
  await repository.git("clone", "--quiet", "--bare", ".", join(dir, "bare.git"));
  await repository.git("worktree", "add", "--quiet", "--detach", join(dir, "linked"), "HEAD~1");
  await repository.git("clone", "--quiet", "--depth=1", `file://${repository.dir}`, join(dir, "shallow"));
  const state = testState(dir);
  assert.equal((await (await openTree(join(dir, "bare.git"), state)).resolve("main")).commit, head);
  assert.equal(
    (await (await openTree(join(dir, "linked"), state)).resolve("HEAD^{}")).commit,
    await repository.git("rev-parse", "HEAD~1"),
  );
  const shallow = await openTree(join(dir, "shallow"), state);
  assert.equal((await shallow.resolve("HEAD")).commit, head);
  await assert.rejects(shallow.resolve("HEAD~1"), usageError(/no commit/));
  const wide = await makeRepository(join(dir, "wide"), ["--object-format=sha256"]);
  const wideHead = await wide.commit("first", { "a.c": "int a;\n" });
  assert.equal((await (await openTree(wide.dir, state)).resolve("main")).commit, wideHead);
});

test("the tree is left as it was, and its configuration has no say", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const first = await repository.commit("first", {
    "a.c": "int a;\n",
    ".gitattributes": "*.c diff=evil filter=evil\n",
  });
  const second = await repository.commit("second", { "a.c": "int b;\n" });
  const trap = join(dir, "trap");
  const script = join(dir, "trap.sh");
  writeFileSync(script, `#!/bin/sh\ntouch ${trap}\n`, { mode: 0o755 });
  // Each of these is a program that git runs when it reads this configuration and does what the test does below.
  for (const key of [
    "diff.evil.textconv",
    "diff.evil.command",
    "filter.evil.smudge",
    "filter.evil.clean",
    "core.fsmonitor",
    "core.pager",
    "diff.external",
  ]) {
    await repository.git("config", key, script);
  }
  await repository.git("config", "alias.rev-parse", `!${script}`);
  for (const hook of ["post-checkout", "reference-transaction", "post-index-change", "post-applypatch"]) {
    writeFileSync(join(repository.dir, ".git/hooks", hook), `#!/bin/sh\ntouch ${trap}\n`, { mode: 0o755 });
  }
  writeFileSync(join(repository.dir, ".git/info/attributes"), "* diff=evil\n");
  // The owner's own git does fall into it: the trap works.
  await repository.git("diff", first, second);
  assert.ok(existsSync(trap));
  rmSync(trap);
  const before = readdirSync(join(repository.dir, ".git"), { recursive: true }).sort();
  const tree = await openTree(repository.dir, testState(dir));
  assert.match(await tree.diff(first, second), /^\+int b;$/m);
  assert.equal(new TextDecoder().decode(await tree.readFile(second, "a.c")), "int b;\n");
  await tree.formatPatches(first, second);
  await tree.patchIds(first, second);
  await tree.findDefinitionCandidates(second, "b");
  assert.ok(!existsSync(trap));
  assert.deepEqual(readdirSync(join(repository.dir, ".git"), { recursive: true }).sort(), before);
});

test("a ref name that could mislead the reader of refs is left out", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const head = await repository.commit("first", { "a.c": "int a;\n" });
  mkdirSync(join(repository.dir, ".git/refs/replace"), { recursive: true });
  writeFileSync(join(repository.dir, ".git/refs/replace", head), `${head}\n`);
  writeFileSync(join(repository.dir, ".git/refs/heads/two\nlines"), `${head}\n`);
  writeFileSync(join(repository.dir, ".git/refs/heads/bad-value"), "not an object name\n");
  const tree = await openTree(repository.dir, testState(dir));
  const refs = (await tree.git.runOk(["for-each-ref", "--format=%(refname)"])).stdout.trim().split("\n");
  assert.deepEqual(refs, ["refs/heads/main"]);
});

test("files: content, absence, odd names, lists, object names", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const bytes = "\u0000\u00ff binary \n";
  const commit = await repository.commit("files", {
    "kernel/a.c": "a\n",
    "kernel/sub/b.c": bytes,
    "kernel-other.c": "x\n",
    "odd name\t\u00e4*.c": "odd\n",
    link: { link: "kernel/a.c" },
  });
  const tree = await openTree(repository.dir, testState(dir));
  const read = async (path: string) => {
    const file = await tree.readFile(commit, path);
    return file === undefined ? undefined : new TextDecoder().decode(file);
  };
  assert.equal(await read("kernel/a.c"), "a\n");
  assert.equal(await read("kernel/sub/b.c"), bytes);
  assert.equal(await read("odd name\t\u00e4*.c"), "odd\n");
  assert.equal(await read("link"), "kernel/a.c", "a link reads as its target's name");
  for (const path of [
    "missing.c",
    "kernel",
    "kernel/a.c/x",
    "../outside",
    "/etc/passwd",
    "kernel/a.c\nkernel/sub/b.c",
    "",
  ]) {
    assert.equal(await read(path), undefined, path);
  }
  const several = await tree.readFiles(commit, ["missing", "kernel/a.c", "kernel", "link"]);
  assert.deepEqual([...several.keys()], ["kernel/a.c", "link"]);
  assert.deepEqual(await tree.listFiles(commit, "kernel"), ["kernel/a.c", "kernel/sub/b.c"]);
  assert.equal((await tree.listFiles(commit, "")).length, 5);
  assert.deepEqual(await tree.listFiles(commit, "nowhere"), []);
  assert.equal(await tree.blobId(commit, "kernel/a.c"), await repository.git("rev-parse", "HEAD:kernel/a.c"));
  assert.equal(await tree.blobId(commit, "kernel"), undefined);
});

test("candidates of a definition are files of C and assembly with the whole word", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const commit = await repository.commit("files", {
    "a.c": "void do_it(void) {}\n",
    "b.c": "void do_it_now(void) {}\n",
    "arch/c.S": "SYM_FUNC_START(do_it)\n",
    "d.h": "void do_it(void);\n",
  });
  const tree = await openTree(repository.dir, testState(dir));
  assert.deepEqual(await tree.findDefinitionCandidates(commit, "do_it"), ["a.c", "arch/c.S"]);
  assert.deepEqual(await tree.findDefinitionCandidates(commit, "absent"), []);
  assert.deepEqual(await tree.findDefinitionCandidates(commit, "-O/bin/sh"), []);
});

test("diff: renames, full object names, three lines of context, binary files named only", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const from = await repository.commit("from", { "old.c": numbered(30), bin: "\u0000a" });
  const to = await repository.commit("to", { "old.c": null, "new.c": numbered(30, { 15: "changed" }), bin: "\u0000b" });
  const diff = await (await openTree(repository.dir, testState(dir))).diff(from, to);
  assert.match(diff, /^rename from old\.c\nrename to new\.c\nindex [0-9a-f]{40}\.\.[0-9a-f]{40} 100644$/m);
  assert.match(diff, /^@@ -12,7 \+12,7 @@/m);
  assert.match(diff, /^Binary files a\/bin and b\/bin differ$/m);
});

test("commits, mails and patch ids of a range", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const base = await repository.commit("base", { "a.c": numbered(20), "b.c": numbered(20) });
  const one = await repository.commit("one", { "a.c": numbered(20, { 5: "one" }) });
  const two = await repository.commit("two", { "b.c": numbered(20, { 5: "two" }) });
  const tree = await openTree(repository.dir, testState(dir));
  assert.deepEqual(await tree.commitsBetween(base, two), [one, two]);
  assert.deepEqual(await tree.commitsBetween(two, base), []);
  const mbox = new TextDecoder().decode(await tree.formatPatches(base, two));
  assert.deepEqual(mbox.match(/^Subject: .*$/gm), ["Subject: [PATCH 1/2] one", "Subject: [PATCH 2/2] two"]);
  assert.deepEqual([...(await tree.patchIds(base, two)).values()].sort(), [one, two].sort());
  assert.deepEqual([...(await tree.patchIds(base, two, ["b.c"])).values()], [two]);
});

test("a store that lost a part is made whole at the next opening", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const head = await repository.commit("first", { "a.c": "int a;\n" });
  const { git } = await openTree(repository.dir, testState(dir));
  for (const part of ["HEAD", "config", "refs", "objects"]) {
    rmSync(join(git.place.gitDir, part), { recursive: true });
    assert.equal((await (await openTree(repository.dir, testState(dir))).resolve("main")).commit, head, part);
  }
});
