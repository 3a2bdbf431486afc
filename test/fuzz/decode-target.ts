import assert from "node:assert/strict";
import { NONE } from "../../src/base/table.ts";
import type { Arch } from "../../src/isa/arch.ts";
import {
  FLAG_FORMS_ADDRESS,
  KIND_BRANCH,
  KIND_CALL,
  KIND_JUMP,
  KIND_UNKNOWN,
  kindName,
  NO_REGISTER,
  newDecodeOutput,
  opName,
} from "../../src/isa/insn-table.ts";
import type { FuzzTarget } from "./target.ts";

/** A decoder never throws: every byte of the range gets a row, and every row keeps what insn-table.ts says of its columns. */
export function decodeTarget(arch: Arch, seeds: () => readonly Uint8Array[]): FuzzTarget {
  return {
    name: `decode-${arch.id}`,
    seeds,
    read(bytes, random) {
      const end = random() % 4 === 0 ? random() % (bytes.length + 1) : bytes.length;
      const start = random() % 4 === 0 ? random() % (end + 1) : 0;
      checkDecode(arch, bytes, start, end);
    },
  };
}

function checkDecode(arch: Arch, bytes: Uint8Array, start: number, end: number): void {
  const out = newDecodeOutput(end - start);
  arch.decode(bytes, 3, start, end, out);
  const insns = out.insns.finish();
  const ops = out.ops.finish();
  let at = start;
  for (let row = 0; row < insns.length; row++) {
    const kind = insns.kind[row]!;
    const direct =
      kind === KIND_JUMP ||
      kind === KIND_BRANCH ||
      kind === KIND_CALL ||
      (insns.flags[row]! & FLAG_FORMS_ADDRESS) !== 0;
    const fits =
      insns.section[row] === 3 &&
      insns.offset[row] === at &&
      insns.size[row]! > 0 &&
      kind < kindName.length &&
      // A target of NONE is also what a branch to offset -1 has.
      (direct || insns.target[row] === NONE) &&
      (kind !== KIND_UNKNOWN || (insns.size[row]! <= arch.minInsnSize && insns.op[row] === NONE));
    assert.ok(fits, `row ${row} at ${at}`);
    at += insns.size[row]!;
  }
  assert.equal(at, end);
  let last = -1;
  for (let op = 0; op < ops.length; op++) {
    const insn = ops.insn[op]!;
    const fits =
      insn >= last &&
      insn < insns.length &&
      (insn === last || insns.op[insn] === op) &&
      ops.op[op]! > 0 &&
      ops.op[op]! < opName.length &&
      isRegister(arch, ops.dst[op]!) &&
      isRegister(arch, ops.src[op]!);
    assert.ok(fits, `operation ${op}`);
    last = insn;
  }
}

function isRegister(arch: Arch, register: number): boolean {
  return register === NO_REGISTER || register < arch.registers.name.length;
}
