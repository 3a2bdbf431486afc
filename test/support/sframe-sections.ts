import {
  SFRAME_AT_HOME,
  SFRAME_CFA_MEMORY,
  SFRAME_CFA_NONE,
  SFRAME_IN_MEMORY,
  SFRAME_IN_REGISTER,
  SFRAME_IS_CFA,
  SFRAME_NOWHERE,
  SFRAME_ON_STACK,
  type SFrame,
} from "../../src/sframe/table.ts";
import { assemble } from "./assemble.ts";

// .sframe sections made by hand, for what no installed assembler writes. Field for field as the specification lays them out.

export interface HandRow {
  readonly start: number;
  /** fre_info: bit 0 the CFA counts from SP, bits 1-4 words, bits 5-6 their size, bit 7 mangled */
  readonly info: number;
  readonly words: readonly number[];
}

export interface HandFunction {
  readonly start?: number;
  readonly size: number;
  /** sfde_func_info, sfda_func_info; 0 when absent */
  readonly info?: number;
  readonly info2?: number;
  readonly blockSize?: number;
  readonly rows: readonly HandRow[];
  /** Where its rows begin; behind those of the function before it when absent. */
  readonly rowsAt?: number;
  /** What it says that it has; `rows.length` when absent. */
  readonly count?: number;
}

export interface HandTable {
  readonly version: number;
  readonly flags?: number;
  readonly abi: number;
  readonly fixedFp?: number;
  readonly fixedRa?: number;
  readonly auxiliary?: readonly number[];
  readonly functions: readonly HandFunction[];
  /** sfh_num_fres; their sum when absent */
  readonly rowCount?: number;
  /** Bytes between header and index, and between index and rows. */
  readonly gaps?: readonly [number, number];
}

export const AMD64 = 3;
const bigEndianAbis = new Set([1, 4]);
const entrySizes: Readonly<Record<number, number>> = { 1: 17, 2: 20, 3: 16 };

/** The bytes of a table, in the byte order of its ABI. */
export function sframeTable(table: HandTable): Uint8Array {
  const little = !bigEndianAbis.has(table.abi);
  const { functions, version, auxiliary = [], gaps = [0, 0] } = table;
  const rows = new Writer(little);
  const index = new Writer(little);
  for (const each of functions) {
    const { size, info = 0, info2 = 0, blockSize = 0, count = each.rows.length } = each;
    const at = each.rowsAt ?? rows.bytes.length;
    if (version === 3) rows.put(2, count).put(1, info).put(1, info2).put(1, blockSize);
    for (const row of each.rows) {
      rows.put(1 << (info & 0xf), row.start).put(1, row.info);
      for (const word of row.words) rows.put(1 << ((row.info >> 5) & 3), word);
    }
    const start = each.start ?? 0;
    if (version === 3) index.put(8, start).put(4, size).put(4, at);
    else index.put(4, start).put(4, size).put(4, at).put(4, count).put(1, info);
    if (version === 2) index.put(1, blockSize).put(2, 0);
  }
  if (index.bytes.length !== functions.length * entrySizes[version]!) throw new Error("an entry of another size");
  const out = new Writer(little);
  out
    .put(2, 0xdee2)
    .put(1, version)
    .put(1, table.flags ?? 0)
    .put(1, table.abi);
  out
    .put(1, table.fixedFp ?? 0)
    .put(1, table.fixedRa ?? 0)
    .put(1, auxiliary.length);
  out.put(4, functions.length).put(4, table.rowCount ?? functions.reduce((sum, { rows }) => sum + rows.length, 0));
  out
    .put(4, rows.bytes.length)
    .put(4, gaps[0])
    .put(4, gaps[0] + index.bytes.length + gaps[1]);
  out.bytes.push(
    ...auxiliary,
    ...Array(gaps[0]).fill(0xcc),
    ...index.bytes,
    ...Array(gaps[1]).fill(0xcc),
    ...rows.bytes,
  );
  return Uint8Array.from(out.bytes);
}

class Writer {
  readonly bytes: number[] = [];
  readonly #little: boolean;
  constructor(little: boolean) {
    this.#little = little;
  }
  put(size: number, value: number): this {
    const bytes = Array.from({ length: size }, (_, n) => Number((BigInt(value) >> BigInt(8 * n)) & 0xffn));
    this.bytes.push(...(this.#little ? bytes : bytes.reverse()));
    return this;
  }
}

export interface HandReloc {
  readonly offset: number;
  /** as the assembler names it */
  readonly type: string;
  /** symbol, or symbol + addend */
  readonly target: string;
}

/**
 * An x86-64 object with that section: functions `f` (32 bytes) and `g` (16 bytes, right behind it) in .text, `h` (8 bytes) in .text.other.
 */
export function sframeObject(section: Uint8Array, relocs: readonly HandReloc[]): Uint8Array {
  return assemble(`
	.text
f:	.space 32, 0x90
g:	.space 16, 0x90
	.section .text.other, "ax"
	.space 4, 0x90
h:	.space 8, 0x90
	.section .sframe, "a"
	.balign 8
.Lsframe:
	.byte ${[...section].join(", ")}
${relocs.map(({ offset, type, target }) => `\t.reloc .Lsframe + ${offset}, ${type}, ${target}`).join("\n")}
`).bytes;
}

/** Every row as text: "f+0x20..0x30 12: CFA=r7+16 ra=[CFA-8] fp=home" */
export function describeSFrame(sframe: SFrame): string[] {
  const { functions, rows } = sframe;
  const out: string[] = [];
  for (let f = 0; f < functions.length; f++) {
    const flags = `${functions.masked[f] === 1 ? ` blocks of ${functions.blockSize[f]}` : ""}${functions.signal[f] === 1 ? " signal" : ""}${functions.keyB[f] === 1 ? " key B" : ""}`;
    out.push(`${functions.section[f]}:${functions.start[f]}+${functions.size[f]}${flags}`);
    for (let r = functions.rowStart[f]!; r < functions.rowEnd[f]!; r++) {
      const cfaPlace = `r${rows.cfaRegister[r]}${signed(rows.cfaOffset[r]!)}`;
      const cfa =
        rows.cfa[r] === SFRAME_CFA_NONE ? "none" : rows.cfa[r] === SFRAME_CFA_MEMORY ? `[${cfaPlace}]` : cfaPlace;
      const ra = placeText(rows.ra[r]!, rows.raRegister[r]!, rows.raOffset[r]!);
      const fp = placeText(rows.fp[r]!, rows.fpRegister[r]!, rows.fpOffset[r]!);
      out.push(`  ${rows.start[r]}: CFA=${cfa} ra=${ra} fp=${fp}${rows.mangled[r] === 1 ? " mangled" : ""}`);
    }
  }
  return out;
}

function placeText(kind: number, register: number, offset: number): string {
  switch (kind) {
    case SFRAME_AT_HOME:
      return "home";
    case SFRAME_ON_STACK:
      return `[CFA${signed(offset)}]`;
    case SFRAME_IN_MEMORY:
      return `[r${register}${signed(offset)}]`;
    case SFRAME_IN_REGISTER:
      return `r${register}${signed(offset)}`;
    case SFRAME_IS_CFA:
      return `CFA${signed(offset)}`;
    case SFRAME_NOWHERE:
      return "none";
    default:
      throw new Error(`a place of kind ${kind}`);
  }
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}
