import assert from "node:assert/strict";
import { test } from "node:test";
import type { DirectoryPlan } from "../../src/kernel/build-plan.ts";
import { readDirectoryPlan } from "../../src/kernel/build-plan.ts";
import { excludedFolders, findUnits } from "../../src/kernel/units.ts";

/** Plans of a small tree, in the words of plan.mk. */
function plansOf(dirs: Readonly<Record<string, string>>): Map<string, DirectoryPlan> {
  return new Map(
    Object.entries(dirs).map(([dir, text]) => {
      const lines = text.split("\n").map((line) => `@${line.trim()}`);
      return [dir, readDirectoryPlan(dir, [`@file ${dir}/Makefile`, ...lines].join("\n"))];
    }),
  );
}

const plans = plansOf({
  ".": `obj-y kernel/ net/ lib/
        libs lib/`,
  kernel: `obj-y fork.o sched/ exit.o`,
  "kernel/sched": `obj-y core.o fair.o
        other probe.o`,
  net: `obj-y sock.o
        obj-m mod.o netfilter/ one.o
        parts-m mod.o:mod-main.o mod.o:mod-sub.o
        host gen`,
  "net/netfilter": `obj-m xt_mark.o
        obj-off xt_other.o`,
  lib: `obj-y both.o
        lib-y sort.o bcd.o
        libs lib/
        parts-y both.o:left.o both.o:right.o`,
  "arch/x86/boot": `other main.o video.o`,
});

test("objects of vmlinux come in the order of the link, libraries last and sorted", () => {
  const { unitOf } = findUnits(plans);
  const vmlinux = [...unitOf].filter(([, unit]) => unit === "vmlinux").map(([object]) => object);
  assert.deepEqual(vmlinux.slice(0, 5), [
    "kernel/fork.o",
    "kernel/sched/core.o",
    "kernel/sched/fair.o",
    "kernel/exit.o",
    "net/sock.o",
  ]);
  const inLibrary = vmlinux.filter((object) => ["lib/bcd.o", "lib/sort.o"].includes(object));
  assert.deepEqual(inLibrary, ["lib/bcd.o", "lib/sort.o"]);
  assert.deepEqual(vmlinux.slice(-2), ["lib/bcd.o", "lib/sort.o"]);
});

test("a composite is its parts, and a module has the objects of its list", () => {
  const { unitOf } = findUnits(plans);
  assert.ok(!unitOf.has("lib/both.o") && !unitOf.has("net/mod.o"));
  assert.deepEqual(
    [...unitOf].filter(([, unit]) => unit !== "vmlinux"),
    [
      ["net/one.o", "net/one"],
      ["net/mod-main.o", "net/mod"],
      ["net/mod-sub.o", "net/mod"],
      ["net/netfilter/xt_mark.o", "net/netfilter/xt_mark"],
    ],
  );
  assert.equal(unitOf.get("lib/left.o"), "vmlinux");
  assert.ok(!unitOf.has("net/netfilter/xt_other.o"), "off in this configuration");
});

test("what is built and in no unit is named by what it is", () => {
  const { excluded, unitOf } = findUnits(plans);
  assert.deepEqual(Object.fromEntries(excluded), {
    boot: ["arch/x86/boot/main.o", "arch/x86/boot/video.o"],
    "host tool": ["net/gen.o"],
    other: ["kernel/sched/probe.o"],
  });
  for (const objects of excluded.values()) for (const object of objects) assert.ok(!unitOf.has(object));
  assert.ok(excludedFolders("x86").includes("arch/x86/boot"));
});
