import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { FileDiff } from "../../src/patch/file-diff.ts";
import { mapNewToOld, mapOldToNew } from "../../src/patch/hunks.ts";
import { splitMbox } from "../../src/patch/mbox.ts";
import { parseMessage } from "../../src/patch/message.ts";
import { GitRepo, makeZoo } from "./git-repo.ts";

const repo = new GitRepo();
after(() => repo.destroy());
const zoo = makeZoo(repo);
const mbox = repo.gitBytes("format-patch", "--stdout", "-M", "-C", "--find-copies-harder", "--binary", zoo.base);
const messages = await Promise.all(splitMbox(mbox).map(parseMessage));
const diffOf = (subject: string): FileDiff[] => {
  const message = messages.find((candidate) => candidate.subject.title === subject);
  assert.ok(message, subject);
  return parseDiff(message.patchText);
};

const shape = ({ status, oldPath, newPath, oldMode, newMode, isBinary, isSymlink, hunks }: FileDiff) => {
  return { status, oldPath, newPath, oldMode, newMode, isBinary, isSymlink, hunks: hunks.length };
};
const plain = { oldMode: "100644", newMode: "100644", isBinary: false, isSymlink: false, hunks: 1 };

test("every sort of change is read with its names, modes and status", () => {
  const one = (path: string, more: object = {}) => [
    { ...plain, status: "modified", oldPath: path, newPath: path, ...more },
  ];
  const expected: Record<string, object[]> = {
    "exit: change a line": one("kernel/exit.c"),
    "mm: rename with a change": [{ ...plain, status: "renamed", oldPath: "mm/old-name.c", newPath: "mm/new-name.c" }],
    "mm: copy": [{ ...plain, status: "copied", oldPath: "mm/template.c", newPath: "mm/copy of it.c" }],
    "script: mode": one("script.sh", { status: "mode", newMode: "100755", hunks: 0 }),
    "script: mode and content": one("script.sh", { oldMode: "100755" }),
    "blob: change": one("blob.bin", { isBinary: true, hunks: 0 }),
    "no newline: change the last line": one("no-newline.txt"),
    "no newline: add the newline": one("no-newline.txt"),
    "doomed: delete": [{ ...plain, status: "deleted", oldPath: "doomed.h", newPath: undefined, newMode: undefined }],
    "empty: add": [
      { ...plain, status: "added", oldPath: undefined, newPath: "empty file.c", oldMode: undefined, hunks: 0 },
    ],
    "empty: delete": [
      { ...plain, status: "deleted", oldPath: "empty file.c", newPath: undefined, newMode: undefined, hunks: 0 },
    ],
    "link: from file": [
      { ...plain, status: "deleted", oldPath: "soon-a-link", newPath: undefined, newMode: undefined },
      {
        ...plain,
        status: "added",
        oldPath: undefined,
        newPath: "soon-a-link",
        oldMode: undefined,
        newMode: "120000",
        isSymlink: true,
      },
    ],
    "blank: in a path": one("dir with blank/sp ace.c"),
    "umlaut: in a path \u00fc": one("tr\u00e4ger/\u00fcber.c"),
    "dos: line ends": one("dos.txt"),
    "odd: quoted name": one('odd"name.c'),
    "latin: not UTF-8": one("latin.txt"),
    "sql: looks like a header": [
      { ...plain, status: "added", oldPath: undefined, newPath: "q.sql", oldMode: undefined },
    ],
    "sql: remove and add look-alikes": one("q.sql"),
    "binary: new": [
      {
        ...plain,
        status: "added",
        oldPath: undefined,
        newPath: "new.bin",
        oldMode: undefined,
        isBinary: true,
        hunks: 0,
      },
    ],
  };
  assert.deepEqual(Object.keys(expected), zoo.subjects);
  for (const [subject, files] of Object.entries(expected)) assert.deepEqual(diffOf(subject).map(shape), files, subject);
});

test("names and counts agree with git apply --numstat on every patch", () => {
  for (const message of messages) {
    const rows = repo.gitWithInput(message.patchBytes, "apply", "--numstat", "-z", "-").split("\0").filter(Boolean);
    const ours = parseDiff(message.patchText).map((file) => {
      const count = (kind: string) =>
        file.hunks.reduce((sum, hunk) => sum + hunk.lines.filter((line) => line.kind === kind).length, 0);
      return file.isBinary ? `-\t-\t${file.path}` : `${count("+")}\t${count("-")}\t${file.path}`;
    });
    assert.deepEqual(ours, rows, message.subjectText);
  }
});

