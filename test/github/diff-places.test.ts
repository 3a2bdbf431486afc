import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DiffPlaces } from "../../src/github/diff-places.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import { GitRepo } from "../patch/git-repo.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { randomSource } from "../report/random-result.ts";
import { places } from "./fixtures.ts";

const repo = new GitRepo();
after(() => repo.destroy());

/** "path side line" of every line that GitHub shows, read off git's text by counting, not by the reader under test. */
function shownLines(diff: string): Set<string> {
  const shown = new Set<string>();
  let path = "";
  let [old, fresh] = [0, 0];
  let left = 0;
  let right = 0;
  for (const line of diff.split("\n")) {
    if (left > 0 || right > 0) {
      if (line.startsWith("-")) {
        shown.add(`${path} LEFT ${old++}`);
        left--;
      } else if (line.startsWith("+")) {
        shown.add(`${path} RIGHT ${fresh++}`);
        right--;
      } else if (line.startsWith(" ")) {
        shown.add(`${path} RIGHT ${fresh++}`);
        old++;
        left--;
        right--;
      }
      continue;
    }
    const names = /^(---|\+\+\+) (?:[ab]\/)?([^\t]*)/.exec(line);
    if (names !== null && names[2] !== "/dev/null") path = names[2]!;
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (hunk === null) continue;
    [old, fresh] = [Number(hunk[1]), Number(hunk[3])];
    [left, right] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1)];
  }
  return shown;
}

function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
}

function commit(files: Record<string, string[] | undefined>): string {
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) repo.git("rm", "-q", path);
    else repo.write(path, text.map((line) => `${line}\n`).join(""));
  }
  repo.git("add", "-A");
  repo.git("commit", "-q", "--allow-empty", "-m", "x");
  return repo.git("rev-parse", "HEAD").trim();
}

/** Every (path, side, line) up to 80 is allowed exactly where the diff shows it. */
function assertSame(diff: string, paths: readonly string[], where: string): void {
  const shown = shownLines(diff);
  const judged = new DiffPlaces(parseDiff(diff));
  for (const path of paths) {
    for (const side of ["LEFT", "RIGHT"] as const) {
      for (let line = 0; line <= 80; line++) {
        const expected = shown.has(`${path} ${side} ${line}`);
        assert.equal(judged.has({ path, line, side }), expected, `${where}: ${path} ${side} ${line}\n${diff}`);
      }
    }
  }
}

test("the places are those of git's diff, over 25 random changes of three files", () => {
  const random = randomSource(11);
  const below = (n: number) => Math.floor(random() * n);
  let before = { a: lines(1, 40), b: lines(1, 12), c: lines(1, 60) };
  let base = commit({ "a.c": before.a, "b.c": before.b, "c.c": before.c });
  let seen = 0;
  for (let round = 0; round < 25; round++) {
    const change = (text: string[]): string[] => {
      const next = [...text];
      for (let n = below(4); n > 0; n--) {
        const at = below(next.length + 1);
        if (random() < 0.5) next.splice(at, below(4));
        else next.splice(at, below(2), ...lines(100 * round + n * 10, 100 * round + n * 10 + below(3)));
      }
      return next.length === 0 || next.length > 75 ? lines(1, 30) : next;
    };
    const now = { a: change(before.a), b: change(before.b), c: change(before.c) };
    const head = commit({ "a.c": now.a, "b.c": now.b, "c.c": now.c });
    const diff = repo.git("diff", "-M", base, head);
    seen += shownLines(diff).size;
    assertSame(diff, ["a.c", "b.c", "c.c", "d.c"], `round ${round}`);
    [before, base] = [now, head];
  }
  assert.ok(seen > 300, `only ${seen} lines`);
});

