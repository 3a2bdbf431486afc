import { FormatError, type FormatErrorCode } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { abiById } from "./abi.ts";
import {
  ATTRIBUTE_SIZE,
  fdeSizeOfVersion,
  flagsOfVersion,
  HEADER_SIZE,
  SFRAME_F_FDE_FUNC_START_PCREL,
  SFRAME_FDE_PCTYPE_MASK,
  SFRAME_FDE_TYPE_DEFAULT,
  SFRAME_FDE_TYPE_FLEX,
  SFRAME_FRE_TYPE_ADDR1,
  SFRAME_FRE_TYPE_ADDR4,
  SFRAME_MAGIC,
  SFRAME_VERSION_1,
  SFRAME_VERSION_2,
  SFRAME_VERSION_3,
} from "./constants.ts";
import {
  newFunctionTable,
  newRowTable,
  type SFrame,
  type SFrameFunctionBuilder,
  type SFrameHeader,
  type SFrameNote,
  type SFrameRowBuilder,
} from "./table.ts";
import { readWords } from "./words.ts";

// An .sframe section: a header, an index of functions, and rows of their frames. The three versions differ in the index:
//
//   1  17 bytes a function: start, size, place and count of its rows, info
//   2  20 bytes: as 1, then the size of a repeated block, and padding
//   3  16 bytes: a start of 64 bits, size, place of its rows; count, info, kind of rows and size of a block stand in front of the rows
//
// Who writes what (tried with the tools of Debian 12 and with LLVM 22): gas 2.40 version 1, 2.41 to 2.45 version 2, 2.46 version 3; LLVM's
// assembler version 2 with starts relative to their field. A linker may leave several tables behind each other in one section.

export const SFRAME_FORMAT = "SFrame";
export const SFRAME_SECTION = ".sframe";

/** Where the function lies whose entry begins at byte `entry` of the section, or why nobody knows. */
export type FindPlace = (entry: number, size: number) => { readonly section: number; readonly start: number } | string;

/** What a function's entry and the rows in front of which it stands are read with. */
interface Reading {
  readonly view: DataView;
  readonly header: SFrameHeader;
  /** -> header */
  readonly table: number;
  readonly little: boolean;
  /** byte of the section that the rows begin at, and behind their last one */
  readonly rowsFrom: number;
  readonly rowsEnd: number;
  readonly functions: SFrameFunctionBuilder;
  readonly rows: SFrameRowBuilder;
  readonly notes: SFrameNote[];
  readonly findPlace: FindPlace | undefined;
  /** Rows that may still be looked at: functions that share rows, or are given up in the middle, do not multiply the work. */
  budget: number;
}

/**
 * Reads all tables of an .sframe section, of either byte order. Starts of functions are as the bytes say them, made relative to the section's
 * start, unless `findPlace` knows better: in an object they mean nothing without its relocations (see readSFrame of object.ts).
 * A function that cannot be read is a note, and the others are read. Time and memory are linear in the section's bytes.
 * @throws FormatError for a header that no version of the format has
 */
export function readSFrameBytes(bytes: Uint8Array, findPlace?: FindPlace): SFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const functions = newFunctionTable(bytes.length >> 5);
  const rows = newRowTable(bytes.length >> 2);
  const notes: SFrameNote[] = [];
  const headers: SFrameHeader[] = [];
  let offset = 0;
  do {
    const { header, rowsFrom, rowsEnd } = readHeader(view, offset);
    const table = headers.push(header) - 1;
    const little = !header.abi.bigEndian;
    // A row has at least its start and its info.
    const budget = Math.min(header.rowCount, (rowsEnd - rowsFrom) >> 1);
    readFunctions({ view, header, table, little, rowsFrom, rowsEnd, functions, rows, notes, findPlace, budget });
    offset = behindPadding(bytes, Math.max(rowsEnd, header.index + header.functionCount * header.entrySize));
  } while (offset < bytes.length);
  return { headers, functions: functions.finish(), rows: rows.finish(), notes };
}

