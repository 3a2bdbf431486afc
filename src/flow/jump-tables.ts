import { lowerBound, NONE, type Table, TableBuilder } from "../base/table.ts";
import { SHF_EXECINSTR, STT_OBJECT } from "../elf/constants.ts";
import { type Code, insnAt, insnEnd } from "./code.ts";
import { type Functions, sameFamily } from "./functions.ts";
import { relocTarget } from "./marks.ts";

const edgeSchema = {
  /** -> indirect jump */ from: "i32",
  /** -> instruction that the table names */ to: "i32",
} as const;
/** Sorted by from, then by to, without repeats. */
export type TableEdgeTable = Table<typeof edgeSchema>;

export interface TableEdges {
  readonly edges: TableEdgeTable;
  readonly resolved: ReadonlySet<number>;
}

const ENTRY_SIZE = 8;

/** A table candidate: an instruction of a function names read-only data whose entries point back into that function. */
interface Candidate {
  readonly insn: number;
  readonly section: number;
  readonly offset: number;
}

/**
 * Finds the tables of absolute 8-byte entries that indirect jumps go through: gcc's `jmp *table(,%reg,8)` and its load-then-jump form,
 * and C jump tables (kernel include/linux/compiler.h, __annotate_jump_table). A jump takes the table that its own operand names, else the
 * nearest one that its function names before it, else the only one that its function names.
 */
export function findTableEdges(code: Code, functions: Functions, jumps: readonly number[]): TableEdges {
  const builder = new TableBuilder(edgeSchema, 16);
  const resolved = new Set<number>();
  const byFunction = new Map<number, Candidate[]>();
  const heads = new Map<number, Set<number>>();
  const wanted = new Set<number>();
  for (const jump of jumps) {
    const f = functions.ofInsn[jump] as number;
    if (f !== NONE) wanted.add(functions.table.parent[f] as number);
  }
  const isNamed = wanted.size === 0 ? () => false : namedArrays(code);
  for (let f = 0; f < functions.table.length; f++) {
    const family = functions.table.parent[f] as number;
    if (!wanted.has(family)) continue;
    const list = byFunction.get(family) ?? [];
    collectCandidates(code, functions, f, isNamed, list);
    byFunction.set(family, list);
    for (const c of list) {
      const set = heads.get(c.section) ?? new Set<number>();
      set.add(c.offset);
      heads.set(c.section, set);
    }
  }
  for (const jump of jumps) {
    const f = functions.ofInsn[jump] as number;
    if (f === NONE) continue;
    const candidates = byFunction.get(functions.table.parent[f] as number) ?? [];
    const best = choose(candidates, jump);
    if (best === undefined) continue;
    const targets = readEntries(code, functions, f, best, heads.get(best.section) as Set<number>);
    if (targets.length === 0) continue;
    resolved.add(jump);
    for (const to of targets) builder.push({ from: jump, to });
  }
  return { edges: builder.finish(), resolved };
}

function choose(candidates: readonly Candidate[], jump: number): Candidate | undefined {
  let before: Candidate | undefined;
  for (const c of candidates) {
    if (c.insn === jump) return c;
    if (c.insn < jump && (before === undefined || c.insn > before.insn)) before = c;
  }
  return before ?? (candidates.length === 1 ? candidates[0] : undefined);
}

function collectCandidates(code: Code, functions: Functions, f: number, isNamed: IsNamedArray, out: Candidate[]): void {
  const { table } = functions;
  const first = table.firstInsn[f] as number;
  if (first === NONE) return;
  const section = table.section[f] as number;
  const end = code.sectionEnd[section] as number;
  const relocs = code.object.relocs(section);
  for (let i = first; i < end && (code.insns.offset[i] as number) < (table.end[f] as number); i++) {
    const r = code.reloc[i] as number;
    if (r === NONE) continue;
    const place = relocTarget(code, section, r);
    if (place.section <= 0 || !isTableSection(code, place.section)) continue;
    const pcRelative = code.arch.relocs.isPcRelative(relocs.type[r] as number);
    const from =
      pcRelative && code.arch.relocs.displacementFrom === "insn-end"
        ? insnEnd(code, i) - (relocs.offset[r] as number)
        : 0;
    const candidate = { insn: i, section: place.section, offset: place.offset + from };
    if (isNamed(candidate.section, candidate.offset)) continue;
    if (entryTarget(code, functions, f, candidate.section, candidate.offset) !== NONE) out.push(candidate);
  }
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
  const bySection = new Map<number, { start: number; end: number }[]>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbols.type[s] !== STT_OBJECT || !isTableSection(code, section)) continue;
    if ((code.object.sectionName[section] as string).endsWith("c_jump_table")) continue;
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

/** Instruction that the entry at `offset` names if that is inside function `f`'s family and not its first one, else NONE. */
function entryTarget(code: Code, functions: Functions, f: number, section: number, offset: number): number {
  const relocs = code.object.relocs(section);
  let low = 0;
  let high = relocs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((relocs.offset[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  if (
    low >= relocs.length ||
    relocs.offset[low] !== offset ||
    code.arch.relocs.size(relocs.type[low] as number) !== ENTRY_SIZE
  )
    return NONE;
  const place = relocTarget(code, section, low);
  const insn = insnAt(code, place.section, place.offset);
  if (insn === NONE) return NONE;
  const there = functions.ofInsn[insn] as number;
  if (there === NONE || !sameFamily(functions.table, f, there)) return NONE;
  return functions.table.start[there] === place.offset && functions.table.parent[there] === there ? NONE : insn;
}

function readEntries(
  code: Code,
  functions: Functions,
  f: number,
  table: Candidate,
  heads: ReadonlySet<number>,
): number[] {
  const targets = new Set<number>();
  for (let offset = table.offset; ; offset += ENTRY_SIZE) {
    if (offset !== table.offset && heads.has(offset)) break;
    const to = entryTarget(code, functions, f, table.section, offset);
    if (to === NONE) break;
    targets.add(to);
  }
  return [...targets].sort((a, b) => a - b);
}
