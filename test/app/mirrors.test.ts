import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { markUsed, pruneMirrors } from "../../src/app/mirrors.ts";
import { FolderLock } from "../../src/kernel/lock.ts";

const DAY = 24 * 3_600_000;
const NOW = Date.now();

function scene(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "objreview-mirrors-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const logged: string[] = [];
  return {
    folder,
    logged,
    /** A mirror of a megabyte that was wanted so many days ago. */
    make(name: string, idleDays: number, mark: "objreview-used" | "FETCH_HEAD" = "objreview-used"): string {
      const mirror = join(folder, `${name}.git`);
      mkdirSync(join(mirror, "objects", "pack"), { recursive: true });
      writeFileSync(join(mirror, "objects", "pack", "pack-1.pack"), Buffer.alloc(1 << 20, 1));
      writeFileSync(join(mirror, mark), "");
      const at = new Date(NOW - idleDays * DAY);
      utimesSync(join(mirror, mark), at, at);
      return mirror;
    },
    prune: (maxBytes: number) =>
      pruneMirrors(folder, { now: NOW, maxBytes, log: (_, message) => void logged.push(message) }),
    left: () => readdirSync(folder).sort(),
  };
}

test("what nobody wanted for a month goes; what was fetched before there was a mark goes by that", (t) => {
  const { make, prune, left } = scene(t);
  make("a+new", 0.1);
  make("a+month", 29);
  make("a+old", 31);
  make("b+old", 40, "FETCH_HEAD");
  assert.deepEqual(prune(1e9).sort(), ["a+old.git", "b+old.git"]);
  assert.deepEqual(left(), ["a+month.git", "a+new.git"]);
});

test("above the cap the longest idle go first, and only as many as need to", (t) => {
  const { make, prune, left } = scene(t);
  for (const [i, name] of ["a+1", "a+2", "a+3", "a+4"].entries()) make(name, 2 + i);
  assert.deepEqual(prune(2.5 * (1 << 20)), ["a+4.git", "a+3.git"]);
  assert.deepEqual(left(), ["a+1.git", "a+2.git"]);
});

test("what is in use stays, whatever the cap is, and the operator hears of it", (t) => {
  const { folder, make, prune, left, logged } = scene(t);
  make("a+today", 0.5);
  const fetching = make("a+fetching", 50);
  const lock = FolderLock.tryAcquire(`${fetching}.lock`)!;
  assert.deepEqual(prune(1), []);
  assert.deepEqual(logged, ["mirrors hold more than they may, and all are in use"]);
  markUsed(fetching);
  lock.release();
  assert.deepEqual(prune(1), [], "it was wanted just now");
  assert.deepEqual(left(), ["a+fetching.git", "a+today.git"]);
  rmSync(folder, { recursive: true });
  assert.deepEqual(prune(1), [], "nothing was ever fetched");
});

test("what a killed process left of a removal is removed", (t) => {
  const { folder, prune } = scene(t);
  mkdirSync(join(folder, "a+b.git.gone", "objects"), { recursive: true });
  prune(1e9);
  assert.equal(existsSync(join(folder, "a+b.git.gone")), false);
});
