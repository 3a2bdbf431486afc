// Over a real kernel: what the cheap ways of getting an object give is what kbuild gives, byte for byte.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { BuildResult } from "../../src/kernel/build.ts";
import { openCompileCache } from "../../src/kernel/compile-cache.ts";
import { commandIdentity } from "../../src/kernel/kbuild.ts";
import { openObjectCache } from "../../src/kernel/object-cache.ts";
import { openOnDemandCompiler } from "../../src/kernel/on-demand.ts";
import type { ReplayPlan } from "../../src/kernel/replay.ts";
import { planReplay } from "../../src/kernel/replay.ts";
import type { SourceListing } from "../../src/kernel/source-listing.ts";
import type { Workbench } from "../support/kernel-workbench.ts";
import { openWorkbench } from "../support/kernel-workbench.ts";

const OBJECTS = [
  "arch/x86/entry/entry_64.o",
  "arch/x86/kernel/process.o",
  "arch/x86/lib/copy_user_64.o",
  "arch/x86/lib/memcpy_64.o",
  "fs/open.o",
  "ipc/util.o",
  "kernel/exit.o",
  "kernel/panic.o",
  "lib/bsearch.o",
  "lib/crc32.o",
  "lib/hexdump.o",
  "lib/string.o",
  "mm/mmap_lock.o",
  // A module of its own: kbuild would run the kernel's tool on it.
  "net/netfilter/xt_mark.o",
];
const EDITS = {
  "kernel/exit.c": (text: string) =>
    text.replace("#include <linux/mm.h>", "#include <linux/mm.h>\nint objreview_marker = 1;"),
  "arch/x86/lib/memcpy_64.S": (text: string) => text.replace("\tmovq %rdi, %rax\n", "\tmovq %rdi, %rax\n\tnop\n"),
};

let bench: Workbench;
let baseOut: string;
let built: BuildResult;
before(async () => {
  bench = await openWorkbench();
  baseOut = (await bench.open("base")).outDir;
  built = await bench.build("base", baseOut, OBJECTS);
});
after(() => bench?.close());

const bytesOf = (result: BuildResult, object: string): string =>
  readFileSync(result.built.get(object)!.file).toString("latin1");

function plan(head: SourceListing, change: { toolchain?: string } = {}): ReplayPlan {
  const identity = `${bench.prepared.toolchain.id} ${commandIdentity(bench.profile, undefined)}`;
  return planReplay({
    objects: OBJECTS,
    base: built.built,
    baseListing: bench.listing,
    headListing: head,
    prepared: bench.prepared,
    baseIdentity: identity,
    headIdentity: change.toolchain ?? identity,
  });
}

test("kbuild builds every object of the base, none post-processed", () => {
  assert.equal(built.outcome, "done");
  assert.deepEqual(built.failed, []);
  assert.deepEqual([...built.built.keys()].sort(), OBJECTS);
  for (const item of built.built.values()) {
    assert.equal(item.how, "kbuild");
    assert.match(item.command, new RegExp(`^gcc .* -c -o ${item.object} /objreview/src/\\S+$`));
    assert.ok(!bytesOf(built, item.object).includes(".orc_unwind"), item.object);
  }
});

test("replay gives the bytes that kbuild gives, for changed and unchanged sources", async () => {
  const head = bench.edit(EDITS);
  const replay = plan(head);
  assert.deepEqual([...replay.forced], [["lib/crc32.o", "it needs lib/crc32table.h, which is made during the build"]]);
  const replayed = await bench.build("head", (await bench.open("head", head)).outDir, OBJECTS, { replay });
  const kbuilt = await bench.build("head", (await bench.open("head", head)).outDir, OBJECTS);
  assert.deepEqual(replayed.failed, []);
  assert.deepEqual(kbuilt.failed, []);
  const changed: string[] = [];
  for (const object of OBJECTS) {
    assert.equal(replayed.built.get(object)!.how, object === "lib/crc32.o" ? "kbuild" : "replay", object);
    assert.ok(bytesOf(replayed, object) === bytesOf(kbuilt, object), `${object}: replay and kbuild differ`);
    if (bytesOf(replayed, object) !== bytesOf(built, object)) changed.push(object);
  }
  assert.deepEqual(changed, ["arch/x86/lib/memcpy_64.o", "kernel/exit.o"]);
  await bench.restore();
});

