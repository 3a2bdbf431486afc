import assert from "node:assert/strict";
import { test } from "node:test";
import { RowMap } from "../../src/base/row-map.ts";

test("rows outside of the span have no entry", () => {
  const map = new RowMap(1000, 1010);
  map.set(1000, 7);
  map.set(1009, 0);
  map.set(1000, 8);
  assert.equal(map.get(999), undefined);
  assert.equal(map.get(1000), 8);
  assert.equal(map.get(1001), undefined);
  assert.equal(map.get(1009), 0);
  assert.equal(map.get(1010), undefined);
  assert.equal(map.has(1009), true);
  assert.equal(map.size, 2);
  assert.deepEqual([...map.keys()], [1000, 1009]);
  assert.deepEqual(
    [...map],
    [
      [1000, 8],
      [1009, 0],
    ],
  );
});

test("an empty span", () => {
  const map = new RowMap(0, 0);
  assert.equal(map.get(0), undefined);
  assert.equal(map.size, 0);
});
