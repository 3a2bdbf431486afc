import { sortByPlace } from "../base/place-order.ts";
import { RowMap } from "../base/row-map.ts";
import { NONE, type Table, TableBuilder } from "../base/table.ts";
import { TripleMap } from "../base/triple-map.ts";
import { STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FILE, STT_FUNC, STT_SECTION } from "../elf/constants.ts";
import type { Arch } from "../isa/arch.ts";
import { type Code, insnAt, insnCovering } from "./code.ts";
import { coverFinder } from "./cover-finder.ts";

const functionSchema = {
  /** -> symbol that names it; aliases at the same place are not rows of their own */ symbol: "i32",
  section: "i32",
  /** section offsets in bytes, half open */ start: "u32",
  end: "u32",
  /** -> first instruction, NONE where the start is no instruction boundary */ firstInsn: "i32",
  /** -> function whose part this is (`.cold` to its parent), itself otherwise */ parent: "i32",
  /** FUNCTION_* bits */ flags: "u8",
} as const;
/** Sorted by section, then start, then larger first. */
export type FunctionTable = Table<typeof functionSchema>;

/** Another definition may replace it at the link. */
export const FUNCTION_WEAK = 1;
export const FUNCTION_LOCAL = 2;
/** Code that stands before a function and runs into it by contract (padding, kCFI preamble). */
export const FUNCTION_PREFIX = 4;
/** st_size is 0: its end is not known, so it is not analysed as a function. */
export const FUNCTION_WITHOUT_SIZE = 8;

export interface Functions {
  readonly table: FunctionTable;
  /** insn -> innermost function that covers it, or NONE (code without a function symbol) */
  readonly ofInsn: Int32Array;
  /** Stretches of code that no function covers, ascending: the first row of each, and the row behind its last. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** function -> 1 when it is the innermost one of some instruction */
  readonly hasCode: Uint8Array;
  /** symbol -> function row (aliases included), absent for others */
  readonly ofSymbol: RowMap;
  /** Symbols in code, in their order, but for those of sections and files. */
  readonly labels: readonly number[];
  /** "section:offset" of every named symbol in code -> symbol */
  labelAt(section: number, offset: number): number;
  /** Symbol with a size that covers a byte of code, of any type, or NONE: assembly that is no function has one too. */
  symbolCovering(section: number, offset: number): number;
}

/** `.cold`, with the number that gcc may add behind it: "foo.cold", "foo.cold.3" (gcc -freorder-blocks-and-partition). */
const COLD = /\.cold(\.\d+)?$/;

/** Whether a name ends as cold parts do, which few names of a kernel do. */
function mayBeCold(name: string): boolean {
  const last = name.charCodeAt(name.length - 1);
  return last === 0x64 || (last >= 0x30 && last <= 0x39);
}

export function buildFunctions(code: Code): Functions {
  const { object, arch } = code;
  const { symbols, symbolName } = object;
  const sized: number[] = [];
  const functions: number[] = [];
  const labels: number[] = [];
  const endOf = (s: number): number =>
    Math.min(
      (symbols.value[s] as number) + (symbols.size[s] as number),
      object.sections.size[symbols.section[s] as number] as number,
    );
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || code.sectionEnd[section] === code.sectionStart[section]) continue;
    const type = symbols.type[s];
    if (type === STT_SECTION || type === STT_FILE) continue;
    labels.push(s);
    if ((symbols.size[s] as number) > 0) sized.push(s);
    if (type === STT_FUNC) functions.push(s);
  }
  const named = sortByPlace(
    functions,
    symbols.section,
    symbols.value,
    (a, b) =>
      endOf(b) - endOf(a) ||
      rank(code, a) - rank(code, b) ||
      // A linker orders symbols anew; of equal ones the same name has to stand for the code.
      ((symbolName[a] as string) < (symbolName[b] as string) ? -1 : 1),
  );
  const builder = new TableBuilder(functionSchema, named.length);
  const { columns } = builder;
  const ofSymbol = new RowMap(0, symbols.length);
  let last = NONE;
  for (const s of named) {
    const section = symbols.section[s] as number;
    const start = symbols.value[s] as number;
    const end = endOf(s);
    const isAlias =
      last !== NONE && symbols.section[last] === section && symbols.value[last] === start && endOf(last) === end;
    if (!isAlias) {
      const f = builder.length++;
      columns.symbol[f] = s;
      columns.section[f] = section;
      columns.start[f] = start;
      columns.end[f] = end;
      columns.firstInsn[f] = insnAt(code, section, start);
      columns.parent[f] = f;
      columns.flags[f] = functionFlags(arch, symbols.binding[s] as number, symbolName[s] as string, end - start);
      last = s;
    }
    ofSymbol.set(s, builder.length - 1);
  }
  const table = builder.finish();
  adoptColdParts(code, table, named, ofSymbol);
  return {
    table,
    ...coverInsns(code, table),
    ofSymbol,
    labels,
    labelAt: labelFinder(code, labels),
    symbolCovering: coverFinder(code, sized),
  };
}

