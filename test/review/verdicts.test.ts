import assert from "node:assert/strict";
import { test } from "node:test";
import { filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// Every way a review can end other than clean and findings, on the kernel tree, with exit status and the one line that says why.

const tree = openSeriesTree();
const at = { tree: tree.dir, base: "HEAD" };
const ARGV = "lib/argv_split.c";

function appended(code: string): (text: string) => string {
  return (text) => `${text}\n${code}`;
}

test("a series that does not compile names the error, its place and the first bad patch", async () => {
  const one = tree.commit(tree.base, "lib: argv: fine", { [ARGV]: appended("/* a */\n") });
  const two = tree.commit(one, "lib: argv: not fine", { [ARGV]: appended("int objr_x(void) { return objr_y; }\n") });
  const three = tree.commit(two, "lib: argv: more of it", { [ARGV]: appended("/* b */\n") });
  const { status, result, err } = await runReview({ ...at, range: `${tree.base}..${three}` });
  const line =
    tree
      .read(two, ARGV)
      .split("\n")
      .findIndex((text) => text.includes("objr_y")) + 1;
  assert.deepEqual([status, result.verdict, err], [1, "broken", ""]);
  const { broken } = result;
  assert.deepEqual([broken?.object, broken?.file, broken?.patch?.number], ["lib/argv_split.o", ARGV, 2]);
  assert.equal(broken?.repairedBy, undefined);
  assert.match(broken?.error ?? "", /objr_x|objr_y/);
  assert.ok(Math.abs((broken?.line ?? 0) - line) <= 1);
  const { lines = [], after = -1 } = broken?.hunk ?? {};
  assert.match(
    lines.slice(Math.max(0, after - 1), after + 2).join("\n"),
    /^\+.*objr_/m,
    "quoted from the patch that broke it",
  );
  assert.deepEqual(
    result.patches.map((p) => p.builds),
    [true, false, false],
  );
});

test("what a header's macro says of a line of the patch is placed on that line", async () => {
  const head = tree.commit(tree.base, "lib: argv: check a size", {
    [ARGV]: appended(
      "#include <linux/build_bug.h>\nvoid objr_x(void);\nvoid objr_x(void)\n{\n\tBUILD_BUG_ON(sizeof(long) == 8);\n}\n",
    ),
  });
  const { result } = await runReview({ ...at, range: `${tree.base}..${head}` });
  const line =
    tree
      .read(head, ARGV)
      .split("\n")
      .findIndex((text) => text.includes("BUILD_BUG_ON")) + 1;
  assert.deepEqual([result.verdict, result.broken?.file, result.broken?.line], ["broken", ARGV, line]);
  assert.match(result.broken?.error ?? "", /BUILD_BUG_ON.* \(said at include\/linux\/\w+\.h:\d+\)$/);
});

test("a series that does not compile in its middle only is broken there", async () => {
  const one = tree.commit(tree.base, "lib: argv: half a change", {
    [ARGV]: appended("int objr_x(void);\nint objr_x(void) { return objr_y(); }\n"),
  });
  const two = tree.commit(one, "lib: argv: the other half", {
    [ARGV]: (text) =>
      text.replace("int objr_x(void);", "int objr_y(void);\nint objr_y(void) { return 1; }\nint objr_x(void);"),
  });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${two}` });
  assert.deepEqual([status, result.verdict], [1, "broken"]);
  assert.deepEqual(
    [result.broken?.patch?.number, result.broken?.repairedBy?.number, result.broken?.file],
    [1, 2, ARGV],
  );
  assert.match(result.broken?.error ?? "", /objr_y/);
  const { lines = [], after = -1 } = result.broken?.hunk ?? {};
  assert.equal(lines[after], "+int objr_x(void) { return objr_y(); }");
  assert.deepEqual(
    result.patches.map((p) => p.builds),
    [false, true],
  );
  assert.deepEqual(result.findings, []);
});

test("a source that comes before the line that builds it, with a flag that it needs, breaks nothing", async () => {
  const source = "int objr_new(int a);\nint objr_new(int a)\n{\n\treturn a + OBJR_FLAG;\n}\n";
  const one = tree.commit(tree.base, "lib: the source", { "lib/objr_new.c": source });
  const two = tree.commit(one, "lib: and its recipe", {
    "lib/Makefile": appended("obj-y += objr_new.o\nCFLAGS_objr_new.o += -DOBJR_FLAG=1\n"),
  });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${two}` });
  assert.deepEqual([status, result.verdict, result.broken], [0, "clean", undefined]);
  assert.deepEqual(
    result.objects.map((o) => `${o.path} ${o.state}`),
    ["lib/objr_new.o new"],
  );
});

