// Over a real kernel: membership, what a patch affects, and a head that does not compile.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AffectedResult } from "../../src/kernel/affected.ts";
import { findAffected } from "../../src/kernel/affected.ts";
import { placeOnPatch } from "../../src/kernel/build-errors.ts";
import { includableHeaders, scanIncludes } from "../../src/kernel/include-scan.ts";
import type { Planner } from "../../src/kernel/planner.ts";
import { openPlanner } from "../../src/kernel/planner.ts";
import { runToEnd, SYSTEM_PATH } from "../../src/kernel/process.ts";
import type { SourceListing } from "../../src/kernel/source-listing.ts";
import { changedPaths } from "../../src/kernel/source-listing.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { FileDiff } from "../../src/patch/file-diff.ts";
import { fileKind } from "../../src/patch/touched.ts";
import { testCacheFolder } from "../support/kernel-tree.ts";
import type { Workbench } from "../support/kernel-workbench.ts";
import { openWorkbench } from "../support/kernel-workbench.ts";

let bench: Workbench;
let base: Planner;
before(async () => {
  bench = await openWorkbench();
  base = plannerOf("base", (await bench.open("base")).outDir);
});
after(() => bench?.close());

function plannerOf(side: "base" | "head", outDir: string): Planner {
  const sourceDir = side === "base" ? bench.base.dir : bench.head.dir;
  const run = { folders: { sourceDir, outDir }, profile: bench.profile, sandbox: bench.sandbox, seconds: 120 };
  return openPlanner(async () => run);
}

async function affectedBy(
  head: SourceListing,
  headerDiffs: readonly FileDiff[] = [],
  cap?: number,
): Promise<AffectedResult> {
  const opened = await bench.open("head", head);
  const touched = changedPaths(bench.listing, head).map((path) => {
    const [before, now] = [bench.listing.files.has(path), head.files.has(path)];
    const status = !before ? ("added" as const) : now ? ("modified" as const) : ("deleted" as const);
    return { path, basePath: before ? path : undefined, status, kind: fileKind(path) };
  });
  return findAffected({
    touched,
    headerDiffs,
    base,
    head: plannerOf("head", opened.outDir),
    baseConfig: bench.prepared.config,
    headConfig: opened.config,
    headSourceDir: bench.head.dir,
    sourceArch: "x86",
    dependencies: async () => undefined,
    includes: () =>
      scanIncludes({
        sourceDir: bench.head.dir,
        listing: head,
        sourceArch: "x86",
        cacheFile: join(testCacheFolder(), "test-state", "includes.json"),
      }),
    headers: (directories) => includableHeaders(head, "x86", directories),
    findMentions: async (symbols) => {
      const patterns = symbols.flatMap((symbol) => ["-e", symbol]);
      const files = ["--include=Makefile", "--include=Kbuild", "--include=*.[chS]"];
      const dirs = ["kernel", "lib", "include", "arch/x86"];
      const found = await runToEnd(["grep", "-rlwF", ...files, ...patterns, ...dirs], {
        env: { PATH: SYSTEM_PATH },
        cwd: bench.head.dir,
      });
      return found.stdout.split("\n").filter((line) => line !== "");
    },
    ...(cap === undefined ? {} : { cap }),
  });
}

const summary = (result: AffectedResult): string[] => result.objects.map((item) => `${item.object} (${item.reason})`);

