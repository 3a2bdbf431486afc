import type { WorkBudget } from "./budget.ts";
import { DW_FORM_implicit_const } from "./constants.ts";
import type { DebugSection } from "./debug-section.ts";

/** One abbreviation declaration. Source: DWARF 5, 7.5.3. */
export interface Abbrev {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Attribute, form and implicit constant (0 without one) of each attribute in turn. */
  readonly specs: readonly number[];
}

/** Abbreviation code -> declaration. */
export type AbbrevTable = ReadonlyMap<number, Abbrev>;

/** The abbreviation tables of an object, read when first asked for and kept by their offset. */
export class AbbrevTables {
  readonly #section: DebugSection;
  readonly #budget: WorkBudget;
  readonly #byOffset = new Map<number, AbbrevTable>();

  constructor(section: DebugSection, budget: WorkBudget) {
    this.#section = section;
    this.#budget = budget;
  }

  /** @throws FormatError */
  at(offset: number): AbbrevTable {
    let table = this.#byOffset.get(offset);
    if (table === undefined) {
      table = this.#read(offset);
      this.#byOffset.set(offset, table);
    }
    return table;
  }

  #read(offset: number): AbbrevTable {
    const cursor = this.#section.cursor(offset);
    const table = new Map<number, Abbrev>();
    for (let start = offset; ; start = cursor.offset) {
      const code = cursor.uleb();
      if (code === 0) return table;
      const tag = cursor.uleb();
      const hasChildren = cursor.u8() !== 0;
      const specs: number[] = [];
      for (;;) {
        const attribute = cursor.uleb();
        const form = cursor.uleb();
        const constant = form === DW_FORM_implicit_const ? cursor.sleb() : 0;
        if (attribute === 0 && form === 0) break;
        specs.push(attribute, form, constant);
      }
      this.#budget.spend(cursor.offset - start, this.#section.name, start);
      // 7.5.3: codes are unique in a table. The first one counts, as it does for a reader that searches.
      if (!table.has(code)) table.set(code, { tag, hasChildren, specs });
    }
  }
}
