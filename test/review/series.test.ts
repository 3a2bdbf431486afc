import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { briefly, filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// Whole reviews of series against the kernel tree: what is new, old, gone, and which patch did it.

const tree = openSeriesTree();
const at = { tree: tree.dir, base: "HEAD" };

const STRNLEN = "lib/strnlen_user.c";
const CLOSE = "user_read_access_end();";

/** Leaves user access open on the way out that x86 takes. */
function withoutClose(text: string): string {
  return text.replace(CLOSE, "");
}

function appended(code: string): (text: string) => string {
  return (text) => `${text}\n${code}`;
}

test("the shipped example has its two defects, in the right patches, and nothing else", async (t) => {
  const out = filesFolder(t);
  const { status, result, err } = await runReview({ ...at, mbox: "example/series.mbox", out });
  assert.deepEqual(briefly(result), [
    "new uaccess-return-open put_cmsg() net/core/scm.c:289 from 2",
    "new return-with-modified-frame copy_page_regs() arch/x86/lib/copy_page_64.S:90 from 3 repaired by 4",
  ]);
  assert.equal(status, 1);
  assert.equal(result.verdict, "findings");
  assert.deepEqual(
    result.patches.map((p) => [p.builds, p.newFindings, p.repairedFindings]),
    [
      [true, 0, 0],
      [true, 1, 0],
      [true, 1, 0],
      [true, 0, 1],
    ],
  );
  assert.deepEqual(
    result.findings.map((f) => f.onDiff),
    [true, false],
  );
  // The return is far from the push that nobody takes back: the finding is shown at the push.
  assert.deepEqual(result.findings[1]?.diffLine, 59);
  assert.equal(result.coverage.functions, result.coverage.functionsAnalysed);
  assert.equal(result.sandbox.network, false);
  assert.match(err, /^objreview: wrote review\.json, review\.html, review\.sarif, digest\.txt to /);
  // Time is counted once, whatever phase it was spent in.
  const sum = result.timings.reduce((total, { millis }) => total + millis, 0);
  assert.ok(sum > 0 && result.timings.every(({ millis }) => millis <= sum));
});

test("the same series without its bad patches is clean", async () => {
  const { status, result, err } = await runReview({ ...at, mbox: "example/clean.mbox" });
  assert.deepEqual(briefly(result), []);
  assert.deepEqual([status, result.verdict, err], [0, "clean", ""]);
});

test("the good patches alone, taken out of the shipped mailbox, are clean", async (t) => {
  const folder = filesFolder(t);
  const mails = readFileSync("example/series.mbox", "utf8").split(/^(?=From [0-9a-f]{40} )/m);
  const patch = [1, 4].map((number) => {
    const file = join(folder, `${number}.diff`);
    const mail = mails.find((text) => text.includes(`[PATCH ${number}/4]`)) ?? "";
    writeFileSync(file, mail.slice(mail.indexOf("diff --git")));
    return file;
  });
  const { status, result } = await runReview({ ...at, patch });
  assert.deepEqual([status, result.verdict, briefly(result)], [0, "clean", []]);
});

test("findings of the base are counted or told as fixed, not told again", async () => {
  const scm = "net/core/scm.c";
  const planted = tree.commit(tree.base, "plant", {
    [STRNLEN]: withoutClose,
    // put_cmsg() keeps access open behind its fault label.
    [scm]: (text) => text.replace("efault_end:\n\tuser_write_access_end();\n", "efault_end:\n"),
  });
  const repaired = tree.commit(planted, "lib: close user access again", { [STRNLEN]: tree.read(tree.base, STRNLEN) });
  const grown = tree.commit(repaired, "scm: one more function", {
    [scm]: (text) =>
      text.replace(
        /^int put_cmsg\(/m,
        "int scm_extra(int a);\nint scm_extra(int a)\n{\n\treturn a * 3;\n}\n\nint put_cmsg(",
      ),
  });
  const { status, result } = await runReview({ tree: tree.dir, base: planted, range: `${planted}..${grown}` });
  assert.deepEqual(result.findings.map((f) => `${f.class} ${f.rule} ${f.function}()`).sort(), [
    "fixed uaccess-return-open strnlen_user()",
    "unchanged uaccess-return-open put_cmsg()",
  ]);
  assert.deepEqual([status, result.verdict], [0, "clean"]);
  assert.deepEqual(
    result.findings.map((f) => f.patch),
    [undefined, undefined],
  );
});

test("a file that moves keeps its old findings; one that goes, and one that comes, are told as that", async () => {
  const planted = tree.commit(tree.base, "plant", { [STRNLEN]: withoutClose });
  const moved = tree.commit(planted, "lib: strnlen_user.c is too long a name", {
    [STRNLEN]: null,
    "lib/strnlen_u.c": tree.read(planted, STRNLEN),
    "lib/Makefile": (text) => text.replace("+= strnlen_user.o", "+= strnlen_u.o"),
  });
  const changed = tree.commit(moved, "lib: bust_spinlocks() was a mistake, objr_new() is not", {
    "lib/bust_spinlocks.c": null,
    "lib/objr_new.c": "int objr_new(int a);\nint objr_new(int a)\n{\n\treturn a + 1;\n}\n",
    "lib/Makefile": (text) => text.replace(" bust_spinlocks.o", " objr_new.o"),
  });
  const { result } = await runReview({ tree: tree.dir, base: planted, range: `${planted}..${changed}` });
  assert.deepEqual(result.objects.map((o) => `${o.path} ${o.state}`).sort(), [
    "lib/bust_spinlocks.o removed",
    "lib/objr_new.o new",
    "lib/strnlen_u.o analysed",
  ]);
  assert.deepEqual(
    result.findings.map((f) => `${f.class} ${f.rule} ${f.function}() ${f.file}`),
    ["unchanged uaccess-return-open strnlen_user() lib/strnlen_u.c"],
  );
  assert.equal(result.verdict, "clean");
});

test("whether an unlisted callee ever returns is read from its own object", async () => {
  const callees = tree.commit(tree.base, "lib: two functions that pretend", {
    "lib/bust_spinlocks.c": appended(`void objr_stop(void);
void objr_stop(void)
{
	for (;;)
		cpu_relax();
}
void objr_go(void);
void objr_go(void)
{
	oops_in_progress++;
}
`),
  });
  const callers = tree.commit(callees, "lib: and two that believe them", {
    "lib/argv_split.c": appended(`void objr_stop(void) __attribute__((noreturn));
void objr_go(void) __attribute__((noreturn));
void objr_calls_stop(void);
void objr_calls_stop(void)
{
	objr_stop();
}
void objr_calls_go(void);
void objr_calls_go(void)
{
	objr_go();
}
void objr_last(void);
void objr_last(void)
{
	cpu_relax();
}
`),
  });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${callers}` });
  assert.deepEqual(
    result.findings.map((f) => `${f.class} ${f.rule} ${f.function}() from ${f.patch?.number}`),
    ["new falls-through objr_calls_go() from 2"],
  );
  assert.match(result.findings[0]?.message ?? "", /objr_go\(\)/);
  assert.deepEqual(
    result.coverage.notes.filter((n) => n.kind === "undecided"),
    [],
  );
  assert.equal(status, 1);
});

test("bare diffs are reviewed like mail", async (t) => {
  const dir = filesFolder(t);
  const one = tree.commit(tree.base, "x", { [STRNLEN]: withoutClose });
  const two = tree.commit(one, "y", { "lib/argv_split.c": (text) => text.replace("int count = 0;", "int count = 1;") });
  const first = writeIn(dir, "one.diff", tree.diff(tree.base, one));
  const second = writeIn(dir, "two.diff", tree.diff(one, two));
  const { status, result } = await runReview({ ...at, patch: [first, second] });
  assert.deepEqual(
    result.findings.map((f) => `${f.class} ${f.rule} ${f.function}() from ${f.patch?.number}`),
    ["new uaccess-return-open strnlen_user() from 1"],
  );
  assert.deepEqual(result.reproduce, [
    `npx objreview review --tree . --base ${result.base.commit.slice(0, 12)} --patch ${first} ${second}`,
  ]);
  assert.equal(status, 1);
});