test("membership follows kbuild's lists", async () => {
  const expected = {
    "kernel/fork.o": "built-in",
    "net/netfilter/core.o": "built-in",
    "arch/x86/lib/msr.o": "built-in",
    "arch/x86/realmode/init.o": "built-in",
    "arch/x86/entry/vdso/vma.o": "built-in",
    "arch/x86/pci/common.o": "built-in",
    // Listed by the directory above its own.
    "drivers/gpu/drm/bridge/panel.o": "built-in",
    "lib/string.o": "library",
    "arch/x86/lib/copy_user_64.o": "library",
    "net/netfilter/xt_mark.o": "module net/netfilter/xt_mark",
    "arch/x86/entry/vdso/vclock_gettime.o": "excluded vdso",
    "arch/x86/realmode/rm/wakeup_asm.o": "excluded realmode",
    "arch/x86/purgatory/purgatory.o": "excluded purgatory",
    "arch/x86/boot/compressed/misc.o": "excluded boot",
    "drivers/firmware/efi/libstub/gop.o": "excluded EFI stub",
    "scripts/mod/modpost.o": "excluded host tool",
    "lib/gen_crc32table.o": "excluded host tool",
    "net/netfilter/nft_log.o": "not-built net/netfilter:nft_log.o listed",
    "arch/x86/kvm/x86.o": "not-built arch/x86:kvm/ listed",
    "drivers/gpu/drm/amd/amdgpu/amdgpu_drv.o": "not-built drivers/gpu/drm:amd/ listed",
    "kernel/sched/rt.o": "not-built kernel/sched:rt.o in no list",
    "arch/arm64/kernel/entry.o": "not-built .:arch/ in no list",
  };
  const memberships = await base.membership(Object.keys(expected));
  const told = [...memberships].map(([object, membership]) => {
    if (membership.kind === "module") return [object, `module ${membership.module}`];
    if (membership.kind === "excluded") return [object, `excluded ${membership.what}`];
    if (membership.kind !== "not-built") return [object, membership.kind];
    const blocker = membership.blockers[0]!;
    return [object, `not-built ${blocker.dir}:${blocker.name} ${blocker.isListed ? "listed" : "in no list"}`];
  });
  assert.deepEqual(Object.fromEntries(told), expected);
});

test("touched sources, one that others include, one that is new and one that is not built", async () => {
  const head = bench.edit({
    "kernel/exit.c": (text) => `${text}\n/* end */\n`,
    "kernel/sched/rt.c": (text) => `${text}\n/* end */\n`,
    "net/netfilter/nft_log.c": (text) => `${text}\n/* end */\n`,
    "lib/objreview_new.c": () => "int objreview_new;\n",
    "lib/Makefile": (text) => `${text}\nobj-y += objreview_new.o\n`,
  });
  const result = await affectedBy(head);
  assert.deepEqual(summary(result), [
    "kernel/exit.o (touched)",
    "lib/objreview_new.o (new)",
    "kernel/sched/build_policy.o (includes kernel/sched/rt.c)",
  ]);
  assert.equal(result.objects[1]!.baseObject, undefined);
  assert.deepEqual(
    result.notBuilt.map((item) => item.object),
    ["net/netfilter/nft_log.o"],
  );
  await bench.restore();
});

test("a header's dependents are capped, those that use a changed name first, and the rest is counted", async () => {
  const head = bench.edit({ "include/linux/bsearch.h": (text) => `${text}\n/* end */\n` });
  const path = "include/linux/bsearch.h";
  const diff = parseDiff(`--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@ void *bsearch(int a)\n-\tx\n+\ty\n`);
  const result = await affectedBy(head, diff, 5);
  assert.equal(result.method, "include scan");
  assert.equal(result.objects.length, 5);
  assert.ok(result.leftOut > 1000, String(result.leftOut));
  // Each of the five uses it, and so do more.
  assert.ok(result.leftOutUsers > 0 && result.leftOutUsers < 100, String(result.leftOutUsers));
  for (const { object, reason } of result.objects) {
    assert.equal(reason, "includes include/linux/bsearch.h");
    assert.match(readFileSync(join(bench.head.dir, object.replace(/o$/, "c")), "latin1"), /\bbsearch\b/);
  }
  await bench.restore();
});

test("a Makefile that changes flags affects exactly the objects whose flags differ", async () => {
  const head = bench.edit({
    "lib/math/Makefile": (text) => `${text}\nCFLAGS_gcd.o += -fno-ivopts\nOBJECT_FILES_NON_STANDARD_lcm.o := y\n`,
  });
  const result = await affectedBy(head);
  assert.deepEqual(summary(result), [
    "lib/math/gcd.o (other flags: +(-fno-ivopts))",
    "lib/math/lcm.o (other flags: +(unchecked=y))",
  ]);
  await bench.restore();
});

