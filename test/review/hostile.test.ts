import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requireProfile } from "../../src/kernel/profile.ts";
import { filesFolder, runReview, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// Patches that attack the machine that builds them, through the whole pipeline. The promises of the sandbox have tests of their own.

const tree = openSeriesTree();
const at = { tree: tree.dir, base: "HEAD" };
const ARGV = "lib/argv_split.c";

function makefile(lines: string): (text: string) => string {
  return (text) => `${text}\n${lines}\n`;
}

/** The default profile with less patience, so that a test need not wait. */
function shortProfile(dir: string): string {
  const own = requireProfile("x86_64-defconfig-gcc");
  const limits = {
    ...own.limits,
    buildSeconds: 6,
    prepareSeconds: 60,
    logMebibytes: 2,
    folderMebibytes: 256,
    fileMebibytes: 64,
  };
  return writeIn(dir, "short.json", JSON.stringify({ ...own, limits }));
}

function touched(text: string): string {
  return text.replace("int count = 0;", "int count = 1;");
}

test("a Makefile that never ends, one that never stops talking, one that fills the disk", async (t) => {
  const dir = filesFolder(t);
  const profile = [shortProfile(dir)];
  const attacks: [lines: string, verdict: string, reason: RegExp][] = [
    [
      "$(obj)/argv_split.o: objr-loop\nobjr-loop:\n\twhile :; do :; done\n.PHONY: objr-loop",
      "inconclusive",
      /it took longer than the profile allows/,
    ],
    [
      "$(obj)/argv_split.o: objr-talk\nobjr-talk:\n\tyes spam\n.PHONY: objr-talk",
      // make keeps what a recipe prints in a file until it ends (-Otarget), and that file may not grow for ever.
      "inconclusive",
      /it printed more than the profile allows/,
    ],
    [
      "$(obj)/argv_split.o: objr-fill\nobjr-fill:\n\tfor i in 1 2 3 4 5 6 7 8 9; do head -c 60000000 /dev/zero > fill$$i; done; sleep 5\n.PHONY: objr-fill",
      "inconclusive",
      /it wrote more than the profile allows/,
    ],
  ];
  for (const [lines, verdict, reason] of attacks) {
    const bad = tree.commit(tree.base, "lib: harmless", { "lib/Makefile": makefile(lines), [ARGV]: touched });
    const began = performance.now();
    const { status, result, err } = await runReview({ ...at, range: `${tree.base}..${bad}`, profile });
    assert.equal(result.verdict, verdict, `${lines}: ${result.reason}`);
    assert.equal(status, verdict === "broken" ? 1 : 2);
    assert.match(verdict === "broken" ? (result.reason ?? "") : err, reason);
    if (verdict === "inconclusive") assert.match(err, /^objreview: inconclusive: [^\n]*\n$/);
    assert.deepEqual(result.findings, []);
    assert.ok(performance.now() - began < 60_000);
  }
});

test("a Makefile that runs while it is read is in the sandbox too", async (t) => {
  const dir = filesFolder(t);
  const mark = join(dir, "mark");
  const bad = tree.commit(tree.base, "lib: harmless", {
    "lib/Makefile": makefile(
      `OBJR := $(shell touch ${mark}; id > ${mark}.id; rm -rf ${dir}; cat /etc/shadow > /objreview/out/shadow)\nCFLAGS_argv_split.o += -DOBJR="$(shell ls ${dir} | wc -l)"`,
    ),
    [ARGV]: touched,
  });
  const { result } = await runReview({ ...at, range: `${tree.base}..${bad}` });
  assert.ok(existsSync(dir), "the folder outside is still there");
  assert.deepEqual(readdirSync(dir), []);
  assert.ok(["clean", "broken", "inconclusive"].includes(result.verdict));
});

test("an object that a recipe replaces by a link, and a build folder that a recipe removes", async () => {
  const before = statSync("/etc/passwd");
  const linked = tree.commit(tree.base, "lib: harmless", {
    "lib/Makefile": makefile(
      "$(obj)/argv_split.o: $(src)/argv_split.c FORCE\n\tln -sf /etc/passwd $@; printf 'savedcmd_lib/argv_split.o := gcc\\n' > lib/.argv_split.o.cmd",
    ),
    [ARGV]: touched,
  });
  const first = await runReview({ ...at, range: `${tree.base}..${linked}` });
  assert.ok(["broken", "inconclusive"].includes(first.result.verdict), first.result.verdict);
  assert.ok(
    first.result.objects.every((o) => o.state === "not-built" || o.state === "analysed" || o.state === "identical"),
  );
  assert.equal(JSON.stringify(first.result).includes("root:x:0"), false, "what the link leads to is not read");
  const removed = tree.commit(tree.base, "lib: harmless", {
    "lib/Makefile": makefile(
      "$(obj)/argv_split.o: objr-rm\nobjr-rm:\n\trm -rf /objreview/out/* /objreview/src/*\n.PHONY: objr-rm",
    ),
    [ARGV]: touched,
  });
  const second = await runReview({ ...at, range: `${tree.base}..${removed}` });
  assert.ok(["broken", "inconclusive"].includes(second.result.verdict), second.result.verdict);
  assert.equal(statSync("/etc/passwd").mtimeMs, before.mtimeMs);
  // The next review finds its work tree whole.
  const good = tree.commit(tree.base, "lib: argv: count from one", { [ARGV]: touched });
  const third = await runReview({ ...at, range: `${tree.base}..${good}` });
  assert.deepEqual([third.status, third.result.verdict], [0, "clean"]);
});

test("a source that becomes a link to a file of the machine", async () => {
  const bad = tree.commit(tree.base, "lib: argv: a link", { [ARGV]: { link: "/etc/passwd" } });
  const { status, result } = await runReview({ ...at, range: `${tree.base}..${bad}` });
  assert.equal(JSON.stringify(result).includes(readFileSync("/etc/passwd", "utf8").split("\n")[0] as string), false);
  assert.notEqual(result.verdict, "clean");
  assert.ok(status > 0);
});