test("each condition that decides a command forces a pass of kbuild", () => {
  const with_ = (changes: Record<string, string | undefined>): SourceListing => {
    const files = new Map(bench.listing.files);
    for (const [path, id] of Object.entries(changes)) {
      if (id === undefined) files.delete(path);
      else files.set(path, id);
    }
    return { files };
  };
  const reason = (changes: Record<string, string | undefined>): string | undefined =>
    plan(with_(changes)).forced.get("kernel/exit.o");
  assert.equal(reason({ "kernel/exit.c": "x", "Documentation/process/howto.rst": "x" }), undefined);
  assert.equal(reason({ "drivers/nvme/host/core.c": "x", "fs/ext4/ext4.h": "x" }), undefined);
  assert.match(reason({ "init/Kconfig": "x" })!, /decides how/);
  assert.match(reason({ "Documentation/Kconfig": "x" })!, /decides how/);
  assert.match(reason({ "kernel/Makefile": "x" })!, /decides how/);
  assert.match(reason({ Kbuild: "x" })!, /decides how/);
  assert.match(reason({ "scripts/Makefile.lib": "x" })!, /decides how/);
  assert.match(reason({ "scripts/link-vmlinux.sh": "x" })!, /decides how/);
  assert.match(reason({ "arch/x86/configs/x86_64_defconfig": "x" })!, /decides how/);
  assert.match(reason({ "kernel/new.c": "x" })!, /is new/);
  assert.match(reason({ "include/linux/new.h": "x" })!, /is new/);
  assert.match(reason({ "lib/bsearch.c": undefined })!, /is gone/);
  assert.match(reason({ "kernel/bounds.c": "x" })!, /input of a generated file/);
  assert.match(reason({ "arch/x86/kernel/asm-offsets.c": "x" })!, /input of a generated file/);
  assert.match(reason({ "include/linux/sched.h": "x" })!, /input of a generated file/, "asm-offsets.c includes it");
  assert.match(reason({ "arch/x86/entry/syscalls/syscall_64.tbl": "x" })!, /input of a generated file/);
  assert.match(reason({ "arch/x86/kernel/vmlinux.lds.S": "x", "lib/fonts/x.bin": "y" })!, /is new|may decide/);
  assert.match(reason({ "drivers/tty/vt/defkeymap.map": "x" })!, /may decide/);
  assert.equal(plan(bench.listing, { toolchain: "another" }).forced.size, OBJECTS.length);
  assert.match([...plan(bench.listing, { toolchain: "another" }).forced.values()][0]!, /compiler or the environment/);
});

