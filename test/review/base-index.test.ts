import assert from "node:assert/strict";
import { test } from "node:test";
import { bestFirst } from "../../src/review/base-index.ts";

test("of several bases the preferred one, then a whole one, then the nearest is taken", () => {
  const choice = (name: string, behind: number, isWhole: boolean) => ({
    base: { record: { commit: `${name}`.repeat(40), name } },
    distance: { behind, beside: 0 },
    isWhole,
  });
  const choices = [choice("a", 3, true), choice("b", 1, false), choice("c", 2, true), choice("d", 90, false)];
  const order = (preferred?: string) => bestFirst(choices, preferred).map(({ base }) => base.record.name);
  assert.deepEqual(order(), ["c", "a", "b", "d"]);
  assert.deepEqual(order("d"), ["d", "c", "a", "b"]);
  assert.deepEqual(order("b".repeat(40)), ["b", "c", "a", "d"]);
  assert.deepEqual(order("not built"), ["c", "a", "b", "d"]);
});
