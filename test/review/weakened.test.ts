import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseDiff } from "../../src/patch/diff.ts";
import { skippedByRecipes } from "../../src/review/weakened.ts";
import { briefly, filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// What a series takes out of the check, and contracts that it breaks: whole reviews against the kernel tree.

const tree = openSeriesTree();
const at = { tree: tree.dir, base: "HEAD" };

const STRNLEN = "lib/strnlen_user.c";
const HWEIGHT = "arch/x86/lib/hweight.S";

test("annotations, functions that are no longer checked and names on lists are told in a section of their own", async (t) => {
  const commit = tree.commit(tree.base, "x86: keep the tools quiet", {
    [STRNLEN]: (text) => `#include <linux/objtool.h>\n${text}\nSTACK_FRAME_NON_STANDARD(strnlen_user);\n`,
    [HWEIGHT]: (text) =>
      text
        .replace("#include <asm/asm.h>", "#include <asm/asm.h>\n#include <asm/unwind_hints.h>")
        .replace(/(SYM_FUNC_START\(__sw_hweight64\)\n)/, "$1\tUNWIND_HINT_FUNC\n"),
    "tools/objtool/noreturns.h": (text) => `${text}NORETURN(a_function_that_was_added)\n`,
  });
  const out = filesFolder(t);
  const { status, result } = await runReview({
    ...at,
    mbox: writeIn(out, "p.mbox", tree.mbox(tree.base, commit)),
    out,
  });
  assert.deepEqual(briefly(result), []);
  assert.deepEqual(
    (result.weakened ?? []).map(({ kind, what, object, names, count, file }) => [
      kind,
      what,
      object,
      names,
      count,
      file,
    ]),
    [
      ["silenced", "unwind hint", "arch/x86/lib/hweight.o", ["__sw_hweight64"], 1, HWEIGHT],
      ["no-longer-checked", "excluded by STACK_FRAME_NON_STANDARD", "lib/strnlen_user.o", ["strnlen_user"], 1, STRNLEN],
      ["listed", "never returning", "", ["a_function_that_was_added"], 1, "tools/objtool/noreturns.h"],
    ],
  );
  // None of it is a defect.
  assert.deepEqual([status, result.verdict], [0, "clean"]);
  const digest = readFileSync(join(out, "digest.txt"), "utf8");
  assert.match(digest, /^objreview: nothing new in this patch, which changes what is checked\.\n/);
  assert.match(
    digest,
    /\nThis patch also changes what is checked:\n- silenced by an annotation: unwind hint in __sw_hweight64\(\) in\n {2}arch\/x86\/lib\/hweight\.o \(arch\/x86\/lib\/hweight\.S:\d+\)\n- no longer checked: strnlen_user\(\) in/,
  );
  const sarif = readFileSync(join(out, "review.sarif"), "utf8");
  assert.match(sarif, /"weakened\/no-longer-checked"/);
  assert.match(readFileSync(join(out, "review.html"), "utf8"), /newly listed as never returning/);
});

test("a warning that is added, and code that moves, change nothing of what is checked", async (t) => {
  const commit = tree.commit(tree.base, "lib: warn of an odd count", {
    [STRNLEN]: (text) =>
      text.replace("if (unlikely(count <= 0))", "WARN_ON_ONCE(count > 1 << 30);\n\tif (unlikely(count <= 0))"),
  });
  const { result } = await runReview({ ...at, mbox: writeIn(filesFolder(t), "p.mbox", tree.mbox(tree.base, commit)) });
  assert.deepEqual([result.verdict, result.weakened, briefly(result)], ["clean", undefined, []]);
});

test("a callee-saved register that assembly no longer keeps", async (t) => {
  const commit = tree.commit(tree.base, "x86/hweight: a faster one", {
    [HWEIGHT]: (text) => text.replace(/(\n\t__ASM_SIZE\(pop,\) %__ASM_REG\(dx\)\n)/, "\n\tmovl %eax, %ebx$1"),
  });
  const { status, result } = await runReview({
    ...at,
    mbox: writeIn(filesFolder(t), "p.mbox", tree.mbox(tree.base, commit)),
  });
  assert.equal(status, 1);
  assert.deepEqual(
    result.findings.map((f) => [f.class, f.rule, f.function, f.onDiff, f.path.map((step) => step.note)]),
    [["new", "callee-saved-not-kept", "__sw_hweight32", true, ["entry", "overwrites %rbx", "here"]]],
  );
});

test("recipes that keep the kernel's own check away", () => {
  const diff = (lines: string) =>
    parseDiff(`diff --git a/arch/x86/lib/Makefile b/arch/x86/lib/Makefile
--- a/arch/x86/lib/Makefile
+++ b/arch/x86/lib/Makefile
@@ -1,1 +1,2 @@
 # comment
${lines}
`);
  const said = (lines: string) =>
    skippedByRecipes(diff(lines), ["p"]).map((each) => [each.what, each.object, each.line]);
  assert.deepEqual(said("+OBJECT_FILES_NON_STANDARD_copy_page_64.o := y"), [
    ["OBJECT_FILES_NON_STANDARD_copy_page_64.o", "arch/x86/lib/copy_page_64.o", 2],
  ]);
  assert.deepEqual(said("+OBJECT_FILES_NON_STANDARD	:= y"), [["OBJECT_FILES_NON_STANDARD", "arch/x86/lib/", 2]]);
  assert.deepEqual(said("+OBJECT_FILES_NON_STANDARD_x.o := n"), []);
  assert.deepEqual(said("+obj-y += x.o"), []);
});
