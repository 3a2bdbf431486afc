import type { Flow } from "../flow/flow.ts";
import { MARK_HINT } from "../flow/marks.ts";
import type { Registers } from "../isa/arch.ts";
import {
  KIND_BRANCH,
  KIND_CALL,
  KIND_INDIRECT_CALL,
  KIND_LANDING_PAD,
  KIND_NOP,
  KIND_OTHER,
} from "../isa/insn-table.ts";
import { ALWAYS, touchedBy } from "./inert.ts";

// Most instructions change no frame, whatever the frame is like: what says so is worked out for all of them at once, so that the walk passes over
// them with two looks at columns.

export interface WalkPlan {
  /** insn -> 1 when it runs into the next row, of the same function, and nothing but its operations and writes could change a frame */
  readonly isPlain: Uint8Array;
  /** insn -> registers, a bit each: where a state watches none of them (FrameState.watched), the instruction leaves it as it is */
  readonly touches: Uint16Array | Uint32Array;
}

/** @param isOwnedReplacement whether an instruction is a replacement's inside of a function; undefined where there is none */
export function planWalk(flow: Flow, isOwnedReplacement: ((insn: number) => boolean) | undefined): WalkPlan {
  const { code, functions, kind, marks } = flow;
  const { ofInsn } = functions;
  const { bits } = marks;
  const { insns, ops } = code;
  const isPlain = new Uint8Array(kind.length);
  const last = kind.length - 1;
  // A mark says at the end of a section that no row stands behind.
  for (let insn = 0; insn < last; insn++)
    isPlain[insn] =
      (plainKind[kind[insn] as number] as number) &
      (bits[insn] === 0 ? 1 : 0) &
      (((bits[insn + 1] as number) & MARK_HINT) === 0 ? 1 : 0) &
      (ofInsn[insn] === ofInsn[insn + 1] ? 1 : 0);
  if (isOwnedReplacement !== undefined)
    for (let insn = 0; insn < last; insn++) if (isOwnedReplacement(insn + 1)) isPlain[insn] = 0;
  return { isPlain, touches: touchesOf(code.arch.registers, insns.writes, ops, isPlain) };
}

/** @param isPlain loses those whose operations change a frame whatever it is */
function touchesOf(
  registers: Registers,
  writes: Flow["code"]["insns"]["writes"],
  ops: Flow["code"]["ops"],
  isPlain: Uint8Array,
): WalkPlan["touches"] {
  const touches = writes.slice();
  const { insn, op, dst, src } = ops;
  for (let row = 0; row < insn.length; row++) {
    const i = insn[row] as number;
    const mask = touchedBy(registers, op[row] as number, dst[row] as number, src[row] as number);
    if (mask === ALWAYS) isPlain[i] = 0;
    else touches[i] = (touches[i] as number) | mask;
  }
  return touches;
}

const plainKind = new Uint8Array(256);
for (const kind of [KIND_OTHER, KIND_NOP, KIND_LANDING_PAD]) plainKind[kind] = 1;

/** kind -> 1 where what stands behind an instruction without a mark is executed after it, but for a call that does not come back. */
export const runsOn = new Uint8Array(256);
for (const kind of [KIND_OTHER, KIND_NOP, KIND_LANDING_PAD, KIND_BRANCH, KIND_CALL, KIND_INDIRECT_CALL])
  runsOn[kind] = 1;
