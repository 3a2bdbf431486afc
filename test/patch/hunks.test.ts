import assert from "node:assert/strict";
import { after, test } from "node:test";
import { parseDiff } from "../../src/patch/diff.ts";
import type { FileDiff } from "../../src/patch/file-diff.ts";
import {
  introducedBy,
  isAdded,
  isOnDiff,
  lineAtTip,
  lineInPatch,
  nearestDiffLine,
  quoteHunk,
} from "../../src/patch/hunks.ts";
import { GitRepo, numberedLines } from "./git-repo.ts";

const repo = new GitRepo();
after(() => repo.destroy());

// The hunk of examples/digest.txt in our own words: a removed line between context, in a function with a long header.
const waitid = `diff --git a/kernel/exit.c b/kernel/exit.c
index 1111111..2222222 100644
--- a/kernel/exit.c
+++ b/kernel/exit.c
@@ -1818,7 +1818,6 @@ SYSCALL_DEFINE5(waitid, int, which, pid_t, upid, struct siginfo __user *, infop,
 \tclose();
 \treturn err;
 Efault:
-\tclose();
 \treturn -EFAULT;
 }
 
`;

test("a deletion is quoted with its removed line, the header shortened behind the first argument", () => {
  const [file] = parseDiff(waitid);
  assert.ok(file);
  assert.deepEqual(quoteHunk(file, 1821), {
    header: "@@ -1818,7 +1818,6 @@ SYSCALL_DEFINE5(waitid, ...",
    lines: [" \treturn err;", " Efault:", "-\tclose();", " \treturn -EFAULT;", " }"],
    after: 3,
  });
  assert.deepEqual(nearestDiffLine(file, 1830, 1800, 1840), { line: 1821, isDeletion: true });
  assert.equal(isOnDiff(file, 1821), true);
  assert.equal(isOnDiff(file, 1823), true);
  assert.equal(isOnDiff(file, 1824), false);
  assert.equal(isOnDiff(file, 1817), false);
  assert.equal(isAdded(file, 1821), false);
  assert.equal(quoteHunk(file, 1830), undefined);
});

test("the nearest line of the diff stays inside the function; an added line wins over a deletion", () => {
  const before = numberedLines(60).split("\n").slice(0, 60);
  const edited = [...before];
  edited[49] = "changed 50";
  edited.splice(29, 1);
  edited.splice(9, 0, "added 10");
  repo.write("old/f.c", `${before.join("\n")}\n`);
  repo.write("new/f.c", `${edited.join("\n")}\n`);
  const file = diffNoIndex("-U1");
  assert.equal(edited[9], "added 10");
  assert.equal(edited[49], "changed 50");
  assert.equal(edited[30], "line 31");
  const nearest = (line: number, from: number, to: number) => nearestDiffLine(file, line, from, to);
  assert.deepEqual(nearest(15, 1, 60), { line: 10, isDeletion: false });
  assert.deepEqual(nearest(25, 1, 60), { line: 31, isDeletion: true });
  assert.deepEqual(nearest(25, 1, 30), { line: 10, isDeletion: false });
  assert.deepEqual(nearest(20, 11, 30), undefined);
  assert.deepEqual(nearest(45, 1, 60), { line: 50, isDeletion: false });
  // 10 and 30 are equally far from 20 in a file of their own.
  const tie = parseDiff(
    "diff --git a/t b/t\n--- a/t\n+++ b/t\n@@ -9,2 +9,3 @@\n x\n+a\n x\n@@ -29,3 +30,2 @@\n x\n-b\n x\n",
  )[0] as FileDiff;
  assert.deepEqual(nearestDiffLine(tie, 20, 1, 99), { line: 10, isDeletion: false });
  assert.deepEqual(nearestDiffLine(tie, 21, 1, 99), { line: 31, isDeletion: true });
});

function diffNoIndex(...options: string[]): FileDiff {
  const { stdout } = repo.try("", "diff", "--no-index", ...options, "old/f.c", "new/f.c");
  const [file] = parseDiff(stdout);
  assert.ok(file, "the files are equal");
  return file;
}

