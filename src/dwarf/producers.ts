import type { ElfObject } from "../elf/object.ts";
import { WorkBudget } from "./budget.ts";
import * as dw from "./constants.ts";
import { DieReader } from "./die-reader.ts";
import { type RangeSlots, readCodeRanges } from "./ranges.ts";
import { DebugSections, readUnits } from "./units.ts";

// Who made which code. An object that was linked of others, or of C and assembly, has several compile units.

export interface Producers {
  /** DW_AT_producer of every unit that has code, each once. */
  readonly all: readonly string[];
  /** DW_AT_producer of the unit whose code covers byte `offset` of ELF section `section`; undefined where none does, or it does not say. */
  find(section: number, offset: number): string | undefined;
}

const WANTED = [dw.DW_AT_low_pc, dw.DW_AT_high_pc, dw.DW_AT_ranges, dw.DW_AT_producer] as const;
const SLOTS: RangeSlots = { lowPc: 0, highPc: 1, ranges: 2 };
const PRODUCER = 3;

const READ_SECTIONS: ReadonlySet<string> = new Set([
  ".debug_info",
  ".debug_abbrev",
  ".debug_ranges",
  ".debug_rnglists",
  ".debug_addr",
]);

interface Range {
  readonly start: number;
  readonly end: number;
  readonly producer: string | undefined;
}

/** Reads the units' own entries and nothing below them (DWARF 5, 3.1.1). Of an object without debug information nobody is known. @throws FormatError */
export function readProducers(object: ElfObject): Producers {
  let size = 0;
  for (let i = 1; i < object.sectionName.length; i++)
    if (READ_SECTIONS.has(object.sectionName[i] as string)) size += object.sections.size[i] as number;
  const bySection = new Map<number, Range[]>();
  const all = new Set<string>();
  for (const unit of readUnits(new DebugSections(object), new WorkBudget(size))) {
    const die = new DieReader(unit, WANTED);
    if (!die.next()) continue;
    const producer = unit.string(die, PRODUCER);
    readCodeRanges(unit, die, SLOTS, (section, start, end) => {
      if (producer !== undefined) all.add(producer);
      const ranges = bySection.get(section);
      if (ranges === undefined) bySection.set(section, [{ start, end, producer }]);
      else ranges.push({ start, end, producer });
    });
  }
  for (const ranges of bySection.values()) ranges.sort((a, b) => a.start - b.start);
  return {
    all: [...all],
    find(section, offset) {
      const ranges = bySection.get(section) ?? [];
      let low = 0;
      let high = ranges.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (ranges[middle]!.start <= offset) low = middle + 1;
        else high = middle;
      }
      const found = ranges[low - 1];
      return found !== undefined && offset < found.end ? found.producer : undefined;
    },
  };
}
