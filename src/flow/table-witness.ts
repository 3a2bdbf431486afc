import { NONE } from "../base/table.ts";
import { type Code, insnAt } from "./code.ts";
import type { Functions } from "./functions.ts";
import type { JumpTable, TableEdges } from "./jump-tables.ts";
import { relocTarget } from "./marks.ts";
import { entryForm, readTableSizes, type TablePlace } from "./table-entries.ts";

// What the compiler says of its jump tables, held against what the instructions say. Two annotations exist: the sizes of clang 20 and later
// (table-entries.ts, readTableSizes), and pairs of jump and table (`-mannotate-tablejump`, gcc 15 and LLVM 20 for LoongArch; Linux 6.15
// tools/objtool/arch/loongarch/special.c reads them).

export type TableDisagreement =
  | {
      /** The comparison before the jump lets more values through than the compiler says the table has entries, and what follows are entries, too. */
      readonly kind: "too-short";
      readonly jump: number;
      readonly place: TablePlace;
      readonly said: number;
      readonly seen: number;
    }
  | {
      /** No comparison is seen that bounds the table, and what follows those that the compiler says are entries that belong to no other table. */
      readonly kind: "goes-on";
      readonly jump: number;
      readonly place: TablePlace;
      readonly said: number;
      readonly seen: number;
    }
  | {
      /** The compiler says more entries than there are: the first that is none, by its number. */
      readonly kind: "too-long";
      readonly jump: number;
      readonly place: TablePlace;
      readonly said: number;
      readonly seen: number;
    }
  | {
      /** The compiler says a table that no indirect jump is seen to go through. `function` is the one that its first entry lies in, or NONE. */
      readonly kind: "no-jump";
      readonly function: number;
      readonly section: number;
      readonly offset: number;
      readonly said: number;
    }
  | {
      /** A jump goes through a table of which the compiler, that says the others, says nothing. */
      readonly kind: "not-said";
      readonly jump: number;
      readonly place: TablePlace;
      readonly seen: number;
    }
  | {
      /** The annotation pairs the jump with another table than the one that the instructions lead to (NONE: with one where they lead to none). */
      readonly kind: "other-table";
      readonly jump: number;
      readonly section: number;
      readonly offset: number;
    };

export interface TableWitness {
  /** Tables that the compiler says, by either annotation. */
  readonly said: number;
  /** Of them those that a jump of ours goes through and that agree in all. */
  readonly agreeing: number;
  readonly disagreements: readonly TableDisagreement[];
}

/** Compares in the order of the jumps, then of the compiler's own list. Nothing is said where the object has no annotation. */
export function compareTables(code: Code, functions: Functions, { tables }: TableEdges): TableWitness {
  const sizes = readTableSizes(code);
  const pairs = readTablePairs(code);
  const disagreements: TableDisagreement[] = [];
  const wrong = new Set<string>();
  const used = new Set<string>();
  // A table that many jumps share is judged once: what one of them is guarded by holds for them all.
  const judged = new Set<string>();
  for (const table of tables) {
    const { jump, place, count, boundedBy } = table;
    const key = `${place.section}:${place.offset}`;
    used.add(key);
    const said = sizes.get(key);
    if (said === undefined) {
      // An array of the source has no annotation: the compiler did not make it.
      if (sizes.size > 0 && boundedBy !== "symbol" && !judged.has(key))
        disagreements.push({ kind: "not-said", jump, place, seen: count });
    } else if (!judged.has(key)) {
      const found = judgeSize(table, said);
      if (found !== undefined) {
        disagreements.push(found);
        wrong.add(key);
      }
    }
    judged.add(key);
  }
  for (const { jump, section, offset } of pairs) {
    const ours = tables.find((table) => table.jump === jump);
    if (ours?.place.section === section && ours.place.offset === offset) continue;
    disagreements.push({ kind: "other-table", jump, section, offset });
  }
  for (const [key, said] of sizes) {
    if (used.has(key)) continue;
    const [section, offset] = key.split(":").map(Number) as [number, number];
    wrong.add(key);
    disagreements.push({
      kind: "no-jump",
      function: functionOfEntry(code, functions, section, offset),
      section,
      offset,
      said,
    });
  }
  const differingPairs = disagreements.filter(({ kind }) => kind === "other-table").length;
  return {
    said: sizes.size + pairs.length,
    agreeing: sizes.size - wrong.size + (pairs.length - differingPairs),
    disagreements,
  };
}

/** The table was read to its end whatever is said: see readOn in jump-tables.ts. */
function judgeSize({ jump, place, count, boundedBy }: JumpTable, said: number): TableDisagreement | undefined {
  if (count === said) return undefined;
  const kind = count < said ? "too-long" : boundedBy === "compare" ? "too-short" : "goes-on";
  return { kind, jump, place, said, seen: count };
}

/** Function that the first entry of a table names, in either form; NONE where it is no entry. */
function functionOfEntry(code: Code, functions: Functions, section: number, offset: number): number {
  const relocs = code.object.relocs(section);
  for (let r = 0; r < relocs.length; r++) {
    if (relocs.offset[r] !== offset) continue;
    const to = relocTarget(code, section, r);
    const insn = insnAt(code, to.section, to.offset);
    const f = insn === NONE ? NONE : (functions.ofInsn[insn] as number);
    return f !== NONE && entryForm(code, functions, f, section, offset) !== undefined ? f : NONE;
  }
  return NONE;
}

const PAIRS_SECTION = ".discard.tablejump_annotate";
const PAIRS_ENTRY = 16;

/** Jumps (-> instruction) and the tables that they are said to go through, of 64-bit objects. */
function readTablePairs(code: Code): { jump: number; section: number; offset: number }[] {
  const found: { jump: number; section: number; offset: number }[] = [];
  const { object } = code;
  for (let section = 1; section < object.sections.length; section++) {
    if (object.sectionName[section] !== PAIRS_SECTION) continue;
    const relocs = object.relocs(section);
    const rows = new Map<number, number>();
    for (let r = 0; r < relocs.length; r++) rows.set(relocs.offset[r] as number, r);
    for (const [at, row] of rows) {
      if (at % PAIRS_ENTRY !== 0) continue;
      const tableRow = rows.get(at + PAIRS_ENTRY / 2);
      if (tableRow === undefined) continue;
      const from = relocTarget(code, section, row);
      const jump = insnAt(code, from.section, from.offset);
      if (jump === NONE) continue;
      const table = relocTarget(code, section, tableRow);
      found.push({ jump, section: table.section, offset: table.offset });
    }
  }
  return found;
}
