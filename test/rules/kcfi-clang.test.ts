import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { checksWithoutConfig } from "../../src/rules/checks.ts";
import { fixtureFacts, optimisations } from "../support/rule-fixtures.ts";

// Only clang makes kCFI checks by itself; the fixture of the rule, which gcc builds too, has a call in inline assembly.
const SOURCE = `
int calls(int (*function)(int)) { return function(1) + 1; }
int ends_in_a_call(int (*function)(int)) { return function(2); }
int calls_in_a_loop(int (**function)(int), int count)
{
	int sum = 0;
	for (int i = 0; i < count; i++)
		sum += function[i](i);
	return sum;
}
__attribute__((no_sanitize("kcfi"))) int unchecked(int (*function)(int)) { return function(3) + 1; }
`;

// arch/x86/Makefile and Makefile of Linux 6.19, CC_FLAGS_CFI and the mitigations that FineIBT builds on
const options = [
  "-std=gnu11",
  "-ffreestanding",
  "-fno-PIE",
  "-mno-sse",
  "-mno-red-zone",
  "-mcmodel=kernel",
  "-fcf-protection=branch",
  "-fsanitize=kcfi",
  "-mretpoline-external-thunk",
  "-mfunction-return=thunk-extern",
  "-fpatchable-function-entry=16,16",
];

test("clang's own checks are seen, and a function without them is told", () => {
  const folder = mkdtempSync(join(tmpdir(), "objreview-kcfi-"));
  try {
    writeFileSync(join(folder, "input.c"), SOURCE);
    for (const optimisation of optimisations) {
      execFileSync("clang-16", [...options, optimisation, "-c", "-o", "output.o", "input.c"], { cwd: folder });
      const { findings } = analyzeObject(bytesSource(new Uint8Array(readFileSync(join(folder, "output.o")))), {
        facts: fixtureFacts,
        checks: { ...checksWithoutConfig, retpoline: true, returnThunk: true, kcfi: true, kcfiEverywhere: true },
      });
      assert.deepEqual(
        findings.map((finding) => `${finding.function} ${finding.rule}`),
        ["unchecked kcfi-unchecked-call"],
        optimisation,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
