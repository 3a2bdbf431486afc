import type { FormatError } from "../base/errors.ts";
import { type Table, TableBuilder } from "../base/table.ts";
import type { Expression } from "./cfi-expression.ts";

// Call frame information as columns, in the terms of DWARF: its register numbers, its kinds of rules.

// Kinds of CFA. DWARF 5, 6.4.1
/** No instruction has defined it. */
export const CFI_CFA_NONE = 0;
/** register + offset */
export const CFI_CFA_REGISTER = 1;
/** By an expression; its number is in the offset's column. */
export const CFI_CFA_EXPRESSION = 2;

// Kinds of register rules. DWARF 5, 6.4.1; where a row lists none for a register, the architecture's default holds.
export const CFI_UNDEFINED = 1;
export const CFI_SAME_VALUE = 2;
/** Saved at CFA + value. */
export const CFI_OFFSET = 3;
/** Is CFA + value. */
export const CFI_VAL_OFFSET = 4;
/** In register `value`. */
export const CFI_REGISTER = 5;
/** Saved where expression `value` says. */
export const CFI_EXPRESSION = 6;
/** Is what expression `value` says. */
export const CFI_VAL_EXPRESSION = 7;

const fdeSchema = {
  /** -> ELF section of the code */ section: "i32",
  /** first byte of code: offset in the section */ start: "f64",
  /** behind the last byte */ end: "f64",
  /** -> cie */ cie: "u32",
  /** byte of the CFI section at which the entry begins */ offset: "f64",
  /** -> row */ rowStart: "u32",
  /** -> row, half-open */ rowEnd: "u32",
} as const;
/** In file order. */
export type FdeTable = Table<typeof fdeSchema>;

const cfiRowSchema = {
  /** offset in the section of the code; the row holds up to the next one of its entry, or to the entry's end */ start:
    "f64",
  /** CFI_CFA_* */ cfa: "u8",
  /** DWARF register number, 0 without one */ cfaRegister: "u32",
  /** bytes, or -> expression */ cfaOffset: "f64",
  /** 1: the return address is signed (AADWARF64, RA_SIGN_STATE) */ signed: "u8",
  /** -> rule */ ruleStart: "u32",
  /** -> rule, half-open; rows may share their rules */ ruleEnd: "u32",
} as const;
export type CfiRowTable = Table<typeof cfiRowSchema>;

const cfiRuleSchema = {
  /** DWARF register number */ register: "u32",
  /** CFI_* */ rule: "u8",
  /** bytes, DWARF register number, or -> expression, by the kind of rule */ value: "f64",
} as const;
/** The rules of a row stand together, sorted by register. */
export type CfiRuleTable = Table<typeof cfiRuleSchema>;

/** A common information entry. */
export interface Cie {
  /** Section offset of the entry. */
  readonly offset: number;
  readonly version: number;
  readonly augmentation: string;
  readonly codeAlign: number;
  readonly dataAlign: number;
  /** DWARF register number of the column that has the return address. */
  readonly returnRegister: number;
  /** Augmentation S: the frames are those of signal handlers, or interrupts. */
  readonly isSignal: boolean;
  /** Augmentation B: return addresses are signed with key B. */
  readonly hasKeyB: boolean;
}

/** One section of call frame information. */
export interface Cfi {
  readonly kind: "debug_frame" | "eh_frame";
  /** -> ELF section */
  readonly section: number;
  readonly cies: readonly Cie[];
  readonly fdes: FdeTable;
  readonly rows: CfiRowTable;
  readonly rules: CfiRuleTable;
  readonly expressions: readonly Expression[];
  /** Entries that could not be read: the first of them by their errors, and how many there are. */
  readonly faults: readonly FormatError[];
  readonly faultCount: number;
  /** Entries whose code lies in no section of this object: a discarded copy of a function, for one. */
  readonly unplaced: number;
}

export class CfiTables {
  readonly fdes = new TableBuilder(fdeSchema, 256);
  readonly rows = new TableBuilder(cfiRowSchema, 1024);
  readonly rules = new TableBuilder(cfiRuleSchema, 1024);
  readonly expressions: Expression[] = [];
}
