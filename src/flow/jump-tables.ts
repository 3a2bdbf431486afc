import { lowerBound, NONE, type Table, TableBuilder } from "../base/table.ts";
import { SHF_EXECINSTR, STT_OBJECT } from "../elf/constants.ts";
import {
  FLAG_INDEXED,
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_RETURN,
  KIND_UNKNOWN,
} from "../isa/insn-table.ts";
import { type Code, insnEnd } from "./code.ts";
import type { Functions } from "./functions.ts";
import { relocTarget } from "./marks.ts";
import {
  ENTRY_ABSOLUTE,
  entryForm,
  entryTarget,
  readTableSizes,
  type TableEnd,
  type TablePlace,
} from "./table-entries.ts";

const edgeSchema = {
  /** -> indirect jump */ from: "i32",
  /** -> instruction that the table names */ to: "i32",
} as const;
/** Sorted by from, then by to, without repeats. */
export type TableEdgeTable = Table<typeof edgeSchema>;

/** A table that a jump goes through. */
export interface JumpTable {
  /** -> indirect jump */
  readonly jump: number;
  readonly place: TablePlace;
  /** Entries, repeats included. */
  readonly count: number;
  readonly boundedBy: TableEnd;
}

export interface TableEdges {
  readonly edges: TableEdgeTable;
  readonly resolved: ReadonlySet<number>;
  /** In the order of their jumps. */
  readonly tables: readonly JumpTable[];
}

/** A table candidate: an instruction of a function names read-only data whose entries point back into that function. */
interface Candidate {
  readonly insn: number;
  readonly section: number;
  readonly offset: number;
  readonly entrySize: number;
  /** -> jump that it alone belongs to, or NONE: an address that is formed once may serve many */
  readonly owner: number;
}

/** A jump and the table that it takes. */
interface Use {
  readonly jump: number;
  readonly table: Candidate;
  /** The table as the jump's function goes through it. */
  readonly key: string;
}

/**
 * Finds the tables that indirect jumps go through: gcc's and clang's `jmp *table(,%reg,8)`, its load-then-jump form, tables of differences
 * (`lea table(%rip)`, load, add, jump), and C jump tables (kernel include/linux/compiler.h, __annotate_jump_table). A jump
 * takes the table that its own operand names, or that is loaded from right before it, else the nearest one that its function names before it and
 * that belongs to no other jump, else the only such one. A table ends where the compiler says, unless the code goes on: see readOn.
 */
export function findTableEdges(code: Code, functions: Functions, jumps: readonly number[]): TableEdges {
  const builder = new TableBuilder(edgeSchema, 16);
  const resolved = new Set<number>();
  const tables: JumpTable[] = [];
  const read = new Map<string, Entries>();
  let arrays: ReturnType<typeof arraySizes> | undefined;
  const byFunction = new Map<number, Candidate[]>();
  const heads = new Map<number, Set<number>>();
  const wanted = new Set<number>();
  const jumpSet = new Set(jumps);
  for (const jump of jumps) {
    const f = functions.ofInsn[jump] as number;
    if (f !== NONE) wanted.add(functions.table.parent[f] as number);
  }
  const isNamed = wanted.size === 0 ? () => false : namedArrays(code);
  const sizes = wanted.size === 0 ? new Map<string, number>() : readTableSizes(code);
  for (let f = 0; f < functions.table.length; f++) {
    const family = functions.table.parent[f] as number;
    if (!wanted.has(family)) continue;
    const list = byFunction.get(family) ?? [];
    collectCandidates(code, functions, f, isNamed, jumpSet, list);
    byFunction.set(family, list);
    for (const c of list) {
      const set = heads.get(c.section) ?? new Set<number>();
      set.add(c.offset);
      heads.set(c.section, set);
    }
  }
  const uses: Use[] = [];
  const lets = new Map<string, number>();
  for (const jump of jumps) {
    const f = functions.ofInsn[jump] as number;
    if (f === NONE) continue;
    const family = functions.table.parent[f] as number;
    const table = choose(byFunction.get(family) ?? [], jump);
    if (table === undefined) continue;
    // A computed goto is copied to many places (-fno-gcse keeps some): its table is read once for the function.
    const key = `${family} ${table.section} ${table.offset}`;
    uses.push({ jump, table, key });
    if (!sizes.has(`${table.section}:${table.offset}`)) continue;
    const through = valuesLetThrough(code, functions, jump);
    if (through !== undefined) lets.set(key, Math.max(through, lets.get(key) ?? 0));
  }
  const claims: Claims = { heads, sizes, isNamed };
  for (const { jump, table, key } of uses) {
    const f = functions.ofInsn[jump] as number;
    const entries = read.get(key) ?? readEntries(code, functions, f, table, claims, lets.get(key));
    read.set(key, entries);
    const { targets, count, end } = entries;
    if (targets.length === 0) continue;
    resolved.add(jump);
    for (const to of targets) builder.push({ from: jump, to });
    const { section, offset, entrySize } = table;
    let boundedBy = end;
    if (end !== "sizes" && end !== "compare") {
      arrays ??= arraySizes(code);
      if (arrays(section, offset) === count * entrySize) boundedBy = "symbol";
      else if (count === valuesLetThrough(code, functions, jump)) boundedBy = "compare";
    }
    tables.push({ jump, place: { section, offset, entrySize }, count, boundedBy });
  }
  return { edges: builder.finish(), resolved, tables };
}

