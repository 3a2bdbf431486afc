import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import {
  CFA_NOT_SAID,
  CFA_REGISTER,
  FRAME_FULL_REGS,
  findWitnessRow,
  RULE_AT_CFA,
  RULE_NOT_SAID,
  WitnessBuilder,
  type WitnessRows,
} from "../../src/unwind/witness-rows.ts";
import { compareFrames, witnessSpans } from "../../src/unwind/witness-table.ts";
import { seededRandom } from "../support/random.ts";

/** Rows of section 1: start, end, offset of the CFA. */
function rowsOf(...rows: readonly (readonly [number, number, number])[]): WitnessRows {
  const builder = new WitnessBuilder("orc", []);
  for (const [start, end, cfaOffset] of rows)
    builder.add(1, start, end, builder.frame({ cfa: CFA_REGISTER, cfaRegister: 4, cfaOffset, rules: [] }));
  return builder.finish();
}

test("spans are cut where any witness changes, and nowhere else", () => {
  const a = rowsOf([0, 4, 8], [4, 8, 8], [8, 20, 16]);
  const b = rowsOf([2, 8, 8], [8, 12, 16]);
  const spans = witnessSpans([a, b], 1, 0, 24).map(({ start, end, frames }) => [start, end, ...frames]);
  assert.deepEqual(spans, [
    [0, 2, 0, NONE],
    [2, 8, 0, 0],
    [8, 12, 1, 1],
    [12, 20, 1, NONE],
    [20, 24, NONE, NONE],
  ]);
  assert.deepEqual(witnessSpans([a, b], 2, 0, 24), [{ start: 0, end: 24, frames: [NONE, NONE] }]);
  assert.deepEqual(witnessSpans([a], 1, 5, 6), [{ start: 5, end: 6, frames: [0] }]);
  assert.deepEqual(witnessSpans([], 1, 5, 6), [{ start: 5, end: 6, frames: [] }]);
});

test("every byte has the frame that its witness has there", () => {
  const random = seededRandom(7);
  const below = (n: number) => random() % n;
  for (let round = 0; round < 200; round++) {
    const witnesses = Array.from({ length: 1 + below(4) }, () => {
      let at = below(5);
      const rows: [number, number, number][] = [];
      for (let n = below(8); n > 0; n--) {
        const end = at + 1 + below(6);
        rows.push([at, end, 8 * below(3)]);
        at = end + below(2) * below(4);
      }
      return rowsOf(...rows);
    });
    const [start, end] = [below(6), 20 + below(30)];
    const spans = witnessSpans(witnesses, 1, start, end);
    let at = start;
    for (const span of spans) {
      assert.equal(span.start, at);
      assert.ok(span.end > span.start);
      for (; at < span.end; at++)
        witnesses.forEach((witness, n) => {
          const row = findWitnessRow(witness, 1, at);
          assert.equal(span.frames[n], row === NONE ? NONE : witness.rows.frame[row], `round ${round}, byte ${at}`);
        });
    }
    assert.equal(at, end);
  }
});

const RSP = 4;
const RBP = 5;
const RBX = 3;

function frameOf(tracked: readonly number[], draft: Parameters<WitnessBuilder["frame"]>[0]) {
  const builder = new WitnessBuilder("orc", tracked);
  const frame = builder.frame(draft);
  builder.add(1, 0, 1, frame);
  return { rows: builder.finish(), frame };
}

test("two frames are compared in what both speak of", () => {
  const compare = (a: ReturnType<typeof frameOf>, b: ReturnType<typeof frameOf>) =>
    compareFrames(a.rows, a.frame, b.rows, b.frame);
  const saved = (register: number, offset: number) => ({ register, rule: RULE_AT_CFA, offset });
  const at = (cfaRegister: number, cfaOffset: number, rules: Parameters<WitnessBuilder["frame"]>[0]["rules"] = []) => ({
    cfa: CFA_REGISTER,
    cfaRegister,
    cfaOffset,
    rules,
  });
  const both = [RBX, RBP];
  const a = frameOf(both, at(RSP, 16, [saved(RBP, -16)]));
  assert.deepEqual(compare(a, frameOf(both, at(RSP, 16, [saved(RBP, -16)]))), { registers: [], cfa: "same" });
  assert.deepEqual(compare(a, frameOf(both, at(RSP, 24, [saved(RBP, -16)]))), { registers: [], cfa: "differs" });
  assert.deepEqual(compare(a, frameOf(both, at(RBP, 16, [saved(RBP, -16)]))), { registers: [], cfa: "unlike" });
  assert.deepEqual(compare(a, frameOf(both, at(RSP, 16, [saved(RBP, -24)]))).registers, [RBP]);
  assert.deepEqual(compare(a, frameOf(both, at(RSP, 16, [saved(RBP, -16), saved(RBX, -24)]))).registers, [RBX]);
  // One that does not track a register says nothing of it; nor does one that says so.
  assert.deepEqual(compare(a, frameOf([RBX], at(RSP, 16))).registers, []);
  const silent = frameOf(both, at(RSP, 16, [{ register: RBP, rule: RULE_NOT_SAID }]));
  assert.deepEqual(compare(a, silent).registers, []);
  assert.deepEqual(compare(a, frameOf(both, { cfa: CFA_NOT_SAID, rules: [saved(RBP, -16)] })).cfa, "same");
  // Where a whole set of registers was saved the rules follow from that.
  assert.deepEqual(compare(a, frameOf(both, { ...at(RSP, 16), flags: FRAME_FULL_REGS })).registers, []);
});
