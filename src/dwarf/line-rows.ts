import { lowerBound, NONE, type Table, TableBuilder } from "../base/table.ts";
import * as dw from "./constants.ts";
import type { DebugSection } from "./debug-section.ts";
import { type LineHeader, readLineHeader } from "./line-header.ts";

const lineRowSchema = {
  /** first byte that the row speaks for: offset in the code section of its sequence */ offset: "f64",
  /** number in the file table of its line table */ file: "u32",
  /** 0 where the compiler gave none */ line: "u32",
  /** 0 where the compiler gave none */ column: "u32",
} as const;
/** Ordered by sequence, then by offset. A row holds up to the next one or the end of its sequence. */
export type LineRowTable = Table<typeof lineRowSchema>;

const sequenceSchema = {
  /** -> ELF section of the code */ section: "i32",
  /** first byte of code, offset in the section */ start: "f64",
  /** behind the last byte of code */ end: "f64",
  /** -> row */ rowStart: "u32",
  /** -> row, half-open */ rowEnd: "u32",
  /** -> line table */ table: "u32",
} as const;
/** Runs of rows without a hole, ordered by section, then by start. */
export type SequenceTable = Table<typeof sequenceSchema>;

/** One line number program, for its file numbers. */
export interface LineTable {
  readonly header: LineHeader;
  /** Section offsets of the files that the program defines by DW_LNE_define_file. */
  readonly addedFiles: readonly number[];
}

export interface LineRows {
  readonly tables: readonly LineTable[];
  readonly rows: LineRowTable;
  readonly sequences: SequenceTable;
}

/**
 * Runs every line number program of .debug_line (DWARF 5, 6.2.5). In an object all code sections start at 0, so what
 * tells their sequences apart is the relocation of each DW_LNE_set_address; a sequence without one is of a section that
 * is gone, and is left out.
 * @throws FormatError
 */
export function readLineRows(section: DebugSection): LineRows {
  const tables: LineTable[] = [];
  const rows = new TableBuilder(lineRowSchema, 1024);
  const sequences = new TableBuilder(sequenceSchema, 8);
  for (let offset = 0; offset < section.bytes.length; ) {
    const header = readLineHeader(section, offset);
    const addedFiles: number[] = [];
    runProgram(section, header, tables.length, rows, sequences, addedFiles);
    tables.push({ header, addedFiles });
    offset = header.end;
  }
  return { tables, rows: rows.finish(), sequences: sortSequences(sequences.finish()) };
}

