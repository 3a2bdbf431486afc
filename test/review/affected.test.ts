import assert from "node:assert/strict";
import { test } from "node:test";
import { renderDigest } from "../../src/report/digest.ts";
import { filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// What a series affects beyond the sources that it touches: what includes a touched header, what a touched recipe builds otherwise.

const tree = openSeriesTree();
const at = { tree: tree.dir, base: "HEAD" };

function appended(code: string): (text: string) => string {
  return (text) => `${text}\n${code}`;
}

test("a comment in a header with many dependents: identical code, and the cap is told", async () => {
  const mine = tree.commit(tree.base, "sort: say it better", {
    "include/linux/sort.h": (text) =>
      text.replace("#define _LINUX_SORT_H", "#define _LINUX_SORT_H\n/* Two more\n * lines. */"),
  });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${mine}`, maxDependents: 3 });
  assert.deepEqual([status, result.verdict, result.findings.filter((f) => f.class !== "unchanged")], [0, "clean", []]);
  assert.equal(result.objects.length, 3);
  for (const object of result.objects) {
    assert.equal(object.state, "identical");
    assert.equal(object.reason, "includes include/linux/sort.h");
  }
  assert.equal(result.profiles[0]?.identicalObjects, 3);
  const cap = result.coverage.notes.find((n) => n.kind === "affected-cap");
  assert.match(cap?.why ?? "", /^\d+ more /);
  assert.match(renderDigest(result), /All of the 3 affected objects have the code of the base\./);
});

test("dependents that use what changed come first", async () => {
  // lib/math/gcd.c and its users: gcd() is named by few of those that include the header through others.
  const mine = tree.commit(tree.base, "bsearch: one more check", {
    "include/linux/bsearch.h": (text) => text.replace("while (num > 0)", "while (num > 0 && base)"),
  });
  const { result } = await runReview({ ...at, range: `${tree.base}..${mine}`, maxDependents: 4 });
  assert.equal(result.objects.length, 4);
  const uses = result.objects.map((object) =>
    /\b__inline_bsearch\b/.test(tree.read(mine, object.path.replace(/\.o$/, ".c"))),
  );
  const firstWithout = uses.indexOf(false);
  assert.ok(uses.includes(true));
  assert.ok(firstWithout === -1 || !uses.slice(firstWithout).includes(true), `${result.objects.map((o) => o.path)}`);
  assert.ok(result.objects.some((object) => object.state === "analysed"));
});

test("a member of task_struct: the assembly that takes its offsets from kbuild's constants is built, and differs", async () => {
  const mine = tree.commit(tree.base, "sched: longest delay", {
    "include/linux/sched.h": (text) =>
      text.replace(/^\tunsigned long long\s+run_delay;\n/m, "$&\tunsigned long long max_run_delay;\n"),
  });
  const { result } = await runReview({ ...at, range: `${tree.base}..${mine}`, maxDependents: 3 });
  const entry = result.objects.find((object) => object.path === "arch/x86/entry/entry_64.o");
  assert.equal(entry?.state, "analysed", JSON.stringify(result.objects.map(({ path, state }) => [path, state])));
  const cap = result.coverage.notes.find((note) => note.kind === "affected-cap");
  assert.match(cap?.why ?? "", /; \d+ of them use what changed, and their code may differ$/);
});

test("touched recipes: what is built with other flags, and what a changed symbol decides", async () => {
  const flags = tree.commit(tree.base, "lib: argv_split without tree optimizations", {
    "lib/Makefile": appended("CFLAGS_argv_split.o += -fno-tree-ccp -DOBJR\n"),
  });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${flags}` });
  assert.deepEqual([status, result.verdict], [0, "clean"]);
  assert.deepEqual(
    result.objects.map((o) => [o.path, o.reason]),
    [["lib/argv_split.o", "other flags: +(-fno-tree-ccp) +(-DOBJR)"]],
  );
  const unreadable = tree.commit(tree.base, "lib: an open end", { "lib/Makefile": appended("ifdef CONFIG_X\n") });
  const broken = await runReview({ ...at, range: `${tree.base}..${unreadable}` });
  assert.deepEqual(
    [broken.status, broken.result.verdict, broken.result.broken?.file, broken.result.broken?.patch?.number],
    [1, "broken", "lib/Makefile", 1],
  );
  assert.match(broken.result.broken?.error ?? "", /missing 'endif'/);
  const symbol = tree.commit(tree.base, "lib: without it", {
    "lib/Kconfig": appended("config OBJR_NEW\n\tdef_bool y\n"),
    "lib/Makefile": appended("obj-$(CONFIG_OBJR_NEW) += objr_new.o\n"),
    "lib/objr_new.c": "int objr_new(int a);\nint objr_new(int a)\n{\n\treturn a + 1;\n}\n",
  });
  const second = await runReview({ ...at, range: `${tree.base}..${symbol}` });
  assert.deepEqual(
    second.result.objects.map((o) => `${o.path} ${o.state}`),
    ["lib/objr_new.o new"],
  );
  assert.match(second.result.coverage.notes.map((n) => n.why).join("\n"), /the configuration changes: CONFIG_OBJR_NEW/);
});

test("a new warning of the compiler is a note, an old one is nothing", async () => {
  const warn = (text: string) =>
    `void objr_${text}(void);\nvoid objr_${text}(void)\n{\n\tasm volatile(".warning \\"${text}\\"");\n}\n`;
  const base = tree.commit(tree.base, "plant", { "lib/argv_split.c": appended(warn("old")) });
  const mine = tree.commit(base, "lib: argv: warn", {
    "lib/argv_split.c": (text) =>
      `${text.replace("int count = 0;", "int count = 0; /* moves nothing */\n")}\n${warn("fresh")}`,
  });
  const { status, result } = await runReview({ tree: tree.dir, base, range: `${base}..${mine}` });
  assert.deepEqual([status, result.verdict], [0, "clean"]);
  assert.deepEqual(
    result.compilerWarnings.map((w) => [w.file, w.text, w.profile]),
    [["lib/argv_split.c", "fresh", "x86_64-defconfig-gcc"]],
  );
});

test("profiles: one of the caller's own is read from a file; one that cannot be prepared leaves the review incomplete", async (t) => {
  const dir = filesFolder(t);
  const { requireProfile } = await import("../../src/kernel/profile.ts");
  const own = requireProfile("x86_64-defconfig-gcc");
  const mine = tree.commit(tree.base, "lib: argv: count from one", {
    "lib/argv_split.c": (text) => text.replace("int count = 0;", "int count = 1;"),
  });
  const impossible = { ...own, name: "impossible", config: { ...own.config, target: "no_such_defconfig" } };
  const { status, result, err } = await runReview({
    ...at,
    range: `${tree.base}..${mine}`,
    profile: [writeIn(dir, "impossible.json", JSON.stringify(impossible)), "x86_64-defconfig-gcc"],
  });
  assert.deepEqual([status, result.verdict], [2, "inconclusive"]);
  assert.match(
    err,
    /^objreview: inconclusive: impossible: the base cannot be configured or prepared: .*no_such_defconfig.*\n$/,
  );
  assert.deepEqual(
    result.objects.map((o) => [o.path, o.state]),
    [["lib/argv_split.o", "analysed"]],
  );
});
