import assert from "node:assert/strict";
import { test } from "node:test";
import { type Checks, readChecks } from "../../src/rules/checks.ts";

function checksOf(...symbols: string[]): Checks {
  return readChecks(new Map(symbols.map((symbol) => [`CONFIG_${symbol}`, "y"])), "a test");
}

test("the names of a mitigation before and after 6.9 promise the same", () => {
  for (const [key, before, after] of [
    ["retpoline", "RETPOLINE", "MITIGATION_RETPOLINE"],
    ["returnThunk", "RETHUNK", "MITIGATION_RETHUNK"],
    ["straightLine", "SLS", "MITIGATION_SLS"],
  ] as const) {
    assert.equal(checksOf()[key], false);
    assert.equal(checksOf(before)[key], true, before);
    assert.equal(checksOf(after)[key], true, after);
  }
});

test("untraining is checked where its marks are compiled in", () => {
  for (const symbol of ["CPU_UNRET_ENTRY", "CPU_SRSO", "MITIGATION_UNRET_ENTRY", "MITIGATION_SRSO"]) {
    assert.equal(checksOf(symbol).untrain, false, symbol);
    assert.equal(checksOf(symbol, "NOINSTR_VALIDATION").untrain, true, symbol);
  }
  assert.equal(checksOf("NOINSTR_VALIDATION").untrain, false);
});

test("kCFI is demanded of every call only where code without it is annotated", () => {
  const before = checksOf("CFI_CLANG", "FINEIBT", "MITIGATION_RETPOLINE");
  assert.deepEqual([before.kcfi, before.kcfiEverywhere], [true, false]);
  assert.equal(checksOf("CFI", "MITIGATION_RETPOLINE").kcfiEverywhere, false);
  assert.equal(checksOf("CFI", "FINEIBT", "MITIGATION_RETPOLINE").kcfiEverywhere, true);
});

test("landing pads and link-time optimisation make the build look at linked objects", () => {
  assert.equal(checksOf("UNWINDER_ORC").linkedFirst, false);
  for (const symbol of ["X86_KERNEL_IBT", "LTO_CLANG", "KLP_BUILD"]) assert.equal(checksOf(symbol).linkedFirst, true);
});
