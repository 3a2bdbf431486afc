// What one object tells others: plain data that can be stored beside the object and joined into an index of the whole kernel.
// It depends on the object's code alone, never on lists of a tree, and holds no byte of the code itself.

/** Part of every stored form: facts of another version are made again. */
export const FACTS_VERSION = 6;

// Bits of SymbolFacts.flags.
/** A strong definition of another object takes its place. */
export const SYMBOL_WEAK = 1;
/** It has a function type (STT_FUNC) and lies in code. */
export const SYMBOL_FUNCTION = 2;
/** It lies in no code: a variable, a table, an absolute value. */
export const SYMBOL_DATA = 4;
/** It names the end of code that is ready for indirect branches, and nothing that one would go to. */
export const SYMBOL_BOUND = 8;

// Bits of UseFacts.how.
export const USE_CALL = 1;
export const USE_TAIL_CALL = 2;
/** Its address is taken, or it is read or written: relocations do not tell these apart. */
export const USE_ADDRESS = 4;

// Bits of WalkFacts.ends: what is met first on the ways through a function.
export const END_RETURN = 1;
export const END_INDIRECT_BRANCH = 2;
export const END_UNTRAINING = 4;
/** The walk was given up: too long. */
export const END_UNKNOWN = 8;

/** In ObjectFacts.lost: nobody has followed the function. */
export const LOST_UNKNOWN = -1;

/** A section that holds a symbol or a landing pad that others may speak of. */
export interface SectionFacts {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly isCode: boolean;
  /** Section offsets of its landing pads, ascending. */
  readonly pads: readonly number[];
  /** Section offsets that an annotation says to need none, ascending. */
  readonly exempt: readonly number[];
  /** Section offsets that only bound code that has a pad or is exempt, ascending. */
  readonly bounds: readonly number[];
  /** Section offsets at which instructions begin: see bit-text.ts; empty for data. */
  readonly starts: string;
}

/** Columns: one row for each global or weak definition. */
export interface SymbolFacts {
  /** -> names */
  readonly name: readonly number[];
  /** SYMBOL_* */
  readonly flags: readonly number[];
  /** -> sections, or -1 for an absolute or common one */
  readonly section: readonly number[];
  /** Byte offset in its section. */
  readonly value: readonly number[];
}

/**
 * A graph over functions: [symbols that enter the function, symbols that it leaves to, nodes of this object that it leaves to], the symbols of the
 * first as rows of SymbolFacts, of the second as rows of names. It stands for functions whose answer may depend on what they leave to.
 */
export type FunctionNode = readonly [symbols: readonly number[], names: readonly number[], nodes: readonly number[]];

/** The same with END_* bits of the function's own code. */
export type WalkNode = readonly [
  symbols: readonly number[],
  names: readonly number[],
  nodes: readonly number[],
  ends: number,
];

/** Columns: one row for each symbol that others define and this object uses; weak definitions that it uses are among them. */
export interface UseFacts {
  /** -> names */
  readonly name: readonly number[];
  /** USE_* */
  readonly how: readonly number[];
}

/** Columns: one row for each place that holds the address of a symbol of UseFacts; one for each holder and addend. */
export interface AddressFacts {
  /** -> names: the symbol, the section that holds its address, the function or variable around it ("" for none) */
  readonly name: readonly number[];
  readonly section: readonly number[];
  readonly holder: readonly number[];
  /** Byte offset of the relocated field in the section. */
  readonly offset: readonly number[];
  /** Byte offset from the symbol that is taken. */
  readonly addend: readonly number[];
  /** 1: by an instruction */
  readonly isCode: readonly number[];
}

/** A table of function pointers, or a place that code stores one to. */
export interface TableFacts {
  /** Symbol of the table; that of the stored-to one for a store. */
  readonly name: string;
  /** st_size in bytes, 0 for a store to another object's table. */
  readonly size: number;
  /** Global or weak: others can name it. */
  readonly isVisible: boolean;
  readonly entries: readonly TableEntry[];
}

/** A function pointer at a byte offset of a table. For a function that is local to the object: the section that it lies in, else "". */
export type TableEntry = readonly [offset: number, name: string, localIn: string];

export interface ObjectFacts {
  readonly version: number;
  /** e_machine */
  readonly machine: number;
  /** Every name, once; other fields hold rows of it. */
  readonly names: readonly string[];
  readonly sections: readonly SectionFacts[];
  readonly symbols: SymbolFacts;
  /** Functions that hold no return of their own. Any other one returns. */
  readonly returns: readonly FunctionNode[];
  /** Functions on whose ways something else than a return is met first. On those of any other one a return is. */
  readonly walks: readonly WalkNode[];
  /**
   * [row of SymbolFacts, bit set (1 << register) of the callee-saved registers that its own code, or that of this object's functions which it calls,
   * does not keep, or LOST_UNKNOWN]; functions that keep all of them have no entry.
   */
  readonly lost: readonly (readonly [symbol: number, registers: number])[];
  readonly uses: UseFacts;
  readonly addresses: AddressFacts;
  readonly tables: readonly TableFacts[];
}
