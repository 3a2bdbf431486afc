import assert from "node:assert/strict";
import { test } from "node:test";
import { runReview } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// A file that the default configuration does not build is tried under one that switches on nearly everything, prepared only. From cold
// that configuration takes a minute or two to prepare, hence the time limit.

const tree = openSeriesTree();

test("a file that defconfig does not build is judged under the second profile", { timeout: 360_000 }, async () => {
  const path = "lib/test_ida.c";
  const mine = tree.commit(tree.base, "lib: test_ida: one more function", {
    [path]: (text) => `${text}\nint objr_more(int a);\nint objr_more(int a)\n{\n\treturn a + 1;\n}\n`,
  });
  const { status, result, progress } = await runReview({
    tree: tree.dir,
    base: "HEAD",
    range: `${tree.base}..${mine}`,
  });
  assert.match(
    progress.join("\n"),
    /lib\/test_ida\.c: not part of x86_64-defconfig-gcc; trying x86_64-allmodconfig-gcc/,
  );
  assert.deepEqual(
    result.profiles.map((p) => [p.name, p.builtObjects]),
    [
      ["x86_64-defconfig-gcc", 0],
      ["x86_64-allmodconfig-gcc", 1],
    ],
  );
  assert.deepEqual(
    result.objects.map((o) => [o.path, o.profile, o.state]),
    [["lib/test_ida.o", "x86_64-allmodconfig-gcc", "analysed"]],
  );
  assert.deepEqual(
    result.coverage.notes.filter((n) => n.kind === "object-not-built"),
    [],
  );
  assert.deepEqual([status, result.verdict], [0, "clean"]);
});
