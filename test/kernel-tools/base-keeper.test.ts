// A base build of two small directories of a real kernel: killed and gone on with, looked at, used by reviews and checks, and collected.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { zstdDecompressSync } from "node:zlib";
import { type BaseFolder, listBases, readBaseDependencies, readBaseObjects } from "../../src/kernel/base-folder.ts";
import { readDependencies } from "../../src/kernel/dependents.ts";
import { parseReviewJson } from "../../src/report/json.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { testCacheFolder } from "../support/kernel-tree.ts";
import { openSeriesTree } from "../support/series-tree.ts";

const tree = openSeriesTree();
const root = join(testCacheFolder(), "test-state");
const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
/** A cache of its own: what is built here is no other test's business. */
let cache = "";
let files = "";
/** It includes "../firmware.h". */
const INCLUDES_ABOVE = "drivers/base/firmware_loader/builtin/main.o";
const ONLY = [
  "lib/math/",
  ...["sort", "bsearch", "hexdump", "uuid", "bcd", "kstrtox"].map((name) => `lib/${name}.o`),
  INCLUDES_ABOVE,
  // What a module calls, and the module.
  "net/netfilter/x_tables.o",
  "net/netfilter/xt_mark.o",
];

before(() => {
  mkdirSync(root, { recursive: true });
  cache = mkdtempSync(join(root, "base-cache-"));
  files = mkdtempSync(join(root, "files-"));
  // Preparing takes half a minute and is tried elsewhere.
  for (const name of ["prepared", "toolchains.json", "listings"]) {
    const from = join(testCacheFolder(), name);
    if (existsSync(from)) cpSync(from, join(cache, name), { recursive: true });
  }
});
after(() => {
  for (const dir of [cache, files]) if (dir !== "") rmSync(dir, { recursive: true, force: true });
});

