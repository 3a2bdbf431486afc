import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { NONE } from "../../src/base/table.ts";

// capstone as an oracle for 64-bit x86. Its binding gives strings alone, copies its input through a small stack (200 KB traps)
// and stops at the first undecodable byte, so this calls the library itself: small chunks, sizes and registers read from its memory.

/** What the binding's loader leaves in the object that it is given: the emscripten module. */
interface Library {
  HEAPU8: Uint8Array;
  HEAPU16: Uint16Array;
  HEAP32: Int32Array;
  _malloc(size: number): number;
  _cs_disasm(handle: number, code: number, size: number, address: bigint, count: number, result: number): number;
  _cs_free(insns: number, count: number): void;
  _cs_insn_group(handle: number, insn: number, group: number): number;
  _cs_regs_access(handle: number, insn: number, reads: number, readN: number, writes: number, writeN: number): number;
}

// struct cs_insn of capstone 5.0 in wasm32: where size, op_str and the end of the record are
const INSN_SIZE_AT = 16;
const INSN_TEXT_AT = 42;
const INSN_OPERANDS_AT = 74;
const INSN_STRIDE = 240;
const CHUNK = 8192;
const GROUP_BRANCH_RELATIVE = 7; // CS_GRP_BRANCH_RELATIVE, which the binding does not name
const LONGEST = 15;

/** One row an instruction, one row for each undecodable byte; every byte belongs to one row. */
export interface Sweep {
  offset: Int32Array;
  size: Uint8Array;
  /** 1 where the byte could not be decoded */
  unknown: Uint8Array;
  /** Target of a direct branch, and the address that a lea forms from rip, relative to the first byte; else NONE */
  target: Int32Array;
  /** General registers written, one bit each, by cs_regs_access; 0 unless asked for */
  writes: Uint16Array;
  length: number;
}

const registerNames: readonly (readonly string[])[] = [
  ["rax", "eax", "ax", "al", "ah"],
  ["rcx", "ecx", "cx", "cl", "ch"],
  ["rdx", "edx", "dx", "dl", "dh"],
  ["rbx", "ebx", "bx", "bl", "bh"],
  ["rsp", "esp", "sp", "spl"],
  ["rbp", "ebp", "bp", "bpl"],
  ["rsi", "esi", "si", "sil"],
  ["rdi", "edi", "di", "dil"],
  ...Array.from({ length: 8 }, (_, i) => ["", "d", "w", "b"].map((suffix) => `r${i + 8}${suffix}`)),
];

function isLea(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x6c && bytes[at + 1] === 0x65 && bytes[at + 2] === 0x61 && bytes[at + 3] === 0;
}

export class CapstoneX86 {
  readonly #library: Library;
  readonly #capstone: Capstone;
  readonly #code: number;
  readonly #result: number;
  readonly #registers: number;
  /** capstone's register number -> mask */
  readonly #mask = new Map<number, number>();

  private constructor(library: Library) {
    this.#library = library;
    this.#capstone = new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64);
    this.#capstone.setOption(Const.CS_OPT_DETAIL, Const.CS_OPT_ON);
    this.#code = library._malloc(CHUNK);
    this.#result = library._malloc(8);
    this.#registers = library._malloc(512);
    for (let id = 1; id < 260; id++) {
      const name = this.#capstone.getRegName(id);
      const number = registerNames.findIndex((names) => names.includes(name));
      if (number >= 0) this.#mask.set(id, 1 << number);
    }
  }

  static async open(): Promise<CapstoneX86> {
    library ??= {};
    await loadCapstone(library);
    return new CapstoneX86(library as unknown as Library);
  }

  /** The text of the instruction at the start of `bytes`, "(unknown)" where there is none. */
  text(bytes: Uint8Array): string {
    try {
      const insn = this.#capstone.disasm(bytes, { count: 1 })[0];
      return insn === undefined ? "(unknown)" : `${insn.mnemonic} ${insn.opStr}`.trim();
    } catch {
      return "(unknown)";
    }
  }

