import { NONE } from "../../base/table.ts";
import {
  type DecodeOutput,
  FLAG_FAR,
  FLAG_FORMS_ADDRESS,
  FLAG_INDEXED,
  FLAG_INVALID,
  FLAG_NOTRACK,
  FLAG_PC_RELATIVE,
  KIND_BUG,
  KIND_CALL,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_NOP,
  KIND_OTHER,
  KIND_UNKNOWN,
  NO_REGISTER,
} from "../insn-table.ts";
import * as d from "./descriptor.ts";
import { isEmulatePrefixRest } from "./emulate-prefix.ts";
import { appendFrameOps, appendUnfollowed, MAX_OPS_PER_INSN, newOperands } from "./frame.ts";
import { readInt32 } from "./int32.ts";
import { definePrimaryMap } from "./opcodes.ts";
import { defineEscapeMaps } from "./opcodes-escape.ts";
import { defineVexMaps } from "./opcodes-vex.ts";
import { RAX, RCX, RSP } from "./registers.ts";

definePrimaryMap();
defineEscapeMaps();
defineVexMaps();

// Constants of this module are folded into the hot loop, imported ones are loaded again and again (V8 in Node 24).
const {
  ACTION_FAR,
  ACTION_FIRST_WIDE,
  ACTION_INDIRECT,
  ACTION_LAST_FRAME,
  ACTION_LAST_WIDE,
  ACTION_LEA,
  ACTION_MASK,
  ACTION_NOP,
  ACTION_SHADOW_STACK_HINT,
  ACTION_SHIFT,
  ACTION_STRING,
  ACTION_SYSTEM,
  ACTION_TRANSACTION,
  ACTION_UNDEFINED,
  ACTION_X87_STATUS,
  BY_PREFIX,
  BY_REG,
  ESCAPE,
  GROUPS,
  IMM_ADDRESS,
  IMM_MASK,
  KIND_SHIFT,
  LOCKABLE,
  MAP_0F,
  MAP_0F38,
  MAP_0F3A,
  MAP_EVEX,
  MAP_EVEX5,
  MAP_SYSTEM,
  MAP_VEX,
  MAP_VEX7,
  MODRM,
  PREFIX,
  PREFIX_SETS,
  REGISTERS_ONLY,
  W_ANY,
  W_BYTE,
  W_REG,
  W_RM,
  W_VVVV,
} = d;
const { descriptors: allDescriptors, fixedWrites: allFixedWrites, immediateSize } = d;

/** Longest instruction in bytes (SDM volume 2, section 2.3.11). */
const MAX_SIZE = 15;
/** The decoder may look this far behind an instruction's first byte before it knows that the instruction is too long. */
const LOOK_AHEAD = 40;
/** Most rows between two looks at the tables' capacity. */
const BLOCK = 8192;
/** Free rows that are too few to go on with. */
const FEW_ROWS = 64;

