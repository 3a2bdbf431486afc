import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError } from "../../src/base/errors.ts";
import { NONE } from "../../src/base/table.ts";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { RBP, RBX, RSP } from "../../src/isa/x86-64/registers.ts";
import {
  CFA_DEREF,
  CFA_REGISTER,
  CFA_UNDEFINED,
  describeFrame,
  FRAME_END_OF_STACK,
  FRAME_SIGNED_ADDRESS,
  findRule,
  findWitnessRow,
  RETURN_ADDRESS,
  RULE_AT_CFA,
  RULE_AT_REGISTER,
  RULE_IN_REGISTER,
  RULE_IS_CFA,
  RULE_NOT_SAID,
  RULE_SAME,
  RULE_UNDEFINED,
  WitnessBuilder,
} from "../../src/unwind/witness-rows.ts";

const entry = {
  cfa: CFA_REGISTER,
  cfaRegister: RSP,
  cfaOffset: 8,
  rules: [{ register: RETURN_ADDRESS, rule: RULE_AT_CFA, offset: -8 }],
};

test("equal frames are one, whatever the order of their rules and with or without what stays the same", () => {
  const builder = new WitnessBuilder("debug_frame", [RETURN_ADDRESS, RBX, RBP]);
  const rbx = { register: RBX, rule: RULE_AT_CFA, offset: -16 };
  const ra = { register: RETURN_ADDRESS, rule: RULE_AT_CFA, offset: -8 };
  const a = builder.frame({ ...entry, rules: [rbx, ra] });
  assert.equal(builder.frame({ ...entry, rules: [ra, { register: RBP, rule: RULE_SAME }, rbx] }), a);
  assert.notEqual(builder.frame({ ...entry, rules: [ra, { ...rbx, offset: -24 }] }), a);
  const rows = builder.finish();
  assert.deepEqual(rows.tracked, [RBX, RBP, RETURN_ADDRESS]);
  assert.equal(findRule(rows, a, RBP), NONE);
  assert.equal(rows.rules.offset[findRule(rows, a, RBX)], -16);
});

test("rows are sorted, and a row ends where the next one begins", () => {
  const builder = new WitnessBuilder("sframe", [RETURN_ADDRESS]);
  const frame = builder.frame(entry);
  const other = builder.frame({ ...entry, cfaOffset: 16 });
  builder.add(2, 0, 4, other);
  builder.add(1, 10, 20, frame);
  builder.add(1, 0, 12, other);
  builder.add(1, 30, 30, frame);
  builder.add(1, 20, 24, frame);
  builder.add(1, 20, 28, other);
  const witness = builder.finish();
  const { section, start, end, frame: held } = witness.rows;
  const found = Array.from(section, (home, row) => [home, start[row], end[row], held[row]]);
  assert.deepEqual(found, [
    [1, 0, 10, other],
    [1, 10, 20, frame],
    [1, 20, 28, other],
    [2, 0, 4, other],
  ]);
  assert.equal(witness.overlaps, 2);
  assert.equal(findWitnessRow(witness, 1, 9), 0);
  assert.equal(findWitnessRow(witness, 1, 10), 1);
  assert.equal(findWitnessRow(witness, 1, 28), NONE);
  assert.equal(findWitnessRow(witness, 2, 3), 3);
  assert.equal(findWitnessRow(witness, 0, 0), NONE);
  assert.equal(findWitnessRow(witness, 3, 0), NONE);
});

test("a frame is told in words", () => {
  const builder = new WitnessBuilder("eh_frame", [RBX, RBP, 12, 13, 14, RETURN_ADDRESS]);
  const frame = builder.frame({
    cfa: CFA_DEREF,
    cfaRegister: RBP,
    cfaOffset: -16,
    rules: [
      { register: RBP, rule: RULE_AT_REGISTER, base: RBP },
      { register: RBX, rule: RULE_IN_REGISTER, base: 0, offset: 4 },
      { register: 12, rule: RULE_IS_CFA, offset: -8 },
      { register: 13, rule: RULE_UNDEFINED },
      { register: 14, rule: RULE_NOT_SAID },
      { register: RETURN_ADDRESS, rule: RULE_AT_CFA, offset: -8 },
    ],
  });
  const end = builder.frame({ cfa: CFA_UNDEFINED, flags: FRAME_END_OF_STACK, rules: [] });
  const rows = builder.finish();
  assert.equal(
    describeFrame(x86_64, rows, frame),
    "CFA=(rbp-16), rbx in rax+4, rbp at rbp+0, r12 is CFA-8, r13 lost, r14 not said, ra at CFA-8",
  );
  assert.equal(describeFrame(x86_64, rows, end), "CFA undefined, end of stack");
  const arm = new WitnessBuilder("debug_frame", [RETURN_ADDRESS]);
  const signed = arm.frame({ cfa: CFA_REGISTER, cfaRegister: 31, flags: FRAME_SIGNED_ADDRESS, rules: [] });
  assert.equal(describeFrame(arm64, arm.finish(), signed), "CFA=sp+0, signed return address");
});

test("a rule for a register that the witness does not track is a defect of its reader", () => {
  const builder = new WitnessBuilder("orc", [RBP]);
  assert.throws(() => builder.frame(entry), InvariantError);
});