  sweep(bytes: Uint8Array, withWrites = false): Sweep {
    const sweep: Sweep = {
      offset: new Int32Array(bytes.length),
      size: new Uint8Array(bytes.length),
      unknown: new Uint8Array(bytes.length),
      target: new Int32Array(bytes.length).fill(NONE),
      writes: new Uint16Array(bytes.length),
      length: 0,
    };
    let at = 0;
    while (at < bytes.length) {
      const end = Math.min(at + CHUNK, bytes.length);
      at = this.#sweepChunk(bytes, at, end, withWrites, sweep);
      // what stopped it is an undecodable byte, unless the chunk cuts an instruction that the next one holds whole
      if (at < end && (end === bytes.length || end - at >= LONGEST)) {
        const row = sweep.length++;
        sweep.offset[row] = at++;
        sweep.size[row] = 1;
        sweep.unknown[row] = 1;
      }
    }
    return sweep;
  }

  /** The instruction at the start of `bytes`, undefined where there is none. */
  first(bytes: Uint8Array): { size: number; target: number; writes: number } | undefined {
    const sweep = this.sweep(bytes.subarray(0, LONGEST), true);
    if (sweep.unknown[0] === 1) return undefined;
    return { size: sweep.size[0] as number, target: sweep.target[0] as number, writes: sweep.writes[0] as number };
  }

  #sweepChunk(bytes: Uint8Array, from: number, end: number, withWrites: boolean, sweep: Sweep): number {
    const library = this.#library;
    const handle = this.#capstone.handle;
    library.HEAPU8.set(bytes.subarray(from, end), this.#code);
    const count = library._cs_disasm(handle, this.#code, end - from, BigInt(from), 0, this.#result);
    if (count === 0) return from;
    const insns = library.HEAP32[this.#result >> 2] as number;
    const { HEAPU8, HEAPU16 } = library;
    let at = from;
    for (let i = 0; i < count; i++) {
      const insn = insns + i * INSN_STRIDE;
      const row = sweep.length++;
      const size = HEAPU16[(insn + INSN_SIZE_AT) >> 1] as number;
      sweep.offset[row] = at;
      sweep.size[row] = size;
      const first = HEAPU8[insn + INSN_OPERANDS_AT] as number;
      if (first >= 0x30 && first <= 0x39 && library._cs_insn_group(handle, insn, GROUP_BRANCH_RELATIVE) !== 0) {
        sweep.target[row] = Number(BigInt.asIntN(32, BigInt(cString(HEAPU8, insn + INSN_OPERANDS_AT))));
      }
      if (isLea(HEAPU8, insn + INSN_TEXT_AT)) {
        const distance = /\[rip( [+-] .*)?\]$/.exec(cString(HEAPU8, insn + INSN_OPERANDS_AT));
        if (distance !== null)
          sweep.target[row] =
            at +
            size +
            Number(
              (distance[1] ?? "0")
                .replaceAll(" ", "")
                .replace(/^([+-])(.*)/, (_, sign, n) => String(sign === "-" ? -Number(n) : Number(n))),
            );
      }
      if (withWrites) sweep.writes[row] = this.#writes(handle, insn);
      at += size;
    }
    library._cs_free(insns, count);
    return at;
  }

  #writes(handle: number, insn: number): number {
    const library = this.#library;
    const reads = this.#registers;
    const writes = reads + 256;
    const counts = this.#result + 4;
    if (library._cs_regs_access(handle, insn, reads, counts, writes, counts + 1) !== 0) {
      throw new Error(`capstone does not tell what ${cString(library.HEAPU8, insn + INSN_TEXT_AT)} writes`);
    }
    const count = library.HEAPU8[counts + 1] as number;
    let mask = 0;
    for (let i = 0; i < count; i++) mask |= this.#mask.get(library.HEAPU16[(writes >> 1) + i] as number) ?? 0;
    return mask;
  }
}

/** One library a process; the loader does nothing when it is called again. */
let library: Record<string, unknown> | undefined;

function cString(heap: Uint8Array, at: number): string {
  let text = "";
  for (let i = at; heap[i] !== 0; i++) text += String.fromCharCode(heap[i] as number);
  return text;
}
