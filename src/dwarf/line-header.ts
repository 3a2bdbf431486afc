import type { ByteCursor } from "../base/bytes.ts";
import { stringAt } from "../base/bytes.ts";
import * as dw from "./constants.ts";
import type { DebugSection } from "./debug-section.ts";
import { type Encoding, readForm } from "./forms.ts";
import { joinPath } from "./path.ts";
import type { DebugSections } from "./units.ts";

/** The head of one line number program. Source: DWARF 5, 6.2.4. Its file tables are read only when a path is wanted. */
export interface LineHeader extends Encoding {
  /** Section offset of the header, which is what DW_AT_stmt_list names. */
  readonly offset: number;
  /** Section offset of the directory table. */
  readonly tables: number;
  /** Section offset of the first opcode. */
  readonly program: number;
  /** Section offset behind the last opcode. */
  readonly end: number;
  /** Bytes; what address advances are counted in. */
  readonly minInsnLength: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Standard opcode -> count of its operands. */
  readonly operandCount: readonly number[];
}

/** @throws FormatError truncated, bad-value, unsupported */
export function readLineHeader(section: DebugSection, offset: number): LineHeader {
  const cursor = section.cursor(offset);
  let length = cursor.u32();
  let offsetSize = 4;
  if (length === 0xffffffff) {
    length = cursor.u64();
    offsetSize = 8;
  } else if (length >= 0xfffffff0) throw section.fail("bad-value", "reserved unit length", offset);
  const end = cursor.offset + length;
  if (end > section.bytes.length) throw section.fail("truncated", `line table of ${length} bytes`, offset);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw section.fail("unsupported", `line table version ${version}`, offset);
  let addressSize = 8;
  if (version >= 5) {
    addressSize = cursor.u8();
    cursor.skip(1); // segment_selector_size
  }
  const headerLength = offsetSize === 8 ? cursor.u64() : cursor.u32();
  const program = cursor.offset + headerLength;
  if (program > end) throw section.fail("out-of-range", "header behind the end of its table", offset);
  const minInsnLength = cursor.u8();
  if (version >= 4) cursor.skip(1); // maximum_operations_per_instruction: more than 1 only on VLIW machines
  cursor.skip(1); // default_is_stmt: a place is a place, recommended as a breakpoint or not
  const lineBase = cursor.i8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0) throw section.fail("bad-value", "line range or opcode base 0", offset);
  const operandCount = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) operandCount.push(cursor.u8());
  if (cursor.offset > program) throw section.fail("out-of-range", "header longer than it says", offset);
  return {
    offset,
    tables: cursor.offset,
    program,
    end,
    version,
    addressSize,
    offsetSize,
    minInsnLength,
    lineBase,
    lineRange,
    opcodeBase,
    operandCount,
  };
}

/** An entry of a directory or file table whose name has not been decoded. */
interface NameEntry {
  readonly section: string;
  readonly at: number;
  readonly directory: number;
}

/** The files of one line table, by the numbers that its rows and the unit's entries use. */
export class FileTable {
  readonly #sections: DebugSections;
  readonly #section: DebugSection;
  readonly #compDir: string;
  readonly #directories: NameEntry[];
  readonly #files: NameEntry[];
  /** Number of the first file and of the first directory that the tables hold: DWARF 5 counts from 0, before it from 1. */
  readonly #first: 0 | 1;
  readonly #path = new Map<number, string | undefined>();

  /**
   * @param compDir directory of the compilation; only DWARF before 5 leaves it to the unit
   * @param added files that the program itself defines (DW_LNE_define_file), as section offsets of the entries
   * @throws FormatError
   */
  constructor(
    sections: DebugSections,
    section: DebugSection,
    header: LineHeader,
    compDir: string,
    added: readonly number[],
  ) {
    this.#sections = sections;
    this.#section = section;
    this.#compDir = compDir;
    const cursor = section.cursor(header.tables, header.program);
    if (header.version >= 5) {
      this.#first = 0;
      this.#directories = readEntries(cursor, header, section);
      this.#files = readEntries(cursor, header, section);
      return;
    }
    this.#first = 1;
    this.#directories = [];
    this.#files = [];
    while (cursor.bytes[cursor.offset] !== 0) {
      this.#directories.push({ section: section.name, at: cursor.offset, directory: 0 });
      readForm(cursor, dw.DW_FORM_string, header);
    }
    cursor.skip(1);
    while (cursor.bytes[cursor.offset] !== 0) this.#files.push(readOldFile(cursor, header, section));
    for (const at of added) this.#files.push(readOldFile(section.cursor(at, header.end), header, section));
  }

  /** Path of file number `file`, whole and without `.` and `..`; undefined where the table has no such file. @throws FormatError */
  path(file: number): string | undefined {
    if (this.#path.has(file)) return this.#path.get(file);
    const entry = this.#files[file - this.#first];
    const path = entry && joinPath(this.#directory(entry.directory), this.#name(entry));
    this.#path.set(file, path);
    return path;
  }

  #directory(index: number): string {
    // DWARF 5, 6.2.4: directory 0 is that of the compilation, and the others may be relative to it.
    const entry = this.#directories[index - this.#first];
    if (entry === undefined) return this.#compDir;
    if (index === 0) return joinPath(this.#compDir, this.#name(entry));
    return joinPath(this.#directory(0), this.#name(entry));
  }

  #name(entry: NameEntry): string {
    if (entry.section === this.#section.name) return stringAt(this.#section.bytes, entry.at, "DWARF", entry.section);
    return this.#sections.string(entry.section, entry.at, this.#section, entry.at);
  }
}

/** DWARF 4, 6.2.4, file_names: name, directory, time, size. */
function readOldFile(cursor: ByteCursor, header: LineHeader, section: DebugSection): NameEntry {
  const at = readForm(cursor, dw.DW_FORM_string, header);
  const directory = cursor.uleb();
  cursor.uleb();
  cursor.uleb();
  return { section: section.name, at, directory };
}

/** A DWARF 5 table that describes its own entries: their format as pairs of content and form, then the entries. */
function readEntries(cursor: ByteCursor, header: LineHeader, section: DebugSection): NameEntry[] {
  const format: number[] = [];
  for (let left = cursor.u8() * 2; left > 0; left--) format.push(cursor.uleb());
  const count = cursor.uleb();
  // An entry names at least a path, so it has at least a byte.
  if (count > cursor.end - cursor.offset) throw cursor.fail("out-of-range", `table of ${count} entries`);
  const entries: NameEntry[] = [];
  for (let i = 0; i < count; i++) {
    let directory = 0;
    let at = cursor.offset;
    let home = section.name;
    for (let k = 0; k < format.length; k += 2) {
      const form = format[k + 1] as number;
      const value = readForm(cursor, form, header);
      if (format[k] === dw.DW_LNCT_directory_index) directory = value;
      else if (format[k] === dw.DW_LNCT_path) {
        at = value;
        if (form === dw.DW_FORM_line_strp) home = ".debug_line_str";
        else if (form === dw.DW_FORM_strp) home = ".debug_str";
        else if (form !== dw.DW_FORM_string) throw cursor.fail("unsupported", `path of form 0x${form.toString(16)}`);
      }
    }
    entries.push({ section: home, at, directory });
  }
  return entries;
}
