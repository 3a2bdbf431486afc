import { NONE, type Table, TableBuilder } from "../base/table.ts";
import { STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FILE, STT_FUNC, STT_SECTION } from "../elf/constants.ts";
import type { Arch } from "../isa/arch.ts";
import { type Code, insnAt } from "./code.ts";

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
  /** symbol -> function row (aliases included), absent for others */
  readonly ofSymbol: ReadonlyMap<number, number>;
  /** "section:offset" of every named symbol in code -> symbol */
  labelAt(section: number, offset: number): number;
  /** Symbol with a size that covers a byte of code, of any type, or NONE: assembly that is no function has one too. */
  symbolCovering(section: number, offset: number): number;
}

/** `.cold`, with the number that gcc may add behind it: "foo.cold", "foo.cold.3" (gcc -freorder-blocks-and-partition). */
const COLD = /\.cold(\.\d+)?$/;

export function buildFunctions(code: Code): Functions {
  const { object, arch } = code;
  const { symbols, symbolName } = object;
  const labels = new Map<number, number>();
  const sized: number[] = [];
  const rows: { symbol: number; section: number; start: number; end: number }[] = [];
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || code.sectionEnd[section] === code.sectionStart[section]) continue;
    const type = symbols.type[s];
    if (type === STT_SECTION || type === STT_FILE) continue;
    const start = symbols.value[s] as number;
    labels.set(labelKey(section, start), s);
    const size = symbols.size[s] as number;
    if (size > 0) sized.push(s);
    if (type !== STT_FUNC) continue;
    const end = Math.min(start + size, object.sections.size[section] as number);
    rows.push({ symbol: s, section, start, end });
  }
  rows.sort(
    (a, b) =>
      a.section - b.section || a.start - b.start || b.end - a.end || rank(code, a.symbol) - rank(code, b.symbol),
  );
  const builder = new TableBuilder(functionSchema, rows.length);
  const ofSymbol = new Map<number, number>();
  const byName = new Map<string, number>();
  const fileOf = sourceFiles(symbols);
  let last: (typeof rows)[number] | undefined;
  for (const row of rows) {
    const isAlias =
      last !== undefined && last.section === row.section && last.start === row.start && last.end === row.end;
    if (!isAlias) {
      builder.push({
        symbol: row.symbol,
        section: row.section,
        start: row.start,
        end: row.end,
        firstInsn: insnAt(code, row.section, row.start),
        parent: builder.length,
        flags: functionFlags(
          arch,
          symbols.binding[row.symbol] as number,
          symbolName[row.symbol] as string,
          row.end - row.start,
        ),
      });
      last = row;
    }
    ofSymbol.set(row.symbol, builder.length - 1);
    const name = symbolName[row.symbol] as string;
    byName.set(name, builder.length - 1);
    if (symbols.binding[row.symbol] === STB_LOCAL) byName.set(`${fileOf[row.symbol]} ${name}`, builder.length - 1);
    else byName.set(`* ${name}`, builder.length - 1);
  }
  const table = builder.finish();
  for (let f = 0; f < table.length; f++) {
    const name = symbolName[table.symbol[f] as number] as string;
    if (!COLD.test(name)) continue;
    const whole = name.replace(COLD, "");
    // Linked objects have local functions of one name from several files.
    const file = fileOf[table.symbol[f] as number];
    const parent = byName.get(`${file} ${whole}`) ?? byName.get(`* ${whole}`) ?? byName.get(whole);
    if (parent !== undefined) table.parent[f] = parent;
  }
  const ofInsn = coverInsns(code, table);
  return {
    table,
    ofInsn,
    ofSymbol,
    labelAt: (section, offset) => labels.get(labelKey(section, offset)) ?? NONE,
    symbolCovering: coverFinder(code, sized),
  };
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

/** Finds the innermost of the symbols that cover a place. Sorted and swept once, when it is first asked. */
function coverFinder(code: Code, sized: number[]): (section: number, offset: number) => number {
  const { symbols } = code.object;
  // Where another symbol begins or ends: from `at` on the innermost one is `symbol`.
  let steps: { section: number; at: number; symbol: number }[] | undefined;
  const build = (): { section: number; at: number; symbol: number }[] => {
    const section = (s: number): number => symbols.section[s] as number;
    const start = (s: number): number => symbols.value[s] as number;
    const end = (s: number): number => start(s) + (symbols.size[s] as number);
    sized.sort((a, b) => section(a) - section(b) || start(a) - start(b) || end(b) - end(a) || b - a);
    const found: { section: number; at: number; symbol: number }[] = [];
    const open: number[] = [];
    const close = (until: number, home: number): void => {
      for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
        if (section(top) === home && end(top) > until) return;
        open.pop();
        const under = open.at(-1);
        found.push({
          section: section(top),
          at: end(top),
          symbol: under === undefined || section(under) !== section(top) || end(under) <= end(top) ? NONE : under,
        });
      }
    };
    for (const s of sized) {
      close(start(s), section(s));
      found.push({ section: section(s), at: start(s), symbol: s });
      open.push(s);
    }
    close(Number.POSITIVE_INFINITY, NONE);
    return found.sort((a, b) => a.section - b.section || a.at - b.at);
  };
  return (section, offset) => {
    steps ??= build();
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const step = steps[middle]!;
      if (step.section < section || (step.section === section && step.at <= offset)) low = middle + 1;
      else high = middle;
    }
    const step = steps[low - 1];
    return step === undefined || step.section !== section ? NONE : step.symbol;
  };
}

function labelKey(section: number, offset: number): number {
  return section * 0x1_0000_0000 + offset;
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
function coverInsns(code: Code, table: FunctionTable): Int32Array {
  const ofInsn = new Int32Array(code.insns.length).fill(NONE);
  const { offset } = code.insns;
  let f = 0;
  for (const section of code.sections) {
    while (f < table.length && (table.section[f] as number) < section) f++;
    const open: number[] = [];
    const end = code.sectionEnd[section] as number;
    for (let i = code.sectionStart[section] as number; i < end; i++) {
      const at = offset[i] as number;
      while (f < table.length && table.section[f] === section && (table.start[f] as number) <= at) open.push(f++);
      while (open.length > 0 && (table.end[open[open.length - 1] as number] as number) <= at) open.pop();
      if (open.length > 0) ofInsn[i] = open[open.length - 1] as number;
    }
  }
  return ofInsn;
}

export function functionName(code: Code, functions: Functions, f: number): string {
  return code.object.symbolName[functions.table.symbol[f] as number] as string;
}

/** Both are parts of one source function. */
export function sameFamily(table: FunctionTable, a: number, b: number): boolean {
  return table.parent[a] === table.parent[b];
}
