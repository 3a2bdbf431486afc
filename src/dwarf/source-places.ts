import { NONE } from "../base/table.ts";
import type { ElfObject } from "../elf/object.ts";
import { WorkBudget } from "./budget.ts";
import { type FunctionDeclaration, FunctionNames } from "./function-names.ts";
import { buildFunctionTree, type FunctionTree, findNode } from "./function-tree.ts";
import { FileTable } from "./line-header.ts";
import { findRow, findSequence, type LineRows, readLineRows } from "./line-rows.ts";
import { stripPrefix } from "./path.ts";
import { DebugSections, readUnits, type Unit } from "./units.ts";

/** One function that code was inlined through. */
export interface InlinedCall {
  /** Name of the function that was inlined; "" where the object does not have it. */
  readonly function: string;
  /** Where it was called; "" where the object does not say. */
  readonly file: string;
  /** 0 where the compiler gave none. */
  readonly line: number;
}

/** A place in the source. */
export interface Place {
  /**
   * The path that the compiler had, absolute, without "." and ".."; relative to a stripped prefix that holds it.
   * "" where the object names no file of that number.
   */
  readonly file: string;
  /** 0 where the compiler gave none. */
  readonly line: number;
  /** 0 where the compiler gave none. */
  readonly column: number;
  /** Innermost first: the functions that this code was inlined through, each with the place of the call in its caller. */
  readonly inlineStack: readonly InlinedCall[];
}

/** Where the code of an object comes from. Every method may throw FormatError, and then does so again on each call. */
export interface SourcePlaces {
  /** Place of the instruction at byte `offset` of ELF section `section`; undefined where the object says nothing of it. */
  find(section: number, offset: number): Place | undefined;
  /** Where the function whose code covers that byte is declared: the function of the symbol, not one inlined into it. */
  findFunction(section: number, offset: number): FunctionDeclaration | undefined;
  /** Where the function is declared whose entry stands at offset `entry` of .debug_info. */
  declarationAt(entry: number): FunctionDeclaration | undefined;
}

export interface SourcePlacesOptions {
  /** Directories that paths are made relative to; the first that holds a path counts. */
  readonly stripPrefixes?: readonly string[];
}

/** The debug sections that are read; their size is what the work is measured against. */
const READ_SECTIONS: ReadonlySet<string> = new Set([
  ".debug_info",
  ".debug_abbrev",
  ".debug_line",
  ".debug_ranges",
  ".debug_rnglists",
  ".debug_addr",
]);

/**
 * The source places of an object's code, from .debug_line and .debug_info of DWARF 2 to 5.
 *
 * Nothing is read before the first question. That one reads all line tables; the entries of a unit are read when a
 * question falls into its code. After that an answer takes a few binary searches.
 */
export function readSourcePlaces(object: ElfObject, options: SourcePlacesOptions = {}): SourcePlaces {
  const index = once(() => new PlaceIndex(object, options.stripPrefixes ?? []));
  return {
    find: (section, offset) => index().find(section, offset),
    findFunction: (section, offset) => index().findFunction(section, offset),
    declarationAt: (entry) => index().declarationAt(entry),
  };
}

class PlaceIndex {
  readonly #sections: DebugSections;
  readonly #stripPrefixes: readonly string[];
  readonly #lines: LineRows | undefined;
  readonly #names: () => FunctionNames;
  readonly #units: () => readonly Unit[];
  /** Line table -> its files; line table -> the functions of its units. */
  readonly #files = new Map<number, () => FileTable>();
  readonly #trees = new Map<number, () => { readonly units: readonly Unit[]; readonly tree: FunctionTree }>();