test("the object cache gives the same bytes for the same sources, and nothing for others", async () => {
  const options = { cacheDir: join(bench.scratch, "cache"), prepared: bench.prepared, profile: bench.profile };
  const cache = openObjectCache({ ...options, listing: bench.listing });
  const objects = ["lib/bsearch.o", "lib/hexdump.o"];
  const { outDir } = await bench.open("base");
  const first = await bench.build("base", outDir, objects, { cache });
  const again = await bench.build("base", (await bench.open("base")).outDir, objects, { cache });
  for (const object of objects) {
    assert.equal(first.built.get(object)!.how, "kbuild");
    assert.equal(again.built.get(object)!.how, "cache");
    assert.ok(bytesOf(first, object) === bytesOf(again, object));
    assert.deepEqual(again.built.get(object)!.deps, first.built.get(object)!.deps);
  }
  const find = (path: string, id: string): boolean => {
    const listing = { files: new Map(bench.listing.files).set(path, id) };
    return openObjectCache({ ...options, listing }).find("lib/bsearch.o", outDir) !== undefined;
  };
  assert.equal(find("kernel/exit.c", "x"), true, "a file that it was not made from");
  assert.equal(find("lib/bsearch.c", "x"), false, "its source");
  assert.equal(find("include/linux/bsearch.h", "x"), false, "its header");
  assert.equal(find("lib/Makefile", "x"), false, "its recipe");
  assert.equal(find("lib/math/Makefile", "x"), false, "a recipe beside it, which its own may include");
  assert.equal(find("scripts/Makefile.lib", "x"), false, "a recipe of all");
  assert.equal(find("virt/kvm/Makefile.kvm", "x"), false, "a recipe that others include");
  assert.equal(find("fs/ext4/Makefile", "x"), true, "a recipe of others");
  assert.equal(find("arch/arm64/Makefile", "x"), true, "another architecture");
  assert.equal(find("init/Kconfig", "x"), true, "what decides the configuration, whose values count");
  assert.equal(find("lib/bsearch.h", "x"), false, "a header that would be found first");
  const head = await bench.build("head", (await bench.open("head")).outDir, ["lib/sort.o"], { cache });
  assert.equal(head.built.get("lib/sort.o")!.how, "kbuild");
  assert.equal(cache.find("lib/sort.o", outDir), undefined, "what a head builds is not kept");
});

test("the compile cache is written by base builds and only read by head builds", async (t) => {
  const caches = openCompileCache(join(bench.scratch, "cc"));
  assert.ok(caches !== undefined, "ccache is not installed: apt-get install ccache");
  const count = (): number => readdirSync(caches.base.dir, { recursive: true }).length;
  const head = bench.edit({
    "lib/uuid.c": (text) =>
      text.replace("#include <linux/kernel.h>", "#include <linux/kernel.h>\nint objreview_marker;"),
  });
  const made = await bench.build("base", (await bench.open("base")).outDir, ["lib/uuid.o"], {
    compileCache: caches.base,
  });
  assert.match(made.built.get("lib/uuid.o")!.command, /^ccache gcc /);
  const filled = count();
  t.diagnostic(`${filled} entries in the cache`);
  assert.ok(filled > 10);
  const other = await bench.build("head", (await bench.open("head", head)).outDir, ["lib/uuid.o"], {
    compileCache: caches.head,
  });
  assert.equal(count(), filled);
  assert.notEqual(bytesOf(other, "lib/uuid.o"), bytesOf(made, "lib/uuid.o"));
  const plain = await bench.build("head", (await bench.open("head", head)).outDir, ["lib/uuid.o"]);
  assert.ok(bytesOf(other, "lib/uuid.o") === bytesOf(plain, "lib/uuid.o"), "with the cache or without: the same bytes");
  await bench.restore();
});

test("objects on demand stay within their budget and are built once", async () => {
  const cache = openObjectCache({
    cacheDir: join(bench.scratch, "cache2"),
    prepared: bench.prepared,
    profile: bench.profile,
    listing: bench.listing,
  });
  const { outDir } = await bench.open("base");
  const request = {
    side: "base" as const,
    sourceDir: bench.base.dir,
    outDir,
    profile: bench.profile,
    sandbox: bench.sandbox,
  };
  const compiler = openOnDemandCompiler(
    { ...request, collectDir: `${outDir}-kept`, cache, jobs: 2 },
    { objects: 2, millis: 600_000 },
  );
  const [one, two] = await Promise.all([
    compiler.compile(["lib/sort.o", "lib/bcd.o"]),
    compiler.compile(["lib/sort.o", "lib/uuid.o"]),
  ]);
  assert.deepEqual([...one.keys()], ["lib/sort.o", "lib/bcd.o"]);
  assert.deepEqual([...two.keys()], ["lib/sort.o"]);
  assert.equal(compiler.spent.objects, 2);
  assert.deepEqual(compiler.refused, ["lib/uuid.o"]);
});
