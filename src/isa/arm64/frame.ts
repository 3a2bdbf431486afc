import type { EntryFrame } from "../arch.ts";
import {
  NO_REGISTER,
  OP_ADD,
  OP_ADD_REGISTER,
  OP_AND,
  OP_LOAD,
  OP_STORE,
  OP_UNFOLLOWED,
  type OpBuilder,
} from "../insn-table.ts";
import { SP, zeroAt31 } from "./registers.ts";

// Frame operations of A64 instructions. Every function here returns the `writes` bits of the instruction and appends its
// operations. Only full 64-bit registers are followed; a narrower store or load gives its base update and nothing else.
// Field positions: DDI 0487, C4.1, "Loads and Stores" and "Data Processing -- Immediate".

/** AAPCS64, "Subroutine calls": at entry SP is the caller's, and the return address is in x30. */
export const entryFrame: EntryFrame = { cfaOffset: 0, returnSlot: undefined };

export function pushOp(ops: OpBuilder, insn: number, op: number, dst: number, src: number, imm: number): void {
  ops.reserve(1);
  const columns = ops.columns;
  const at = ops.length++;
  columns.insn[at] = insn;
  columns.op[at] = op;
  columns.dst[at] = dst;
  columns.src[at] = src;
  columns.imm[at] = imm;
}

/** Bit of a register field in which 31 is the zero register. */
export function bitOf(field: number): number {
  return field === 31 ? 0 : 1 << field;
}

/** sp gets a value that nothing here expresses. */
export function unfollowed(ops: OpBuilder, insn: number): number {
  pushOp(ops, insn, OP_UNFOLLOWED, SP, NO_REGISTER, 0);
  return 1 << SP;
}

/** add, sub, adds, subs with a 12-bit immediate; mov to and from sp is an addition of 0. */
export function addImmediate(word: number, insn: number, ops: OpBuilder): number {
  const full = word >>> 31 !== 0;
  const setsFlags = (word & 0x2000_0000) !== 0;
  const dst = word & 31;
  if (dst === 31 && setsFlags) return 0;
  if (!full) return dst === SP ? unfollowed(ops, insn) : 1 << dst;
  const size = (word & 0x40_0000) !== 0 ? ((word >>> 10) & 0xfff) << 12 : (word >>> 10) & 0xfff;
  pushOp(ops, insn, OP_ADD, dst, (word >>> 5) & 31, (word & 0x4000_0000) !== 0 ? -size : size);
  return 1 << dst;
}

/** add, sub with an extended register, addpt, subpt: only these take sp and a register. */
export function addExtended(word: number, insn: number, ops: OpBuilder): number {
  const dst = word & 31;
  const setsFlags = (word & 0x2000_0000) !== 0;
  if (dst !== SP || setsFlags) return bitOf(dst);
  if (word >>> 31 === 0 || ((word >>> 5) & 31) !== SP) return unfollowed(ops, insn);
  pushOp(ops, insn, OP_ADD_REGISTER, SP, (word >>> 16) & 31, 0);
  return 1 << SP;
}

/** addvl, addpl: a multiple of the vector length, which the code does not tell. */
export function addVectorLength(word: number, insn: number, ops: OpBuilder): number {
  const dst = word & 31;
  if (dst !== SP) return 1 << dst;
  if (((word >>> 16) & 31) !== SP) return unfollowed(ops, insn);
  pushOp(ops, insn, OP_ADD_REGISTER, SP, NO_REGISTER, 0);
  return 1 << SP;
}

/** and sp, xn, #mask realigns the stack. */
export function andImmediate(word: number, insn: number, ops: OpBuilder): number {
  const dst = word & 31;
  if (dst !== SP) return 1 << dst;
  const src = (word >>> 5) & 31;
  const mask = alignmentMask(word);
  if (mask === undefined || src === 31) return unfollowed(ops, insn);
  pushOp(ops, insn, OP_ADD, SP, src, 0);
  pushOp(ops, insn, OP_AND, SP, NO_REGISTER, mask);
  return 1 << SP;
}

/** The 64-bit immediate when it is ~0 << n with n < 32, else undefined. DDI 0487, DecodeBitMasks(). */
function alignmentMask(word: number): number | undefined {
  if (word >>> 31 === 0 || (word & 0x40_0000) === 0) return undefined;
  const rotate = (word >>> 16) & 63;
  const ones = ((word >>> 10) & 63) + 1;
  const clear = 64 - ones;
  return ones < 64 && rotate === ones && clear < 32 ? -1 << clear : undefined;
}