function start(args: readonly string[]): ChildProcess {
  const env = { ...process.env, OBJREVIEW_CACHE: cache, OBJREVIEW_STATE: root };
  return spawn(process.execPath, [cli, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function run(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const child = start(args);
  let out = "";
  let err = "";
  child.stdout?.on("data", (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr?.on("data", (bytes: Buffer) => {
    err += bytes.toString();
  });
  const status = await new Promise<number | null>((done) => child.on("close", done));
  return { status, out, err };
}

const build = (...more: string[]) => run("base", "build", "--tree", tree.dir, "--only", ...ONLY, ...more);

async function status(): Promise<Record<string, unknown> & { state: string; done: number; objects: number }> {
  const { bases } = JSON.parse((await run("base", "status", "--tree", tree.dir, "--json")).out);
  assert.equal(bases.length, 1);
  return bases[0];
}

async function review(base: string, to: string, ...more: string[]): Promise<ReviewResult> {
  const mbox = join(files, `${to}.mbox`);
  writeFileSync(mbox, tree.mbox(base, to));
  const { out } = await run("review", "--tree", tree.dir, "--base", base, "--mbox", mbox, "--format", "json", ...more);
  return parseReviewJson(out);
}

/** gcd() that never comes back; lcm(), in an object of its own, calls it. */
function endless(parent: string): string {
  return tree.commit(parent, "lib: gcd never ends", {
    "lib/math/gcd.c": (text) =>
      text.replaceAll("\tunsigned long r = a | b;\n", "\tunsigned long r = a | b;\n\n\tfor (;;)\n\t\tbarrier();\n"),
  });
}

const why = (result: ReviewResult): string => result.coverage.notes.map((note) => note.why).join("\n");

test("what cannot be built is refused with one line", async () => {
  const nothing = await run("base", "build", "--tree", tree.dir, "--only", "lib/no-such-thing");
  assert.deepEqual([nothing.status, nothing.out], [2, ""]);
  assert.match(
    nothing.err,
    /^objreview: --only lib\/no-such-thing: nothing of that name is built under this profile$/m,
  );
  const prepared = await run("base", "build", "--tree", tree.dir, "--profile", "x86_64-allmodconfig-gcc");
  assert.match(prepared.err, /prepared only/);
  const cap = await build("--disk-cap", "0.01");
  assert.equal(cap.status, 2);
  assert.match(cap.err, /^objreview: the build takes about .* --disk-cap is 10 MB; objreview base gc/m);
  for (const wrong of [
    ["--disk-cap", "much"],
    ["--jobs", "0"],
  ])
    assert.equal((await run("base", "build", "--tree", tree.dir, ...wrong)).status, 2);
});

test("a build that is killed goes on where it was", async (t) => {
  const child = start(["base", "build", "--tree", tree.dir, "--jobs", "1", "--only", ...ONLY]);
  let seen = "";
  await new Promise<void>((done) => {
    child.on("close", () => done());
    child.stderr?.on("data", (bytes: Buffer) => {
      seen += bytes.toString();
      // The second batch is under way.
      if (/: (9|1\d) of \d+/.test(seen)) child.kill("SIGKILL");
    });
  });
  assert.equal(child.signalCode, "SIGKILL", seen);
  const half = await status();
  assert.deepEqual([half.state, half.index], ["building", false]);
  assert.ok(half.done >= 8 && half.done < half.objects, `${half.done} of ${half.objects}`);
  assert.match((await run("base", "status")).out, /not finished .*: the same command goes on/);
  const { status: code, out, err } = await build();
  assert.equal(code, 0, err);
  const [, built, known] = /^(\d+) objects were built now, (\d+) were known\.$/m.exec(out) ?? [];
  t.diagnostic(`killed at ${half.done}, then built ${built}, known ${known}`);
  assert.equal(Number(known), half.done);
  assert.equal(Number(built) + Number(known), half.objects);
  const whole = await status();
  assert.deepEqual([whole.state, whole.index, whole.complete, whole.done], ["complete", true, false, whole.objects]);
  assert.deepEqual(whole.only, ["lib/math", ...ONLY.slice(1)].sort());
  assert.equal((await run("base", "status")).status, 1, "no base is whole");
  assert.match(
    (await run("base", "status")).out,
    /incomplete index: only drivers\/\S+ lib\/bcd\.o .* lib\/math lib\/sort\.o/,
  );
  const excluded = Object.keys(whole.excluded as object).sort();
  assert.deepEqual(excluded, ["EFI stub", "boot", "host tool", "purgatory", "realmode", "vdso"]);
  const again = await build();
  assert.match(again.out, /^0 objects were built now/m);
});

test("the index names every object with its unit, and what each was made from", () => {
  const [base] = listBases(cache);
  assert.ok(base !== undefined);
  const objects = readBaseObjects(base.dir);
  const names = objects.map(({ object }) => object);
  assert.ok(names.includes("lib/math/gcd.o") && names.includes("lib/sort.o"));
  const unitOf = new Map(objects.map(({ object, unit }) => [object, unit]));
  assert.deepEqual([...new Set(unitOf.values())], ["vmlinux", "net/netfilter/xt_mark"]);
  assert.equal(unitOf.get("net/netfilter/xt_mark.o"), "net/netfilter/xt_mark");
  for (const { object, cached } of objects) {
    assert.equal(cached.length, 2, `${object} is kept`);
    for (const file of cached) assert.ok(existsSync(join(cache, file)), file);
  }
  const dependencies = readDependencies(readBaseDependencies(base.dir));
  assert.equal(dependencies.objectCount, names.length);
  assert.deepEqual(dependencies.objectsOf.get("lib/math/gcd.c"), ["lib/math/gcd.o"]);
  assert.deepEqual(dependencies.objectsOf.get("include/linux/gcd.h"), ["lib/math/gcd.o", "lib/math/lcm.o"]);
  assert.deepEqual(dependencies.objectsOf.get("drivers/base/firmware_loader/firmware.h"), [INCLUDES_ABOVE]);
  assert.equal(dependencies.objectsOf.has("include/linux/no-such.h"), false);
  assert.deepEqual(readdirSync(base.dir).sort(), ["base.json", "dependencies", "facts", "objects"]);
});

test("an object that the patch does not touch is validated again when what it uses changes", async () => {
  const result = await review(tree.base, endless(tree.base));
  assert.deepEqual(
    result.objects.map((o) => [o.path, o.state, o.reason, o.fromCache]),
    [
      ["lib/math/gcd.o", "analysed", "touched", true],
      ["lib/math/lcm.o", "identical", "uses gcd, whose returning changed", true],
    ],
  );
  const found = result.findings.filter((f) => f.class === "new");
  assert.ok(found.length > 0);
  for (const f of found)
    assert.deepEqual([f.rule, f.file, f.patch?.number], ["unreachable-instruction", "lib/math/lcm.c", 1]);
  assert.match(
    why(result),
    /^other objects are known from the index of \S+, of \d+ objects only, less than a day old$/m,
  );
  // By itself, gcd.o is fine.
  const cold = await review(tree.base, endless(tree.base), "--no-cache");
  assert.deepEqual([cold.verdict, cold.objects.length], ["clean", 1]);
  assert.doesNotMatch(why(cold), /index of/);
});

test("a module is validated again when what it uses of vmlinux changes, and vmlinux never for a module", async () => {
  const endlessly = (path: string, name: string) =>
    tree.commit(tree.base, `${name} never ends`, {
      [path]: (text) => text.replace(new RegExp(`(\\b${name}\\([^;{]*\\)\\n\\{\\n)`), '$1\tpanic("x");\n'),
    });
  const result = await review(tree.base, endlessly("net/netfilter/x_tables.c", "xt_unregister_targets"));
  assert.deepEqual(
    result.objects.map((o) => [o.path, o.state, o.reason]),
    [
      ["net/netfilter/x_tables.o", "analysed", "touched"],
      ["net/netfilter/xt_mark.o", "identical", "uses xt_unregister_targets, whose returning changed"],
    ],
  );
  assert.deepEqual(
    result.findings.filter((f) => f.class === "new").map((f) => [f.rule, f.file]),
    [["unreachable-instruction", "net/netfilter/xt_mark.c"]],
  );
  const own = await review(tree.base, endlessly("net/netfilter/xt_mark.c", "mark_tg"));
  assert.deepEqual(
    own.objects.map((o) => [o.path, o.state]),
    [["net/netfilter/xt_mark.o", "analysed"]],
  );
  assert.equal(own.verdict, "clean");
});

test("the patch of a series that changes what others use is named", async () => {
  const first = tree.commit(tree.base, "lib: sort, a comment", { "lib/sort.c": (text) => `/* One. */\n${text}` });
  const second = endless(first);
  const third = tree.commit(second, "lib: sort, another comment", { "lib/sort.c": (text) => `/* Two. */\n${text}` });
  const result = await review(tree.base, third);
  const found = result.findings.filter((f) => f.class === "new");
  assert.ok(found.length > 0);
  assert.deepEqual([...new Set(found.map((f) => f.patch?.number))], [2]);
  // With no more objects than none, it is told instead.
  const capped = await review(tree.base, third, "--max-dependents", "0");
  assert.deepEqual(
    capped.objects.map((o) => o.path),
    ["lib/math/gcd.o", "lib/sort.o"],
  );
  assert.match(
    why(capped),
    /^1 more objects? uses? what the series changes, beyond the 0 .*uses gcd, whose returning changed/m,
  );
});

test("an index of an older commit says how old it is, and what differs", async () => {
  const newer = tree.commit(tree.base, "lib: gcd, a comment", { "lib/math/gcd.c": (text) => `/* More. */\n${text}` });
  const result = await review(newer, endless(newer));
  assert.match(
    why(result),
    /index of \S+, of \d+ objects only, less than a day and 1 commit old; 1 of its \d+ objects has/m,
  );
  assert.deepEqual(
    result.objects.map((o) => o.path),
    ["lib/math/gcd.o", "lib/math/lcm.o"],
  );
  assert.ok(result.findings.some((f) => f.class === "new" && f.file === "lib/math/lcm.c"));
});

test("an index that is damaged or of another version is told and not used, until a build makes it again", async () => {
  const [base] = listBases(cache);
  assert.ok(base !== undefined);
  const commit = tree.commit(tree.base, "lib: sort, a third comment", { "lib/sort.c": (text) => `/* 3. */\n${text}` });
  for (const [name, change, told] of [
    ["facts", (bytes: Buffer) => bytes.fill(0x20, bytes.length >> 1, (bytes.length >> 1) + 1), "is damaged"],
    ["facts", (bytes: Buffer) => bytes.subarray(0, -1), "is damaged"],
    ["dependencies", (bytes: Buffer) => bytes.subarray(1), "is damaged"],
    [
      "base.json",
      (bytes: Buffer) => Buffer.from(bytes.toString().replace(/"factsVersion": \d+/, '"factsVersion": 1')),
      "is of another version of objreview",
    ],
  ] as const) {
    const file = join(base.dir, name);
    const good = readFileSync(file);
    writeFileSync(file, change(Buffer.from(good)));
    const result = await review(tree.base, commit);
    assert.equal(result.verdict, "clean");
    assert.match(
      why(result),
      new RegExp(`^the index of \\S+ ${told}: objreview base build makes it again$`, "m"),
      name,
    );
    assert.doesNotMatch(why(result), /are known from the index/);
    if (name === "base.json") assert.equal((await build()).status, 0);
    else writeFileSync(file, good);
    assert.match(why(await review(tree.base, commit)), /^other objects are known from the index/m);
  }
});

test("dependents of a header come from the dependency files of a whole base", async () => {
  const [base] = listBases(cache);
  assert.ok(base !== undefined);
  const file = join(base.dir, "base.json");
  const record = readFileSync(file, "utf8");
  const mine = tree.commit(tree.base, "gcd: one more line", {
    "include/linux/gcd.h": (text) => text.replace("#endif", "/* More. */\n#endif"),
  });
  const scanned = await review(tree.base, mine, "--max-dependents", "2");
  assert.match(why(scanned), /found by a scan of #include lines/);
  // The index of two directories, declared whole: then its word is taken.
  writeFileSync(file, record.replace(/"only": \[[^\]]*\]/, '"only": []'));
  const asked = await review(tree.base, mine, "--max-dependents", "1");
  writeFileSync(file, record);
  assert.deepEqual(
    asked.objects.map((o) => [o.path, o.reason]),
    [["lib/math/gcd.o", "includes include/linux/gcd.h"]],
  );
  assert.match(why(asked), /^1 more dependents? of touched headers, .*found by kbuild dependency files/m);
});

test("a check knows what the base knows", async () => {
  const [base] = listBases(cache);
  const object = join(files, "lib/math/lcm.o");
  mkdirSync(join(files, "lib/math"), { recursive: true });
  assert.ok(base !== undefined);
  writeFileSync(object, cachedBytes(base, "lib/math/lcm.o"));
  const auto = await run("check", "--index", "auto", object);
  assert.match(auto.out, /; index of \S+, of \d+ objects only, less than a day old$/m);
  const named = await run("check", "--index", base.dir, "--json", object);
  assert.match(JSON.parse(named.out).lists, /; index of /);
  const wrong = await run("check", "--index", files, object);
  assert.equal(wrong.status, 2);
  assert.match(wrong.err, /no index of a base/);
});

test("an object that was linked from what the base has is judged as it is, and not as one more beside its parts", async () => {
  const [base] = listBases(cache);
  assert.ok(base !== undefined);
  const parts = ["lib/math/gcd.o", "lib/math/lcm.o", "lib/sort.o"].map((object, n) => {
    const file = join(files, `part${n}.o`);
    writeFileSync(file, cachedBytes(base, object));
    return file;
  });
  const linked = join(files, "linked.o");
  execFileSync("ld", ["-r", "-o", linked, ...parts]);
  execFileSync("objcopy", ["--weaken", linked]);
  const { out } = await run("check", "--index", base.dir, "--json", linked);
  const [one] = JSON.parse(out).objects;
  // Weak here and strong in its parts: beside them all of it would give way to them.
  assert.ok(one.coverage.functions > 3);
  assert.equal(one.coverage.functionsAnalysed, one.coverage.functions);
});

/** The object as the object cache has it. */
function cachedBytes(base: BaseFolder, object: string): Uint8Array {
  const item = readBaseObjects(base.dir).find((one) => one.object === object);
  const file = item?.cached.find((name) => name.endsWith(".zst"));
  return zstdDecompressSync(readFileSync(join(cache, file ?? assert.fail(`${object} is not kept`))));
}

test("gc removes the leavings of a stopped build, and bases above the cap", async () => {
  const [base] = listBases(cache);
  assert.ok(base !== undefined);
  mkdirSync(join(base.dir, "out"));
  writeFileSync(join(cache, "objects", "old.json"), "{}");
  const first = await run("base", "gc");
  assert.equal(first.status, 0);
  assert.match(first.out, /^removed .*: what a stopped build left$/m);
  assert.match(first.out, /^removed 1 file of older versions in the object cache$/m);
  assert.ok(!existsSync(join(base.dir, "out")) && existsSync(join(base.dir, "base.json")));
  const roomy = await run("base", "gc", "--disk-cap", "1");
  assert.doesNotMatch(roomy.out, /^removed/m);
  const tight = await run("base", "gc", "--disk-cap", "0");
  assert.equal(tight.status, 0, tight.out + tight.err);
  assert.match(tight.out, /^removed \S+ under x86_64-defconfig-gcc/m);
  assert.deepEqual(listBases(cache), []);
  assert.equal((await run("base", "status")).status, 1);
  const unused = await run("check", "--index", "auto", join(files, "lib/math/lcm.o"));
  assert.match(unused.err, /there is no index/);
});
