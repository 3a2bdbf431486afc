import { NONE } from "../../base/table.ts";
import { type DecodeOutput, KIND_OTHER } from "../insn-table.ts";
import { decodeInsn } from "./decode-insn.ts";
import { FORM_BRANCH, FORM_PLAIN, formKey, formOperands, formShape, formWrites, keyOf, slotOf } from "./forms.ts";
import { appendFrameOps, appendUnfollowed, MAX_OPS_PER_INSN, newOperands } from "./frame.ts";
import { readInt32 } from "./int32.ts";
import { RSP } from "./registers.ts";

/** The decoder may look this far behind an instruction's first byte before it knows that the instruction is too long. */
const LOOK_AHEAD = 40;
/** Most rows between two looks at the tables' capacity. */
const BLOCK = 8192;
/** Free rows that are too few to go on with. */
const FEW_ROWS = 64;
const STACK_POINTER = 1 << RSP;

/** See Arch.decode: `bytes[start, end)` become rows of `out`, every byte in exactly one row. */
export function decode(
  bytes: Uint8Array,
  section: number,
  start: number,
  end: number,
  out: DecodeOutput,
  rows = Number.POSITIVE_INFINITY,
): number {
  const stop = Math.min(end, bytes.length);
  const safe = stop - LOOK_AHEAD;
  let at = start;
  while (at < safe && out.insns.length < rows) at = decodeBlock(bytes, section, 0, at, safe, stop, out);
  if (at < safe) return at;
  if (at >= stop) return end;
  // The last bytes are decoded in a padded copy, so that nothing is read outside; what does not fit is unknown.
  const tail = new Uint8Array(LOOK_AHEAD * 2);
  tail.set(bytes.subarray(at, stop));
  decodeBlock(tail, section, at, 0, stop - at, stop - at, out);
  return end;
}

const operands = newOperands();

/**
 * Decodes from `from` until an instruction starts at `to` or behind, or BLOCK rows are written, and returns where it stopped.
 * `origin` is added to give section offsets; an instruction that ends behind `stop` is unknown.
 */
function decodeBlock(
  bytes: Uint8Array,
  section: number,
  origin: number,
  from: number,
  to: number,
  stop: number,
  out: DecodeOutput,
): number {
  const { insns, ops } = out;
  let room = Math.min(insns.capacity - insns.length, ((ops.capacity - ops.length) / MAX_OPS_PER_INSN) | 0, to - from);
  if (room < FEW_ROWS && room < to - from) {
    room = Math.min(BLOCK, to - from);
    insns.reserve(room);
    ops.reserve(room * MAX_OPS_PER_INSN);
  }
  const { section: sectionColumn, offset: offsetColumn, size: sizeColumn, kind: kindColumn } = insns.columns;
  const { flags: flagsColumn, target: targetColumn, writes: writesColumn, op: opColumn } = insns.columns;
  const keys = formKey;
  const shapes = formShape;
  const o = operands;
  o.stack64 = true;
  let row = insns.length;
  const lastRow = row + room;
  let start = from;
  for (; start < to && row < lastRow; row++) {
    const key = keyOf(readInt32(bytes, start));
    const slot = slotOf(key);
    const shape = shapes[slot] as number;
    const size = shape & 15;
    const end = start + size;
    if (key === -1 || keys[slot] !== key || end > stop) {
      start = decodeInsn(bytes, section, origin, start, stop, row, out);
      continue;
    }
    const mode = (shape >>> 25) & 3;
    const kind = (shape >>> 11) & 63;
    const writes = formWrites[slot] as number;
    let target = NONE;
    let op = NONE;
    if (mode !== FORM_PLAIN) {
      if (mode === FORM_BRANCH) target = origin + end + readNumber(bytes, end, (shape >>> 9) & 3);
      else target = (origin + end + readInt32(bytes, start + ((shape >>> 4) & 7))) | 0;
    }
    if (shape >>> 27 !== 0) {
      const packed = formOperands[slot] as number;
      o.reg = (packed >>> 7) & 15;
      o.rm = (packed >>> 11) & 15;
      o.isRegister = ((packed >>> 15) & 1) !== 0;
      o.base = (packed >>> 16) & 255;
      o.addressBase = o.base;
      const displacement = (shape >>> 7) & 3;
      const behind = start + ((shape >>> 4) & 7) + (displacement === 2 ? 4 : displacement);
      o.displacement = readNumber(bytes, behind, displacement);
      o.immediate = readNumber(bytes, end, (shape >>> 9) & 3);
      const before = ops.length;
      if (appendFrameOps(ops, row, packed & 127, o)) op = before;
    }
    if ((writes & STACK_POINTER) !== 0 && op === NONE && kind === KIND_OTHER) {
      op = ops.length;
      appendUnfollowed(ops, row);
    }
    sectionColumn[row] = section;
    offsetColumn[row] = origin + start;
    sizeColumn[row] = size;
    kindColumn[row] = kind;
    flagsColumn[row] = (shape >>> 17) & 255;
    targetColumn[row] = target;
    writesColumn[row] = writes;
    opColumn[row] = op;
    start = end;
  }
  insns.length = row;
  return start;
}

/** The signed number of one or four bytes that ends at `end`, by what forms.ts keeps of its size; 0 for another. */
function readNumber(bytes: Uint8Array, end: number, code: number): number {
  return code === 0 ? 0 : code === 1 ? ((bytes[end - 1] as number) << 24) >> 24 : readInt32(bytes, end - 4);
}