test("renames, new, deleted and binary files, and files without a newline at their end", () => {
  const base = commit({ "old.c": lines(1, 30), "gone.c": lines(1, 8), "moved.c": lines(1, 20), "a.c": lines(1, 5) });
  repo.git("mv", "old.c", "new.c");
  repo.git("mv", "moved.c", "elsewhere.c");
  repo.write("bin", "\0\u0001\u0002");
  repo.write("tail.c", "one\ntwo");
  const head = commit({ "new.c": lines(1, 30).with(9, "other"), "gone.c": undefined, "fresh.c": lines(501, 504) });
  const diff = repo.git("diff", "-M", base, head);
  const judged = new DiffPlaces(parseDiff(diff));
  assertSame(diff, ["new.c", "old.c", "gone.c", "moved.c", "elsewhere.c", "fresh.c", "bin", "tail.c"], "special");
  assert.ok(judged.has({ path: "new.c", line: 10, side: "RIGHT" }), "under the new name");
  assert.ok(judged.has({ path: "new.c", line: 10, side: "LEFT" }));
  assert.ok(!judged.has({ path: "old.c", line: 10, side: "LEFT" }), "not under the old one");
  assert.ok(
    judged.has({ path: "gone.c", line: 8, side: "LEFT" }) && !judged.has({ path: "gone.c", line: 8, side: "RIGHT" }),
  );
  assert.ok(judged.hasFile("elsewhere.c") && !judged.has({ path: "elsewhere.c", line: 1, side: "RIGHT" }));
  assert.ok(judged.has({ path: "tail.c", line: 2, side: "RIGHT" }));
});

test("the edges of a hunk: three lines of context are in it, the fourth is not", () => {
  const base = commit({ "edge.c": lines(1, 30) });
  const head = commit({ "edge.c": lines(1, 30).with(14, "other") });
  const judged = new DiffPlaces(parseDiff(repo.git("diff", base, head)));
  const right = [...Array(31).keys()].filter((line) => judged.has({ path: "edge.c", line, side: "RIGHT" }));
  assert.deepEqual(right, [12, 13, 14, 15, 16, 17, 18]);
  assert.ok(judged.hasRange("edge.c", 12, 18));
  assert.ok(!judged.hasRange("edge.c", 11, 15) && !judged.hasRange("edge.c", 15, 12));
});

test("a range does not go from one hunk into the next, even where their lines touch", () => {
  // git joins such hunks; other tools need not.
  const text = "--- a/x.c\n+++ b/x.c\n@@ -1,1 +1,2 @@\n one\n+two\n@@ -2,1 +3,2 @@\n three\n+four\n";
  const judged = new DiffPlaces(parseDiff(text));
  assert.ok(judged.hasRange("x.c", 1, 2) && judged.hasRange("x.c", 3, 4));
  assert.ok(!judged.hasRange("x.c", 2, 3));
});

test("a finding goes on its line, else on the line that the review chose, else nowhere", () => {
  const diff = places();
  assert.deepEqual(diff.placeOf(peekFinding), { path: "fs/peek.c", line: 220, side: "RIGHT" });
  assert.deepEqual(diff.placeOf({ ...peekFinding, line: 90, diffLine: 219 }), {
    path: "fs/peek.c",
    line: 219,
    side: "RIGHT",
  });
  assert.equal(diff.placeOf({ ...peekFinding, line: 90 }), undefined);
  assert.equal(diff.placeOf({ ...peekFinding, file: "fs/splice.c" }), undefined);
  assert.equal(diff.placeOf({ ...peekFinding, file: "", line: 0 }), undefined);
  // What the review believed of the diff does not count: GitHub's diff is asked.
  assert.equal(diff.placeOf({ ...peekFinding, line: 300, onDiff: true }), undefined);
  // Line numbers of a state between two patches are not those of the head.
  assert.equal(diff.placeOf({ ...peekFinding, repairedBy: { number: 4, subject: "x" } }), undefined);
});

test("behind a deletion at the end of a file the comment goes on what is gone", () => {
  const base = commit({ "end.c": lines(1, 10) });
  const head = commit({ "end.c": lines(1, 8) });
  const judged = new DiffPlaces(parseDiff(repo.git("diff", base, head)));
  const place = judged.placeOf({ ...peekFinding, file: "end.c", line: 4, diffLine: 9 });
  assert.deepEqual(place, { path: "end.c", line: 10, side: "LEFT" });
  assert.ok(judged.has(place!));
});
