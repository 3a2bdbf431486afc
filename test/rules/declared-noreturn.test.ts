import assert from "node:assert/strict";
import { test } from "node:test";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { analyzeBytes } from "../support/analyzed.ts";
import { compile } from "../support/assemble.ts";

// What another object's body proves of a function that is declared to never return.

const SOURCE = `
void __attribute__((noreturn)) callee(int);
int caller(int x) { if (x) callee(x); return 1; }`;
const { bytes } = compile(SOURCE, ["-O2", "-g1", "-fno-PIE", "-mno-red-zone", "-fcf-protection=none"]);

function told(outside: Partial<Outside>): string[] {
  const { comparison } = analyzeBytes(bytes, {
    witnesses: true,
    forComparison: true,
    outside: { ...nothingOutside, ...outside },
  });
  return comparison!.contracts.map(({ function: name, messageKey }) => `${name} ${messageKey}`);
}

test("a body that returns, one that does not, and one that nobody knows", () => {
  assert.deepEqual(told({ neverReturns: () => false }), ["caller elsewhere"]);
  assert.deepEqual(told({ neverReturns: () => true }), ["caller unlisted-call"]);
  assert.deepEqual(told({}), []);
});

test("a weak body and assembly without a type are no proof that it returns", () => {
  assert.deepEqual(told({ neverReturns: () => false, isWeak: () => true }), []);
  assert.deepEqual(told({ neverReturns: () => false, isFunction: () => false }), []);
  assert.deepEqual(told({ neverReturns: () => false, isWeak: () => false, isFunction: () => true }), [
    "caller elsewhere",
  ]);
});
