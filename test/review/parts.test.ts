import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDiff } from "../../src/patch/diff.ts";
import { withoutUndecided } from "../../src/review/bodies.ts";
import { definesFunction } from "../../src/review/definition.ts";
import { explainWithoutObjects, needsBuild } from "../../src/review/no-objects.ts";
import { placeFinding } from "../../src/review/place.ts";
import { withoutExcess } from "../../src/review/profiles.ts";
import { PhaseTimer } from "../../src/review/timer.ts";
import { compilerName } from "../../src/review/verdict.ts";
import { cpuMillis } from "../support/cpu-time.ts";
import { findingOf, judgedOf } from "./values.ts";

test("time in a phase within a phase counts once", async () => {
  let now = 0;
  const timer = new PhaseTimer(() => now);
  await timer.time("outer", async () => {
    now += 5;
    await timer.time("inner", () => {
      now += 30;
    });
    now += 2;
    await timer.time("inner", () => {
      now += 1;
    });
  });
  now += 1000;
  await assert.rejects(
    timer.time("failing", () => {
      now += 4;
      throw new Error("x");
    }),
  );
  assert.deepEqual(timer.rows(), [
    { phase: "outer", millis: 7 },
    { phase: "inner", millis: 31 },
    { phase: "failing", millis: 4 },
  ]);
});

test("definitions of a function are told from calls, declarations and mentions", () => {
  const defines = (text: string, path = "a.c") => definesFunction(path, text, "stop_it");
  assert.ok(defines("void stop_it(void)\n{\n}\n"));
  assert.ok(defines("void __noreturn\nstop_it(int (*f)(int), struct x *y) __must_hold(&lock)\n{\n"));
  assert.ok(defines("x\nstatic inline long *stop_it (a) { }"));
  assert.ok(!defines("void stop_it(void);\nint f(void)\n{\n\tstop_it();\n}\n"));
  assert.ok(!defines("void stop_it2(void)\n{\n}\nvoid dont_stop_it(void)\n{\n}\n"));
  assert.ok(!defines("\treturn stop_it(1);\n}\nint g(void)\n{\n"));
  assert.ok(defines("SYM_FUNC_START(stop_it)\n", "a.S"));
  assert.ok(defines("SYM_CODE_START_NOALIGN( stop_it )\n", "a.S"));
  assert.ok(!defines("\tcall stop_it\nSYM_FUNC_START(other)\n", "a.S"));
  assert.ok(!definesFunction("a.c", "x", "a b"));
});

test("a hostile source does not hold up the search for a definition", () => {
  const began = cpuMillis();
  assert.equal(definesFunction("a.c", "stop_it(".repeat(500_000), "stop_it"), false);
  assert.equal(definesFunction("a.c", `stop_it()${"_".repeat(1_000_000)}`, "stop_it"), false);
  assert.equal(definesFunction("a.c", `stop_it()${" __a".repeat(200_000)}`, "stop_it"), false);
  assert.ok(cpuMillis() - began < 2000);
});

test("findings that rest on an undecided callee are left out, and no others", () => {
  const after = (callee: string) =>
    findingOf(callee, {
      messageKey: "after-call",
      message: `f() runs past its end when ${callee}() returns: nothing says`,
    });
  const judged = judgedOf("a.o", [after("stop"), after("stop_it"), findingOf("x")]);
  const kept = withoutUndecided(judged, ["stop"]).analysis?.findings.map((f) => f.fingerprint);
  assert.deepEqual(kept, ["stop_it", "x"]);
  assert.equal(withoutUndecided(judged, []), judged);
});

const DIFF = parseDiff(`diff --git a/lib/a.c b/lib/a.c
--- a/lib/a.c
+++ b/lib/a.c
@@ -10,5 +10,6 @@ int f(void)
 a
 b
+new
 c
 d
 e
`);

function placed(line: number, file = "lib/a.c", more: Parameters<typeof findingOf>[1] = {}) {
  const finding = findingOf("x", { place: { file, line, inlineStack: [] }, ...more });
  return placeFinding({ finding, source: "lib/a.c", diff: DIFF, patches: [DIFF], patch: 0, state: 0 });
}

