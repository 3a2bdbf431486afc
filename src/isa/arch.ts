import type { DecodeOutput } from "./insn-table.ts";

/** What shared code knows of an instruction set. Shared code branches on neutral kinds and on these fields, never on `id`. */
export interface Arch {
  readonly id: string;
  /** e_machine */
  readonly elfMachine: number;
  /** Smallest instruction in bytes. */
  readonly minInsnSize: number;
  /**
   * Decodes `bytes[start, end)`, the part of section `section` that begins at section offset `start`, and appends rows to `out`.
   * Never throws: undecodable bytes become KIND_UNKNOWN rows of `minInsnSize` (or what is left) bytes.
   * @param rows where `out` has that many rows it may stop between two instructions
   * @returns where it stopped, to go on from there; `end` when all is decoded
   */
  decode(bytes: Uint8Array, section: number, start: number, end: number, out: DecodeOutput, rows?: number): number;
  /** Code in which every way through the decoder occurs, to be decoded before much else is: see there. Absent where the decoder has few ways. */
  readonly sampleCode?: () => Uint8Array;
  /** Unsigned immediate that the instruction of `size` bytes at `start` compares something with; undefined for every other one. */
  comparedWith(bytes: Uint8Array, start: number, size: number): number | undefined;
  readonly registers: Registers;
  readonly relocs: Relocs;
  readonly entryFrame: EntryFrame;
  readonly names: NamingContracts;
}

export interface Registers {
  /** register number -> name */
  readonly name: readonly string[];
  readonly sp: number;
  readonly fp: number;
  /** Link register, or NO_REGISTER where calls push the return address. */
  readonly link: number;
  /** One bit a register that a function must preserve, frame pointer included, stack pointer not. */
  readonly calleeSaved: number;
  /** Registers that compilers hold the CFA in while they realign the stack (x86 DRAP). */
  readonly realignBase: number;
  /** Bytes that a call pushes: 8 on x86-64, 0 on arm64. */
  readonly callPush: number;
  /** DWARF register number -> register number, for the integer registers; NO_REGISTER in between for what is none of them */
  readonly ofDwarf: readonly number[];
}

/** Frame state at a function's first instruction. Offsets in bytes; slots are relative to the CFA (the SP before the call). */
export interface EntryFrame {
  /** CFA = SP + cfaOffset */
  readonly cfaOffset: number;
  /** Slot of the return address relative to the CFA, or undefined while it is still in the link register. */
  readonly returnSlot: number | undefined;
}

export interface Relocs {
  name(type: number): string;
  /** Bytes that are patched, 0 for none. */
  size(type: number): number;
  /** The value is relative to the place that is patched. */
  isPcRelative(type: number): boolean;
  /** Patches the displacement of a direct branch or call. */
  isBranch(type: number): boolean;
  /**
   * What a PC-relative displacement counts from: the end of the instruction (x86) or the patched place (arm64).
   * target = symbol + addend + (base - patched place).
   */
  readonly displacementFrom: "insn-end" | "place";
}

/** Names that are part of the kernel's ABI with its compilers and tools. Each has its source where the arch defines it. */
export interface NamingContracts {
  /** An indirect branch in disguise: jumping or calling there means "through the register". */
  isIndirectThunk(symbol: string): boolean;
  /** Jumping there is a return. */
  isReturnThunk(symbol: string): boolean;
  /** A static-call trampoline: where it goes is patched at run time. */
  isStaticCallTrampoline(symbol: string): boolean;
  /** Name of the key by which a trampoline is patched; undefined for what is no trampoline. */
  staticCallKey(symbol: string): string | undefined;
  /** What a static call goes to at first: a structure that begins with a function pointer. */
  isStaticCallKey(symbol: string): boolean;
  /** A table of operations that calls go through until they are patched to call its entries directly. */
  isOperationTable(symbol: string): boolean;
  /** Code that stands before a function and runs into it (padding, kCFI preamble). */
  isPrefixSymbol(symbol: string): boolean;
  /** The profiling hook that a function may call before its frame exists. */
  isEntryHook(symbol: string): boolean;
}