/** Finds the last of the symbols at a place. */
function labelFinder({ object: { symbols } }: Code, labels: readonly number[]): Functions["labelAt"] {
  const high = (offset: number): number => Math.floor(offset / 0x1_0000_0000);
  const found = new TripleMap(labels.length);
  for (const s of labels) {
    const offset = symbols.value[s] as number;
    found.set(symbols.section[s] as number, offset, high(offset), s);
  }
  return (section, offset) => found.get(section, offset, high(offset));
}

/**
 * Makes each cold part's function its parent.
 * @param named the symbols of functions in the order of the table
 */
function adoptColdParts(code: Code, table: FunctionTable, named: readonly number[], ofSymbol: RowMap): void {
  const { symbols, symbolName } = code.object;
  const cold: { row: number; file: number; whole: string }[] = [];
  const fileOf = sourceFiles(symbols);
  for (let f = 0; f < table.length; f++) {
    const symbol = table.symbol[f] as number;
    const name = symbolName[symbol] as string;
    if (mayBeCold(name) && COLD.test(name))
      cold.push({ row: f, file: fileOf[symbol] as number, whole: name.replace(COLD, "") });
  }
  if (cold.length === 0) return;
  const wanted = new Set(cold.map(({ whole }) => whole));
  const byName = new Map<string, number>();
  for (const symbol of named) {
    const name = symbolName[symbol] as string;
    if (!wanted.has(name)) continue;
    const row = ofSymbol.get(symbol) as number;
    byName.set(name, row);
    byName.set(`${symbols.binding[symbol] === STB_LOCAL ? fileOf[symbol] : "*"} ${name}`, row);
  }
  for (const { row, file, whole } of cold) {
    // Linked objects have local functions of one name from several files.
    const parent = byName.get(`${file} ${whole}`) ?? byName.get(`* ${whole}`) ?? byName.get(whole);
    if (parent !== undefined) table.parent[row] = parent;
  }
}

/** symbol -> number of the file symbol before it: local symbols stand behind that of the source file they are from (gABI, STT_FILE). */
function sourceFiles(symbols: Code["object"]["symbols"]): Int32Array {
  const files = new Int32Array(symbols.length);
  for (let s = 1, file = 0; s < symbols.length; s++) {
    if (symbols.type[s] === STT_FILE) file = s;
    files[s] = file;
  }
  return files;
}

function rank(code: Code, symbol: number): number {
  const name = code.object.symbolName[symbol] as string;
  if (code.arch.names.isPrefixSymbol(name)) return 3;
  const binding = code.object.symbols.binding[symbol];
  return binding === STB_GLOBAL ? 0 : binding === STB_WEAK ? 1 : 2;
}

function functionFlags(arch: Arch, binding: number, name: string, size: number): number {
  return (
    (binding === STB_WEAK ? FUNCTION_WEAK : 0) |
    (binding === STB_LOCAL ? FUNCTION_LOCAL : 0) |
    (arch.names.isPrefixSymbol(name) ? FUNCTION_PREFIX : 0) |
    (size === 0 ? FUNCTION_WITHOUT_SIZE : 0)
  );
}

/** One sweep with a stack of the functions that are open, so that overlapping symbols cost no more than their count. */
function coverInsns(code: Code, table: FunctionTable): Pick<Functions, "ofInsn" | "gaps" | "hasCode"> {
  const ofInsn = new Int32Array(code.insns.length);
  const gaps: { from: number; to: number }[] = [];
  const hasCode = new Uint8Array(table.length);
  let f = 0;
  for (const section of code.sections) {
    while (f < table.length && (table.section[f] as number) < section) f++;
    const first = code.sectionStart[section] as number;
    const last = code.sectionEnd[section] as number;
    const open: number[] = [];
    /** Rows before it have their function. */
    let row = first;
    const fill = (until: number): void => {
      const end = rowFrom(code, section, until);
      if (end <= row) return;
      const top = open.at(-1);
      if (top === undefined) gaps.push({ from: row, to: end });
      else hasCode[top] = 1;
      ofInsn.fill(top ?? NONE, row, end);
      row = end;
    };
    const close = (until: number): void => {
      for (let top = open.at(-1); top !== undefined && (table.end[top] as number) <= until; top = open.at(-1)) {
        fill(table.end[top] as number);
        open.pop();
      }
    };
    for (; f < table.length && table.section[f] === section && row < last; f++) {
      const start = table.start[f] as number;
      close(start);
      fill(start);
      open.push(f);
    }
    close(Number.POSITIVE_INFINITY);
    fill(Number.POSITIVE_INFINITY);
  }
  return { ofInsn, gaps, hasCode };
}

/** First row of the section that begins at byte `offset` or behind it. */
function rowFrom(code: Code, section: number, offset: number): number {
  const row = insnCovering(code, section, offset);
  if (row === NONE) return code.sectionEnd[section] as number;
  return code.insns.offset[row] === offset ? row : row + 1;
}

export function functionName(code: Code, functions: Functions, f: number): string {
  return code.object.symbolName[functions.table.symbol[f] as number] as string;
}

/** Code that stands before a function and runs into it (FUNCTION_PREFIX). */
export function isPrefix(table: Pick<FunctionTable, "flags">, f: number): boolean {
  return ((table.flags[f] as number) & FUNCTION_PREFIX) !== 0;
}

/** Both are parts of one source function. */
export function sameFamily(table: FunctionTable, a: number, b: number): boolean {
  return table.parent[a] === table.parent[b];
}