test("a Kconfig change is told, and what it switches on is built", async () => {
  const head = bench.edit({
    "lib/Kconfig": (text) => text.replace(/^config CRC8\n\ttristate.*\n/m, "config CRC8\n\tdef_bool y\n"),
  });
  const result = await affectedBy(head);
  assert.match(result.notes.join("\n"), /the configuration changes: .*CONFIG_CRC8/);
  assert.ok(summary(result).includes("lib/crc8.o (added by the build plan)"), summary(result).join());
  const { outDir } = await bench.open("head", head);
  const built = await bench.build("head", outDir, ["lib/crc8.o"]);
  assert.deepEqual([...built.built.keys()], ["lib/crc8.o"]);
  await bench.restore();
});

test("an object that kbuild tries on a wrong way first is built, and one that fails on both has failed", async () => {
  // arch/x86 knows no rule for the table that arch/x86/lib/inat.c includes, and is asked for it before arch/x86/lib is.
  const head = bench.edit({ "arch/x86/lib/insn.c": (text) => `${text}\nint objreview_bad = 3 3;\n` });
  const { outDir } = await bench.open("head", head);
  const built = await bench.build("head", outDir, ["arch/x86/lib/inat.o", "arch/x86/lib/insn.o"]);
  assert.deepEqual([...built.built.keys()], ["arch/x86/lib/inat.o"]);
  assert.match(built.built.get("arch/x86/lib/inat.o")?.command ?? "", / -I ?(\.\/)?arch\/x86\/lib /);
  assert.deepEqual(
    built.failed.map(({ object, error }) => [object, error.file]),
    [["arch/x86/lib/insn.o", "arch/x86/lib/insn.c"]],
  );
  await bench.restore();
});

test("a head that does not compile names the first error and the touched place that leads to it", async () => {
  const head = bench.edit({
    "include/linux/kmod.h": (text) =>
      text.replace("#include <linux/gfp.h>", "#include <linux/gfp.h>\nint objreview_bad = 3 3;"),
    "lib/hexdump.c": (text) => `${text}static int objreview_unused(void) { return 1; }\n`,
    "lib/sort.c": (text) =>
      text.replace("#include <linux/types.h>", '#include <linux/types.h>\n#include "objreview_missing.h"'),
  });
  const objects = ["lib/bsearch.o", "lib/hexdump.o", "lib/sort.o", "lib/uuid.o"];
  const result = await bench.build("head", (await bench.open("head", head)).outDir, objects);
  assert.equal(result.outcome, "done");
  // kmod.h reaches asm-offsets.c, so that no object can be built at all.
  assert.deepEqual(
    result.failed.map((item) => item.object),
    objects,
  );
  for (const { error } of result.failed) {
    const place = placeOnPatch(error, new Set(["include/linux/kmod.h"]));
    assert.equal(place.file, "include/linux/kmod.h");
    assert.match(error.text, /expected/);
  }
  const milder = bench.edit({ "include/linux/kmod.h": (text) => text.replace("\nint objreview_bad = 3 3;", "") });
  const files = new Map(milder.files).set("lib/hexdump.c", "x").set("lib/sort.c", "x");
  const second = await bench.build("head", (await bench.open("head", { files })).outDir, objects);
  assert.deepEqual([...second.built.keys()].sort(), ["lib/bsearch.o", "lib/hexdump.o", "lib/uuid.o"]);
  assert.deepEqual(
    second.failed.map((item) => [item.object, item.error.file]),
    [["lib/sort.o", "lib/sort.c"]],
  );
  assert.match(second.failed[0]!.error.text, /objreview_missing\.h: No such file/);
  assert.deepEqual(
    second.warnings.map((item) => [item.file, item.option]),
    [["lib/hexdump.c", "-Wunused-function"]],
  );
  await bench.restore();
});
