import { NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import type { OrcTable } from "../orc/rows.ts";
import { isOrcSection } from "./orc-rows.ts";

/** Instructions in a row at which two tables differ in the same way. */
export interface OrcDifference {
  /** -> first of them */
  readonly insn: number;
  readonly count: number;
  /** Rows that hold there, or NONE. */
  readonly ours: number;
  readonly theirs: number;
}

export interface OrcComparison {
  /** Instructions that were looked at. */
  readonly instructions: number;
  readonly differing: number;
}

/**
 * Looks both tables up at every instruction of every section that ORC covers; nothing before a section's first row is an undefined frame.
 * Linear: both tables are walked once.
 */
export function compareOrcRows(
  flow: Flow,
  ours: OrcTable,
  theirs: OrcTable,
  tell: (difference: OrcDifference) => void,
): OrcComparison {
  const { code } = flow;
  let instructions = 0;
  let differing = 0;
  const a = new Lookup(ours);
  const b = new Lookup(theirs);
  for (const section of code.sections) {
    if (!isOrcSection(flow, section)) continue;
    let open: { insn: number; count: number; ours: number; theirs: number } | undefined;
    const end = code.sectionEnd[section] as number;
    for (let i = code.sectionStart[section] as number; i < end; i++) {
      const offset = code.insns.offset[i] as number;
      const mine = a.at(section, offset);
      const other = b.at(section, offset);
      instructions++;
      if (isEqual(ours, mine, theirs, other)) {
        if (open !== undefined) tell(open);
        open = undefined;
        continue;
      }
      differing++;
      if (open !== undefined && open.ours === mine && open.theirs === other) open.count++;
      else {
        if (open !== undefined) tell(open);
        open = { insn: i, count: 1, ours: mine, theirs: other };
      }
    }
    if (open !== undefined) tell(open);
  }
  return { instructions, differing };
}

/** Finds the row that holds at a place; places are asked in rising order. */
class Lookup {
  readonly #table: OrcTable;
  #next = 0;

  constructor(table: OrcTable) {
    this.#table = table;
  }

  at(section: number, offset: number): number {
    const { section: home, offset: start, length } = this.#table;
    while (
      this.#next < length &&
      ((home[this.#next] as number) < section ||
        (home[this.#next] === section && (start[this.#next] as number) <= offset))
    )
      this.#next++;
    const row = this.#next - 1;
    return row >= 0 && home[row] === section ? row : NONE;
  }
}

function isEqual(a: OrcTable, rowA: number, b: OrcTable, rowB: number): boolean {
  const typeA = rowA === NONE ? 0 : a.type[rowA];
  const typeB = rowB === NONE ? 0 : b.type[rowB];
  if (typeA !== typeB) return false;
  if (rowA === NONE || rowB === NONE) return true;
  return (
    a.spReg[rowA] === b.spReg[rowB] &&
    a.spOffset[rowA] === b.spOffset[rowB] &&
    a.bpReg[rowA] === b.bpReg[rowB] &&
    a.bpOffset[rowA] === b.bpOffset[rowB] &&
    a.signal[rowA] === b.signal[rowB]
  );
}