test("hunks keep header, section, line numbers and the missing newline", () => {
  const [exit] = diffOf("exit: change a line");
  const hunk = exit?.hunks[0];
  assert.equal(hunk?.header, "@@ -6,7 +6,7 @@ int a(void)");
  assert.equal(hunk?.section, "int a(void)");
  assert.deepEqual(hunk?.lines[3], { kind: "-", text: "\tstep();  /* 7", oldLine: 9, newLine: 0 });
  assert.deepEqual(hunk?.lines[4], { kind: "+", text: "\tstep();  /* seven", oldLine: 0, newLine: 9 });
  assert.match(exit?.oldBlob ?? "", /^[0-9a-f]{7,}$/);
  assert.notEqual(exit?.oldBlob, exit?.newBlob);
  const [both] = diffOf("no newline: change the last line");
  assert.deepEqual([both?.hunks[0]?.oldMissesNewline, both?.hunks[0]?.newMissesNewline], [true, true]);
  const [added] = diffOf("no newline: add the newline");
  assert.deepEqual([added?.hunks[0]?.oldMissesNewline, added?.hunks[0]?.newMissesNewline], [true, false]);
  const [dos] = diffOf("dos: line ends");
  assert.deepEqual(
    dos?.hunks[0]?.lines.filter((line) => line.kind !== " ").map((line) => line.text),
    ["second\r", "2nd\r"],
  );
});

