import assert from "node:assert/strict";
import { test } from "node:test";
import { briefly, runReview } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// A module promises other things than vmlinux: its init code is loaded when user space is long there, and the loader calls its entry by address.

const tree = openSeriesTree();
const timeout = 360_000;

/** An indirect call that goes through no thunk, first thing in a function. */
const withNakedCall = (function_: string) => (text: string) =>
  text.replace(`${function_}(void)\n{\n`, (head) => `${head}\tasm volatile("call *%%rax" : : "a" (jiffies));\n`);

test("init code of a module is judged like any other, that of vmlinux is not; an entry has to be addressed", {
  timeout,
}, async () => {
  const mine = tree.commit(tree.base, "netfilter: xt_mark: start by the fixed name", {
    "net/netfilter/xt_mark.c": (text) =>
      withNakedCall("mark_mt_init")(text)
        .replace("static int __init mark_mt_init", "int __init init_module")
        .replace("module_init(mark_mt_init);\n", "")
        .replaceAll("mark_mt_init(void)", "init_module(void)"),
    "net/core/net_namespace.c": withNakedCall("net_ns_init"),
  });
  const { result } = await runReview({ tree: tree.dir, base: "HEAD", range: `${tree.base}..${mine}` });
  assert.deepEqual(
    result.objects.map(({ path, state }) => [path, state]),
    [
      ["net/core/net_namespace.o", "analysed"],
      ["net/netfilter/xt_mark.o", "analysed"],
    ],
  );
  assert.deepEqual(
    briefly(result)
      .map((line) => line.replace(/:\d+ .*$/, ""))
      .sort(),
    [
      "new module-entry-not-addressed init_module() net/netfilter/xt_mark.c",
      "new retpoline-indirect-branch init_module() net/netfilter/xt_mark.c",
    ],
  );
  const said = result.findings.find(({ rule }) => rule === "retpoline-indirect-branch")?.kernelTool;
  assert.equal(said?.says, "agrees", "the kernel's own tool is told that it is a module, too");
});

test("a finding in a module's entry goes by the name that the source gives it", { timeout }, async () => {
  const mine = tree.commit(tree.base, "netfilter: xt_mark: a call too many", {
    "net/netfilter/xt_mark.c": withNakedCall("mark_mt_init"),
  });
  const { result } = await runReview({ tree: tree.dir, base: "HEAD", range: `${tree.base}..${mine}` });
  assert.deepEqual(
    result.findings.map((f) => [f.rule, f.function, f.kernelTool?.says]),
    [["retpoline-indirect-branch", "mark_mt_init", "agrees"]],
  );
});
