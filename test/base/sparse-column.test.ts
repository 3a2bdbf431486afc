import assert from "node:assert/strict";
import { test } from "node:test";
import { BitSet } from "../../src/base/bit-set.ts";
import { IntMap } from "../../src/base/int-map.ts";
import { SparseColumnBuilder } from "../../src/base/sparse-column.ts";
import { NONE } from "../../src/base/table.ts";

/** Numbers that are the same in every run (xorshift). */
function numbers(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

test("a sparse column answers like a plain one, for every density and across the edges of words", () => {
  for (const every of [1, 2, 7, 31, 32, 33, 1000]) {
    const next = numbers(every);
    const plain = new Int32Array(5000).fill(NONE);
    const builder = new SparseColumnBuilder(10, 1);
    for (let row = 0; row < plain.length; row++) {
      if (next() % every !== 0) continue;
      plain[row] = next() | 0;
      builder.add(row, plain[row] as number);
    }
    const column = builder.finish(plain.length);
    assert.deepEqual(
      Array.from(plain, (_, row) => column.at(row)),
      [...plain],
    );
    for (const [from, to] of [
      [0, 5000],
      [31, 33],
      [64, 64],
      [100, 4001],
      [4999, 5000],
    ] as const) {
      const seen: [number, number][] = [];
      column.forEach(
        (row, value) => {
          seen.push([row, value]);
        },
        from,
        to,
      );
      const wanted = [...plain.entries()].filter(([row, v]) => v !== NONE && row >= from && row < to);
      // A value that is NONE itself is one that the column holds.
      assert.deepEqual(
        seen.filter(([, v]) => v !== NONE),
        wanted,
      );
    }
  }
});

test("outside of a sparse column there is nothing", () => {
  const builder = new SparseColumnBuilder(1);
  builder.add(40, 7);
  const column = builder.finish(100);
  assert.deepEqual(
    [-1, 39, 40, 41, 99, 100, 1e6].map((row) => column.at(row)),
    [NONE, NONE, 7, NONE, NONE, NONE, NONE],
  );
  assert.ok(column.includes(7));
  assert.ok(!column.includes(8));
  const empty = new SparseColumnBuilder(0).finish(0);
  assert.equal(empty.at(0), NONE);
  empty.forEach(() => {
    assert.fail();
  });
});

test("a bit set has what was added", () => {
  const set = new BitSet(70);
  for (const row of [0, 31, 32, 69]) set.add(row);
  assert.deepEqual(
    Array.from({ length: 70 }, (_, row) => row).filter((row) => set.has(row)),
    [0, 31, 32, 69],
  );
});

test("an integer map answers like a Map, through its growth and with values written twice", () => {
  const next = numbers(99);
  const map = new Map<number, number>();
  const ints = new IntMap();
  for (let n = 0; n < 20_000; n++) {
    const key = next() % 30_000;
    const value = next() | 0;
    map.set(key, value);
    ints.set(key, value);
  }
  assert.equal(ints.size, map.size);
  for (let key = 0; key < 30_000; key++) assert.equal(ints.get(key), map.get(key));
  assert.deepEqual(
    [...ints.entries()].sort((a, b) => a[0] - b[0]),
    [...map].sort((a, b) => a[0] - b[0]),
  );
});