/** A small seeded generator (mulberry32): the same edits in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("every line of 120 random diffs is the file's own line, and maps agree on both sides", () => {
  const pick = random(20240501);
  let checked = 0;
  for (let round = 0; round < 120; round++) {
    const before = Array.from({ length: pick(60) }, () => `w${pick(25)}`);
    const edited = [...before];
    for (let edits = 1 + pick(6); edits > 0; edits--) {
      const at = pick(edited.length + 1);
      const inserted = Array.from({ length: pick(4) }, () => (pick(9) === 0 ? "-- " : `n${pick(25)}`));
      edited.splice(at, pick(4), ...inserted);
    }
    const text = (lines: string[]) => (lines.length === 0 ? "" : lines.join("\n") + (pick(4) === 0 ? "" : "\n"));
    repo.write("old/f.c", text(before));
    repo.write("new/f.c", text(edited));
    // Exit status 1: the files differ.
    const diff = repo.try("", "diff", "--no-index", `-U${pick(5)}`, "old/f.c", "new/f.c").stdout;
    if (diff === "") continue;
    const [file] = parseDiff(diff);
    assert.ok(file);
    for (const hunk of file.hunks) {
      for (const line of hunk.lines) {
        if (line.oldLine > 0) assert.equal(line.text, before[line.oldLine - 1], diff);
        if (line.newLine > 0) assert.equal(line.text, edited[line.newLine - 1], diff);
        checked++;
      }
    }
    if (file.status !== "modified") continue;
    edited.forEach((line, index) => {
      const old = mapNewToOld(file, index + 1);
      if (old === undefined) return;
      assert.equal(before[old - 1], line, diff);
      assert.equal(mapOldToNew(file, old), index + 1, diff);
    });
    const kept = before.filter((_, index) => mapOldToNew(file, index + 1) !== undefined).length;
    const keptBack = edited.filter((_, index) => mapNewToOld(file, index + 1) !== undefined).length;
    assert.equal(kept, keptBack);
  }
  assert.ok(checked > 1500, String(checked));
});

test("a diff in the commit message counts where git would apply it, and not where it is indented", () => {
  const fake = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
  const real = "---\n y | 2 +-\n\ndiff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n";
  const indented = `Text\n\n${fake.replace(/^/gm, "    ")}\n${real}`;
  assert.deepEqual(
    parseDiff(indented).map((file) => file.path),
    ["y"],
  );
  assert.deepEqual(
    parseDiff(fake + real).map((file) => file.path),
    ["x", "y"],
  );
  assert.deepEqual(
    repo
      .gitWithInput(fake + real, "apply", "--numstat", "-")
      .trim()
      .split("\n"),
    ["1\t1\tx", "1\t1\ty"],
  );
});

test("diffs without git headers, as quilt writes them", () => {
  const stamp = "2024-05-01 10:00:00.000000000 +0200";
  const epoch = "1970-01-01 00:00:00.000000000 +0000";
  const hunk = "@@ -1 +1 @@\n-a\n+b\n";
  const of = (head: string, body = hunk) => {
    const text = head + body;
    const [file] = parseDiff(text);
    assert.equal(repo.gitWithInput(text, "apply", "--numstat", "-").trim().split("\t")[2], file?.path);
    return [file?.status, file?.path];
  };
  assert.deepEqual(of(`--- linux.orig/mm/a.c\t${stamp}\n+++ linux/mm/a.c\t${stamp}\n`), ["modified", "mm/a.c"]);
  assert.deepEqual(of(`Index: b/mm/a.c\n=====\n--- a/mm/a.c\n+++ b/mm/a.c\n`), ["modified", "mm/a.c"]);
  assert.deepEqual(of(`--- a/mm/a.c.orig\t${stamp}\n+++ b/mm/a.c\t${stamp}\n`), ["modified", "mm/a.c"]);
  assert.deepEqual(of(`--- a/mm/n.c\t${epoch}\n+++ b/mm/n.c\t${stamp}\n`, "@@ -0,0 +1 @@\n+b\n"), ["added", "mm/n.c"]);
  assert.deepEqual(of(`--- a/mm/n.c\t${stamp}\n+++ /dev/null\n`, "@@ -1 +0,0 @@\n-b\n"), ["deleted", "mm/n.c"]);
});

test("a mailer's stripped blank context line is context; what follows the last hunk is text", () => {
  const [file] = parseDiff(
    "diff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1,3 +1,3 @@\n x\n\n-a\n+b\n-- \n2.39.5\n\nbase-commit: 1\n",
  );
  assert.deepEqual(
    file?.hunks[0]?.lines.map((line) => line.kind + line.text),
    [" x", " ", "-a", "+b"],
  );
});

const head = "diff --git a/y b/y\n--- a/y\n+++ b/y\n";
const bad: [string, string, RegExp][] = [
  ["a count too high", `${head}@@ -1,3 +1,3 @@\n x\n-a\n+b\n-- \n2.39.5\n`, /line 4: hunk differs from its counts/],
  ["a count too low", `${head}@@ -1 +1 @@\n-a\n+b\n+c\n`, /line 4: hunk has more lines than its header counts/],
  ["a truncated hunk", `${head}@@ -1,2 +1,2 @@\n x\n`, /line 4: hunk differs from its counts: the text ends/],
  ["a huge count", `${head}@@ -1,99999999999 +1 @@\n x\n`, /line 4: hunk header with a line number out of range/],
  ["a line 0", `${head}@@ -0,2 +1,2 @@\n x\n y\n`, /line 4: hunk header with lines at line 0/],
  ["hunks out of order", `${head}@@ -9 +9 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n`, /line 7: hunks overlap/],
  ["a hunk without a file", "@@ -1 +1 @@\n-a\n+b\n", /line 1: hunk without a file header/],
  ["no hunk", "diff --git a/y b/y\nindex 1234567..89abcde 100644\n", /line 1: y: no hunk/],
  [
    "a diff line and nothing below",
    "diff --git a/y b/y\n\n--- a/z\n+++ b/z\n@@ -1 +1 @@\n-a\n+b\n",
    /line 1: diff line without/,
  ],
  ["names before modes", "diff --git a/y b/y\n+++ b/z\nnew file mode 100644\n", /line 3: extended header line behind/],
  [
    "/dev/null for a file that exists",
    "diff --git a/y b/y\n--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
    /line 3: .dev.null/,
  ],
  [
    "another name for a new file",
    "diff --git a/y b/y\nnew file mode 100644\n--- /dev/null\n+++ b/z\n",
    /line 4: two names/,
  ],
  ["no name", "diff --git a/y b/z\nold mode 100644\nnew mode 100755\n", /line 1: diff header does not say which file/],
  ["a bad escape", 'diff --git "a/\\q" "b/\\q"\nold mode 100644\nnew mode 100755\n', /line 1: unknown escape/],
  ["an open quote", 'diff --git a/y b/y\n--- "a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n', /line 2: quoted file name without/],
  [
    "a cut binary patch",
    `diff --git a/y b/y\nindex 1234567..89abcde 100644\nGIT binary patch\nliteral 9\nzc$@yNa\n`,
    /line 3|line 5/,
  ],
  ["a bad mode", "diff --git a/y b/y\nold mode 100849\nnew mode 100755\n", /line 2: file mode/],
  [
    "two names",
    `diff --git a/y b/y\nrename from a\nrename to y\n--- a/b\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n`,
    /line 4: two names/,
  ],
  [
    "old lines in a new file",
    `diff --git a/y b/y\nnew file mode 100644\n--- /dev/null\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n`,
    /new file with old lines/,
  ],
];
for (const [what, text, message] of bad) {
  test(`a patch with ${what} is one FormatError with its line`, () => {
    const thrown = caught(() => parseDiff(text));
    assert.ok(thrown instanceof FormatError, String(thrown));
    assert.equal(thrown.place.format, "patch");
    assert.match(thrown.message, message);
    assert.equal(thrown.message.split("\n").length, 1);
  });
}

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("name and line of the mail are in the message", () => {
  const thrown = caught(() => parseDiff(`${head}@@ -1,2 +1,2 @@\n x\n`, { name: "2/4", linesBefore: 10 }));
  assert.ok(thrown instanceof FormatError);
  assert.equal(thrown.place.value, 14);
  assert.match(thrown.message, /^patch 2\/4 line 14: /);
});

test("quoted names: C escapes and octal bytes, one side bare", () => {
  const of = (line: string) => parseDiff(`diff --git ${line}\nold mode 100644\nnew mode 100755\n`)[0]?.path;
  assert.equal(of('"a/tab\\there\\303\\274\\"\\\\.c" "b/tab\\there\\303\\274\\"\\\\.c"'), 'tab\there\u00fc"\\.c');
  assert.equal(of('a/x.c "b/x.c"'), "x.c");
  assert.equal(of('"a/x.c" b/x.c'), "x.c");
  assert.equal(of("a/x b/x b/x b/x"), "x b/x");
  assert.equal(of("old/kernel/x.c new/kernel/x.c"), "kernel/x.c");
});
