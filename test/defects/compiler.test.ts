import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions, compilerName, parseCompiler } from "../../src/defects/compiler.ts";
import { findDefect, isSeenIn, knownDefects } from "../../src/defects/index.ts";

const named: readonly (readonly [words: string, name: string | undefined])[] = [
  // .comment
  ["GCC: (Debian 12.2.0-14+deb12u1) 12.2.0", "gcc 12.2.0"],
  ["GCC: (GNU) 12.2.1 20221121 (Red Hat 12.2.1-4)", "gcc 12.2.1"],
  ["GCC: (crosstool-NG (a fork) 1.25) 13.2.0", "gcc 13.2.0"],
  ["Debian clang version 22.1.8 (1~deb12u1)", "clang 22.1.8"],
  ["clang version 19.1.7 (https://github.com/llvm/llvm-project.git cd70802)", "clang 19.1.7"],
  ["Ubuntu clang version 18.1.3 (1ubuntu1)", "clang 18.1.3"],
  ["Linker: LLD 19.1.7", undefined],
  ["", undefined],
  // DW_AT_producer
  ["GNU C11 12.2.0 -mno-sse -m64 -g1 -O2 -fplugin=9.9.9", "gcc 12.2.0"],
  ["GNU GIMPLE 12.2.0 -mtune=generic -march=x86-64 -O2", "gcc 12.2.0"],
  ["GNU C++17 12.2.0 -O2", "gcc 12.2.0"],
  ["GNU AS 2.40", "gas 2.40"],
  ["GNU AS 2.41.50.20231206", undefined],
  ["GNU Fortran2008 12.2.0", undefined],
  ["clang LLVM (rustc version 1.78.0 (9b00956e5 2024-04-29))", undefined],
  ["Apple clang version 15.0.0 (clang-1500.3.9.4)", undefined],
  // the first line of --version
  ["gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "gcc 12.2.0"],
  ["x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0", "gcc 12.2.0"],
  ["Debian clang version 19.1.7 (3~deb12u1)", "clang 19.1.7"],
  ["a gcc (x) 12.2.0", undefined],
];

for (const [words, name] of named)
  test(`"${words}" names ${name ?? "nobody known"}`, () => {
    const found = parseCompiler(words);
    assert.equal(found === undefined ? undefined : compilerName(found), name);
  });

test("endless words take no time", () => {
  const start = performance.now();
  for (const words of ["GCC: ".repeat(1e6), "(".repeat(1e6), `GNU C11 ${"1.".repeat(1e6)}`]) parseCompiler(words);
  assert.ok(performance.now() - start < 200);
});

test("versions are compared number by number", () => {
  const sorted = ["2.40", "12.2", "12.2.1", "12.10.0", "22.1.8"];
  assert.deepEqual([...sorted].reverse().sort(compareVersions), sorted);
  assert.equal(compareVersions("12.2", "12.2.0"), 0);
});

test("a version that nobody tried has no defect, but for those that are held to be everywhere", () => {
  for (const defect of knownDefects) {
    const { tool: family, rule, seen } = defect;
    const shape = defect.shapes[0]!;
    assert.equal(findDefect({ family, version: seen.from }, rule, shape), defect);
    assert.equal(findDefect({ family, version: seen.to }, rule, shape), defect);
    const next = { family, version: `${seen.to}.1` };
    assert.equal(isSeenIn(defect, next), false);
    assert.equal(findDefect(next, rule, shape), defect.everywhere === undefined ? undefined : defect);
    assert.equal(
      findDefect({ family, version: "1.0" }, rule, shape),
      defect.everywhere === undefined ? undefined : defect,
    );
    assert.equal(findDefect({ family, version: seen.from }, "another-rule", shape), undefined);
    assert.equal(findDefect({ family, version: seen.from }, rule, `${shape} `), undefined);
  }
});
