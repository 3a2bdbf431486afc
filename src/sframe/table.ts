import { type Table, TableBuilder } from "../base/table.ts";
import type { SFrameAbi } from "./abi.ts";

// What an .sframe section says, as columns: functions, and for each its rows.

// How a row computes the CFA.
/** register + offset */
export const SFRAME_CFA_REGISTER = 0;
/** memory[register + offset] */
export const SFRAME_CFA_MEMORY = 1;
/** The row has no words: there is no caller ("RA undefined", the outermost frame). */
export const SFRAME_CFA_NONE = 2;

// Where a row has the return address or the caller's frame pointer.
/** Not saved yet: in its register. */
export const SFRAME_AT_HOME = 0;
/** memory[CFA + offset] */
export const SFRAME_ON_STACK = 1;
/** memory[register + offset] */
export const SFRAME_IN_MEMORY = 2;
/** register + offset */
export const SFRAME_IN_REGISTER = 3;
/** CFA + offset */
export const SFRAME_IS_CFA = 4;
/** There is none: see SFRAME_CFA_NONE. */
export const SFRAME_NOWHERE = 5;

const functionSchema = {
  /** -> header */ table: "u32",
  /** byte of the .sframe section that its entry begins at */ entry: "u32",
  /** -> ELF section of the function; NONE where the table was read without its object */ section: "i32",
  /** first byte: offset in `section`; without one, the address less that of the .sframe section */ start: "f64",
  /** bytes */ size: "u32",
  /** 1: the rows repeat every `blockSize` bytes */ masked: "u8",
  /** bytes, 0 where unknown (version 1) or of no meaning */ blockSize: "u8",
  /** 1: the frame was made by a signal or an interrupt (version 3) */ signal: "u8",
  /** 1: return addresses are signed with key B (AArch64) */ keyB: "u8",
  /** -> row */ rowStart: "u32",
  /** -> row, half-open */ rowEnd: "u32",
} as const;
/** In the order of the section. */
export type SFrameFunctionTable = Table<typeof functionSchema>;

const rowSchema = {
  /** first byte: offset in the function, or in the block of a masked one */ start: "u32",
  /** SFRAME_CFA_* */ cfa: "u8",
  /** DWARF number; 0 without one */ cfaRegister: "u32",
  /** bytes */ cfaOffset: "i32",
  /** where the return address is */ ra: "u8",
  /** DWARF number; 0 without one */ raRegister: "u32",
  /** bytes */ raOffset: "i32",
  /** where the caller's frame pointer is */ fp: "u8",
  fpRegister: "u32",
  fpOffset: "i32",
  /** 1: the return address is signed (AArch64) */ mangled: "u8",
} as const;
/** Rows of one function stand together, with ascending starts; each holds up to the next one's start, the last to the function's end. */
export type SFrameRowTable = Table<typeof rowSchema>;

export type SFrameFunctionBuilder = TableBuilder<typeof functionSchema>;
export type SFrameRowBuilder = TableBuilder<typeof rowSchema>;

export function newFunctionTable(capacity: number): SFrameFunctionBuilder {
  return new TableBuilder(functionSchema, Math.max(1, capacity));
}
export function newRowTable(capacity: number): SFrameRowBuilder {
  return new TableBuilder(rowSchema, Math.max(1, capacity));
}

/** A header; `ld -r` of lld puts several tables behind each other in one section. */
export interface SFrameHeader {
  /** byte of the section that the table begins at */
  readonly offset: number;
  readonly version: number;
  /** SFRAME_F_* */
  readonly flags: number;
  readonly abi: SFrameAbi;
  /** Bytes from the CFA where every frame pointer is saved, 0 where rows say it. */
  readonly fixedFp: number;
  /** Bytes from the CFA where every return address is saved, 0 where rows say it. */
  readonly fixedRa: number;
  readonly functionCount: number;
  /** byte of the section that the index of functions begins at, and the bytes of one entry */
  readonly index: number;
  readonly entrySize: number;
  readonly rowCount: number;
}

/** Something that was passed over, and where. */
export interface SFrameNote {
  /** byte of the .sframe section */
  readonly offset: number;
  readonly text: string;
}

export interface SFrame {
  readonly headers: readonly SFrameHeader[];
  readonly functions: SFrameFunctionTable;
  readonly rows: SFrameRowTable;
  /** One for each function that was not read, and for each count that does not add up. */
  readonly notes: readonly SFrameNote[];
}