test("a conflict names patch and files", async () => {
  const other = tree.commit(tree.base, "x", { [ARGV]: (text) => text.replace("int count = 0;", "int count = 7;") });
  const mine = tree.commit(other, "lib: argv: on top", {
    [ARGV]: (text) => text.replace("int count = 7;", "int count = 9;"),
  });
  const { status, result, err } = await runReview({ ...at, range: `${other}..${mine}` });
  assert.deepEqual([status, result.verdict], [2, "conflict"]);
  assert.deepEqual(result.conflict?.files, [ARGV]);
  assert.equal(result.patches[0]?.state, "conflict");
  assert.match(err, /^objreview: conflict: patch 1 does not apply to .*: lib\/argv_split\.c\n$/);
});

test("a series that the base has is no conflict", async () => {
  const mine = tree.commit(tree.base, "lib: argv: here already", {
    [ARGV]: (text) => text.replace("int count = 0;", "int count = 7;"),
  });
  const { status, result, err } = await runReview({ tree: tree.dir, base: mine, range: `${tree.base}..${mine}` });
  assert.deepEqual([status, result.verdict, result.patches[0]?.state], [2, "applied", "already-upstream"]);
  assert.match(err, /^objreview: already applied: .* has every patch of the series already\n$/);
});

test("an incomplete series says what is missing", async (t) => {
  const one = tree.commit(tree.base, "lib: first", { [ARGV]: appended("/* a */\n") });
  const two = tree.commit(one, "lib: second", { [ARGV]: appended("/* b */\n") });
  const whole = tree.mbox(tree.base, two);
  const first = whole.slice(0, whole.indexOf("\nFrom ", 10) + 1);
  const { status, result, err } = await runReview({ ...at, mbox: writeIn(filesFolder(t), "half.mbox", first) });
  assert.deepEqual([status, result.verdict, result.patches.length], [2, "incomplete", 1]);
  assert.match(err, /^objreview: incomplete series: .*1.*2.*\n$/);
});

test("documentation is clean without a build", async () => {
  const doc = tree.commit(tree.base, "docs: say more", { "Documentation/admin-guide/README.rst": appended("More.\n") });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${doc}` });
  assert.deepEqual([status, result.verdict, result.objects.length], [0, "clean", 0]);
  assert.equal(result.sandbox.mode, "none-needed");
  assert.deepEqual(result.coverage.notes, []);
});

test("a file of another architecture is not judged, and the reason is told", async () => {
  const arm = tree.commit(tree.base, "arm64: a comment", { "arch/arm64/kernel/topology.c": appended("/* a */\n") });
  const { status, result, err } = await runReview({
    ...at,
    range: `${tree.base}..${arm}`,
    profile: ["x86_64-defconfig-gcc"],
  });
  assert.deepEqual([status, result.verdict], [2, "inconclusive"]);
  assert.match(
    err,
    /^objreview: inconclusive: nothing that the series touches could be judged: arch\/arm64\/kernel\/topology\.c: .*\n$/,
  );
  assert.deepEqual(result.coverage.notes, [
    {
      kind: "object-not-built",
      object: "arch/arm64/kernel/topology.c",
      why: "arm64 code, and x86_64-defconfig-gcc is x86_64",
    },
  ]);
});

test("a file whose option is off: the option and what it depends on are named", async () => {
  const off = tree.commit(tree.base, "lib: a comment", { "lib/test_ida.c": appended("/* a */\n") });
  const { status, result } = await runReview({
    ...at,
    range: `${tree.base}..${off}`,
    profile: ["x86_64-defconfig-gcc"],
  });
  assert.deepEqual([status, result.verdict], [2, "inconclusive"]);
  assert.match(
    result.coverage.notes[0]?.why ?? "",
    /lib\/Makefile:\d+ builds test_ida\.o under CONFIG_TEST_IDA, off here/,
  );
});

test("what the base does not build is not blamed on the series", async () => {
  const bad = tree.commit(tree.base, "plant", { [ARGV]: appended("this is no C;\n") });
  const mine = tree.commit(bad, "lib: argv: a comment", { [ARGV]: appended("/* a */\n") });
  const { status, result, err } = await runReview({ tree: tree.dir, base: bad, range: `${bad}..${mine}` });
  assert.deepEqual([status, result.verdict, result.broken], [2, "inconclusive", undefined]);
  assert.match(err, /compiles neither in the base nor with the series: lib\/argv_split\.c:\d+: /);
  const cured = tree.commit(bad, "lib: argv: compile again", { [ARGV]: tree.read(tree.base, ARGV) });
  const second = await runReview({ tree: tree.dir, base: bad, range: `${bad}..${cured}` });
  assert.deepEqual([second.status, second.result.verdict, second.result.findings], [2, "inconclusive", []]);
  assert.match(second.err, /the base does not compile: lib\/argv_split\.c:\d+: /);
});

test("a configuration that the series breaks is broken, with its place", async () => {
  const bad = tree.commit(tree.base, "lib: Kconfig: oops", { "lib/Kconfig": appended("objr this is no Kconfig\n") });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${bad}` });
  assert.deepEqual(
    [status, result.verdict, result.broken?.file, result.broken?.patch?.number],
    [1, "broken", "lib/Kconfig", 1],
  );
  assert.ok((result.broken?.line ?? 0) > 100);
});
