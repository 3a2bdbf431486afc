// A patch can put anything into a Makefile. The tree here is a few lines that answer kbuild's call and then misbehave: what
// comes back is an outcome and never an exception, a hang or a file from outside.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { before, test } from "node:test";
import type { BuildResult } from "../../src/kernel/build.ts";
import { buildObjects } from "../../src/kernel/build.ts";
import type { Profile } from "../../src/kernel/profile.ts";
import { requireProfile } from "../../src/kernel/profile.ts";
import type { Sandbox } from "../../src/kernel/sandbox.ts";
import { openSandbox } from "../../src/kernel/sandbox.ts";
import { scratchFolder } from "./make-repository.ts";

let sandbox: Sandbox;
before(async () => {
  sandbox = await openSandbox({ mode: "bwrap", env: process.env });
});

const LIMITS = {
  prepareSeconds: 10,
  buildSeconds: 10,
  memoryMebibytes: 256,
  processes: 64,
  fileMebibytes: 32,
  folderMebibytes: 64,
  objectMebibytes: 1,
  logMebibytes: 1,
};

/** Builds a.o and b.o with `recipe` as the recipe of a.o; b.o is well behaved. */
async function build(t: TestContext, recipe: string, limits: Partial<Profile["limits"]> = {}): Promise<BuildResult> {
  const dir = scratchFolder(t);
  const [sourceDir, outDir, collectDir] = ["src", "out", "kept"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [sourceDir, outDir]) mkdirSync(folder);
  writeFileSync(
    join(sourceDir, "good.mk"),
    "b.o:\n\t@echo 'cmd_b.o := gcc -c -o b.o b.c' > $(O)/.b.o.cmd; echo object > $(O)/b.o\n",
  );
  const lines = recipe.split("\n").map((line) => `\t${line}\n`);
  writeFileSync(
    join(sourceDir, "Makefile"),
    `include good.mk\nc := cmd_a.o := gcc -c -o a.o a.c\na.o:\n${lines.join("")}.PHONY: a.o b.o\n`,
  );
  const profile = { ...requireProfile("x86_64-defconfig-gcc"), limits: { ...LIMITS, ...limits } };
  const result = await buildObjects({
    side: "head",
    sourceDir,
    outDir,
    collectDir,
    objects: ["b.o", "a.o"],
    profile,
    sandbox,
    jobs: 1,
  });
  assert.ok(!result.built.has("a.o") || readFileSync(result.built.get("a.o")!.file, "utf8") === "fine\n");
  return result;
}

const CMD = "echo '$(c)' > $(O)/.a.o.cmd;";

test("the tree of these tests builds when it behaves", async (t) => {
  const result = await build(t, `@${CMD} echo fine > $(O)/a.o`);
  assert.equal(result.outcome, "done");
  assert.deepEqual([...result.built.keys()].sort(), ["a.o", "b.o"]);
});

test("an endless recipe ends at the time limit, and what was ready is kept", async (t) => {
  const result = await build(t, "@while :; do sleep 1; done", { buildSeconds: 2 });
  assert.equal(result.outcome, "timed-out");
  assert.deepEqual([...result.built.keys()], ["b.o"]);
  assert.equal(result.failed[0]!.object, "a.o");
  assert.match(result.failed[0]!.error.text, /ended early: timed-out/);
});

test("a recipe that prints without end is cut off", async (t) => {
  const result = await build(t, "@yes");
  assert.equal(result.outcome, "output-too-big");
  assert.equal(result.failed[0]!.object, "a.o");
});

test("a recipe that forks without end leaves nothing running", async (t) => {
  const result = await build(t, "@f() { f | f & }; f; sleep 20", { buildSeconds: 5 });
  assert.notEqual(result.failed.length, 0);
  assert.ok(["done", "timed-out", "too-many-processes", "killed"].includes(result.outcome), result.outcome);
});

test("a recipe that eats memory is told as that", async (t) => {
  const result = await build(t, "@head -c 2G /dev/zero | tail");
  assert.ok(result.outcome !== "done" || result.failed.length === 1);
  assert.equal(result.built.has("a.o"), false);
});

test("outputs that are links, pipes, folders or too large are refused with the reason", async (t) => {
  const refused = async (recipe: string): Promise<string> => {
    const result = await build(t, `@${CMD} ${recipe}`);
    assert.equal(result.outcome, "done");
    return result.failed.find((item) => item.object === "a.o")!.error.text;
  };
  assert.match(await refused("ln -s /etc/passwd $(O)/a.o"), /not a regular file/);
  assert.match(await refused("mkfifo $(O)/a.o"), /not a regular file/);
  assert.match(await refused("mkdir $(O)/a.o"), /not a regular file/);
  assert.match(await refused("head -c 2M /dev/zero > $(O)/a.o"), /larger than/);
  assert.match(
    await refused("rm -f $(O)/.a.o.cmd; ln -s /etc/passwd $(O)/.a.o.cmd; echo x > $(O)/a.o"),
    /not a regular file/,
  );
  assert.match(await refused("true"), /left no such file/);
});

test("a recipe that deletes the build folder takes only its own objects with it", async (t) => {
  const result = await build(t, "@rm -rf $(O)/* $(O)/.[!.]*; ls /objreview; rm -rf /objreview/src/*");
  assert.equal(result.outcome, "done");
  assert.equal(result.built.size, 0);
  assert.equal(result.failed.length, 2);
});

test("a recipe cannot write to the source", async (t) => {
  const result = await build(t, `@echo x > /objreview/src/new || { ${CMD} echo fine > $(O)/a.o; }`);
  assert.equal(result.built.has("a.o"), true);
  assert.equal(existsSync(join(result.built.get("a.o")!.file, "..", "..", "src", "new")), false);
});

test("a Makefile that does not parse is an error with its place, and nobody's exception", async (t) => {
  const result = await build(t, "@true\n)\nendif");
  assert.equal(result.outcome, "done");
  const dir = scratchFolder(t);
  const sourceDir = join(dir, "src");
  mkdirSync(sourceDir);
  mkdirSync(join(dir, "out"));
  writeFileSync(join(sourceDir, "Makefile"), "a.o:\nendif\n");
  const broken = await buildObjects({
    side: "head",
    sourceDir,
    outDir: join(dir, "out"),
    collectDir: join(dir, "kept"),
    objects: ["a.o"],
    profile: { ...requireProfile("x86_64-defconfig-gcc"), limits: LIMITS },
    sandbox,
  });
  const { error } = broken.failed[0]!;
  assert.equal(`${error.file}:${error.line}: ${error.text}`, "Makefile:2: extraneous 'endif'.");
});

test("object names that are paths out of the folder are refused", async (t) => {
  const dir = scratchFolder(t);
  for (const name of ["src", "out"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "src", "Makefile"), "%.o:\n\t@true\n");
  const result = await buildObjects({
    side: "head",
    sourceDir: join(dir, "src"),
    outDir: join(dir, "out"),
    collectDir: join(dir, "kept"),
    objects: ["../src/x.o", "--eval=x.o", "a b.o", "$(shell id).o"],
    profile: { ...requireProfile("x86_64-defconfig-gcc"), limits: LIMITS },
    sandbox,
  });
  assert.equal(result.built.size, 0);
  assert.equal(result.failed.length, 4);
  assert.match(result.failed[0]!.error.text, /not the name of an object/);
});