function runProgram(
  section: DebugSection,
  header: LineHeader,
  table: number,
  rows: TableBuilder<typeof lineRowSchema>,
  sequences: TableBuilder<typeof sequenceSchema>,
  addedFiles: number[],
): void {
  const cursor = section.cursor(header.program, header.end);
  const { minInsnLength, lineBase, lineRange, opcodeBase, operandCount } = header;
  const constAdvance = Math.floor((255 - opcodeBase) / lineRange) * minInsnLength;
  let code = NONE;
  let address = 0;
  let file = 1;
  let line = 1;
  let column = 0;
  let rowStart = rows.length;
  let ordered = true;

  const emit = () => {
    if (code === NONE) return;
    const at = rows.length;
    const last = at > rowStart ? (rows.columns.offset[at - 1] as number) : NONE;
    if (address < last) ordered = false;
    // Of several rows at one address the last one speaks for the code behind it.
    if (address !== last) {
      rows.reserve(1);
      rows.length = at + 1;
    }
    const { columns } = rows;
    const row = rows.length - 1;
    columns.offset[row] = address;
    columns.file[row] = file;
    columns.line[row] = line;
    columns.column[row] = column;
  };
  const endSequence = () => {
    if (rows.length > rowStart) {
      if (!ordered) sortRows(rows, rowStart);
      const start = rows.columns.offset[rowStart] as number;
      if (start < address) sequences.push({ section: code, start, end: address, rowStart, rowEnd: rows.length, table });
    }
    rowStart = rows.length;
    ordered = true;
  };

  while (!cursor.done) {
    const opcode = cursor.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      address += Math.floor(adjusted / lineRange) * minInsnLength;
      line = (line + lineBase + (adjusted % lineRange)) >>> 0;
      emit();
      continue;
    }
    switch (opcode) {
      case 0: {
        const length = cursor.uleb();
        const at = cursor.offset;
        const extended = cursor.u8();
        switch (extended) {
          case dw.DW_LNE_end_sequence:
            endSequence();
            code = NONE;
            address = 0;
            file = 1;
            line = 1;
            column = 0;
            break;
          case dw.DW_LNE_set_address: {
            // A jump to another section inside a sequence starts another one.
            const home = section.targetSection(cursor.offset);
            if (home !== code) endSequence();
            code = home;
            if (length !== 9 && length !== 5) throw cursor.fail("unsupported", `address of ${length - 1} bytes`, at);
            address = length === 9 ? cursor.u64() : cursor.u32();
            break;
          }
          case dw.DW_LNE_define_file:
            addedFiles.push(cursor.offset);
            break;
        }
        // The length wins over what is known of the opcode, so that vendors' opcodes and operands pass.
        if (length < 1 || at + length < cursor.offset) throw cursor.fail("bad-value", "extended opcode too short", at);
        cursor.offset = at;
        cursor.skip(length);
        break;
      }
      case dw.DW_LNS_copy:
        emit();
        break;
      case dw.DW_LNS_advance_pc:
        address += cursor.uleb() * minInsnLength;
        break;
      case dw.DW_LNS_advance_line:
        line = (line + cursor.sleb()) >>> 0;
        break;
      case dw.DW_LNS_set_file:
        file = cursor.uleb();
        break;
      case dw.DW_LNS_set_column:
        column = cursor.uleb();
        break;
      case dw.DW_LNS_const_add_pc:
        address += constAdvance;
        break;
      case dw.DW_LNS_fixed_advance_pc:
        address += cursor.u16();
        break;
      case dw.DW_LNS_set_isa:
        cursor.uleb();
        break;
      case dw.DW_LNS_negate_stmt:
      case dw.DW_LNS_set_basic_block:
      case dw.DW_LNS_set_prologue_end:
      case dw.DW_LNS_set_epilogue_begin:
        break;
      default:
        for (let left = operandCount[opcode] as number; left > 0; left--) cursor.uleb();
    }
  }
  // A program that ends without DW_LNE_end_sequence does not say where its last row ends: that row counts for nothing.
  if (rows.length > rowStart) endSequence();
}

/** Orders the rows from `from` on by offset, equal ones as they came. Only odd producers go backwards inside a sequence. */
function sortRows(rows: TableBuilder<typeof lineRowSchema>, from: number): void {
  const { offset, file, line, column } = rows.columns;
  const count = rows.length - from;
  const order = Array.from({ length: count }, (_, i) => from + i);
  order.sort((a, b) => (offset[a] as number) - (offset[b] as number) || a - b);
  for (const values of [offset, file, line, column]) {
    const sorted = order.map((row) => values[row] as number);
    values.set(sorted, from);
  }
}

function sortSequences(sequences: SequenceTable): SequenceTable {
  const { section, start } = sequences;
  const order = Array.from({ length: sequences.length }, (_, i) => i);
  order.sort(
    (a, b) => (section[a] as number) - (section[b] as number) || (start[a] as number) - (start[b] as number) || a - b,
  );
  const sorted = new TableBuilder(sequenceSchema, sequences.length);
  for (const i of order) {
    sorted.push({
      section: section[i] as number,
      start: start[i] as number,
      end: sequences.end[i] as number,
      rowStart: sequences.rowStart[i] as number,
      rowEnd: sequences.rowEnd[i] as number,
      table: sequences.table[i] as number,
    });
  }
  return sorted.finish();
}

/** The sequence that covers byte `offset` of ELF section `section`, or NONE. */
export function findSequence(sequences: SequenceTable, section: number, offset: number): number {
  const from = lowerBound(sequences.section, section, 0, sequences.length);
  const to = lowerBound(sequences.section, section + 1, from, sequences.length);
  const at = lowerBound(sequences.start, offset + 1, from, to) - 1;
  return at >= from && offset < (sequences.end[at] as number) ? at : NONE;
}

/** The row of sequence `sequence` that speaks for byte `offset`, which the sequence covers. */
export function findRow(lines: LineRows, sequence: number, offset: number): number {
  const { rowStart, rowEnd } = lines.sequences;
  const from = rowStart[sequence] as number;
  return lowerBound(lines.rows.offset, offset + 1, from, rowEnd[sequence] as number) - 1;
}
