import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { FolderLock } from "../../src/kernel/lock.ts";
import { run, SYSTEM_PATH } from "../../src/kernel/process.ts";
import { openSlot } from "../../src/kernel/slot.ts";
import { openTree } from "../../src/kernel/tree.ts";
import { makeRepository, scratchFolder, testState } from "./make-repository.ts";

async function setUp(t: TestContext) {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const first = await repository.commit("first", {
    "a.c": "one\n",
    "keep.c": "same\n",
    "gone/deep/b.c": "b\n",
    turn: "file\n",
    "run.sh": { executable: "#!/bin/sh\n" },
    ".gitignore": "*.o\n",
  });
  const second = await repository.commit("second", {
    "a.c": "two\n",
    gone: null,
    turn: null,
    "turn/inner.c": "inner\n",
    "new.c": "new\n",
    link: { link: "/etc/passwd" },
    "run.sh": "#!/bin/sh\n",
  });
  const tree = await openTree(repository.dir, testState(dir));
  return { dir, repository, first, second, tree };
}

function listing(dir: string): string[] {
  return (readdirSync(dir, { recursive: true }) as string[]).sort();
}

const FIRST = [".gitignore", "a.c", "gone", "gone/deep", "gone/deep/b.c", "keep.c", "run.sh", "turn"];
const SECOND = [".gitignore", "a.c", "keep.c", "link", "new.c", "run.sh", "turn", "turn/inner.c"];

test("a checkout holds exactly the commit, there and back", async (t) => {
  const { tree, first, second } = await setUp(t);
  const slot = await openSlot(tree, "review");
  assert.equal(slot.head(), undefined);
  await slot.checkout(first);
  assert.deepEqual(listing(slot.dir), FIRST);
  assert.equal(statSync(join(slot.dir, "run.sh")).mode & 0o111, 0o111);
  await slot.checkout(second);
  assert.deepEqual(listing(slot.dir), SECOND);
  assert.equal(readFileSync(join(slot.dir, "a.c"), "utf8"), "two\n");
  assert.equal(readlinkSync(join(slot.dir, "link")), "/etc/passwd");
  assert.equal(statSync(join(slot.dir, "run.sh")).mode & 0o111, 0);
  await slot.checkout(first);
  assert.deepEqual(listing(slot.dir), FIRST);
  assert.equal(slot.head(), first);
  slot.release();
});

test("files whose content alone changes, many folders deep and with odd names", async (t) => {
  const { repository, tree } = await setUp(t);
  const names = ["a.c", "deep/er/and/deeper.c", "odd \u00e4\t name.c", "-dash.c", "run.sh"];
  const version = (text: string) => Object.fromEntries(names.map((name) => [name, `${text} ${name}\n`]));
  const one = await repository.commit("one", version("one"));
  const two = await repository.commit("two", version("two"));
  const slot = await openSlot(tree, "review");
  await slot.checkout(one);
  await slot.checkout(two);
  for (const name of names) assert.equal(readFileSync(join(slot.dir, name), "utf8"), `two ${name}\n`);
  assert.equal(slot.isSettled, false, "the index is left for later");
  await slot.settle();
  assert.equal(slot.isSettled, true);
  assert.equal((await slot.git.runOk(["status", "--porcelain"])).stdout, "");
  assert.equal((await slot.git.runOk(["write-tree"])).stdout.trim(), await repository.git("rev-parse", "HEAD^{tree}"));
  slot.release();
});

test("quick checkouts in a row, then one that makes and removes files, then another process", async (t) => {
  const { repository, tree } = await setUp(t);
  const base = await repository.commit("base", { "a.c": "0\n", "b.c": "0\n", "c.c": "0\n" });
  const one = await repository.commit("one", { "a.c": "1\n" });
  const two = await repository.commit("two", { "b.c": "2\n" });
  const grown = await repository.commit("grown", { "c.c": null, "new/d.c": "3\n", "a.c": "3\n" });
  const slot = await openSlot(tree, "review");
  await slot.checkout(base);
  for (const commit of [one, two, base, two]) await slot.checkout(commit);
  assert.equal(slot.isSettled, false);
  assert.deepEqual(
    ["a.c", "b.c", "c.c"].map((name) => readFileSync(join(slot.dir, name), "utf8")),
    ["1\n", "2\n", "0\n"],
  );
  await slot.checkout(grown);
  assert.equal(slot.isSettled, true, "a merge goes by the whole index");
  assert.equal((await slot.git.runOk(["status", "--porcelain"])).stdout, "");
  await slot.checkout(two);
  await slot.checkout(one);
  slot.release();
  const again = await openSlot(tree, "review");
  assert.equal(again.isSettled, false, "what is left to do outlives the process");
  await again.checkout(grown);
  assert.equal((await again.git.runOk(["status", "--porcelain"])).stdout, "");
  assert.equal((await again.git.runOk(["write-tree"])).stdout.trim(), await repository.git("rev-parse", "HEAD^{tree}"));
  again.release();
});