/** mov xd, xm */
export function move(word: number, insn: number, ops: OpBuilder): number {
  const dst = word & 31;
  const src = (word >>> 16) & 31;
  if (dst === 31) return 0;
  if (src !== 31) pushOp(ops, insn, OP_ADD, dst, src, 0);
  return 1 << dst;
}

/** A signed return address is still the return address: the register keeps its content as far as frames go. */
export function signed(register: number, link: number, insn: number, ops: OpBuilder): number {
  if (register === link) pushOp(ops, insn, OP_ADD, link, link, 0);
  return bitOf(register);
}

function moveBase(ops: OpBuilder, insn: number, base: number, by: number): number {
  pushOp(ops, insn, OP_ADD, base, base, by);
  return 1 << base;
}

function store(ops: OpBuilder, insn: number, base: number, from: number, at: number): void {
  pushOp(ops, insn, OP_STORE, base, zeroAt31(from), at);
}

function load(ops: OpBuilder, insn: number, base: number, to: number, at: number): void {
  if (to !== 31) pushOp(ops, insn, OP_LOAD, to, base, at);
}

/** ldp, stp, ldnp, stnp, ldpsw, stgp and their SIMD forms. */
export function pair(word: number, insn: number, ops: OpBuilder): number {
  const mode = (word >>> 23) & 3; // 0 no-allocate, 1 post-index, 2 offset, 3 pre-index
  const opc = word >>> 30;
  const simd = (word & 0x400_0000) !== 0;
  const isLoad = (word & 0x40_0000) !== 0;
  const tagged = !simd && opc === 1 && !isLoad; // stgp
  const full = tagged || (!simd && opc === 2);
  const scale = simd ? 4 << opc : tagged ? 16 : opc === 2 ? 8 : 4;
  const imm = ((word << 10) >> 25) * scale;
  const first = word & 31;
  const second = (word >>> 10) & 31;
  const base = (word >>> 5) & 31;
  const at = (mode & 1) !== 0 ? 0 : imm;
  let writes = 0;
  if (mode === 3) writes = moveBase(ops, insn, base, imm);
  if (full && !isLoad) {
    store(ops, insn, base, first, at);
    store(ops, insn, base, second, at + 8);
  } else if (full && first === base) {
    // The rows take effect one after the other: the base goes last.
    load(ops, insn, base, second, at + 8);
    load(ops, insn, base, first, at);
  } else if (full) {
    load(ops, insn, base, first, at);
    load(ops, insn, base, second, at + 8);
  }
  if (isLoad && !simd) writes |= bitOf(first) | bitOf(second);
  if (mode === 1) writes |= moveBase(ops, insn, base, imm);
  return writes;
}

/** Whether a single load/store of general registers loads: `opc` 00 stores, size 11 with opc 10 is a prefetch. */
function loads(word: number): boolean {
  if ((word & 0x400_0000) !== 0) return false;
  const opc = (word >>> 22) & 3;
  return opc !== 0 && !(opc === 2 && word >>> 30 === 3);
}

/** ldr, str with a 9-bit offset: unscaled, post-index, pre-index. */
export function offset9(word: number, insn: number, ops: OpBuilder): number {
  const mode = (word >>> 10) & 3; // 0 unscaled, 1 post-index, 3 pre-index
  const imm = (word << 11) >> 23;
  const base = (word >>> 5) & 31;
  let writes = loads(word) ? bitOf(word & 31) : 0;
  if (mode === 3) writes |= moveBase(ops, insn, base, imm);
  transfer(word, insn, ops, mode === 0 ? imm : 0);
  if (mode === 1) writes |= moveBase(ops, insn, base, imm);
  return writes;
}

/** ldr, str with a scaled 12-bit offset. */
export function offset12(word: number, insn: number, ops: OpBuilder): number {
  transfer(word, insn, ops, ((word >>> 10) & 0xfff) << 3);
  return loads(word) ? bitOf(word & 31) : 0;
}

