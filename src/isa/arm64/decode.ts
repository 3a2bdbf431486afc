import { InvariantError } from "../../base/errors.ts";
import { NONE } from "../../base/table.ts";
import {
  type DecodeOutput,
  FLAG_PC_RELATIVE,
  KIND_ACCESS_CLOSE,
  KIND_ACCESS_OPEN,
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_NOP,
  KIND_OTHER,
  KIND_RETURN,
  KIND_TRAP,
  KIND_UNKNOWN,
  type OpBuilder,
} from "../insn-table.ts";
import * as frame from "./frame.ts";
import * as op from "./opcodes.ts";
import { LINK, SP } from "./registers.ts";

const WORD = 4;
const LINK_BIT = 1 << LINK;

// What `decodeWord` tells besides the kind. Module state instead of an object, because it is written once a word.
let target = NONE;
let writes = 0;
let flags = 0;

/** See Arch.decode. Words are read little-endian whatever the data endianness: DDI 0487, "Instruction endianness". */
export function decode(
  bytes: Uint8Array,
  section: number,
  start: number,
  end: number,
  out: DecodeOutput,
  rows = Number.POSITIVE_INFINITY,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const insns = out.insns;
  const ops = out.ops;
  const words = Math.min(Math.ceil((end - start) / WORD), Math.max(0, rows - insns.length));
  const stop = words * WORD < end - start ? start + words * WORD : end;
  insns.reserve(words);
  const columns = insns.columns;
  const {
    kind,
    offset,
    size,
    writes: written,
    op: opColumn,
    section: home,
    flags: flagColumn,
    target: targets,
  } = columns;
  const first = insns.length;
  let row = first;
  let at = start;
  for (; at + WORD <= stop; at += WORD, row++) {
    const firstOp = ops.length;
    target = NONE;
    writes = 0;
    flags = 0;
    kind[row] = decodeWord(view.getUint32(at, true), at, row, ops);
    offset[row] = at;
    flagColumn[row] = flags;
    targets[row] = target;
    written[row] = writes;
    opColumn[row] = ops.length === firstOp ? NONE : firstOp;
  }
  home.fill(section, first, row);
  size.fill(WORD, first, row);
  insns.length = row;
  if (stop < end) return stop;
  if (at < end) {
    const rest = { section, offset: at, size: end - at, kind: KIND_UNKNOWN, flags: 0 };
    insns.push({ ...rest, target: NONE, writes: 0, op: NONE });
  }
  return end;
}