  constructor(object: ElfObject, stripPrefixes: readonly string[]) {
    this.#sections = new DebugSections(object);
    this.#stripPrefixes = stripPrefixes;
    const section = this.#sections.find(".debug_line");
    const lines = section && readLineRows(section);
    this.#lines = lines;
    const budget = new WorkBudget(debugSize(object));
    const units = once(() => {
      const all = readUnits(this.#sections, budget);
      const byLineTable = new Map<number, Unit[]>();
      for (const unit of all) {
        const list = byLineTable.get(unit.lineTable);
        if (list === undefined) byLineTable.set(unit.lineTable, [unit]);
        else list.push(unit);
      }
      return { all, byLineTable };
    });
    this.#units = () => units().all;
    this.#names = once(() => new FunctionNames(units().all, (unit, file) => this.#unitFile(unit, file)));
    if (section === undefined || lines === undefined) return;
    for (const { header, addedFiles } of lines.tables) {
      const unitsOf = () => units().byLineTable.get(header.offset) ?? [];
      // Before DWARF 5 the table's directory 0 is known to the unit alone.
      const compDir = () => (header.version >= 5 ? "" : (unitsOf()[0]?.compDir ?? ""));
      this.#files.set(
        header.offset,
        once(() => new FileTable(this.#sections, section, header, compDir(), addedFiles)),
      );
      this.#trees.set(
        header.offset,
        once(() => ({ units: unitsOf(), tree: buildFunctionTree(unitsOf()) })),
      );
    }
  }

  find(section: number, offset: number): Place | undefined {
    const lines = this.#lines;
    if (lines === undefined) return undefined;
    const sequence = findSequence(lines.sequences, section, offset);
    if (sequence === NONE) return undefined;
    const row = findRow(lines, sequence, offset);
    const table = this.#lineTableOf(lines, sequence);
    return {
      file: this.#path(table, lines.rows.file[row] as number),
      line: lines.rows.line[row] as number,
      column: lines.rows.column[row] as number,
      inlineStack: this.#inlineStack(table, section, offset),
    };
  }

  findFunction(section: number, offset: number): FunctionDeclaration | undefined {
    const lines = this.#lines;
    if (lines === undefined) return undefined;
    const sequence = findSequence(lines.sequences, section, offset);
    if (sequence === NONE) return undefined;
    const { units, tree } = this.#tree(this.#lineTableOf(lines, sequence));
    const { nodes, segments } = tree;
    let node = findNode(segments, section, offset);
    while (node !== NONE && nodes.inlined[node] === 1) node = nodes.parent[node] as number;
    if (node === NONE) return undefined;
    return this.#names().declaration(units[nodes.unit[node] as number] as Unit, nodes.die[node] as number);
  }

  declarationAt(entry: number): FunctionDeclaration | undefined {
    const unit = this.#units().find(({ firstDie, end }) => entry >= firstDie && entry < end);
    return unit && this.#names().declaration(unit, entry);
  }

  #inlineStack(table: number, section: number, offset: number): InlinedCall[] {
    const { units, tree } = this.#tree(table);
    const { nodes, segments } = tree;
    const stack: InlinedCall[] = [];
    for (
      let node = findNode(segments, section, offset);
      node !== NONE && nodes.inlined[node] === 1;
      node = nodes.parent[node] as number
    ) {
      const unit = units[nodes.unit[node] as number] as Unit;
      stack.push({
        function: this.#names().declaration(unit, nodes.die[node] as number).name,
        file: this.#path(table, nodes.callFile[node] as number),
        line: nodes.callLine[node] as number,
      });
    }
    return stack;
  }

  #lineTableOf(lines: LineRows, sequence: number): number {
    const table = lines.tables[lines.sequences.table[sequence] as number];
    return table === undefined ? NONE : table.header.offset;
  }

  #tree(table: number) {
    return (this.#trees.get(table) as () => { readonly units: readonly Unit[]; readonly tree: FunctionTree })();
  }

  #path(table: number, file: number): string {
    const path = this.#files.get(table)?.().path(file);
    return path === undefined ? "" : stripPrefix(path, this.#stripPrefixes);
  }

  #unitFile(unit: Unit, file: number): string {
    return this.#path(unit.lineTable, file);
  }
}

function debugSize(object: ElfObject): number {
  let size = 0;
  for (let i = 1; i < object.sectionName.length; i++) {
    if (READ_SECTIONS.has(object.sectionName[i] as string)) size += object.sections.size[i] as number;
  }
  return size;
}

/** `make`, run when first asked for; what it gave or threw is what every later call gets. */
function once<T>(make: () => T): () => T {
  let state: { readonly value: T } | { readonly error: unknown } | undefined;
  return () => {
    if (state === undefined) {
      try {
        state = { value: make() };
      } catch (error) {
        state = { error };
      }
    }
    if ("error" in state) throw state.error;
    return state.value;
  };
}
