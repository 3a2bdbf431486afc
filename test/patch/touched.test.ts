import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { FileDiff } from "../../src/patch/file-diff.ts";
import { changedIdentifiers, onlyCommentsOrBlank } from "../../src/patch/identifiers.ts";
import { badPathReason, checkPaths } from "../../src/patch/paths.ts";
import { fileKind, touchedFiles } from "../../src/patch/touched.ts";
import { GitRepo, numberedLines } from "./git-repo.ts";

const repo = new GitRepo();
after(() => repo.destroy());

test("kinds of kernel paths", () => {
  const kinds: Record<string, string[]> = {
    c: ["kernel/exit.c", "tools/objtool/check.c"],
    asm: ["arch/x86/entry/entry_64.S", "arch/arm64/lib/copy.s"],
    header: ["include/linux/sched.h", "arch/x86/include/asm/smap.h"],
    kconfig: ["init/Kconfig", "lib/Kconfig.debug", "arch/x86/configs/x86_64_defconfig", "kernel/configs/debug.config"],
    kbuild: ["Makefile", "kernel/Makefile", "scripts/Makefile.lib", "Kbuild", "scripts/Kbuild.include", "tools/x.mk"],
    script: ["scripts/checkpatch.pl", "scripts/link-vmlinux.sh", "scripts/syscall.awk", "tools/a.py"],
    dts: ["arch/arm64/boot/dts/x.dts", "arch/arm/boot/dts/x.dtsi"],
    doc: ["Documentation/mm/index.rst", "MAINTAINERS", "Documentation/devicetree/bindings/x.yaml", "README"],
    other: ["arch/x86/lib/x86-opcode-map.txt", "arch/x86/kernel/vmlinux.lds.S", "rust/kernel/lib.rs", "a.tbl"],
  };
  for (const [kind, paths] of Object.entries(kinds)) for (const path of paths) assert.equal(fileKind(path), kind, path);
});

test("the union of a series, each file followed through its renames", () => {
  repo.write("a.c", numberedLines(30));
  repo.write("b.h", numberedLines(30, "b"));
  repo.write("x.c", numberedLines(300, "x"));
  repo.write("y.c", numberedLines(300, "y"));
  repo.write("gone.c", "x\n");
  repo.write("mode.sh", "x\n");
  const base = repo.commit("base");
  repo.git("mv", "a.c", "c.c");
  repo.write("temp.c", "t\n");
  repo.write("new.c", "n\n");
  repo.chmod("mode.sh", 0o755);
  repo.commit("1");
  repo.write("c.c", `${repo.read("c.c")}more\n`);
  repo.write("copy.h", `${repo.read("b.h")}more\n`);
  repo.remove("temp.c");
  repo.remove("gone.c");
  repo.commit("2");
  // A swap shows as two renames.
  const [x, y] = [repo.read("x.c"), repo.read("y.c")];
  repo.write("x.c", y);
  repo.write("y.c", x);
  repo.commit("3");
  const commits = repo.git("rev-list", "--reverse", `${base}..HEAD`).trim().split("\n");
  const show = (commit: string) => repo.git("show", "-M", "-B", "-C", "--find-copies-harder", "--format=", commit);
  const touched = touchedFiles(commits.map((commit) => parseDiff(show(commit))));
  assert.deepEqual(
    touched.map((file) => [file.path, file.basePath, file.status, file.patches]),
    [
      ["c.c", "a.c", "renamed", [0, 1]],
      ["copy.h", undefined, "copied", [1]],
      ["gone.c", "gone.c", "deleted", [1]],
      ["mode.sh", "mode.sh", "mode", [0]],
      ["new.c", undefined, "added", [0]],
      ["temp.c", undefined, "transient", [0, 1]],
      ["x.c", "y.c", "renamed", [2]],
      ["y.c", "x.c", "renamed", [2]],
    ],
  );
});