function decodeWord(word: number, at: number, row: number, ops: OpBuilder): number {
  const rd = word & 31;
  const effect = op.findEffect(word);
  if (effect >= op.E_JUMP && effect <= op.E_SELECT_SP) return decodeControl(effect, word, at, row, ops);
  // The most frequent ones first: the labels are compared one after the other.
  switch (effect) {
    case op.E_RD:
      writes = frame.bitOf(rd);
      return KIND_OTHER;
    case op.E_MOVE:
      writes = frame.move(word, row, ops);
      return KIND_OTHER;
    case op.E_OFFSET_12:
      writes = frame.offset12(word, row, ops);
      return KIND_OTHER;
    case op.E_ADD_IMM:
      writes = frame.addImmediate(word, row, ops);
      return KIND_OTHER;
    case op.E_PAIR:
      writes = frame.pair(word, row, ops);
      return KIND_OTHER;
    case op.E_ADDRESS:
      writes = frame.bitOf(rd);
      flags = FLAG_PC_RELATIVE;
      return KIND_OTHER;
    case op.E_UNKNOWN:
      return KIND_UNKNOWN;
    case op.E_NONE:
      return KIND_OTHER;
    case op.E_RD_SP:
      writes = rd === SP ? frame.unfollowed(ops, row) : 1 << rd;
      return KIND_OTHER;
    case op.E_RS:
      writes = frame.bitOf((word >>> 16) & 31);
      return KIND_OTHER;
    case op.E_RS_PAIR:
      writes = frame.bitOf((word >>> 16) & 31) | frame.bitOf(((word >>> 16) & 31) + 1);
      return KIND_OTHER;
    case op.E_RT_RT2:
      writes = frame.bitOf(rd) | frame.bitOf((word >>> 10) & 31);
      return KIND_OTHER;
    case op.E_RT_RS:
      writes = frame.bitOf(rd) | frame.bitOf((word >>> 16) & 31);
      return KIND_OTHER;
    case op.E_RT_NEXT:
      writes = frame.bitOf(rd) | frame.bitOf(rd + 1);
      return KIND_OTHER;
    case op.E_RT_EIGHT:
      writes = (0xff << rd) & 0x7fff_ffff;
      return KIND_OTHER;
    case op.E_ADD_EXTENDED:
      writes = frame.addExtended(word, row, ops);
      return KIND_OTHER;
    case op.E_ADD_VECTOR:
      writes = frame.addVectorLength(word, row, ops);
      return KIND_OTHER;
    case op.E_AND_IMM:
      writes = frame.andImmediate(word, row, ops);
      return KIND_OTHER;
    case op.E_SIGN:
      writes = frame.signed(rd, LINK, row, ops);
      return KIND_OTHER;
    case op.E_SIGN_LINK:
      writes = frame.signed(LINK, LINK, row, ops);
      return KIND_OTHER;
    case op.E_LOAD_LITERAL:
      writes = frame.bitOf(rd);
      flags = FLAG_PC_RELATIVE;
      return KIND_OTHER;
    case op.E_OFFSET_9:
      writes = frame.offset9(word, row, ops);
      return KIND_OTHER;
    case op.E_BY_OPC:
      writes = frame.byOpc(word);
      return KIND_OTHER;
    case op.E_LOAD_SIGNED_POINTER:
      writes = frame.loadSignedPointer(word, row, ops);
      return KIND_OTHER;
    case op.E_TAG_WRITEBACK:
      writes = frame.tagWriteback(word, row, ops);
      return KIND_OTHER;
    case op.E_ORDERED_WRITEBACK:
      writes = frame.orderedWriteback(word, row, ops);
      return KIND_OTHER;
    case op.E_ORDERED_PAIR_WRITEBACK:
      writes = frame.orderedPairWriteback(word, row, ops);
      return KIND_OTHER;
    case op.E_VECTOR_POST:
      writes = frame.vectorPost(word, row, ops);
      return KIND_OTHER;
    case op.E_VECTOR_ONE_POST:
      writes = frame.vectorOnePost(word, row, ops);
      return KIND_OTHER;
    case op.E_MEMORY_COPY:
      // The three registers of a copy are updated; in a set, bits 20:16 name the data, which stays.
      writes = frame.bitOf(rd) | frame.bitOf((word >>> 5) & 31);
      if (((word >>> 22) & 3) !== 3) writes |= frame.bitOf((word >>> 16) & 31);
      return KIND_OTHER;
    case op.E_FP_INTEGER:
      writes = toInteger(word) ? frame.bitOf(rd) : 0;
      return KIND_OTHER;
    default:
      throw new InvariantError(`no case for effect ${effect}`);
  }
}

