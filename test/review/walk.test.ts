import assert from "node:assert/strict";
import { test } from "node:test";
import { blame, findBrokenBetween, firstBreaking, type History, type ObjectState } from "../../src/review/walk.ts";
import { side } from "./values.ts";

const O = "lib/a.o";

/** What the object has behind each patch; undefined: it does not compile there. The tip is not among them. */
function historyOf(
  patches: readonly number[],
  between: Readonly<Record<number, readonly string[] | undefined>>,
): Map<string, History> {
  const states = Object.entries(between).map(([patch, prints]): ObjectState => {
    const judged = prints === undefined ? undefined : side({ [O]: prints }).get(O);
    return { patch: Number(patch), judged };
  });
  return new Map([[O, { patches, between: states }]]);
}

function told(
  base: readonly string[],
  tip: readonly string[],
  histories: ReadonlyMap<string, History>,
  last: number,
): (string | number | undefined)[][] {
  return blame(side({ [O]: base }), side({ [O]: tip }), histories, last).map((b) => [
    b.compared.class,
    b.compared.finding.fingerprint,
    b.patch,
    b.repairedBy,
    b.state,
  ]);
}

test("a finding is its first bad patch's", () => {
  assert.deepEqual(told([], ["x"], historyOf([2], {}), 4), [["new", "x", 2, undefined, 4]]);
  assert.deepEqual(told([], ["x"], historyOf([0, 1, 3], { 0: [], 1: ["x"] }), 3), [["new", "x", 1, undefined, 3]]);
  assert.deepEqual(told([], ["x"], historyOf([0, 1, 3], { 0: ["x"], 1: ["x"] }), 3), [["new", "x", 0, undefined, 3]]);
  assert.deepEqual(told([], ["x"], historyOf([0, 1, 3], { 0: [], 1: [] }), 3), [["new", "x", 3, undefined, 3]]);
});

test("a finding that goes and comes back is the later patch's", () => {
  assert.deepEqual(told([], ["x"], historyOf([0, 1, 2], { 0: ["x"], 1: [] }), 2), [["new", "x", 2, undefined, 2]]);
});

test("a state that does not compile tells nothing", () => {
  assert.deepEqual(told([], ["x"], historyOf([0, 1, 2], { 0: ["x"], 1: undefined }), 2), [
    ["new", "x", 0, undefined, 2],
  ]);
  assert.deepEqual(told([], ["x"], historyOf([0, 1, 2], { 0: [], 1: undefined }), 2), [["new", "x", 2, undefined, 2]]);
});

test("what comes and goes within the series is told once, with both patches", () => {
  assert.deepEqual(told([], [], historyOf([0, 1, 2], { 0: ["x"], 1: ["x"] }), 2), [["new", "x", 0, 2, 0]]);
  assert.deepEqual(told([], [], historyOf([0, 1, 2], { 0: [], 1: ["x"] }), 2), [["new", "x", 1, 2, 1]]);
  assert.deepEqual(told(["x"], [], historyOf([0, 1], { 0: ["x"] }), 1), [["fixed", "x", undefined, undefined, 1]]);
});

test("old findings have no patch, nor has one whose walk was left out", () => {
  assert.deepEqual(told(["x"], ["x"], historyOf([0], {}), 0), [["unchanged", "x", undefined, undefined, 0]]);
  assert.deepEqual(told([], ["x"], new Map([[O, { patches: [], between: [] }]]), 5), [
    ["new", "x", undefined, undefined, 5],
  ]);
  assert.deepEqual(told([], ["x"], new Map(), 5), [["new", "x", undefined, undefined, 5]]);
});

test("the first patch that breaks the build, without a gap", () => {
  const first = (patches: readonly number[], between: Readonly<Record<number, readonly string[] | undefined>>) =>
    firstBreaking(historyOf(patches, between).get(O));
  assert.equal(first([3], {}), 3);
  assert.equal(first([0, 1, 2], { 0: [], 1: undefined }), 1);
  assert.equal(first([0, 1, 2], { 0: undefined, 1: undefined }), 0);
  assert.equal(first([0, 1, 2], { 0: undefined, 1: [] }), 2);
  assert.equal(firstBreaking(undefined), undefined);
});

test("broken in the middle: from the first such patch to the one that builds again", () => {
  assert.deepEqual(findBrokenBetween(historyOf([0, 1], { 0: undefined })), [
    { object: O, patch: 0, repairedBy: 1, error: undefined, patches: [0] },
  ]);
  assert.deepEqual(findBrokenBetween(historyOf([0, 2, 3, 5], { 0: [], 2: undefined, 3: undefined })), [
    { object: O, patch: 2, repairedBy: 5, error: undefined, patches: [2, 3] },
  ]);
  assert.deepEqual(findBrokenBetween(historyOf([0, 1], { 0: [] })), []);
});
