import assert from "node:assert/strict";
import { test } from "node:test";
import { arm64 } from "../../src/isa/arm64/index.ts";
import { NO_REGISTER, OP_ADD, OP_AND, OP_LOAD, OP_POP, OP_PUSH, OP_STORE } from "../../src/isa/insn-table.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { ALWAYS, isInert, touchedBy } from "../../src/unwind/inert.ts";
import { BASE_SP_INDIRECT, BASE_UNDEFINED, FRAME_CALL, FRAME_REGS, FrameStates } from "../../src/unwind/state.ts";
import { applyOp } from "../../src/unwind/transfer.ts";

const ops = [OP_ADD, OP_AND, OP_STORE, OP_LOAD, OP_PUSH, OP_POP];
const imms = [0, 8, -8, 16, -24];

for (const arch of [x86_64, arm64]) {
  test(`${arch.id}: what is told to change nothing changes nothing`, () => {
    const states = new FrameStates(arch);
    const { name, sp, fp } = arch.registers;
    let seed = 7;
    const pick = <T>(from: readonly T[]): T => {
      seed = (Math.imul(seed, 48271) >>> 0) % 0x7fff_ffff;
      return from[seed % from.length] as T;
    };
    // Mostly the registers that frames are made of, so that interesting states come up.
    const registers = [sp, fp, sp, fp, 0, 1, 3, 10, name.length - 1, NO_REGISTER];
    const starts = [
      states.entry(),
      states.lost(),
      states.plain(sp, 64, FRAME_REGS, 1),
      states.plain(BASE_UNDEFINED, 0, FRAME_CALL, 0),
      states.plain(BASE_SP_INDIRECT, 8, FRAME_CALL, 0),
      states.plain(fp, 16, FRAME_CALL, 0),
    ];
    let inert = 0;
    let passed = 0;
    for (let walk = 0; walk < 600; walk++) {
      let state = pick(starts);
      for (let n = 0; n < 40; n++) {
        const op = pick(ops);
        // A push has no destination, a pop no source (src/isa/insn-table.ts), and only the stack pointer is loaded from nowhere.
        const dst = op === OP_PUSH ? NO_REGISTER : pick(registers.slice(0, -1));
        const src = op === OP_POP || op === OP_AND ? NO_REGISTER : pick(registers.slice(0, op === OP_PUSH ? 10 : 9));
        const imm = pick(imms);
        const effect = applyOp(states, state, op, dst, src, imm);
        if (isInert(arch.registers, state, op, dst, src)) {
          inert++;
          assert.equal(effect.state, state, `${op} dst ${dst} src ${src} imm ${imm}`);
          assert.equal(effect.fault, 0);
        }
        const touched = touchedBy(arch.registers, op, dst, src);
        if (touched !== ALWAYS && (touched & state.watched) === 0) {
          passed++;
          assert.equal(effect.state, state, `${op} dst ${dst} src ${src} imm ${imm}, by its registers`);
          assert.equal(effect.fault, 0);
        }
        state = effect.state;
      }
    }
    assert.ok(inert > 1000, `${inert}`);
    assert.ok(passed > 500, `${passed}`);
  });
}