test("a finding is placed on the diff, or on the nearest line of it in the same function", () => {
  const on = placed(12);
  assert.deepEqual([on.file, on.line, on.onDiff, on.diffLine], ["lib/a.c", 12, true, undefined]);
  assert.equal(on.hunk?.header, "@@ -10,5 +10,6 @@ int f(void)");
  assert.equal(on.hunk?.lines[on.hunk.after], "+new");
  const below = placed(40, "lib/a.c", { lines: { file: "lib/a.c", from: 8, to: 42 } });
  assert.deepEqual([below.line, below.onDiff, below.diffLine], [40, false, 12]);
  const elsewhere = placed(90, "lib/a.c", { lines: { file: "lib/a.c", from: 80, to: 95 } });
  assert.deepEqual([elsewhere.line, elsewhere.onDiff, elsewhere.diffLine], [90, false, undefined]);
});

test("of an inline stack the frame that the patch touches is shown, and without lines the source", () => {
  const inlined = placed(300, "include/linux/x.h", {
    place: { file: "include/linux/x.h", line: 300, inlineStack: [{ function: "f", file: "lib/a.c", line: 12 }] },
  });
  assert.deepEqual([inlined.file, inlined.line, inlined.onDiff], ["lib/a.c", 12, true]);
  const without = placeFinding({
    finding: findingOf("x"),
    source: "lib/a.c",
    diff: DIFF,
    patches: [DIFF],
    patch: 0,
    state: 0,
  });
  assert.deepEqual([without.file, without.line, without.onDiff], ["lib/a.c", 0, false]);
});

function touching(...paths: string[]) {
  return [
    parseDiff(paths.map((p) => `diff --git a/${p} b/${p}\n--- a/${p}\n+++ b/${p}\n@@ -1 +1 @@\n-a\n+b\n`).join("")),
  ];
}

test("what needs no build, and what is said of it", () => {
  assert.equal(needsBuild(touching("Documentation/x.rst", "MAINTAINERS")), false);
  assert.equal(needsBuild(touching("arch/arm64/boot/dts/x.dts")), false);
  for (const path of [
    "lib/a.c",
    "lib/a.S",
    "include/a.h",
    "lib/Makefile",
    "lib/Kconfig",
    "scripts/x.sh",
    "arch/x86/entry/syscalls/syscall_64.tbl",
  ]) {
    assert.equal(needsBuild(touching(path)), true, path);
  }
  const why = (path: string) => explainWithoutObjects(touching(path)).map((n) => [n.kind, n.object]);
  assert.deepEqual(why("Documentation/x.rst"), []);
  assert.deepEqual(why("lib/a.c"), []);
  assert.deepEqual(why("arch/x86/kernel/vmlinux.lds.S"), [["assumption", "arch/x86/kernel/vmlinux.lds.S"]]);
  assert.deepEqual(why("arch/x86/entry/syscalls/syscall_64.tbl"), [
    ["object-not-built", "arch/x86/entry/syscalls/syscall_64.tbl"],
  ]);
});

test("objects that a touched recipe decides about are capped, touched ones are not", () => {
  const object = (name: string, reason: string) =>
    ({ object: name, baseObject: name, inHead: true, reason, membership: { kind: "built-in" } }) as const;
  const objects = [object("t.o", "touched"), ...[1, 2, 3, 4, 5].map((n) => object(`${n}.o`, "other flags: +(-O3)"))];
  const { affected, leftOut } = withoutExcess(
    { objects, notBuilt: [], method: "none", leftOut: 0, leftOutUsers: 0, notes: [] },
    2,
  );
  assert.deepEqual(
    affected.objects.map((o) => o.object),
    ["t.o", "1.o", "2.o"],
  );
  assert.deepEqual(leftOut, [
    {
      kind: "affected-cap",
      object: "",
      why: "3 of the 5 objects that the touched build rules decide about: 3.o, 4.o, 5.o",
    },
  ]);
});

test("compilers by the name that people use", () => {
  assert.equal(
    compilerName("gcc", "x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"),
    "gcc 12.2.0 (Debian 12.2.0-14+deb12u1)",
  );
  assert.equal(compilerName("clang", "Debian clang version 19.1.7 (++2024)"), "clang 19.1.7 (++2024)");
  assert.equal(compilerName("gcc", "strange"), "strange");
});