test("deletions at the end of a file and without context still have a line and a quote", () => {
  repo.write("old/f.c", numberedLines(10));
  repo.write("new/f.c", numberedLines(8));
  const file = diffNoIndex("-U0");
  assert.deepEqual(nearestDiffLine(file, 5, 1, 20), { line: 9, isDeletion: true });
  assert.deepEqual(quoteHunk(file, 9)?.lines, ["-line 9", "-line 10"]);
});

test("a long change is cut around the line, and the quote holds it", () => {
  repo.write("old/f.c", numberedLines(10));
  repo.write("new/f.c", numberedLines(10) + numberedLines(100, "more"));
  const file = diffNoIndex();
  for (const line of [11, 12, 50, 109, 110]) {
    const quote = quoteHunk(file, line, 8);
    assert.ok(quote);
    assert.ok(quote.lines.length <= 8 && quote.lines.length >= 5, String(quote.lines.length));
    assert.equal(quote.lines[quote.after], `+more ${line - 10}`);
  }
  assert.equal(quoteHunk(file, 50, 1)?.lines.length, 1);
  const long = `@@ -1 +1 @@ ${"x".repeat(300)}`;
  const [hostile] = parseDiff(`diff --git a/y b/y\n--- a/y\n+++ b/y\n${long}\n-a\n+b\n`);
  assert.equal(quoteHunk(hostile as FileDiff, 1)?.header.length, 74);
});

test("a line of the tip is found in the patch that added it, through later patches and a rename", () => {
  // A fresh repository: the history of one file in five patches, each line tagged with the patch that wrote it.
  const pick = random(7);
  const tips: { path: string; lines: string[] }[] = [];
  let path = "a.c";
  let lines = Array.from({ length: 80 }, (_, index) => `base ${index}`);
  repo.write(path, `${lines.join("\n")}\n`);
  const base = repo.commit("base");
  for (let patch = 0; patch < 5; patch++) {
    lines = [...lines];
    for (let edits = 0; edits < 6; edits++) {
      const inserted = Array.from({ length: pick(5) }, (_, index) => `patch ${patch} ${edits} ${index}`);
      lines.splice(pick(lines.length), pick(4), ...inserted);
    }
    if (patch === 2) {
      repo.git("mv", "a.c", "b.c");
      path = "b.c";
    }
    repo.write(path, `${lines.join("\n")}\n`);
    repo.commit(`patch ${patch}`);
    tips.push({ path, lines });
  }
  const commits = repo.git("rev-list", "--reverse", `${base}..HEAD`).trim().split("\n");
  const patches = commits.map((commit) => parseDiff(repo.git("show", "-M20%", "--format=", commit)));
  assert.equal(patches[2]?.[0]?.status, "renamed");
  let introduced = 0;
  lines.forEach((text, index) => {
    const tip = { path: "b.c", line: index + 1 };
    const from = introducedBy(patches, tip);
    const owner = /^patch (\d)/.exec(text)?.[1];
    assert.equal(from?.patch, owner === undefined ? undefined : Number(owner), text);
    for (let at = 0; at < 5; at++) {
      const there = lineInPatch(patches, at, tip);
      const exists = owner === undefined || Number(owner) <= at;
      assert.equal(there !== undefined, exists, `${text} in ${at}`);
      if (there === undefined) continue;
      assert.equal(there.path, tips[at]?.path);
      assert.equal(tips[at]?.lines[there.line - 1], text);
      assert.deepEqual(lineAtTip(patches, at, there), tip);
    }
    if (from === undefined) return;
    introduced++;
    const file = patches[from.patch]?.[0] as FileDiff;
    assert.equal(isAdded(file, from.line), true);
    const quote = quoteHunk(file, from.line);
    assert.equal(quote?.lines[quote.after], `+${text}`);
  });
  assert.ok(introduced > 15, String(introduced));
  // A line that a later patch removed has no place at the tip.
  const gone = (tips[0]?.lines ?? []).findIndex((text) => !lines.includes(text));
  assert.ok(gone >= 0);
  assert.equal(lineAtTip(patches, 0, { path: "a.c", line: gone + 1 }), undefined);
});

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}