test("attributes of the new commit decide how a file is written", async (t) => {
  const { repository, tree } = await setUp(t);
  const before = await repository.commit("before", { ".gitattributes": "\n", "a.c": "one\n" });
  const after = await repository.commit("after", { ".gitattributes": "*.c text eol=crlf\n", "a.c": "two\n" });
  const slot = await openSlot(tree, "review");
  await slot.checkout(before);
  await slot.checkout(after);
  assert.equal(readFileSync(join(slot.dir, "a.c"), "utf8"), "two\r\n");
  slot.release();
});

test("a file that does not change keeps its time", async (t) => {
  const { tree, first, second } = await setUp(t);
  const slot = await openSlot(tree, "review");
  await slot.checkout(first);
  const before = statSync(join(slot.dir, "keep.c"), { bigint: true });
  await slot.checkout(second);
  await slot.checkout(first);
  const after = statSync(join(slot.dir, "keep.c"), { bigint: true });
  assert.deepEqual([after.ino, after.mtimeNs], [before.ino, before.mtimeNs]);
  slot.release();
});

test("reset takes away what was written, ignored files and foreign repositories too", async (t) => {
  const { tree, first } = await setUp(t);
  const slot = await openSlot(tree, "review");
  await slot.checkout(first);
  writeFileSync(join(slot.dir, "a.c"), "spoiled\n");
  writeFileSync(join(slot.dir, "left.o"), "");
  mkdirSync(join(slot.dir, "nested/.git"), { recursive: true });
  writeFileSync(join(slot.dir, "nested/.git/HEAD"), "ref: refs/heads/x\n");
  slot.taint();
  assert.equal(slot.head(), undefined);
  await slot.reset();
  assert.deepEqual(listing(slot.dir), FIRST);
  assert.equal(readFileSync(join(slot.dir, "a.c"), "utf8"), "one\n");
  slot.release();
});

test("a work tree whose commit is gone from the repository is written anew", async (t) => {
  const { tree, first } = await setUp(t);
  const slot = await openSlot(tree, "review");
  await slot.checkout(first);
  writeFileSync(join(slot.folder, "git", "HEAD"), `${"1".repeat(40)}\n`);
  await slot.checkout(first);
  assert.deepEqual(listing(slot.dir), FIRST);
  assert.equal(slot.head(), first);
  slot.release();
});

test("a checkout never writes through a link that lies in its way", async (t) => {
  const { dir, tree, first, second } = await setUp(t);
  const outside = join(dir, "outside");
  mkdirSync(outside);
  const slot = await openSlot(tree, "review");
  await slot.checkout(second);
  await slot.checkout(first);
  // Somebody puts a link where the next commit has a folder.
  rmSync(join(slot.dir, "turn"));
  symlinkSync(outside, join(slot.dir, "turn"));
  slot.taint();
  await slot.checkout(second);
  assert.deepEqual(readdirSync(outside), []);
  assert.deepEqual(listing(slot.dir), SECOND);
  slot.release();
});

test("what a crash left behind heals: half a checkout, a stale index lock, a broken index, half a git am", async (t) => {
  const { tree, first, second } = await setUp(t);
  const slot = await openSlot(tree, "review");
  await slot.checkout(first);
  slot.release();
  const git = slot.git.place.gitDir;
  const crashes: (() => void)[] = [
    () => writeFileSync(join(slot.dir, "a.c"), "half"),
    () => writeFileSync(join(git, "index.lock"), ""),
    () => truncateSync(join(git, "index"), 40),
    () => mkdirSync(join(git, "rebase-apply")),
    () => writeFileSync(join(git, "HEAD"), ""),
  ];
  for (const crash of crashes) {
    crash();
    writeFileSync(join(slot.folder, "dirty"), "");
    const again = await openSlot(tree, "review");
    assert.equal(again.folder, slot.folder);
    assert.equal(again.head(), undefined);
    await again.checkout(second);
    assert.deepEqual(listing(again.dir), SECOND);
    await again.checkout(first);
    assert.deepEqual(listing(again.dir), FIRST);
    assert.equal(readFileSync(join(again.dir, "a.c"), "utf8"), "one\n");
    again.release();
  }
});

