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
import { FORM_ADDRESS, FORM_BRANCH, FORM_PLAIN, rememberForm } from "./forms.ts";
import { appendFrameOps, appendUnfollowed, newOperands } from "./frame.ts";
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

// Prefixes that were seen, one bit each.
const PREFIX_66 = 1;
const PREFIX_67 = 2;
const PREFIX_F3 = 4;
const PREFIX_F2 = 8;
const PREFIX_LOCK = 16;
const PREFIX_FS_GS = 32;
const PREFIX_3E = 64;

const operands = newOperands();

/**
 * Decodes the instruction at `start` into one row, for which the caller has made room, and returns where the next one begins. Its form is remembered, so
 * that the next one like it costs less (forms.ts).
 * @param origin is added to give section offsets
 * @param stop an instruction that ends behind it is unknown; 15 bytes more than the longest one can be read behind `start`
 */
export function decodeInsn(
  bytes: Uint8Array,
  section: number,
  origin: number,
  start: number,
  stop: number,
  row: number,
  { insns, ops }: DecodeOutput,
): number {
  const { columns } = insns;
  const descriptors = allDescriptors;
  const fixedWrites = allFixedWrites;
  const o = operands;
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
  let isPlainMap = true;
  if ((descriptor & ESCAPE) !== 0) {
    isPlainMap = byte === 0x0f;
    if (isPlainMap) {
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
  let displacementSize = 0;
  let structureEnd = at;
  if ((descriptor & MODRM) !== 0) {
    const modrm = bytes[at++] as number;
    const mod = (descriptor & REGISTERS_ONLY) !== 0 ? 3 : modrm >> 6;
    reg = (modrm >> 3) & 7;
    if ((descriptor & BY_REG) !== 0) {
      index = GROUPS + ((descriptor >> ACTION_SHIFT) & ACTION_MASK) * 16 + (mod === 3 ? 8 : 0) + reg;
      descriptor = descriptors[index] as number;
      if (((descriptor >> ACTION_SHIFT) & ACTION_MASK) === ACTION_SYSTEM) {
        index = MAP_SYSTEM + (prefix & PREFIX_F3 ? 2 : prefix & PREFIX_F2 ? 3 : prefix & PREFIX_66) * 64 + (modrm & 63);
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
      structureEnd = at;
      if (hasDisplacement32) {
        displacement = readInt32(bytes, at);
        displacementSize = 4;
      } else if (mod === 1) {
        displacement = ((bytes[at] as number) << 24) >> 24;
        displacementSize = 1;
      }
      at += displacementSize;
    } else structureEnd = at;
  }

  let kind = (descriptor >> KIND_SHIFT) & 31;
  let target = NONE;
  let immediate = 0;
  let immediateBytes = 0;
  const immediateClass = descriptor & IMM_MASK;
  if (immediateClass !== 0) {
    let size = immediateSize[immediateClass * 4 + (prefix & PREFIX_66) + ((rex & 8) >> 2)] as number;
    if (immediateClass === IMM_ADDRESS && (prefix & PREFIX_67) !== 0) size = 4;
    if (size === 1) immediate = ((bytes[at] as number) << 24) >> 24;
    else if (size === 4) immediate = readInt32(bytes, at);
    immediateBytes = size;
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
  let hasFrameOps = false;
  const action = (descriptor >> ACTION_SHIFT) & ACTION_MASK;
  if (action !== 0) {
    if (action <= ACTION_LAST_FRAME) {
      if (action < ACTION_FIRST_WIDE || action > ACTION_LAST_WIDE || (rex & 8) !== 0) {
        hasFrameOps = true;
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

  // What a ud2 is, the bytes behind it say.
  const isTrap = kind === KIND_BUG;
  if (isTrap && at - start === 2 && isEmulatePrefixRest(bytes, at)) {
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
  if (kind !== KIND_UNKNOWN && !isTrap && prefix === 0 && isPlainMap) {
    const branches = kind >= KIND_JUMP && kind <= KIND_CALL && immediateClass !== 0;
    const mode = branches ? FORM_BRANCH : (flags & FLAG_FORMS_ADDRESS) !== 0 ? FORM_ADDRESS : FORM_PLAIN;
    rememberForm(bytes, start, {
      structure: structureEnd - start,
      size,
      displacement: displacementSize,
      immediate: immediateBytes,
      kind,
      flags,
      writes,
      mode,
      action: hasFrameOps ? action : 0,
      isRegister,
      reg,
      rm,
      base,
    });
  }
  columns.section[row] = section;
  columns.offset[row] = origin + start;
  columns.size[row] = size;
  columns.kind[row] = kind;
  columns.flags[row] = flags;
  columns.target[row] = target;
  columns.writes[row] = writes;
  columns.op[row] = op;
  return start + size;
}
