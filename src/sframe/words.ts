import {
  SFRAME_FRE_RA_OFFSET_INVALID,
  SFRAME_S390X_CFA_OFFSET_ADJUSTMENT,
  SFRAME_S390X_CFA_OFFSET_ALIGNMENT_FACTOR,
  SFRAME_VERSION_1,
  SFRAME_VERSION_3,
} from "./constants.ts";
import {
  SFRAME_AT_HOME,
  SFRAME_CFA_MEMORY,
  SFRAME_CFA_NONE,
  SFRAME_CFA_REGISTER,
  SFRAME_IN_MEMORY,
  SFRAME_IN_REGISTER,
  SFRAME_IS_CFA,
  SFRAME_NOWHERE,
  SFRAME_ON_STACK,
  type SFrameHeader,
} from "./table.ts";

// The data words behind a row's start: what they say of the CFA, the return address and the frame pointer.
// "Default FDE Type Interpretation" and "Flexible FDE Type Interpretation" of the specification, version 3; the first is that of versions 1 and 2.

export interface Words {
  readonly header: SFrameHeader;
  /** byte of the section */
  readonly at: number;
  readonly count: number;
  /** bytes of a word are 1 << that */
  readonly size: number;
  /** The CFA counts from the stack pointer, not the frame pointer; flexible rows say it themselves. */
  readonly spBased: boolean;
  readonly flexible: boolean;
}

interface Place {
  /** SFRAME_AT_HOME and the like */
  readonly kind: number;
  readonly register: number;
  readonly offset: number;
}

/** The columns of a row that its words fill. */
export interface WordsRow {
  readonly cfa: number;
  readonly cfaRegister: number;
  readonly cfaOffset: number;
  readonly ra: number;
  readonly raRegister: number;
  readonly raOffset: number;
  readonly fp: number;
  readonly fpRegister: number;
  readonly fpOffset: number;
}

const home: Place = { kind: SFRAME_AT_HOME, register: 0, offset: 0 };
const nowhere: Place = { kind: SFRAME_NOWHERE, register: 0, offset: 0 };

/** The row, or what is wrong with its words. */
export function readWords(view: DataView, words: Words): WordsRow | string {
  if (words.count === 0) {
    // Version 1 has no such row: its first word always is the CFA's offset.
    if (words.header.version === SFRAME_VERSION_1) return "no words";
    return rowOf({ kind: SFRAME_CFA_NONE, register: 0, offset: 0 }, nowhere, nowhere);
  }
  const row = words.flexible ? flexibleRow(view, words) : defaultRow(view, words);
  // Only a scaled one can be.
  const isTooLarge = typeof row !== "string" && (row.cfaOffset | 0) !== row.cfaOffset;
  return isTooLarge ? "an offset of the CFA of more than 32 bits" : row;
}

function rowOf(cfa: Place, ra: Place, fp: Place): WordsRow {
  return {
    cfa: cfa.kind,
    cfaRegister: cfa.register,
    cfaOffset: cfa.offset,
    ra: ra.kind,
    raRegister: ra.register,
    raOffset: ra.offset,
    fp: fp.kind,
    fpRegister: fp.register,
    fpOffset: fp.offset,
  };
}

/** Words are offsets in a fixed order: the CFA's, the return address's unless the header fixes it, the frame pointer's unless it does. */
function defaultRow(view: DataView, words: Words): WordsRow | string {
  const { header, count } = words;
  const { abi } = header;
  const cfa: Place = {
    kind: SFRAME_CFA_REGISTER,
    register: words.spBased ? abi.sp : abi.fp,
    offset: cfaOffset(header, signedWord(view, words, 0)),
  };
  let next = 1;
  let ra = fixedPlace(header.fixedRa);
  if (header.fixedRa === 0 && next < count) ra = savedPlace(header, signedWord(view, words, next++), true);
  let fp = fixedPlace(header.fixedFp);
  if (header.fixedFp === 0 && next < count) fp = savedPlace(header, signedWord(view, words, next++), false);
  return next < count ? `${count} words, of which ${next} have a meaning` : rowOf(cfa, ra, fp);
}

function fixedPlace(offset: number): Place {
  return offset === 0 ? home : { kind: SFRAME_ON_STACK, register: 0, offset };
}

function savedPlace(header: SFrameHeader, word: number, mayBePadding: boolean): Place {
  const { wordsNameRegisters } = header.abi;
  if (mayBePadding && wordsNameRegisters && word === SFRAME_FRE_RA_OFFSET_INVALID) return home;
  if (wordsNameRegisters && header.version !== SFRAME_VERSION_3 && (word & 1) === 1)
    return { kind: SFRAME_IN_REGISTER, register: word >>> 1, offset: 0 };
  return { kind: SFRAME_ON_STACK, register: 0, offset: word };
}

function cfaOffset(header: SFrameHeader, word: number): number {
  return header.abi.scaledCfa
    ? word * SFRAME_S390X_CFA_OFFSET_ALIGNMENT_FACTOR - SFRAME_S390X_CFA_OFFSET_ADJUSTMENT
    : word;
}

/** Pairs of a control word and an offset, in the same order; a control word of zero stands alone and says: as the header fixes it, or not saved. */
function flexibleRow(view: DataView, words: Words): WordsRow | string {
  const { header, count } = words;
  const places: (Place | undefined)[] = [];
  let next = 0;
  while (next < count) {
    if (places.length === 3) return `${count} words, of which ${next} have a meaning`;
    const control = unsignedWord(view, words, next++);
    if (control === 0) {
      places.push(undefined);
      continue;
    }
    if (next === count) return "a control word without its offset";
    const place = flexiblePlace(control, signedWord(view, words, next++));
    if (place === undefined) return `control word 0x${control.toString(16)}`;
    places.push(place);
  }
  const [base, ra, fp] = places;
  // The CFA cannot count from itself, nor be absent.
  if (base === undefined || (base.kind !== SFRAME_IN_REGISTER && base.kind !== SFRAME_IN_MEMORY))
    return "no rule for the CFA";
  const kind = base.kind === SFRAME_IN_MEMORY ? SFRAME_CFA_MEMORY : SFRAME_CFA_REGISTER;
  const cfa: Place = { kind, register: base.register, offset: cfaOffset(header, base.offset) };
  return rowOf(cfa, ra ?? fixedPlace(header.fixedRa), fp ?? fixedPlace(header.fixedFp));
}

/** Control word: bit 0 the base is a register, else the CFA; bit 1 dereference; bit 2 zero; from bit 3 on the register's DWARF number. */
function flexiblePlace(control: number, offset: number): Place | undefined {
  const register = control >>> 3;
  if ((control & 4) !== 0) return undefined;
  const dereference = (control & 2) !== 0;
  if ((control & 1) !== 0) return { kind: dereference ? SFRAME_IN_MEMORY : SFRAME_IN_REGISTER, register, offset };
  return { kind: dereference ? SFRAME_ON_STACK : SFRAME_IS_CFA, register: 0, offset };
}

function signedWord(view: DataView, { header, at, size }: Words, n: number): number {
  const little = !header.abi.bigEndian;
  if (size === 0) return view.getInt8(at + n);
  return size === 1 ? view.getInt16(at + n * 2, little) : view.getInt32(at + n * 4, little);
}

function unsignedWord(view: DataView, { header, at, size }: Words, n: number): number {
  const little = !header.abi.bigEndian;
  if (size === 0) return view.getUint8(at + n);
  return size === 1 ? view.getUint16(at + n * 2, little) : view.getUint32(at + n * 4, little);
}
