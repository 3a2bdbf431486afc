import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { BaseRecord } from "../../src/kernel/base-folder.ts";
import { basesFolder, listBases, writeBaseIndex, writeBaseRecord } from "../../src/kernel/base-folder.ts";
import { collectGarbage } from "../../src/kernel/base-gc.ts";
import { DependencyCollector } from "../../src/kernel/dependents.ts";
import { FolderLock } from "../../src/kernel/lock.ts";

const only: string[] = [];
const RECORD: BaseRecord = {
  version: 1,
  tree: "/src/linux",
  treeId: "tree",
  commit: "0".repeat(40),
  name: "v1",
  profile: "defconfig",
  profileKey: "key",
  compiler: "gcc 12",
  preparedKey: "key",
  factsVersion: 1,
  only,
  state: "complete",
  startedAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  objects: 1,
  done: 1,
  modules: 0,
  failed: [],
  excluded: {},
};
const FILE_BYTES = 64 * 1024;

function cacheFolder(t: { after(fn: () => void): void }): string {
  const cache = mkdtempSync(join(tmpdir(), "objreview-gc-"));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  return cache;
}

/** A file of the object cache, as many days old. */
function addObject(cache: string, name: string, days: number): string {
  const file = join("objects", "data", name.slice(0, 2), `${name}.zst`);
  mkdirSync(dirname(join(cache, file)), { recursive: true });
  writeFileSync(join(cache, file), Buffer.alloc(FILE_BYTES, 1));
  const when = new Date(Date.now() - days * 86_400_000);
  utimesSync(join(cache, file), when, when);
  return file;
}

function addBase(cache: string, name: string, month: number, cached: readonly string[]): string {
  const dir = join(basesFolder(cache), name);
  const updatedAt = `2026-${String(month).padStart(2, "0")}-01T00:00:00.000Z`;
  writeBaseRecord(dir, { ...RECORD, name, updatedAt });
  writeBaseIndex(
    dir,
    [{ object: "a.o", unit: "vmlinux", code: "c", cached: [...cached] }],
    new DependencyCollector().pack(),
    new Uint8Array(0),
  );
  return dir;
}

const names = (cache: string): string[] => listBases(cache).map(({ record }) => record.name);

test("above the cap, unnamed objects go first, then the oldest bases with what only they name", (t) => {
  const cache = cacheFolder(t);
  const [shared, old, middle, fresh] = ["aa", "bb", "cc", "dd"].map((name) => addObject(cache, name, 1)) as [
    string,
    string,
    string,
    string,
  ];
  const [loose, older] = [addObject(cache, "ee", 2), addObject(cache, "ff", 3)];
  addBase(cache, "v1", 1, [shared, old]);
  addBase(cache, "v2", 2, [shared, middle]);
  addBase(cache, "v3", 3, [shared, fresh]);
  const there = (): string[] =>
    [shared, old, middle, fresh, loose, older].filter((file) => existsSync(join(cache, file)));
  const everything = collectGarbage(cache, undefined);
  assert.deepEqual([everything.removed, everything.freedBytes, there().length], [[], 0, 6]);

  const one = collectGarbage(cache, everything.heldBytes - 1);
  assert.deepEqual([one.removed, there()], [["1 file of the object cache"], [shared, old, middle, fresh, loose]]);
  assert.equal(one.heldBytes, everything.heldBytes - FILE_BYTES);

  const two = collectGarbage(cache, one.heldBytes - FILE_BYTES - 1);
  assert.equal(two.isBelowCap, true);
  assert.deepEqual(names(cache), ["v2", "v3"]);
  assert.match(two.removed.join("\n"), /^v1 under defconfig \(2026-01-01\)\n/);
  assert.ok(there().includes(shared), "another base names it");

  // v3 is the newest of its tree and profile: it goes last.
  const three = collectGarbage(cache, two.heldBytes - FILE_BYTES - 1);
  assert.deepEqual([names(cache), three.isBelowCap], [["v3"], true]);
  const none = collectGarbage(cache, 0);
  assert.deepEqual([names(cache), there(), none.heldBytes, none.isBelowCap], [[], [], 0, true]);
});

test("a base that is being built is left alone, and what it has put into the cache", (t) => {
  const cache = cacheFolder(t);
  const dir = join(basesFolder(cache), "busy");
  writeBaseRecord(dir, { ...RECORD, state: "building", startedAt: new Date(Date.now() - 3_600_000).toISOString() });
  mkdirSync(join(dir, "out"));
  const fresh = addObject(cache, "aa", 0);
  const before = addObject(cache, "bb", 1);
  const lock = FolderLock.tryAcquire(`${dir}.lock`);
  assert.ok(lock !== undefined);
  const busy = collectGarbage(cache, 0);
  assert.equal(busy.isBelowCap, false);
  assert.deepEqual(
    [existsSync(join(dir, "out")), existsSync(join(cache, fresh)), existsSync(join(cache, before))],
    [true, true, false],
  );
  lock.release();
  const after = collectGarbage(cache, undefined);
  assert.deepEqual(after.removed, ["busy: what a stopped build left"]);
  assert.deepEqual([existsSync(join(dir, "out")), existsSync(join(dir, "base.json"))], [false, true]);
});

test("what no version can read goes, and a crash of gc leaves no lock behind", (t) => {
  const cache = cacheFolder(t);
  const dir = join(basesFolder(cache), "odd");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "base.json"), "{");
  mkdirSync(join(cache, "objects", "aa"), { recursive: true });
  writeFileSync(join(cache, "objects", "aa", "b.json"), "{}");
  const result = collectGarbage(cache, undefined);
  assert.deepEqual(result.removed, [
    "odd: no base that this version can read",
    "1 file of older versions in the object cache",
  ]);
  assert.ok(!existsSync(dir) && !existsSync(`${dir}.lock`));
});