test("two holders never get the same slot; a released one is used again", async (t) => {
  const { tree } = await setUp(t);
  const [one, two] = await Promise.all([openSlot(tree, "review"), openSlot(tree, "review")]);
  assert.notEqual(one.folder, two.folder);
  one.release();
  const three = await openSlot(tree, "review");
  assert.equal(three.folder, one.folder);
  await assert.rejects(openSlot(tree, "../escape"), /not a slot name/);
  two.release();
  three.release();
});

test("the work tree has no repository in it", async (t) => {
  const { tree, first } = await setUp(t);
  const slot = await openSlot(tree, "review");
  await slot.checkout(first);
  assert.ok(!existsSync(join(slot.dir, ".git")));
  slot.release();
});

const HOLDER = (path: string) => `
  const { FolderLock } = await import(${JSON.stringify(new URL("../../src/kernel/lock.ts", import.meta.url).href)});
  const lock = FolderLock.tryAcquire(${JSON.stringify(path)});
  console.log(lock === undefined ? "busy" : "held");
  if (process.argv[1] === "die") process.kill(process.pid, "SIGKILL");
  setTimeout(() => {}, 60000);
`;

test("a lock keeps other processes out while its holder lives, and no longer", async (t) => {
  const path = join(scratchFolder(t), "some.lock");
  const node = [process.execPath, "--input-type=module", "-e", HOLDER(path)];
  const env = { PATH: SYSTEM_PATH };
  const controller = new AbortController();
  const holder = run(node, { env, signal: controller.signal, onLine: (line) => started(line) });
  let started: (line: string) => void = () => {};
  assert.equal(await new Promise<string>((done) => (started = done)), "held");
  assert.equal(FolderLock.tryAcquire(path), undefined);
  await assert.rejects(FolderLock.acquire(path, 200), /another objreview \(process \d+\) is still working here/);
  controller.abort();
  await assert.rejects(holder);
  const lock = await FolderLock.acquire(path, 5000);
  assert.equal(FolderLock.tryAcquire(path), undefined, "not even the holder itself gets it twice");
  lock.release();
  await assert.rejects(run([...node, "die"], { env }), /killed by SIGKILL/);
  assert.ok(existsSync(path), "kill -9 leaves the file");
  const next = FolderLock.tryAcquire(path);
  assert.ok(next);
  next.release();
  assert.ok(!existsSync(path));
});

test("a lock of a process number that now belongs to a younger process is nobody's", async (t) => {
  const path = join(scratchFolder(t), "some.lock");
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  writeFileSync(path, JSON.stringify({ processId: process.pid, startTime: "1", bootId }));
  assert.ok(FolderLock.tryAcquire(path));
  writeFileSync(path, "cut short");
  assert.ok(FolderLock.tryAcquire(path));
});

test("many processes at a dead holder's lock: exactly one gets it", async (t) => {
  const path = join(scratchFolder(t), "some.lock");
  const env = { PATH: SYSTEM_PATH };
  for (let round = 0; round < 3; round += 1) {
    writeFileSync(path, JSON.stringify({ processId: 4_000_000, startTime: "1", bootId: "x" }));
    const controller = new AbortController();
    const answers: string[] = [];
    const runs = Array.from({ length: 6 }, () =>
      run([process.execPath, "--input-type=module", "-e", HOLDER(path)], {
        env,
        signal: controller.signal,
        onLine: (line) => {
          answers.push(line);
          if (answers.length === 6) controller.abort();
        },
        timeoutMillis: 30_000,
      }).catch(() => {}),
    );
    await Promise.all(runs);
    assert.deepEqual(answers.sort(), ["busy", "busy", "busy", "busy", "busy", "held"]);
  }
});
