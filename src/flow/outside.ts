// What is known of code that is not in the object at hand: by an index of the whole kernel, by objects that were built to answer one
// question, or not at all. Every answer may be undefined, "not known", and then nothing is concluded from it: coverage, not a finding.

/** What an indirect branch that arrives at a place finds there. */
export type Landing =
  /** A landing pad (endbr64, bti). */
  | "pad"
  /** No pad, and an annotation says that none is needed (ANNOTATE_NOENDBR). */
  | "exempt"
  /** Code without either. */
  | "none"
  /** As "none", where code that begins with a pad or an exemption ends and no function begins: an address that only bounds a range. */
  | "bound"
  /** No instruction begins there. */
  | "data";

/** What comes first on the ways through a function, for the untraining of the return predictor before the first return. */
export type Untraining = "untrains" | "returns-first" | "branches-first" | "neither";

/**
 * A place in another object that holds the address of a symbol, as forEachAddressTaken() has them: tables that never lead to an indirect branch
 * (src/flow/landing-pads.ts, isAddressTable) and direct branches are not among them.
 */
export interface AddressUse {
  readonly object: string;
  /** Section that holds the address, and the byte offset of the relocated field in it. */
  readonly section: string;
  readonly offset: number;
  /** Function or variable around it, "" where no symbol covers it. */
  readonly holder: string;
  /** Byte offset from the symbol that is taken. */
  readonly addend: number;
  /** Taken by an instruction rather than by data. */
  readonly isCode: boolean;
}

/** Symbols are names as the linker sees them: global or weak, of the same unit (vmlinux, or a module with what vmlinux exports). */
export interface Outside {
  /** Every object of the link is known: what has no answer here none of them defines. */
  readonly isWhole?: boolean;
  /** A call of it never comes back. The tree's list is asked before this. */
  neverReturns(symbol: string): boolean | undefined;
  /** Its code lies where nothing may be instrumented (.noinstr.text and the like). */
  isNoinstr(symbol: string): boolean | undefined;
  /** What is found `offset` bytes behind the symbol. */
  landing(symbol: string, offset: number): Landing | undefined;
  untraining(symbol: string): Untraining | undefined;
  /** The symbol has a function type; false for data and for assembly labels without one. */
  isFunction(symbol: string): boolean | undefined;
  /**
   * Functions that a slot of the table of patchable operations (pv_ops) may hold; `slot` counts pointers from its begin. One that is local to its
   * object is "path:name", and isNoinstr knows it by that.
   */
  slotTargets(table: string, slot: number): readonly string[] | undefined;
  /** Bit set (1 << register) of the callee-saved registers that its body does not keep. */
  clobbers(symbol: string): number | undefined;
  /** A weak definition here gives way to a strong one in another object: its body never runs. */
  isOverridden(symbol: string): boolean | undefined;
  /** The definition that counts is weak: by itself it proves nothing of what is called in the end. */
  isWeak?(symbol: string): boolean | undefined;
  /** Where other objects of the unit take the symbol's address. */
  addressUses(symbol: string): readonly AddressUse[] | undefined;
}

/** Nothing is known: an object by itself. */
export const nothingOutside: Outside = {
  neverReturns: () => undefined,
  isNoinstr: () => undefined,
  landing: () => undefined,
  untraining: () => undefined,
  isFunction: () => undefined,
  slotTargets: () => undefined,
  clobbers: () => undefined,
  isOverridden: () => undefined,
  addressUses: () => undefined,
};

/** The answers of `first`, and where it has none those of `then`. */
export function firstOf(first: Outside, then: Outside): Outside {
  return {
    isWhole: first.isWhole === true || then.isWhole === true,
    neverReturns: (symbol) => first.neverReturns(symbol) ?? then.neverReturns(symbol),
    isNoinstr: (symbol) => first.isNoinstr(symbol) ?? then.isNoinstr(symbol),
    landing: (symbol, offset) => first.landing(symbol, offset) ?? then.landing(symbol, offset),
    untraining: (symbol) => first.untraining(symbol) ?? then.untraining(symbol),
    isFunction: (symbol) => first.isFunction(symbol) ?? then.isFunction(symbol),
    slotTargets: (table, slot) => first.slotTargets(table, slot) ?? then.slotTargets(table, slot),
    clobbers: (symbol) => first.clobbers(symbol) ?? then.clobbers(symbol),
    isOverridden: (symbol) => first.isOverridden(symbol) ?? then.isOverridden(symbol),
    isWeak: (symbol) => first.isWeak?.(symbol) ?? then.isWeak?.(symbol),
    addressUses: (symbol) => first.addressUses(symbol) ?? then.addressUses(symbol),
  };
}

/** Only whether some functions return, as their own objects say. */
export function knownReturns(neverReturns: ReadonlyMap<string, boolean>): Outside {
  return { ...nothingOutside, neverReturns: (symbol) => neverReturns.get(symbol) };
}