// Prefixes that were seen, one bit each.
const PREFIX_66 = 1;
const PREFIX_67 = 2;
const PREFIX_F3 = 4;
const PREFIX_F2 = 8;
const PREFIX_LOCK = 16;
const PREFIX_FS_GS = 32;
const PREFIX_3E = 64;

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
  const descriptors = allDescriptors;
  const fixedWrites = allFixedWrites;
  const o = operands;
  let row = insns.length;
  const lastRow = row + room;
  let start = from;
  for (; start < to && row < lastRow; row++) {
    let at = start;
    let prefix = 0;
    let rex = 0;
    let byte = bytes[at++] as number;
    let index = byte;
    let descriptor = descriptors[byte] as number;

    while ((descriptor & PREFIX) !== 0 && at - start < MAX_SIZE) {
      if ((byte & 0xf0) === 0x40) rex = byte;
      else {
        rex = 0; // a REX prefix counts only directly before the opcode
        switch (byte) {
          case 0x66:
            prefix |= PREFIX_66;
            break;
          case 0x67:
            prefix |= PREFIX_67;
            break;
          case 0xf0:
            prefix |= PREFIX_LOCK;
            break;
          case 0xf2: // of several, the last one counts
            prefix = (prefix & ~PREFIX_F3) | PREFIX_F2;
            break;
          case 0xf3:
            prefix = (prefix & ~PREFIX_F2) | PREFIX_F3;
            break;
          case 0x64:
          case 0x65:
            prefix |= PREFIX_FS_GS;
            break;
          case 0x3e:
            prefix |= PREFIX_3E;
            break;
        }
      }
      byte = bytes[at++] as number;
      index = byte;
      descriptor = descriptors[byte] as number;
    }

    // 0 none, 1 66, 2 f3, 3 f2: the order of VEX.pp
    let pp = 0;
    let vvvv = 0;
    if ((descriptor & ESCAPE) !== 0) {
      if (byte === 0x0f) {
        byte = bytes[at++] as number;
        index = MAP_0F + byte;
        if (byte === 0x38) {
          byte = bytes[at++] as number;
          index = MAP_0F38 + byte;
        } else if (byte === 0x3a) {
          byte = bytes[at++] as number;
          index = MAP_0F3A + byte;
        }
        pp = prefix & PREFIX_F3 ? 2 : prefix & PREFIX_F2 ? 3 : prefix & PREFIX_66;
      } else {
        // SDM volume 2, sections 2.3.5 and 2.7.1; a REX, 66, f2, f3 or lock prefix before VEX or EVEX is undefined
        const invalid = rex !== 0 || (prefix & (PREFIX_66 | PREFIX_F2 | PREFIX_F3 | PREFIX_LOCK)) !== 0;
        const first = bytes[at++] as number;
        // rex takes the inverted R, X, B and the W of the longer prefixes in REX's own places
        if (byte === 0xc5) {
          rex = 0x40 | ((~first >> 5) & 4);
          pp = first & 3;
          vvvv = (~first >> 3) & 15;
          byte = bytes[at++] as number;
          index = MAP_VEX + byte;
        } else {
          const second = bytes[at++] as number;
          rex = 0x40 | ((~first >> 5) & 7) | ((second >> 4) & 8);
          pp = second & 3;
          vvvv = (~second >> 3) & 15;
          if (byte === 0xc4) {
            const map = first & 31;
            byte = bytes[at++] as number;
            index = map >= 1 && map <= 3 ? MAP_VEX + ((map - 1) << 8) + byte : map === 7 ? MAP_VEX7 + byte : -1;
          } else {
            const map = first & 15;
            at++;
            byte = bytes[at++] as number;
            index =
              map >= 1 && map <= 3
                ? MAP_EVEX + ((map - 1) << 8) + byte
                : map === 5 || map === 6
                  ? MAP_EVEX5 + ((map - 5) << 8) + byte
                  : -1;
            if ((second & 4) === 0) index = -1;
          }
        }
        if (invalid || index < 0) index = 0x06; // an opcode that does not exist
      }
      descriptor = descriptors[index] as number;
    }

    if ((descriptor & BY_PREFIX) !== 0) {
      index = PREFIX_SETS + ((descriptor >> ACTION_SHIFT) & ACTION_MASK) * 4 + pp;
      descriptor = descriptors[index] as number;
    }
    let flags = 0;
    let reg = 0;
    let rm = (byte & 7) | ((rex & 1) << 3);
    let isRegister = true; // without ModRM, rm is the register in the opcode
    let base = NO_REGISTER;
    let displacement = 0;
    if ((descriptor & MODRM) !== 0) {
      const modrm = bytes[at++] as number;
      const mod = (descriptor & REGISTERS_ONLY) !== 0 ? 3 : modrm >> 6;
      reg = (modrm >> 3) & 7;
      if ((descriptor & BY_REG) !== 0) {
        index = GROUPS + ((descriptor >> ACTION_SHIFT) & ACTION_MASK) * 16 + (mod === 3 ? 8 : 0) + reg;
        descriptor = descriptors[index] as number;
        if (((descriptor >> ACTION_SHIFT) & ACTION_MASK) === ACTION_SYSTEM) {
          index =
            MAP_SYSTEM + (prefix & PREFIX_F3 ? 2 : prefix & PREFIX_F2 ? 3 : prefix & PREFIX_66) * 64 + (modrm & 63);
          descriptor = descriptors[index] as number;
        }
      }
      reg |= (rex & 4) << 1;
      rm = (modrm & 7) | ((rex & 1) << 3);
      if (mod !== 3) {
        isRegister = false;
        let hasDisplacement32 = mod === 2;
        if ((modrm & 7) === 4) {
          const sib = bytes[at++] as number;
          const indexed = (sib & 0x38) !== 0x20 || (rex & 2) !== 0;
          if ((sib & 7) === 5 && mod === 0) {
            hasDisplacement32 = true;
            if (indexed) flags = FLAG_INDEXED;
          } else if (!indexed) base = (sib & 7) | ((rex & 1) << 3);
        } else if ((modrm & 0xc7) === 5) {
          hasDisplacement32 = true;
          flags = FLAG_PC_RELATIVE;
        } else base = rm;
        if (hasDisplacement32) {
          displacement = readInt32(bytes, at);
          at += 4;
        } else if (mod === 1) displacement = ((bytes[at++] as number) << 24) >> 24;
      }
    }

    let kind = (descriptor >> KIND_SHIFT) & 31;
    let target = NONE;
    let immediate = 0;
    const immediateClass = descriptor & IMM_MASK;
    if (immediateClass !== 0) {
      let size = immediateSize[immediateClass * 4 + (prefix & PREFIX_66) + ((rex & 8) >> 2)] as number;
      if (immediateClass === IMM_ADDRESS && (prefix & PREFIX_67) !== 0) size = 4;
      if (size === 1) immediate = ((bytes[at] as number) << 24) >> 24;
      else if (size === 4) immediate = readInt32(bytes, at);
      at += size;
      if (kind >= KIND_JUMP && kind <= KIND_CALL) target = origin + at + immediate;
    }

    let writes = fixedWrites[index] as number;
    if ((descriptor & W_ANY) !== 0) {
      // without REX the 8-bit registers 4 to 7 are the second bytes of registers 0 to 3 (SDM volume 2, section 3.1.1.1)
      const registerBits = (descriptor & W_BYTE) !== 0 && rex === 0 ? 3 : 15;
      if ((descriptor & W_REG) !== 0) writes |= 1 << (reg & registerBits);
      if ((descriptor & W_RM) !== 0 && isRegister) writes |= 1 << (rm & registerBits);
      if ((descriptor & W_VVVV) !== 0) writes |= 1 << vvvv;
    }

    let op = NONE;
    const action = (descriptor >> ACTION_SHIFT) & ACTION_MASK;
    if (action !== 0) {
      if (action <= ACTION_LAST_FRAME) {
        if (action < ACTION_FIRST_WIDE || action > ACTION_LAST_WIDE || (rex & 8) !== 0) {
          o.stack64 = (prefix & PREFIX_66) === 0 || (rex & 8) !== 0;
          o.isRegister = isRegister;
          o.reg = reg;
          o.rm = rm;
          o.addressBase = (prefix & PREFIX_67) !== 0 ? NO_REGISTER : base;
          o.base = (prefix & PREFIX_FS_GS) !== 0 ? NO_REGISTER : o.addressBase;
          o.displacement = displacement;
          o.immediate = immediate;
          const before = ops.length;
          if (at - start <= MAX_SIZE && at <= stop && appendFrameOps(ops, row, action, o)) op = before;
        }
        if (action === ACTION_LEA) {
          flags &= ~FLAG_INDEXED; // it computes an address and reads nothing
          if (isRegister) flags |= FLAG_INVALID;
          else if ((flags & FLAG_PC_RELATIVE) !== 0) {
            flags |= FLAG_FORMS_ADDRESS;
            target = (origin + at + displacement) | 0;
          }
        }
      } else {
        switch (action) {
          case ACTION_NOP:
            if ((rex & 1) !== 0) {
              kind = KIND_OTHER; // xchg %r8,%rax
              writes = (1 << RAX) | (1 << rm);
            } else if ((prefix & PREFIX_F3) !== 0) kind = KIND_OTHER; // pause
            break;
          case ACTION_STRING:
            if ((prefix & (PREFIX_F2 | PREFIX_F3)) !== 0) writes |= 1 << RCX;
            break;
          case ACTION_SHADOW_STACK_HINT:
            if (byte !== 0x1e) break;
            if ((bytes[at - 1] as number) === 0xfa || (bytes[at - 1] as number) === 0xfb) kind = KIND_LANDING_PAD;
            else if ((reg & 7) === 1) {
              kind = KIND_OTHER; // rdssp
              writes |= 1 << rm;
            } else kind = KIND_NOP;
            break;
          case ACTION_TRANSACTION:
            if ((rm & 7) !== 0) kind = KIND_UNKNOWN;
            break;
          case ACTION_INDIRECT:
            if ((prefix & PREFIX_3E) !== 0) flags |= FLAG_NOTRACK;
            break;
          case ACTION_FAR:
          case ACTION_UNDEFINED:
            flags |= action === ACTION_FAR ? FLAG_FAR : FLAG_INVALID;
            break;
          case ACTION_X87_STATUS:
            if ((rm & 7) === 0) writes |= 1 << RAX;
            else kind = KIND_UNKNOWN;
            break;
        }
      }
    }
    if ((prefix & PREFIX_LOCK) !== 0 && ((descriptor & LOCKABLE) === 0 || isRegister)) flags |= FLAG_INVALID;

    if (kind === KIND_BUG && at - start === 2 && isEmulatePrefixRest(bytes, at)) {
      kind = KIND_OTHER;
      at += 3;
    }

    let size = at - start;
    if (kind === KIND_UNKNOWN || size > MAX_SIZE || at > stop) {
      kind = KIND_UNKNOWN;
      size = 1;
      flags = 0;
      target = NONE;
      writes = 0;
    } else if ((writes & (1 << RSP)) !== 0 && op === NONE && kind === KIND_OTHER) {
      op = ops.length;
      appendUnfollowed(ops, row);
    }
    sectionColumn[row] = section;
    offsetColumn[row] = origin + start;
    sizeColumn[row] = size;
    kindColumn[row] = kind;
    flagsColumn[row] = flags;
    targetColumn[row] = target;
    writesColumn[row] = writes;
    opColumn[row] = op;
    start += size;
  }
  insns.length = row;
  return start;
}
