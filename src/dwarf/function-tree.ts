import { lowerBound, NONE, type Table, TableBuilder } from "../base/table.ts";
import * as dw from "./constants.ts";
import { DieReader } from "./die-reader.ts";
import { type RangeSlots, readCodeRanges } from "./ranges.ts";
import type { Unit } from "./units.ts";

const nodeSchema = {
  /** -> unit of the list that the tree was built from */ unit: "u32",
  /** section offset of the entry in .debug_info */ die: "f64",
  /** -> node that encloses it; NONE at the outside */ parent: "i32",
  /** count of the nodes that enclose it */ depth: "u32",
  /** 1 for a body inlined into its parent, 0 for a function of its own */ inlined: "u8",
  /** number in the unit's file table, of the call that was inlined */ callFile: "u32",
  /** line of that call; 0 where the compiler gave none */ callLine: "u32",
} as const;
/** Functions and inlined bodies in file order, so parents before children. */
export type FunctionNodeTable = Table<typeof nodeSchema>;

const segmentSchema = {
  /** -> ELF section of the code */ section: "i32",
  /** first byte, offset in the section; the segment ends where the next one of its section starts */ start: "f64",
  /** -> innermost node there; NONE where no function is */ node: "i32",
} as const;
/** Ordered by section, then by start; without overlap, and the last one of a section has node NONE. */
export type SegmentTable = Table<typeof segmentSchema>;

/** Which function, and which body inlined into it, each byte of code belongs to. */
export interface FunctionTree {
  readonly nodes: FunctionNodeTable;
  readonly segments: SegmentTable;
}

const rangeSchema = { section: "i32", start: "f64", end: "f64", node: "i32" } as const;
type RangeTable = Table<typeof rangeSchema>;

const WANTED = [dw.DW_AT_low_pc, dw.DW_AT_high_pc, dw.DW_AT_ranges, dw.DW_AT_call_file, dw.DW_AT_call_line] as const;
const SLOTS: RangeSlots = { lowPc: 0, highPc: 1, ranges: 2 };
const CALL_FILE = 3;
const CALL_LINE = 4;

/** Entries that have no code below them and many children under full -g. */
const NO_CODE_BELOW: ReadonlySet<number> = new Set([
  dw.DW_TAG_array_type,
  dw.DW_TAG_enumeration_type,
  dw.DW_TAG_subroutine_type,
  dw.DW_TAG_call_site,
  dw.DW_TAG_GNU_call_site,
]);
// 7.12, table 7.17: the C dialects, whose structures hold no functions (those of C++ and Rust do)
const C_LANGUAGES: ReadonlySet<number> = new Set([0x0001, 0x0002, 0x000c, 0x001d, 0x002c]);

/** Walks the entries of `units`. @throws FormatError */
export function buildFunctionTree(units: readonly Unit[]): FunctionTree {
  const nodes = new TableBuilder(nodeSchema, 256);
  const ranges = new TableBuilder(rangeSchema, 256);
  for (let i = 0; i < units.length; i++) readNodes(units[i] as Unit, i, nodes, ranges);
  const finished = nodes.finish();
  return { nodes: finished, segments: flatten(ranges.finish(), finished) };
}

