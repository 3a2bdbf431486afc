import * as dw from "./constants.ts";
import { DieReader } from "./die-reader.ts";
import type { Unit } from "./units.ts";

/** Where a function stands in the source. */
export interface FunctionDeclaration {
  /** "" where the object does not have it. */
  readonly name: string;
  /** "" where the object does not have it. */
  readonly file: string;
  /** 0 where the object does not have it. */
  readonly line: number;
}

const WANTED = [
  dw.DW_AT_name,
  dw.DW_AT_decl_file,
  dw.DW_AT_decl_line,
  dw.DW_AT_abstract_origin,
  dw.DW_AT_specification,
  dw.DW_AT_linkage_name,
] as const;
const [NAME, DECL_FILE, DECL_LINE, ABSTRACT_ORIGIN, SPECIFICATION, LINKAGE_NAME] = [0, 1, 2, 3, 4, 5] as const;

/** Out-of-line instance -> abstract instance -> declaration in a type is 3; a longer way goes round in a circle. */
const MAX_REFERENCES = 8;

/** What entries of functions are called, by way of the entries that they refer to (DWARF 5, 2.13.2 and 3.3.8). */
export class FunctionNames {
  readonly #units: readonly Unit[];
  readonly #path: (unit: Unit, file: number) => string;
  readonly #readers = new Map<Unit, DieReader>();
  readonly #found = new Map<Unit, Map<number, FunctionDeclaration>>();

  /**
   * @param units all units of the object
   * @param path file number of a unit -> path, "" without one
   */
  constructor(units: readonly Unit[], path: (unit: Unit, file: number) => string) {
    this.#units = units;
    this.#path = path;
  }

  /** The function whose entry stands at section offset `die` of `unit`. @throws FormatError */
  declaration(unit: Unit, die: number): FunctionDeclaration {
    let found = this.#found.get(unit);
    if (found === undefined) {
      found = new Map();
      this.#found.set(unit, found);
    }
    let declaration = found.get(die);
    if (declaration === undefined) {
      declaration = this.#read(unit, die);
      found.set(die, declaration);
    }
    return declaration;
  }

  #read(from: Unit, die: number): FunctionDeclaration {
    let unit = from;
    let at = die;
    let name: string | undefined;
    let linkageName: string | undefined;
    let file: string | undefined;
    let line: number | undefined;
    for (let left = MAX_REFERENCES; left > 0; left--) {
      const reader = this.#readerOf(unit);
      reader.seek(at);
      if (!reader.next()) break;
      name ??= unit.string(reader, NAME);
      linkageName ??= unit.string(reader, LINKAGE_NAME);
      // Each value from the nearest entry that has it: a definition restates only what differs from its declaration.
      if (reader.form[DECL_FILE] !== 0) file ??= this.#path(unit, reader.value[DECL_FILE] as number);
      if (reader.form[DECL_LINE] !== 0) line ??= reader.value[DECL_LINE] as number;
      const slot = reader.form[ABSTRACT_ORIGIN] !== 0 ? ABSTRACT_ORIGIN : SPECIFICATION;
      const next =
        reader.form[slot] === 0 ? undefined : unit.reference(reader.form[slot], reader.value[slot] as number);
      const home = next === undefined ? undefined : this.#unitAt(unit, next);
      if (next === undefined || home === undefined) {
        return { name: name ?? linkageName ?? "", file: file ?? "", line: line ?? 0 };
      }
      unit = home;
      at = next;
    }
    throw from.section.fail("bad-value", "function refers to itself by its origin", die);
  }

  #readerOf(unit: Unit): DieReader {
    let reader = this.#readers.get(unit);
    if (reader === undefined) {
      reader = new DieReader(unit, WANTED);
      this.#readers.set(unit, reader);
    }
    return reader;
  }

  /** The unit that section offset `offset` lies in: nearly always the one that refers to it. */
  #unitAt(from: Unit, offset: number): Unit | undefined {
    if (offset >= from.firstDie && offset < from.end) return from;
    const home = this.#units.find(
      (unit) => unit.section === from.section && offset >= unit.firstDie && offset < unit.end,
    );
    return home;
  }
}
