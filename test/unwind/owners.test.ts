import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { Owners } from "../../src/unwind/owners.ts";

test("exceptions are kept one by one, and as a column where there are many", () => {
  const count = 200_000;
  const ofInsn = Int32Array.from({ length: count }, (_, i) => i >> 4);
  const state = new Int32Array(count);
  state[7] = NONE;
  const owners = new Owners(ofInsn, state);
  const wanted = Int32Array.from(ofInsn);
  wanted[7] = NONE;
  for (const step of [1000, 1]) {
    for (let i = 8; i < count; i += step) {
      wanted[i] = i % 3 === 0 ? NONE : i >> 4;
      owners.set(i, wanted[i] as number);
    }
    for (let i = 0; i < count; i++) assert.equal(owners.of(i), wanted[i], `${i}`);
  }
});