/** How far before a jump the branch that guards it is looked for, in instructions. */
const GUARD_REACH = 16;
/** How far before that branch its comparison. */
const COMPARE_REACH = 3;

/** Between a branch and a jump that it does not guard: control does not run on behind most of these, and a call may change the index. */
const endsGuard: ReadonlySet<number> = new Set([
  KIND_JUMP,
  KIND_CALL,
  KIND_RETURN,
  KIND_INDIRECT_JUMP,
  KIND_INDIRECT_CALL,
  KIND_BUG,
  KIND_UNKNOWN,
]);

/** How many values of the index the comparison before a jump lets through, undefined where none is seen. */
function valuesLetThrough(code: Code, functions: Functions, jump: number): number | undefined {
  const { kind, offset, size, section } = code.insns;
  const f = functions.ofInsn[jump];
  const bytes = code.object.bytes(section[jump] as number);
  for (let i = jump - 1; i >= 0 && i >= jump - GUARD_REACH && functions.ofInsn[i] === f; i--) {
    if (endsGuard.has(kind[i] as number)) return undefined;
    if (kind[i] !== KIND_BRANCH) continue;
    for (let c = i - 1; c >= 0 && c >= i - COMPARE_REACH && functions.ofInsn[c] === f; c--) {
      const limit = code.arch.comparedWith(bytes, offset[c] as number, size[c] as number);
      if (limit !== undefined) return limit + 1;
    }
    return undefined;
  }
  return undefined;
}

/** Place of an array of the source in a section of tables -> its size in bytes; undefined where none begins. */
function arraySizes(code: Code): (section: number, offset: number) => number | undefined {
  const { symbols } = code.object;
  const isTable = tableSections(code);
  const found = new Map<number, Map<number, number>>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbols.type[s] !== STT_OBJECT || isTable[section] !== true) continue;
    const sizes = found.get(section) ?? new Map<number, number>();
    sizes.set(symbols.value[s] as number, symbols.size[s] as number);
    found.set(section, sizes);
  }
  return (section, offset) => found.get(section)?.get(offset);
}

function choose(candidates: readonly Candidate[], jump: number): Candidate | undefined {
  let before: Candidate | undefined;
  let free: Candidate | undefined;
  let freeCount = 0;
  for (const c of candidates) {
    if (c.insn === jump || c.owner === jump) return c;
    if (c.owner !== NONE) continue;
    free = c;
    freeCount++;
    if (c.insn < jump && (before === undefined || c.insn > before.insn)) before = c;
  }
  return before ?? (freeCount === 1 ? free : undefined);
}

/**
 * The indirect jump that a table's address or a load out of it leads to in a straight line, else NONE: that jump's and no other's. The address
 * of a table of labels alone may serve many jumps (computed goto).
 */
function ownerOf(code: Code, insn: number, entrySize: number, end: number, jumps: ReadonlySet<number>): number {
  const { kind, flags } = code.insns;
  if (entrySize === ENTRY_ABSOLUTE && ((flags[insn] as number) & FLAG_INDEXED) === 0) return NONE;
  for (let i = insn; i < end; i++) {
    if (jumps.has(i)) return i;
    if (kind[i] === KIND_JUMP || kind[i] === KIND_CALL || kind[i] === KIND_RETURN) return NONE;
  }
  return NONE;
}

function collectCandidates(
  code: Code,
  functions: Functions,
  f: number,
  isNamed: IsNamedArray,
  jumps: ReadonlySet<number>,
  out: Candidate[],
): void {
  const { table } = functions;
  const first = table.firstInsn[f] as number;
  if (first === NONE) return;
  const section = table.section[f] as number;
  const end = code.sectionEnd[section] as number;
  const relocs = code.object.relocs(section);
  for (let i = first; i < end && (code.insns.offset[i] as number) < (table.end[f] as number); i++) {
    const r = code.reloc.at(i);
    if (r === NONE) continue;
    const place = relocTarget(code, section, r);
    if (place.section <= 0 || !isTableSection(code, place.section)) continue;
    const pcRelative = code.arch.relocs.isPcRelative(relocs.type[r] as number);
    const from =
      pcRelative && code.arch.relocs.displacementFrom === "insn-end"
        ? insnEnd(code, i) - (relocs.offset[r] as number)
        : 0;
    const offset = place.offset + from;
    if (isNamed(place.section, offset)) continue;
    const table = entryForm(code, functions, f, place.section, offset);
    if (table !== undefined) out.push({ insn: i, ...table, owner: ownerOf(code, i, table.entrySize, end, jumps) });
  }
}

/** section -> whether tables may lie there */
function tableSections(code: Code): boolean[] {
  return Array.from(code.object.sectionName, (_, section) => isTableSection(code, section));
}