export function sframeError(code: FormatErrorCode, message: string, offset: number): FormatError {
  return new FormatError(code, message, { format: SFRAME_FORMAT, section: SFRAME_SECTION, offset });
}

/** The next table begins at the section's alignment (8), behind zeros. */
function behindPadding(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at;
}

function readHeader(view: DataView, at: number): { header: SFrameHeader; rowsFrom: number; rowsEnd: number } {
  if (view.byteLength - at < HEADER_SIZE)
    throw sframeError("truncated", `a header has ${HEADER_SIZE} bytes, ${view.byteLength - at} are left`, at);
  const little = view.getUint16(at, true) === SFRAME_MAGIC;
  if (!little && view.getUint16(at, false) !== SFRAME_MAGIC)
    throw sframeError("bad-magic", `0x${view.getUint16(at, true).toString(16)} instead of 0xdee2`, at);
  const version = view.getUint8(at + 2);
  const known = flagsOfVersion[version];
  if (known === undefined) throw sframeError("unsupported", `version ${version}`, at + 2);
  const flags = view.getUint8(at + 3);
  // A flag may change what the rest means, as that of version 2's erratum did.
  if ((flags & ~known) !== 0)
    throw sframeError("unsupported", `flags 0x${flags.toString(16)} in version ${version}`, at + 3);
  const abi = abiById.get(view.getUint8(at + 4));
  if (abi === undefined) throw sframeError("unsupported", `ABI ${view.getUint8(at + 4)}`, at + 4);
  if (abi.bigEndian === little)
    throw sframeError("bad-value", `${little ? "little" : "big"}-endian bytes for ABI ${abi.name}`, at + 4);
  const end = at + HEADER_SIZE + view.getUint8(at + 7);
  const word = (offset: number): number => view.getUint32(at + offset, little);
  const functionCount = word(8);
  const rowBytes = word(16);
  const entrySize = fdeSizeOfVersion[version] as number;
  const rowsFrom = end + word(24);
  const header: SFrameHeader = {
    offset: at,
    version,
    flags,
    abi,
    fixedFp: view.getInt8(at + 5),
    fixedRa: view.getInt8(at + 6),
    functionCount,
    rowCount: word(12),
    index: end + word(20),
    entrySize,
  };
  const rowsEnd = rowsFrom + rowBytes;
  const indexEnd = header.index + functionCount * entrySize;
  if (indexEnd > view.byteLength)
    throw sframeError("truncated", `${functionCount} functions do not fit in ${view.byteLength} bytes`, at + 8);
  if (rowsEnd > view.byteLength)
    throw sframeError("truncated", `${rowBytes} bytes of rows do not fit in ${view.byteLength} bytes`, at + 16);
  if (header.index < rowsEnd && rowsFrom < indexEnd && functionCount > 0 && rowBytes > 0)
    throw sframeError("bad-value", "functions and rows overlap", at + 20);
  return { header, rowsFrom, rowsEnd };
}

function readFunctions(reading: Reading): void {
  const { header, rows, notes } = reading;
  const firstRow = rows.length;
  const known = notes.length;
  for (let n = 0; n < header.functionCount; n++) {
    const entry = header.index + n * header.entrySize;
    const before = rows.length;
    const problem = readFunction(reading, entry);
    if (problem === undefined) continue;
    rows.length = before;
    notes.push({ offset: entry, text: `function ${n} is not read: ${problem}` });
  }
  const read = rows.length - firstRow;
  if (read !== header.rowCount && notes.length === known)
    notes.push({ offset: header.offset + 12, text: `the header counts ${header.rowCount} rows, there are ${read}` });
}

