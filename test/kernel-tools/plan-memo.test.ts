import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type DirectoryPlan, readDirectoryPlan } from "../../src/kernel/build-plan.ts";
import { openPlanFile } from "../../src/kernel/plan-memo.ts";

const environment = new Map([
  ["CC", "gcc"],
  ["Q", "@"],
]);

function planOf(dir: string): DirectoryPlan {
  const text = `@file ${dir}/Makefile\n@obj-y a.o sub/\n@parts-y net.o:core.o\n@parts-m mod.o:part.o\n@flags ${dir}/a.o -O2 -D'X="ü"'\n`;
  return readDirectoryPlan(dir, text);
}

const plansOf = (...dirs: string[]) => new Map(dirs.map((dir) => [dir, planOf(dir)]));

function fileIn(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "objreview-plans-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "key.plan");
}

test("plans are read back one by one, and added to", (t) => {
  const file = fileIn(t);
  assert.deepEqual([openPlanFile(file).environment, openPlanFile(file).plans.get("lib")], [undefined, undefined]);
  writeFileSync(file.replace(".plan", ".json"), "{}");
  openPlanFile(file).keep(environment, plansOf("lib", "kernel"));
  assert.ok(!existsSync(file.replace(".plan", ".json")), "the form of older versions goes");
  openPlanFile(file).keep(environment, plansOf("mm"));
  const memo = openPlanFile(file);
  assert.deepEqual(memo.environment, environment);
  for (const dir of ["lib", "kernel", "mm"]) assert.deepEqual(memo.plans.get(dir), planOf(dir));
  assert.deepEqual([memo.plans.has("lib"), memo.plans.has("fs")], [true, false]);
  const empty = readDirectoryPlan("none", "");
  memo.keep(environment, new Map([["none", empty]]));
  assert.deepEqual(openPlanFile(file).plans.get("none")?.file, undefined);
  assert.ok(openPlanFile(file).plans.has("none"), "a directory without a Makefile is known to have none");
});

test("a damaged file counts as empty, a damaged plan as not there, and nothing is read wrongly", (t) => {
  const file = fileIn(t);
  openPlanFile(file).keep(environment, plansOf("lib", "kernel"));
  const good = readFileSync(file);
  let lost = 0;
  for (let at = 0; at < good.length; at++) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] as number) ^ 0x01;
    writeFileSync(file, bad);
    const memo = openPlanFile(file);
    if (memo.environment !== undefined) assert.deepEqual(memo.environment, environment, `byte ${at}`);
    for (const dir of ["lib", "kernel"]) {
      const plan = memo.plans.get(dir);
      if (plan === undefined) lost++;
      else assert.deepEqual(plan, planOf(dir), `byte ${at}`);
    }
  }
  assert.ok(lost > good.length / 2, `${lost} of ${2 * good.length}`);
  for (const text of ["", "\n", "x\n\n", good.subarray(0, good.length - 10)]) {
    writeFileSync(file, text);
    assert.equal(openPlanFile(file).plans.get("kernel"), undefined);
  }
});