function isTableSection(code: Code, section: number): boolean {
  if (((code.object.sections.flags[section] as number) & SHF_EXECINSTR) !== 0) return false;
  const name = code.object.sectionName[section] as string;
  return (name.startsWith(".rodata") && !name.includes(".str")) || name.startsWith(".data.rel.ro");
}

/** Whether a place in a section lies in an array of the source that is no jump table. */
type IsNamedArray = (section: number, offset: number) => boolean;

/**
 * Compilers give their own tables no symbol. An array of the source that has one is a jump table only where its section says so: the kernel's
 * own tool follows no other (include/linux/compiler.h, __annotate_jump_table).
 */
function namedArrays(code: Code): IsNamedArray {
  const { symbols } = code.object;
  const isTable = tableSections(code).map(
    (is, section) => is && !(code.object.sectionName[section] as string).endsWith("c_jump_table"),
  );
  const bySection = new Map<number, { start: number; end: number }[]>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbols.type[s] !== STT_OBJECT || isTable[section] !== true) continue;
    const start = symbols.value[s] as number;
    const array = { start, end: start + (symbols.size[s] as number) };
    const list = bySection.get(section);
    if (list === undefined) bySection.set(section, [array]);
    else list.push(array);
  }
  const starts = new Map<number, Float64Array>();
  for (const [section, list] of bySection) {
    list.sort((a, b) => a.start - b.start);
    // Arrays may overlap: with the furthest end of all before, the last start that is not behind a place decides.
    for (let n = 1; n < list.length; n++) list[n]!.end = Math.max(list[n]!.end, list[n - 1]!.end);
    starts.set(
      section,
      Float64Array.from(list, ({ start }) => start),
    );
  }
  return (section, offset) => {
    const list = bySection.get(section);
    if (list === undefined) return false;
    const behind = lowerBound(starts.get(section) as Float64Array, offset + 1, 0, list.length);
    return behind > 0 && offset < list[behind - 1]!.end;
  };
}

interface Entries {
  /** Sorted, without repeats. */
  readonly targets: number[];
  readonly count: number;
  readonly end: TableEnd;
}

/** What a place in a section of tables may belong to other than the table before it. */
interface Claims {
  /** Section -> offsets that instructions name as tables. */
  readonly heads: ReadonlyMap<number, ReadonlySet<number>>;
  /** What the compiler says: see readTableSizes. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly isNamed: IsNamedArray;
}

/** @param lets values that the comparisons before the table's jumps let through, where the compiler says its size and one is seen */
function readEntries(
  code: Code,
  functions: Functions,
  f: number,
  table: Candidate,
  claims: Claims,
  lets: number | undefined,
): Entries {
  const targets = new Set<number>();
  const { section, offset, entrySize } = table;
  const size = claims.sizes.get(`${section}:${offset}`);
  let end: TableEnd | undefined;
  let count = 0;
  while (end === undefined) {
    const at = offset + count * entrySize;
    if (count === size) end = "sizes";
    else if (count > 0 && isAnothers(claims, section, at, count < (lets ?? 0))) end = "next-table";
    else {
      const to = entryTarget(code, functions, f, table, at);
      if (typeof to === "number") {
        targets.add(to);
        count++;
      } else if (to === "end-of-function" && size !== undefined && count < size) {
        // A case that clang takes to be impossible: its code is empty, and where it would stand the function is over.
        count++;
      } else end = to;
    }
  }
  if (end === "sizes") {
    const more = readOn(code, functions, f, table, claims, count, lets);
    if (more !== undefined) {
      for (const to of more.targets) targets.add(to);
      count += more.targets.length;
      end = more.end;
    }
  }
  return { targets: [...targets].sort((a, b) => a - b), count, end };
}

/**
 * Whether a place behind a table's first entry is another table's begin, or an array's.
 * @param isLetThrough the comparison before the jump lets that entry through: a size that is said to begin there contradicts it, and is not believed
 */
function isAnothers({ heads, sizes, isNamed }: Claims, section: number, at: number, isLetThrough: boolean): boolean {
  if (heads.get(section)?.has(at) === true || isNamed(section, at)) return true;
  return !isLetThrough && sizes.size > 0 && sizes.has(`${section}:${at}`);
}

/**
 * Entries of the function behind the `said` ones of a table that belong to nothing else: up to as many as the comparison lets through, and as far as
 * they go where none is seen. A size that leaves out a case would make its code unreachable. Undefined where the size is borne out.
 */
function readOn(
  code: Code,
  functions: Functions,
  f: number,
  table: Candidate,
  claims: Claims,
  said: number,
  lets: number | undefined,
): { readonly targets: readonly number[]; readonly end: TableEnd } | undefined {
  // A comparison that lets less through is of something else.
  if (lets === said) return undefined;
  const targets: number[] = [];
  for (let n = said; n !== lets; n++) {
    const at = table.offset + n * table.entrySize;
    const isOther = n > 0 && isAnothers(claims, table.section, at, false);
    const to = isOther ? "next-table" : entryTarget(code, functions, f, table, at);
    if (typeof to !== "number") return targets.length === 0 ? undefined : { targets, end: to };
    targets.push(to);
  }
  return { targets, end: "compare" };
}