/** What is wrong with it, or undefined. */
function readFunction(reading: Reading, entry: number): string | undefined {
  const { view, header, little, rowsFrom, rowsEnd, functions, rows } = reading;
  const { version } = header;
  const wide = version === SFRAME_VERSION_3;
  const field = (header.flags & SFRAME_F_FDE_FUNC_START_PCREL) !== 0 ? entry : header.offset;
  const value = field + (wide ? Number(view.getBigInt64(entry, little)) : view.getInt32(entry, little));
  const at = entry + (wide ? 8 : 4);
  let from = rowsFrom + view.getUint32(at + 4, little);
  let count: number;
  let info: number;
  let kind = SFRAME_FDE_TYPE_DEFAULT;
  let blockSize = 0;
  if (wide) {
    if (from + ATTRIBUTE_SIZE > rowsEnd) return "its rows begin behind the last row";
    count = view.getUint16(from, little);
    info = view.getUint8(from + 2);
    kind = view.getUint8(from + 3) & 0x1f;
    blockSize = view.getUint8(from + 4);
    from += ATTRIBUTE_SIZE;
  } else {
    count = view.getUint32(at + 8, little);
    info = view.getUint8(at + 12);
    if (version === SFRAME_VERSION_2) blockSize = view.getUint8(at + 13);
  }
  const startSize = info & 0xf;
  if (startSize > SFRAME_FRE_TYPE_ADDR4) return `rows of type ${startSize}`;
  if (kind !== SFRAME_FDE_TYPE_DEFAULT && kind !== SFRAME_FDE_TYPE_FLEX) return `function of type ${kind}`;
  const masked = ((info >> 4) & 1) === SFRAME_FDE_PCTYPE_MASK;
  // Version 1 has no field for it.
  if (masked && blockSize === 0 && version !== SFRAME_VERSION_1) return "repeated blocks of no bytes";
  if (count > reading.budget) return `${count} rows are more than there are`;
  const size = view.getUint32(at, little);
  const place = reading.findPlace?.(entry, size) ?? { section: NONE, start: value };
  if (typeof place === "string") return place;
  const rowStart = rows.length;
  const problem = readRows(reading, from, count, startSize, kind === SFRAME_FDE_TYPE_FLEX);
  if (problem !== undefined) return problem;
  functions.push({
    table: reading.table,
    entry,
    section: place.section,
    start: place.start,
    size,
    masked: masked ? 1 : 0,
    blockSize: masked ? blockSize : 0,
    signal: wide ? info >> 7 : 0,
    keyB: (info >> 5) & 1,
    rowStart,
    rowEnd: rows.length,
  });
  return undefined;
}

function readRows(
  reading: Reading,
  from: number,
  count: number,
  startSize: number,
  flexible: boolean,
): string | undefined {
  const { view, header, little, rowsEnd, rows } = reading;
  let at = from;
  let last = -1;
  const startBytes = 1 << startSize;
  for (let n = 0; n < count; n++) {
    reading.budget--;
    if (at + startBytes + 1 > rowsEnd) return "its rows go on behind the last row";
    const start =
      startSize === SFRAME_FRE_TYPE_ADDR1
        ? view.getUint8(at)
        : startSize === SFRAME_FRE_TYPE_ADDR4
          ? view.getUint32(at, little)
          : view.getUint16(at, little);
    if (start < last) return `row ${n} begins in front of the one before it`;
    last = start;
    const info = view.getUint8(at + startBytes);
    at += startBytes + 1;
    const wordCount = (info >> 1) & 0xf;
    const wordSize = (info >> 5) & 3;
    if (wordSize > 2) return `row ${n} has words of size ${wordSize}`;
    const behind = at + (wordCount << wordSize);
    if (behind > rowsEnd) return "its rows go on behind the last row";
    const row = readWords(view, { header, at, count: wordCount, size: wordSize, spBased: (info & 1) === 1, flexible });
    if (typeof row === "string") return `row ${n}: ${row}`;
    rows.push({ ...row, start, mangled: info >> 7 });
    at = behind;
  }
  return undefined;
}
