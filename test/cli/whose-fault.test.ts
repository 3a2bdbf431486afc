import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { hasFindingCommand } from "../../src/cli/has-finding.ts";
import { whoseFaultCommand } from "../../src/cli/whose-fault.ts";
import { testCacheFolder } from "../support/kernel-tree.ts";
import { GCC_DEFECT, makeSmallBuild, type SmallBuild } from "../support/small-build.ts";

// With the compilers that are installed, in a real sandbox.

const timeout = 300_000;
const objreview = fileURLToPath(new URL("../../bin/objreview", import.meta.url));

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(testCacheFolder(), "whose-fault-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function ask(dir: string, build: SmallBuild | string, object: string, name?: string) {
  let out = "";
  let err = "";
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const options = { build: typeof build === "string" ? build : build.outDir, sandbox: "bwrap", json: true } as const;
  const status = await whoseFaultCommand(object, name, options, io, {
    env: { ...process.env, OBJREVIEW_STATE: join(dir, "state") },
    signal: new AbortController().signal,
    progress: { line: () => {}, done: () => {} },
  });
  return { status, out, err, answer: out === "" ? undefined : JSON.parse(out) };
}

test("a defect of gcc: only gcc, gone with a flag; what a bug report needs is kept and can be made smaller", {
  timeout,
}, async (t) => {
  const dir = scratch(t);
  const build = makeSmallBuild(dir, GCC_DEFECT, "gcc", ["-O2", "-g1"]);
  const quiet = await ask(dir, build, build.object);
  assert.deepEqual([quiet.status, quiet.answer.findings, quiet.answer.knownDefects.length], [0, [], 1]);
  const { status, answer } = await ask(dir, build, build.object, "f");
  assert.equal(status, 1);
  const [finding, ...more] = answer.findings;
  assert.deepEqual(more, []);
  assert.deepEqual([finding.rule, finding.function, finding.file], ["unwind-data-disagrees", "f", "lib/f.c"]);
  assert.match(
    finding.fault.says,
    /^only gcc 12\.\S+ at -O2 and -Os \(not at -O1, not clang .*\); gone with -fno-optimize-sibling-calls or -maccumulate-/,
  );

  const folder = join(dir, "state", finding.fault.kept);
  assert.deepEqual(readdirSync(folder).sort(), ["README.md", "command.txt", "preprocessed.i", "reduce.sh"]);
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    assert.ok(!text.includes(dir) && !text.includes("/objreview/"), `${name} names a folder of this machine`);
  }
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  assert.match(readme, /compiled as `command.txt` says, gives an object that has it/);
  assert.match(readme, /\| gcc 12\.\S+ \| `-maccumulate-outgoing-args` \| gone \|/);

  // As somebody who reads it would do.
  execFileSync("sh", ["command.txt"], { cwd: folder, stdio: "pipe" });
  const silent = { out: () => {}, err: () => {} };
  assert.equal(hasFindingCommand([join(folder, "object.o")], finding.fingerprint, silent), 0);
  assert.equal(hasFindingCommand([join(folder, "object.o")], "0123456789abcdef", silent), 1);
  assert.equal(hasFindingCommand([join(folder, "nothing.o")], finding.fingerprint, silent), 2);

  const reduce = join(folder, "reduce.sh");
  const env = { PATH: process.env.PATH, OBJREVIEW: `${process.execPath} ${objreview}` };
  const asTest = (source: string): number | null => {
    const work = mkdtempSync(join(dir, "work-"));
    execFileSync("cp", [source, join(work, "reduced.i")]);
    return spawnSync(reduce, { cwd: work, env: { ...env, REDUCE_TEST: "yes" } }).status;
  };
  assert.equal(asTest(join(folder, "preprocessed.i")), 0);
  assert.equal(asTest(join(build.sourceDir, "include/f.h")), 1);
  const bin = join(dir, "bin");
  execFileSync("mkdir", [bin]);
  for (const tool of ["dirname", "sh"]) execFileSync("ln", ["-s", `/usr/bin/${tool}`, bin]);
  const lacking = spawnSync(reduce, { env: { ...env, PATH: bin }, encoding: "utf8" });
  assert.deepEqual([lacking.status, /^reduce\.sh: cvise is not installed/.test(lacking.stderr)], [3, true]);
  assert.ok(!existsSync(join(folder, "reduced.i")));
});

test("what the source says wrong itself every compiler shows, and nothing is kept", { timeout }, async (t) => {
  const dir = scratch(t);
  const source = `
extern void g(void);
void f(void) { g(); asm volatile(".cfi_adjust_cfa_offset 8"); g(); asm volatile(".cfi_adjust_cfa_offset -8"); g(); }
`;
  const build = makeSmallBuild(dir, source, "gcc", ["-O2", "-g1"]);
  const { status, answer } = await ask(dir, build, build.object);
  assert.equal(status, 1);
  const { fault } = answer.findings[0];
  assert.match(fault.says, /^every compiler tried: gcc 12\.\S+, clang .*: the source's own$/);
  assert.equal(fault.kept, undefined);
  assert.ok(!fault.trials.some(({ flags }: { flags: string[] }) => flags.join().startsWith("-fno-")));
  assert.ok(!existsSync(join(dir, "state", "faults")));
});

test("an object without anything of the kind, and folders that are no build", { timeout }, async (t) => {
  const dir = scratch(t);
  const build = makeSmallBuild(dir, "int f(int n) { return last(n) + 1; }\n", "gcc", ["-O2", "-g1"]);
  const { status, answer } = await ask(dir, build, build.object);
  assert.deepEqual([status, answer.findings], [0, []]);
  assert.equal((await ask(dir, build, build.object, "f")).status, 0);
  const misspelt = await ask(dir, build, build.object, "ff");
  assert.deepEqual([misspelt.status, misspelt.out], [2, ""]);
  assert.match(misspelt.err, /: no function ff in it\n$/);
  const wrong = async (folder: string, object: string) => (await ask(dir, folder, object)).err;
  assert.match(await wrong(join(dir, "nowhere"), "lib/f.o"), /no such folder/);
  assert.match(await wrong(build.outDir, "lib/g.o"), /kbuild has saved no command/);
  assert.match(await wrong(build.outDir, "/etc/passwd"), /no object of the build folder/);
});
