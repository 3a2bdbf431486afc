import assert from "node:assert/strict";
import { test } from "node:test";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { NO_REGISTER } from "../../src/isa/insn-table.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import {
  BASE_FP_INDIRECT,
  BASE_LOST,
  BASE_SP_INDIRECT,
  BASE_UNDEFINED,
  BASE_WAIVED,
  describeState,
  FRAME_CALL,
  FRAME_END_OF_STACK,
  FRAME_REGS,
  type FrameState,
  FrameStates,
  moved,
  NOWHERE,
  offsetOf,
  place,
  SPACE_ALIGNED,
  SPACE_CFA,
  SPACE_HOLDS_SP,
  spaceOf,
} from "../../src/unwind/state.ts";

const RBX = 3;
const RSP = 4;
const R12 = 12;

test("places keep space and offset, and move", () => {
  for (const space of [SPACE_CFA, SPACE_ALIGNED, SPACE_HOLDS_SP]) {
    for (const offset of [0, 8, -8, -160, 1 << 20, -(1 << 20)]) {
      const at = place(space, offset);
      assert.equal(spaceOf(at), space);
      assert.equal(offsetOf(at), offset);
      assert.notEqual(at, NOWHERE);
      if (space !== SPACE_HOLDS_SP) assert.equal(moved(at, -24), place(space, offset - 24));
    }
  }
  assert.equal(moved(NOWHERE, 8), NOWHERE);
  // What is behind a pointer to the stack pointer is no place of the stack.
  assert.equal(moved(place(SPACE_HOLDS_SP, 16), 8), NOWHERE);
});

test("equal states are one object, and the contract leaves the values out", () => {
  const states = new FrameStates(x86_64);
  const entry = states.entry();
  assert.equal(states.entry(), entry);
  assert.equal(entry.base, RSP);
  assert.equal(entry.offset, 8);
  assert.equal(entry.value[RSP], place(SPACE_CFA, -8));
  const value = entry.value.slice();
  value[R12] = place(SPACE_CFA, -8);
  const knows = states.intern({ ...entry, value });
  assert.notEqual(knows, entry);
  assert.equal(knows.contract, entry.contract);
  assert.equal(states.intern({ ...entry, value: value.slice() }), knows);
  assert.equal(knows.tracked, (1 << RSP) | (1 << R12));
  const saved = entry.saved.slice();
  saved[RBX] = place(SPACE_CFA, -16);
  for (const changed of [
    states.intern({ ...entry, saved }),
    states.intern({ ...entry, offset: 16 }),
    states.intern({ ...entry, base: 5 }),
    states.intern({ ...entry, type: FRAME_REGS }),
    states.intern({ ...entry, realignRegister: 10 }),
    states.intern({ ...entry, realignSlot: place(SPACE_ALIGNED, -8) }),
  ]) {
    assert.notEqual(changed.contract, entry.contract);
    assert.equal(states.all[changed.id], changed);
  }
  // The unwinder has one answer for both.
  assert.equal(states.intern({ ...entry, signal: 1 }).contract, entry.contract);
});

test("the join is the greatest knowledge that both have: commutative, idempotent, associative", () => {
  const states = new FrameStates(x86_64);
  const entry = states.entry();
  const know = (places: Record<number, number>, switchSlot?: number): FrameState => {
    const value = entry.value.slice();
    for (const [register, offset] of Object.entries(places)) value[Number(register)] = place(SPACE_CFA, offset);
    return states.intern({ ...entry, value, switchSlot });
  };
  const a = know({ 0: -8, 10: 0 }, 16);
  const b = know({ 0: -8, 10: -8 }, 16);
  const c = know({ 10: 0 });
  assert.equal(states.join(a, a), a);
  assert.equal(states.join(a, b), know({ 0: -8 }, 16));
  assert.equal(states.join(a, c), know({ 10: 0 }));
  for (const x of [a, b, c, entry]) {
    for (const y of [a, b, c, entry]) {
      const joined = states.join(x, y);
      assert.equal(states.join(y, x), joined);
      assert.equal(joined.contract, entry.contract);
      // Joining again takes nothing more away, so that a walk ends.
      assert.equal(states.join(joined, x), joined);
      for (const z of [a, b, c]) assert.equal(states.join(states.join(x, y), z), states.join(x, states.join(y, z)));
    }
  }
});

test("states in words", () => {
  const states = new FrameStates(x86_64);
  const say = (state: FrameState): string => describeState(x86_64, state);
  const entry = states.entry();
  assert.equal(say(entry), "CFA=rsp+8");
  const saved = entry.saved.slice();
  saved[RBX] = place(SPACE_CFA, -16);
  saved[R12] = place(SPACE_ALIGNED, -8);
  assert.equal(say(states.intern({ ...entry, offset: 24, saved })), "CFA=rsp+24, rbx at CFA-16, r12 at aligned-8");
  assert.equal(say(states.plain(RSP, 168, FRAME_REGS, 1)), "CFA=rsp+168, regs");
  assert.equal(say(states.plain(BASE_SP_INDIRECT, 8, FRAME_CALL, 0)), "CFA=(rsp)+8");
  assert.equal(say(states.plain(BASE_FP_INDIRECT, -8, FRAME_CALL, 0)), "CFA=(rbp-8)");
  assert.equal(say(states.plain(BASE_UNDEFINED, 0, FRAME_END_OF_STACK, 0)), "end of stack, end of stack");
  assert.equal(say(states.plain(BASE_UNDEFINED, 0, FRAME_CALL, 0)), "CFA undefined");
  assert.equal(say(states.lost()), "CFA not followed");
  assert.equal(states.lost().base, BASE_LOST);
  assert.equal(say(states.plain(BASE_WAIVED, 0, 0, 0)), "CFA undefined by annotation");
});

test("another architecture's entry: nothing pushed, the link register holds the return address", () => {
  const states = new FrameStates(arm64);
  const entry = states.entry();
  assert.equal(describeState(arm64, entry), "CFA=sp+0");
  assert.equal(entry.realignRegister, NO_REGISTER);
  assert.equal(entry.value[arm64.registers.sp], place(SPACE_CFA, 0));
});
