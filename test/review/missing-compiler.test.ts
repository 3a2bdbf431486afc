import assert from "node:assert/strict";
import { test } from "node:test";
import { requireProfile } from "../../src/kernel/profile.ts";
import { renderDigest } from "../../src/report/digest.ts";
import { filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

const tree = openSeriesTree();

test("a profile whose compiler is not installed is said in one sentence; the others are reviewed", async (t) => {
  const clang = requireProfile("x86_64-defconfig-clang22-sframe");
  const compiler = { ...clang.compiler, command: "clang-99", llvm: "-99" };
  const missing = writeIn(filesFolder(t), "clang99.json", JSON.stringify({ ...clang, name: "clang99", compiler }));
  const mine = tree.commit(tree.base, "lib: bcd: one more function", {
    "lib/bcd.c": (text) => `${text}\nint objr_more(int a);\nint objr_more(int a)\n{\n\treturn a + 1;\n}\n`,
  });
  const asked = { tree: tree.dir, base: "HEAD", range: `${tree.base}..${mine}` };
  const both = await runReview({ ...asked, profile: ["x86_64-defconfig-gcc", missing] });
  const why = "clang-99, ld.lld-99 and llvm-objcopy-99 are not installed";
  assert.deepEqual(
    both.result.profiles.map(({ name, builtObjects }) => [name, builtObjects]),
    [["x86_64-defconfig-gcc", 1]],
  );
  assert.deepEqual(
    both.result.coverage.notes.filter(({ kind }) => kind === "object-not-built"),
    [{ kind: "object-not-built", object: "clang99", why }],
  );
  // Nothing was found, and not everything was looked at.
  assert.deepEqual([both.status, both.result.verdict, both.result.reason], [2, "inconclusive", `clang99: ${why}`]);
  assert.match(renderDigest(both.result).replaceAll(/\s+/g, " "), new RegExp(`Not built: clang99 \\(${why}\\)\\.`));

  const alone = await runReview({ ...asked, profile: [missing] });
  assert.deepEqual([alone.status, alone.result.verdict, alone.result.reason], [2, "inconclusive", `clang99: ${why}`]);
  assert.match(alone.err, new RegExp(`^objreview: inconclusive: clang99: ${why}\n$`));
});
