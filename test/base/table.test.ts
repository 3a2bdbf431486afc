import assert from "node:assert/strict";
import { test } from "node:test";
import { dumpRow, lowerBound, TableBuilder } from "../../src/base/table.ts";
import { seededRandom } from "../support/random.ts";

const schema = { small: "u8", wide: "u16", big: "u32", signed: "i32", real: "f64" } as const;

test("builder: rows survive growth, the finished table has exactly its rows", () => {
  const builder = new TableBuilder(schema, 1);
  for (let i = 0; i < 1000; i++) {
    const row = { small: i & 255, wide: i, big: i * 4_000_000, signed: 5 - i, real: i / 3 };
    assert.equal(builder.push(row), i);
  }
  const table = builder.finish();
  assert.equal(table.length, 1000);
  for (const column of [table.small, table.wide, table.big, table.signed, table.real])
    assert.equal(column.length, 1000);
  for (const i of [0, 1, 2, 511, 512, 999]) {
    const wanted = { small: i & 255, wide: i, big: i * 4_000_000, signed: 5 - i, real: i / 3 };
    assert.deepEqual(dumpRow(table, i), wanted);
  }
});

test("builder: reserve gives room for direct writes and keeps what is there", () => {
  const builder = new TableBuilder({ value: "i32" }, 2);
  builder.push({ value: 7 });
  const before = builder.columns;
  builder.reserve(1);
  assert.equal(builder.columns, before);
  builder.reserve(100);
  assert.ok(builder.capacity >= 101);
  for (let i = 0; i < 100; i++) builder.columns.value[builder.length++] = i;
  const table = builder.finish();
  assert.equal(table.length, 101);
  assert.deepEqual([...table.value.slice(0, 3)], [7, 0, 1]);
});

test("builder: an empty table, and a capacity of nothing", () => {
  assert.equal(new TableBuilder(schema).finish().length, 0);
  const builder = new TableBuilder({ value: "u8" }, 0);
  builder.push({ value: 300 }); // columns wrap as typed arrays do
  assert.equal(builder.finish().value[0], 44);
});

test("lowerBound: first index that is not below the value, within the range asked for", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 200; round++) {
    const column = Int32Array.from({ length: random() % 40 }, () => (random() % 50) - 25).sort();
    const from = column.length === 0 ? 0 : random() % column.length;
    for (let value = -27; value < 27; value++) {
      let wanted = from;
      while (wanted < column.length && column[wanted]! < value) wanted++;
      assert.equal(lowerBound(column, value, from, column.length), wanted);
    }
  }
});