function readNodes(
  unit: Unit,
  unitIndex: number,
  nodes: TableBuilder<typeof nodeSchema>,
  ranges: TableBuilder<typeof rangeSchema>,
): void {
  const die = new DieReader(unit, WANTED);
  const isC = C_LANGUAGES.has(unit.language);
  // Depth in the file's tree -> innermost node there. Blocks and namespaces pass on the one they lie in.
  const nodeAtDepth: number[] = [];
  while (die.next()) {
    const parent = die.depth === 0 ? NONE : (nodeAtDepth[die.depth - 1] as number);
    let node = parent;
    const inlined = die.tag === dw.DW_TAG_inlined_subroutine;
    if (inlined || die.tag === dw.DW_TAG_subprogram) {
      const rangesBefore = ranges.length;
      readCodeRanges(unit, die, SLOTS, (section, start, end) => {
        ranges.push({ section, start, end, node: nodes.length });
      });
      if (ranges.length > rangesBefore) {
        node = nodes.push({
          unit: unitIndex,
          die: die.offset,
          parent,
          depth: parent === NONE ? 0 : (nodes.columns.depth[parent] as number) + 1,
          inlined: inlined ? 1 : 0,
          callFile: die.form[CALL_FILE] === 0 ? 0 : (die.value[CALL_FILE] as number),
          callLine: die.form[CALL_LINE] === 0 ? 0 : (die.value[CALL_LINE] as number),
        });
      }
    }
    nodeAtDepth[die.depth] = node;
    const structure = die.tag === dw.DW_TAG_structure_type || die.tag === dw.DW_TAG_union_type;
    if (NO_CODE_BELOW.has(die.tag) || (structure && isC)) die.skipChildren();
  }
}

/**
 * Cuts overlapping ranges into segments that each belong to their innermost node: one sweep over the starts with a heap
 * of the ranges that are open, deepest node first. Ranges that overlap without nesting, which no compiler means, cost
 * no more than others.
 */
function flatten(ranges: RangeTable, nodes: FunctionNodeTable): SegmentTable {
  const { section, start, end, node } = ranges;
  const order = Array.from({ length: ranges.length }, (_, i) => i);
  order.sort(
    (a, b) => (section[a] as number) - (section[b] as number) || (start[a] as number) - (start[b] as number) || a - b,
  );
  const segments = new TableBuilder(segmentSchema, Math.max(1, ranges.length));
  const isInner = (a: number, b: number) => {
    const x = node[a] as number;
    const y = node[b] as number;
    const deeper = (nodes.depth[x] as number) - (nodes.depth[y] as number);
    return deeper !== 0 ? deeper > 0 : x > y;
  };
  for (let from = 0; from < order.length; ) {
    const home = section[order[from] as number] as number;
    let to = from;
    while (to < order.length && section[order[to] as number] === home) to++;
    const open = new RangeHeap(isInner);
    let position = start[order[from] as number] as number;
    let last = NONE;
    let next = from;
    for (;;) {
      while (next < to && (start[order[next] as number] as number) <= position) open.push(order[next++] as number);
      while (open.top !== NONE && (end[open.top] as number) <= position) open.pop();
      const current = open.top === NONE ? NONE : (node[open.top] as number);
      if (current !== last) segments.push({ section: home, start: position, node: current });
      last = current;
      const nextStart = next < to ? (start[order[next] as number] as number) : Number.POSITIVE_INFINITY;
      if (open.top !== NONE) position = Math.min(end[open.top] as number, nextStart);
      else if (next < to) position = nextStart;
      else break;
    }
    from = to;
  }
  return segments.finish();
}

/** A binary heap of range numbers. */
class RangeHeap {
  readonly #items: number[] = [];
  readonly #before: (a: number, b: number) => boolean;

  constructor(before: (a: number, b: number) => boolean) {
    this.#before = before;
  }

  get top(): number {
    return this.#items[0] ?? NONE;
  }

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, items[parent] as number)) break;
      items[at] = items[parent] as number;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const item = items.pop() as number;
    const count = items.length;
    if (count === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#before(items[child + 1] as number, items[child] as number)) child++;
      if (!this.#before(items[child] as number, item)) break;
      items[at] = items[child] as number;
      at = child;
    }
    items[at] = item;
  }
}

/** The innermost node at byte `offset` of ELF section `section`, or NONE. */
export function findNode(segments: SegmentTable, section: number, offset: number): number {
  const from = lowerBound(segments.section, section, 0, segments.length);
  const to = lowerBound(segments.section, section + 1, from, segments.length);
  const at = lowerBound(segments.start, offset + 1, from, to) - 1;
  return at >= from ? (segments.node[at] as number) : NONE;
}
