import { lowerBound, NONE } from "../base/table.ts";
import { type Code, insnAt } from "./code.ts";
import { type Functions, sameFamily } from "./functions.ts";
import { relocTarget } from "./marks.ts";

// Entries of jump tables, in the two forms that compilers write for x86-64.

/** Eight bytes, the absolute address of a target (gcc and clang without -fPIE, C tables of labels). */
export const ENTRY_ABSOLUTE = 8;
/** Four bytes, the target's distance from the table's begin (gcc and clang with -fPIE: load, add the table's address, jump). */
export const ENTRY_DIFFERENCE = 4;

/** A place that an instruction of a function names, and that holds such an entry. */
export interface TablePlace {
  readonly section: number;
  /** Section offset in bytes. */
  readonly offset: number;
  /** ENTRY_*: bytes from one entry to the next */
  readonly entrySize: number;
}

/** Why a table has no more entries. */
export type TableEnd =
  /** The compiler says how many there are (.llvm_jump_table_sizes). */
  | "sizes"
  /** As many as the comparison before the jump lets through. */
  | "compare"
  /** The array of the source is over. */
  | "symbol"
  /** Another table that is jumped through begins. */
  | "next-table"
  /** What follows is an address elsewhere. */
  | "foreign-entry"
  /** What follows leads right behind the function. */
  | "end-of-function"
  /** What follows is no address. */
  | "no-entry"
  | "section-end";

/** The form of the entry at a place that names an instruction of function `f`'s family, or undefined. */
export function entryForm(code: Code, functions: Functions, f: number, section: number, offset: number) {
  for (const entrySize of [ENTRY_ABSOLUTE, ENTRY_DIFFERENCE]) {
    const place: TablePlace = { section, offset, entrySize };
    const to = entryTarget(code, functions, f, place, offset);
    if (typeof to === "number") return place;
  }
  return undefined;
}

/**
 * Instruction that a table's entry at section offset `at` names if that is inside function `f`'s family and not its first one, else why it
 * is no entry of this table.
 */
export function entryTarget(
  code: Code,
  functions: Functions,
  f: number,
  table: TablePlace,
  at: number,
): number | "foreign-entry" | "end-of-function" | "no-entry" | "section-end" {
  if (at + table.entrySize > (code.object.sections.size[table.section] as number)) return "section-end";
  const relocs = code.object.relocs(table.section);
  const row = lowerBound(relocs.offset, at, 0, relocs.length);
  if (row >= relocs.length || relocs.offset[row] !== at) return "no-entry";
  const type = relocs.type[row] as number;
  const isDifference = table.entrySize === ENTRY_DIFFERENCE;
  if (code.arch.relocs.size(type) !== table.entrySize || code.arch.relocs.isPcRelative(type) !== isDifference)
    return "no-entry";
  const place = relocTarget(code, table.section, row);
  // The linker stores the distance from the entry; the jump adds the table's begin to it.
  const offset = isDifference ? place.offset - (at - table.offset) : place.offset;
  const insn = insnAt(code, place.section, offset);
  const there = insn === NONE ? NONE : (functions.ofInsn[insn] as number);
  if (there === NONE || !sameFamily(functions.table, f, there))
    return endsFamily(functions, f, place.section, offset) ? "end-of-function" : "foreign-entry";
  const isStart = functions.table.start[there] === offset && functions.table.parent[there] === there;
  return isStart ? "foreign-entry" : insn;
}

/** The place lies right behind function `f`, or behind the one that it is a part of. */
function endsFamily({ table }: Functions, f: number, section: number, offset: number): boolean {
  const endsAt = (g: number): boolean => table.section[g] === section && table.end[g] === offset;
  return endsAt(f) || endsAt(table.parent[f] as number);
}

// LLVM 20, -mllvm -emit-jump-table-sizes-section: pairs of pointer-sized words, a table's address and its number of entries
// (llvm/docs/Extensions.rst).
const SIZES_SECTION = ".llvm_jump_table_sizes";
const SIZES_ENTRY = 16;

/** "section:offset" of a table -> number of its entries, as the compiler says. */
export function readTableSizes(code: Code): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const { object } = code;
  for (let section = 1; section < object.sections.length; section++) {
    if (object.sectionName[section] !== SIZES_SECTION) continue;
    const bytes = object.bytes(section);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const relocs = object.relocs(section);
    for (let r = 0; r < relocs.length; r++) {
      const at = relocs.offset[r] as number;
      if (at % SIZES_ENTRY !== 0 || at + SIZES_ENTRY > bytes.length) continue;
      const table = relocTarget(code, section, r);
      found.set(`${table.section}:${table.offset}`, Number(view.getBigUint64(at + 8, true)));
    }
  }
  return found;
}