/** Branches, exceptions and hints: DDI 0487, C4.1, "Branches, Exception Generating and System instructions". */
function decodeControl(effect: number, word: number, at: number, row: number, ops: OpBuilder): number {
  switch (effect) {
    case op.E_JUMP:
      target = at + ((word << 6) >> 6) * WORD;
      return KIND_JUMP;
    case op.E_CALL:
      target = at + ((word << 6) >> 6) * WORD;
      writes = LINK_BIT;
      return KIND_CALL;
    case op.E_BRANCH_CONDITION:
      target = at + ((word << 8) >> 13) * WORD;
      // Conditions 1110 and 1111 (al, nv) are both "always": DDI 0487, "Condition code".
      return (word & 14) === 14 ? KIND_JUMP : KIND_BRANCH;
    case op.E_BRANCH_19:
      target = at + ((word << 8) >> 13) * WORD;
      return KIND_BRANCH;
    case op.E_BRANCH_14:
      target = at + ((word << 13) >> 18) * WORD;
      return KIND_BRANCH;
    case op.E_BRANCH_9:
      target = at + ((word << 18) >> 23) * WORD;
      return KIND_BRANCH;
    case op.E_INDIRECT_JUMP:
      return KIND_INDIRECT_JUMP;
    case op.E_INDIRECT_CALL:
      writes = LINK_BIT;
      return KIND_INDIRECT_CALL;
    case op.E_RETURN:
      return KIND_RETURN;
    case op.E_CONTEXT_RETURN:
      return KIND_CONTEXT_RETURN;
    case op.E_CONTEXT_CALL:
      return KIND_CONTEXT_CALL;
    case op.E_TRAP:
      return KIND_TRAP;
    case op.E_BRK:
      return breakpointKind((word >>> 5) & 0xffff);
    case op.E_ACCESS_OPEN:
      return KIND_ACCESS_OPEN;
    case op.E_ACCESS_CLOSE:
      return KIND_ACCESS_CLOSE;
    case op.E_SELECT_SP:
      writes = frame.unfollowed(ops, row);
      return KIND_OTHER;
    default:
      return hintKind((word >>> 5) & 127, row, ops);
  }
}

/** arch/arm64/include/asm/brk-imm.h: 4..7 are probes and 0x400..0x7ff is kgdb, which go on behind the brk. */
function breakpointKind(imm: number): number {
  const resumes = (imm >= 0x004 && imm <= 0x007) || (imm >= 0x400 && imm <= 0x7ff);
  // 0x800 is BUG() and WARN(); 0x3e8 and 1 are __builtin_trap() of gcc and clang; 0x9xx KASAN, 0x55xx UBSAN, 0x8xxx kCFI.
  return resumes ? KIND_CONTEXT_CALL : KIND_BUG;
}

/** CRm:op2 of a hint. DDI 0487, C4.1, "Hints": unallocated ones execute as no-ops. */
function hintKind(hint: number, row: number, ops: OpBuilder): number {
  switch (hint) {
    case 25: // paciasp
    case 27: // pacibsp
      // A landing pad as well, for what "bti c" accepts: DDI 0487, C6.2, "PACIA, PACIASP" and "BTI".
      writes = frame.signed(LINK, LINK, row, ops);
      return KIND_LANDING_PAD;
    case 34: // bti c
    case 36: // bti j
    case 38: // bti jc
      return KIND_LANDING_PAD;
    case 7: // xpaclri
    case 24: // paciaz
    case 26: // pacibz
    case 28: // autiaz
    case 29: // autiasp
    case 30: // autibz
    case 31: // autibsp
      writes = frame.signed(LINK, LINK, row, ops);
      return KIND_OTHER;
    case 8: // pacia1716
    case 10: // pacib1716
    case 12: // autia1716
    case 14: // autib1716
      writes = 1 << 17;
      return KIND_OTHER;
    case 40: // chkfeat x16
      writes = 1 << 16;
      return KIND_OTHER;
    case 1: // yield
    case 2: // wfe
    case 3: // wfi
    case 4: // sev
    case 5: // sevl
    case 6: // dgh
    case 16: // esb
    case 17: // psb
    case 18: // tsb
    case 19: // gcsb
    case 20: // csdb
    case 22: // clrbhb
    case 39: // pacm
      return KIND_OTHER;
    default: // nop, "bti" without operand (which accepts no indirect branch), unallocated
      return KIND_NOP;
  }
}

/** fcvt*, fmov, fjcvtzs to a general register; `opcode` in bits 18:16. The other direction writes a vector register. */
function toInteger(word: number): boolean {
  const opcode = (word >>> 16) & 7;
  return opcode !== 2 && opcode !== 3 && opcode !== 7;
}