/** The 64-bit str or ldr at [base + at]; nothing for other sizes. */
function transfer(word: number, insn: number, ops: OpBuilder, at: number): void {
  if (word >>> 30 !== 3 || (word & 0x480_0000) !== 0) return;
  const base = (word >>> 5) & 31;
  if ((word & 0x40_0000) !== 0) load(ops, insn, base, word & 31, at);
  else store(ops, insn, base, word & 31, at);
}

/** Loads and stores whose address is no base plus constant, or not ours (unprivileged): only what is written. */
export function byOpc(word: number): number {
  return loads(word) ? bitOf(word & 31) : 0;
}

/** ldraa, ldrab: offset or pre-index. */
export function loadSignedPointer(word: number, insn: number, ops: OpBuilder): number {
  const imm = (((word >>> 12) & 0x1ff) - ((word >>> 22) & 1) * 512) * 8;
  const base = (word >>> 5) & 31;
  const to = word & 31;
  if ((word & 0x800) === 0) {
    load(ops, insn, base, to, imm);
    return bitOf(to);
  }
  const writes = moveBase(ops, insn, base, imm);
  load(ops, insn, base, to, 0);
  return writes | bitOf(to);
}

/** stg, stzg, st2g, stz2g with writeback. */
export function tagWriteback(word: number, insn: number, ops: OpBuilder): number {
  return moveBase(ops, insn, (word >>> 5) & 31, ((word << 11) >> 23) * 16);
}

/** ldapr post-index and stlr pre-index move their base by the register's size, up and down. */
export function orderedWriteback(word: number, insn: number, ops: OpBuilder): number {
  const size = 1 << (word >>> 30);
  const base = (word >>> 5) & 31;
  if ((word & 0x40_0000) === 0) {
    const writes = moveBase(ops, insn, base, -size);
    if (size === 8) store(ops, insn, base, word & 31, 0);
    return writes;
  }
  if (size === 8) load(ops, insn, base, word & 31, 0);
  return bitOf(word & 31) | moveBase(ops, insn, base, size);
}

/** ldiapp post-index and stilp pre-index. */
export function orderedPairWriteback(word: number, insn: number, ops: OpBuilder): number {
  const size = 1 << (word >>> 30);
  const base = (word >>> 5) & 31;
  const second = (word >>> 16) & 31;
  if ((word & 0x40_0000) === 0) {
    const writes = moveBase(ops, insn, base, -2 * size);
    if (size === 8) {
      store(ops, insn, base, word & 31, 0);
      store(ops, insn, base, second, 8);
    }
    return writes;
  }
  if (size === 8) {
    load(ops, insn, base, word & 31, 0);
    load(ops, insn, base, second, 8);
  }
  return bitOf(word & 31) | bitOf(second) | moveBase(ops, insn, base, 2 * size);
}

function moveBaseBy(word: number, insn: number, ops: OpBuilder, size: number): number {
  const base = (word >>> 5) & 31;
  const index = (word >>> 16) & 31;
  if (index === 31) return moveBase(ops, insn, base, size);
  if (base === SP) pushOp(ops, insn, OP_ADD_REGISTER, SP, index, 0);
  return 1 << base;
}

/** `opcode` of SIMD load/store multiple structures -> registers moved, 0 where unallocated. C4.1, "Advanced SIMD load/store multiple structures". */
const structureRegisters = [4, 0, 4, 0, 3, 0, 3, 1, 2, 0, 2, 0, 0, 0, 0, 0];

/** ld1..ld4, st1..st4 of whole registers, post-index. */
export function vectorPost(word: number, insn: number, ops: OpBuilder): number {
  const count = structureRegisters[(word >>> 12) & 15] as number;
  return moveBaseBy(word, insn, ops, count * ((word & 0x4000_0000) !== 0 ? 16 : 8));
}

/** ld1..ld4, st1..st4 of one lane, ld1r..ld4r, post-index. */
export function vectorOnePost(word: number, insn: number, ops: OpBuilder): number {
  const scale = (word >>> 14) & 3;
  const size = (word >>> 10) & 3;
  const laneBytes = scale === 3 ? 1 << size : scale === 2 && (size & 1) !== 0 ? 8 : 1 << scale;
  const count = ((word >>> 12) & 2) + ((word >>> 21) & 1) + 1; // opcode<0>:R, plus 1
  return moveBaseBy(word, insn, ops, count * laneBytes);
}
