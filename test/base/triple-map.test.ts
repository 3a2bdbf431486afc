import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { TripleMap } from "../../src/base/triple-map.ts";

test("a triple map answers as a map of strings does, while it grows", () => {
  const map = new TripleMap(1);
  const reference = new Map<string, number>();
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 48271) >>> 0) % 0x7fff_ffff;
    return seed % below;
  };
  for (let n = 0; n < 20_000; n++) {
    const [a, b, c] = [random(40) - 20, random(30) * 0x0100_0000, random(20) - 0x7fff_fff0] as const;
    const key = `${a | 0},${b | 0},${c | 0}`;
    assert.equal(map.get(a, b, c), reference.get(key) ?? NONE);
    if (random(2) === 0) continue;
    map.set(a, b, c, n);
    reference.set(key, n);
  }
  assert.equal(map.size, reference.size);
  for (const [key, value] of reference) {
    const [a, b, c] = key.split(",").map(Number) as [number, number, number];
    assert.equal(map.get(a, b, c), value);
  }
});