const modeOf = (path: string) => `diff --git "a/${path}" "b/${path}"\nold mode 100644\nnew mode 100755\n`;
const refused: [string, RegExp][] = [
  ["../x", /"\.\." in the path/],
  ["a/../../x", /"\.\." in the path/],
  ["a/..", /"\.\." in the path/],
  [".git/config", /"\.git" in the path/],
  ["a/.GIT/hooks/x", /"\.git" in the path/],
  [".git ./x", /"\.git" in the path/],
  [".git. . /x", /"\.git" in the path/],
  ["GIT~1/config", /"\.git" in the path/],
  [".git::$INDEX_ALLOCATION/x", /"\.git" in the path/],
  [".g\\342\\200\\214it/config", /"\.git" in the path/],
  ["\\357\\273\\277.git/config", /"\.git" in the path/],
  ["a\\\\..\\\\x", /"\.\." in the path/],
  ["a\\\\.git\\\\x", /"\.git" in the path/],
  ["C:/x", /absolute path/],
  ["a//b", /empty path component/],
  ["a/./b", /empty path component/],
  ["a\\nb", /control character/],
  ["a\\000b", /control character/],
  ["x".repeat(5000), /path longer than 4096 bytes/],
];
for (const [path, why] of refused) {
  test(`a patch of ${JSON.stringify(path.slice(0, 40))} is refused`, () => {
    const thrown = caught(() => checkPaths(parseDiff(modeOf(path)), "2/4"));
    assert.ok(thrown instanceof FormatError, String(thrown));
    assert.match(thrown.message, /^patch 2\/4 line 1: "/);
    assert.match(thrown.message, why);
    assert.equal(thrown.message.split("\n").length, 1);
  });
}

test("absolute names in headers cannot reach outside; ordinary dotted names pass", () => {
  assert.equal(badPathReason("/etc/passwd"), "absolute path");
  const [file] = parseDiff("diff --git a//etc/passwd b//etc/passwd\nold mode 100644\nnew mode 100755\n");
  assert.equal(file === undefined || badPathReason(file.path) !== undefined || file.path === "etc/passwd", true);
  for (const path of [".gitignore", ".gitattributes", "a/.github/x", "x..y", "...", "git", "a.git/x"]) {
    assert.equal(badPathReason(path), undefined, path);
  }
});

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("symlinks may stay inside the tree and nowhere else; submodules are refused", () => {
  const link = (path: string, target: string) =>
    parseDiff(
      `diff --git a/${path} b/${path}\nnew file mode 120000\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${target}\n\\ No newline at end of file\n`,
    );
  for (const [path, target] of [
    ["a/b/l", "../../etc"],
    ["a/l", "../x.c"],
    ["l", "a/b"],
  ] as const) {
    checkPaths(link(path, target), "1/1");
  }
  for (const [path, target, why] of [
    ["a/l", "../../etc", /out of the tree/],
    ["l", "..", /out of the tree/],
    ["l", "/etc/passwd", /absolute target/],
    ["a/l", "b/../../x", /behind a name/],
    ["l", ".git/config", /into "\.git"/],
    ["l", "", /without a target/],
  ] as const) {
    assert.match(String(caught(() => checkPaths(link(path, target), "1/1"))), why, target);
  }
  const submodule =
    "diff --git a/s b/s\nnew file mode 160000\nindex 0000000..1234567\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n+Subproject commit 1\n";
  assert.match(String(caught(() => checkPaths(parseDiff(submodule), "1/1"))), /submodule change/);
});

/** The diff that git makes of two versions of a file. */
function diffOf(path: string, before: string, after: string, ...options: string[]): FileDiff {
  repo.write(path, before);
  repo.git("add", "-A");
  repo.write(path, after);
  const [file] = parseDiff(repo.git("diff", ...options, "--", path));
  assert.ok(file, "the versions are equal");
  return file;
}

test("identifiers that a header's diff defines and mentions", () => {
  const before = `#define LIMIT(x) \\
	do_limit(x)
struct task {
	int state; /* old words */
	long flags;
};

static inline int helper(struct task *t)
{
	int x = t->flags;

	return x + first_thing(t);
}

extern int counter;
int plain(void);
`;
  const after = before
    .replace("do_limit(x)", "do_other(x)")
    .replace("long flags;", 'long new_flags; /* not_this "or this" */')
    .replace("first_thing(t)", 'second_thing(t, "not_me")')
    .replace("extern int counter", "extern long counter");
  const { defined, mentioned } = changedIdentifiers(diffOf("include/t.h", before, after, "-U30"));
  assert.deepEqual([...defined].sort(), ["LIMIT", "counter", "helper", "task"]);
  assert.deepEqual(
    [...mentioned].sort(),
    ["counter", "do_limit", "do_other", "first_thing", "flags", "new_flags", "second_thing", "t", "x"].sort(),
  );
  // With little context the function is known from the hunk header alone.
  const near = changedIdentifiers(diffOf("include/u.h", before, before.replace("first_thing", "other_thing"), "-U1"));
  assert.deepEqual([...near.defined], ["helper"]);
  // A conditional in its body is neither its end nor a name.
  const body = "static inline int full(int a)\n{\n#ifdef CONFIG_INET\n\ta = 1;\n#endif\n\treturn a;\n}\n";
  const inside = changedIdentifiers(diffOf("include/v.h", body, body.replace("= 1", "= 2"), "-U30"));
  assert.deepEqual([...inside.defined], ["full"]);
  assert.equal(changedIdentifiers(diffOf("Kconfig", "config A\n", "config B\n")).mentioned.size, 0);
});

const code = "int a(void)\n{\n\treturn 1;\n}\n";
const only: [string, string, string, boolean][] = [
  ["a comment line added at the top", code, `/* about a */\n${code}`, true],
  ["a blank line", code, code.replace("{\n", "{\n\n"), true],
  ["indentation", code, code.replace("\treturn", "    return"), true],
  ["a comment at the end of a line", code, code.replace("1;", "1; /* one */"), true],
  ["words inside a comment", `/* one */\n${code}`, `/* two */\n${code}`, true],
  ["code", code, code.replace("1", "2"), false],
  ["a literal's blanks", 'char *a = "x  y";\n', 'char *a = "x y";\n', false],
  ["a comment that swallows code", "a();\n/* x */\nb();\n/* y */\n", "a();\n/* x\nb();\n/* y */\n", false],
  ["code commented out", code, code.replace("return 1;", "/* return 1; */"), false],
  ["a comment with a backslash at its end", code, code.replace("{\n", "{\n\t// x \\\n"), false],
  ["a blank line in a macro", "#define A \\\n\tb\nc\n", "#define A \\\n\n\tb\nc\n", false],
  ["two words joined", "int a;\n", "inta;\n", false],
  ["two words joined by a comment gone", "int/**/a;\n", "inta;\n", false],
  ["an URL in a literal", 'char *a = "http://x";\n', 'char *a = "http://y";\n', false],
];
for (const [what, before, after, expected] of only) {
  test(`only comments or blanks: ${what} -> ${expected}`, () => {
    assert.equal(onlyCommentsOrBlank(diffOf("t.c", before, after)), expected);
  });
}

test("only comments or blanks: what a hunk cannot prove is no", () => {
  const filler = numberedLines(20, "\tstep();  //");
  const inside = (line: string) => `${filler}${line}\n${filler}`;
  // It may all stand inside a comment, where this one would end it.
  assert.equal(onlyCommentsOrBlank(diffOf("t.c", inside("a();"), inside("/* x */\na();"))), false);
  // A line comment and a blank line are what they are in both cases.
  assert.equal(onlyCommentsOrBlank(diffOf("t.c", inside("a();"), inside("// x\n\na();"))), true);
  // The end of the comment is in the hunk: it began before.
  const doc = (word: string) =>
    `${filler}/**\n * a\n * b\n * c\n * ${word}\n * e\n * f\n * g\n */\nint a(void);\n${filler}`;
  assert.equal(onlyCommentsOrBlank(diffOf("t.h", doc("one"), doc("two"), "-U2")), false);
  const lastLine = (word: string) => `${filler}/**\n * a\n * b\n * c\n * d\n * ${word}\n */\nint a(void);\n${filler}`;
  assert.equal(onlyCommentsOrBlank(diffOf("t.h", lastLine("one"), lastLine("two"), "-U2")), true);
  // Kconfig and new files never are.
  assert.equal(onlyCommentsOrBlank(diffOf("Kconfig", "# a\n", "# b\n")), false);
});
