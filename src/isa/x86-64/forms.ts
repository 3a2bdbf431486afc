import { NO_REGISTER } from "../insn-table.ts";
import { readInt32 } from "./int32.ts";

// What an instruction is follows from its first bytes: REX, the opcode, ModRM and SIB. All that comes behind are numbers. A kernel of five million
// instructions has some ten thousand such forms, so what the decoder found for one is kept and found again by those bytes.

/** What is kept of an instruction without prefixes other than REX, from the maps of one and two bytes. */
export interface Form {
  /** Bytes up to the numbers, REX included */
  readonly structure: number;
  /** Bytes in all */
  readonly size: number;
  /** Bytes of the displacement: 0, 1 or 4 */
  readonly displacement: number;
  /** Bytes of the immediate, which ends the instruction. Only those of 1 and 4 bytes are read. */
  readonly immediate: number;
  /** KIND_* */
  readonly kind: number;
  /** FLAG_* */
  readonly flags: number;
  /** Registers that are written, one bit each */
  readonly writes: number;
  /** FORM_* */
  readonly mode: number;
  /** ACTION_* of its frame operations, 0 for none */
  readonly action: number;
  readonly isRegister: boolean;
  readonly reg: number;
  readonly rm: number;
  /** Register of its address, or NO_REGISTER */
  readonly base: number;
}

/** It names no place in the code. */
export const FORM_PLAIN = 0;
/** Its immediate is a displacement from its end to where it goes. */
export const FORM_BRANCH = 1;
/** Its displacement is one from its end, to an address that it forms. */
export const FORM_ADDRESS = 2;

const SLOT_BITS = 14;
const SLOT_SHIFT = 32 - SLOT_BITS;
const SLOTS = 1 << SLOT_BITS;
/** 2^32 over the golden ratio, as hashes take it. */
const SPREAD = 0x9e3779b1;

/** No form with these bytes is kept. */
const NOT_KEPT = 0;
/** An opcode of two bytes with ModRM: SIB follows by the third. */
const BY_THIRD_BYTE = 7;

/** opcode + the byte behind it * 256 -> bytes from the opcode to the numbers, NOT_KEPT or BY_THIRD_BYTE */
export const formLength = new Uint8Array(1 << 16);
/** slot -> the bytes that a form is known by; -1 is none */
export const formKey = new Int32Array(SLOTS).fill(-1);
/** slot -> what packShape() makes of a form */
export const formShape = new Int32Array(SLOTS);
/** slot -> Form.writes */
export const formWrites = new Uint16Array(SLOTS);
/** slot -> what packOperands() makes of a form with frame operations */
export const formOperands = new Int32Array(SLOTS);

/** bytes -> mask for them in a word of the first four */
const keyMask = Int32Array.of(0, 0xff, 0xffff, 0xff_ffff, -1);

/**
 * The bytes that the form of an instruction is known by, or -1 where none is kept.
 * @param word the first four bytes, little-endian
 */
export function keyOf(word: number): number {
  const isRex = (word & 0xf0) === 0x40 ? 1 : 0;
  let length = formLength[(word >>> (isRex << 3)) & 0xffff] as number;
  if (length === NOT_KEPT) return -1;
  if (length === BY_THIRD_BYTE) length = 3 + hasSib(word >>> (16 + (isRex << 3)));
  length += isRex;
  return length > 4 ? -1 : word & (keyMask[length] as number);
}

/** SDM volume 2, table 2-2: an address of a base and an index follows. */
function hasSib(modrm: number): number {
  return (modrm & 7) === 4 && (modrm & 0xc0) !== 0xc0 ? 1 : 0;
}

export function slotOf(key: number): number {
  return Math.imul(key, SPREAD) >>> SLOT_SHIFT;
}

/** Keeps a form, where a later one with the same slot takes its place. */
export function rememberForm(bytes: Uint8Array, start: number, form: Form): void {
  const isRex = ((bytes[start] as number) & 0xf0) === 0x40 ? 1 : 0;
  const opcode = bytes[start + isRex] as number;
  const second = bytes[start + isRex + 1] as number;
  const length = form.structure - isRex;
  if (opcode === 0x0f) {
    // 0f 38 and 0f 3a have their opcode in the third byte.
    if (second === 0x38 || second === 0x3a) return;
    formLength[opcode | (second << 8)] = length === 2 ? 2 : BY_THIRD_BYTE;
  } else if (length === 1) for (let next = 0; next < 256; next++) formLength[opcode | (next << 8)] = 1;
  else formLength[opcode | (second << 8)] = length;
  const key = keyOf(readInt32(bytes, start));
  if (key === -1) return;
  const slot = slotOf(key);
  formKey[slot] = key;
  formShape[slot] = packShape(form);
  formWrites[slot] = form.writes;
  formOperands[slot] = packOperands(form);
}

/** Bits 0-3 size, 4-6 structure, 7-8 displacement, 9-10 immediate (1: a byte, 2: four), 11-16 kind, 17-24 flags, 25-26 mode, 27: has frame operations. */
function packShape({ size, structure, displacement, immediate, kind, flags, mode, action }: Form): number {
  const numbers = (codeOfBytes(displacement) << 7) | (codeOfBytes(immediate) << 9);
  return size | (structure << 4) | numbers | (kind << 11) | (flags << 17) | (mode << 25) | (action === 0 ? 0 : 1 << 27);
}

function codeOfBytes(bytes: number): number {
  return bytes === 1 ? 1 : bytes === 4 ? 2 : 0;
}

/** Bits 0-6 action, 7-10 reg, 11-14 rm, 15 isRegister, 16-23 base. */
function packOperands({ action, reg, rm, isRegister, base }: Form): number {
  return action | (reg << 7) | (rm << 11) | (isRegister ? 1 << 15 : 0) | ((base & NO_REGISTER) << 16);
}
