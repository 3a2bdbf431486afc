import type { ByteCursor } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { SHT_NOBITS } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { WorkBudget } from "./budget.ts";
import * as dw from "./cfi-constants.ts";
import { readPointer, readValue } from "./cfi-pointer.ts";
import { type CfiContext, type CfiState, initialState, runCfiProgram } from "./cfi-program.ts";
import { type Cfi, CfiTables, type Cie } from "./cfi-tables.ts";
import { DebugSection } from "./debug-section.ts";

// .debug_frame (DWARF 5, 6.4.1) and .eh_frame (LSB core 5.0, 10.6): the same entries, told apart by how they refer to each other.

const DEBUG_FRAME = ".debug_frame";
const EH_FRAME = ".eh_frame";
const MOST_FAULTS = 32;

/**
 * The call frame information of an object, one value a section, in the object's order. An entry that cannot be read is a fault of its section, and
 * the others count: its length says where the next one is.
 * @throws FormatError where a section cannot be read as one at all, for its relocations or for the length of an entry
 */
export function readCfi(object: ElfObject): Cfi[] {
  const found: Cfi[] = [];
  for (let section = 1; section < object.sectionName.length; section++) {
    const name = object.sectionName[section];
    if ((name !== DEBUG_FRAME && name !== EH_FRAME) || object.sections.type[section] === SHT_NOBITS) continue;
    found.push(new CfiReader(object, section, name === EH_FRAME).read());
  }
  return found;
}

/** Where an entry stands, and what kind it is. */
interface EntryHead {
  readonly offset: number;
  /** Behind its last byte. */
  readonly end: number;
  /** Behind the field that tells CIE from FDE. */
  readonly body: number;
  /** Section offset of the CIE of an FDE; undefined for a CIE. */
  readonly cie: number | undefined;
}

interface ReadCie {
  readonly cie: Cie;
  readonly index: number;
  readonly pointerEncoding: number;
  readonly lsdaEncoding: number;
  readonly hasLength: boolean;
  /** Of set_loc and of addresses without augmentation. */
  readonly addressSize: number;
  readonly state: CfiState;
}

class CfiReader {
  readonly #section: DebugSection;
  readonly #index: number;
  readonly #machine: number;
  /** section -> bytes */
  readonly #sizes: ArrayLike<number>;
  readonly #isEh: boolean;
  readonly #tables = new CfiTables();
  readonly #budget: WorkBudget;
  readonly #cies: Cie[] = [];
  readonly #cieAt = new Map<number, ReadCie | FormatError>();
  readonly #faults: FormatError[] = [];
  #faultCount = 0;
  #unplaced = 0;

  constructor(object: ElfObject, index: number, isEh: boolean) {
    this.#section = new DebugSection(object, index);
    this.#index = index;
    this.#machine = object.machine;
    this.#sizes = object.sections.size;
    this.#isEh = isEh;
    this.#budget = new WorkBudget(this.#section.bytes.length);
  }

  read(): Cfi {
    const size = this.#section.bytes.length;
    for (let offset = 0; offset < size; ) {
      const cursor = this.#section.cursor(offset);
      const length = readLength(cursor);
      const end = cursor.offset + length.bytes;
      if (end > size) throw this.#section.fail("truncated", `entry of ${length.bytes} bytes`, offset);
      // A length of 0 ends the list that a linker makes; what stands behind it in an object is the next list.
      if (length.bytes > 0) this.#readEntry(offset);
      offset = end;
    }
    const { fdes, rows, rules, expressions } = this.#tables;
    return {
      kind: this.#isEh ? "eh_frame" : "debug_frame",
      section: this.#index,
      cies: this.#cies,
      fdes: fdes.finish(),
      rows: rows.finish(),
      rules: rules.finish(),
      expressions,
      faults: this.#faults,
      faultCount: this.#faultCount,
      unplaced: this.#unplaced,
    };
  }

  #readEntry(offset: number): void {
    const { rows, rules } = this.#tables;
    const before = { rows: rows.length, rules: rules.length };
    try {
      const head = this.#readHead(offset);
      if (head.cie !== undefined) this.#readFde(head, head.cie);
      else if (!this.#cieAt.has(offset)) this.#requireCie(offset);
    } catch (error) {
      if (!(error instanceof FormatError) || error.code === "over-budget") throw error;
      this.#faultCount++;
      if (this.#faults.length < MOST_FAULTS) this.#faults.push(error);
      // What an entry said before its fault is not to be relied on.
      rows.length = before.rows;
      rules.length = before.rules;
    }
  }

  #readHead(offset: number): EntryHead {
    const cursor = this.#section.cursor(offset);
    const length = readLength(cursor);
    const end = cursor.offset + length.bytes;
    if (end > this.#section.bytes.length)
      throw this.#section.fail("truncated", "entry behind the section's end", offset);
    const place = cursor.offset;
    if (this.#isEh) {
      // LSB 10.6.1: 4 bytes whatever the length's form; 0 for a CIE, else the distance back from here.
      const id = cursor.u32();
      return { offset, end, body: cursor.offset, cie: id === 0 ? undefined : place - id };
    }
    const id = length.is64 ? cursor.u64() : cursor.u32();
    const isCie = id === (length.is64 ? CIE_ID_64 : CIE_ID_32);
    return { offset, end, body: cursor.offset, cie: isCie ? undefined : id };
  }

  #requireCie(offset: number): ReadCie {
    let found = this.#cieAt.get(offset);
    if (found === undefined) {
      try {
        found = this.#readCie(offset);
      } catch (error) {
        if (!(error instanceof FormatError) || error.code === "over-budget") throw error;
        found = error;
      }
      this.#cieAt.set(offset, found);
    }
    if (found instanceof FormatError) throw found;
    return found;
  }

  #readCie(offset: number): ReadCie {
    if (offset < 0) throw this.#section.fail("out-of-range", "a CIE in front of the section", 0);
    const head = this.#readHead(offset);
    if (head.cie !== undefined) throw this.#section.fail("bad-value", "an FDE stands where a CIE is named", offset);
    const cursor = this.#section.cursor(head.body, head.end);
    const version = cursor.u8();
    if (version !== 1 && version !== 3 && version !== 4)
      throw this.#section.fail("unsupported", `CIE version ${version}`, head.body);
    const augmentation = cursor.cstring();
    // gcc before 3: a pointer to its own tables.
    if (augmentation.startsWith("eh")) cursor.skip(8);
    let addressSize = 8;
    if (version >= 4) {
      addressSize = cursor.u8();
      const segmentSize = cursor.u8();
      if ((addressSize !== 8 && addressSize !== 4) || segmentSize !== 0)
        throw cursor.fail("unsupported", `addresses of ${addressSize} bytes with segments of ${segmentSize}`);
    }
    const codeAlign = cursor.uleb();
    const dataAlign = cursor.sleb();
    const returnRegister = version === 1 ? cursor.u8() : cursor.uleb();
    const said = this.#readAugmentation(cursor, augmentation);
    const cie: Cie = {
      offset,
      version,
      augmentation,
      codeAlign,
      dataAlign,
      returnRegister,
      isSignal: said.isSignal,
      hasKeyB: said.hasKeyB,
    };
    const { pointerEncoding, lsdaEncoding, hasLength } = said;
    const shape = { pointerEncoding, addressSize };
    const state = runCfiProgram(cursor, this.#context(shape, NONE), cie, initialState);
    const index = this.#cies.push(cie) - 1;
    return { cie, index, lsdaEncoding, hasLength, state, ...shape };
  }

  /** LSB 10.6.1.1.1 and gcc's unwinder: letters in order, their data in the same order. */
  #readAugmentation(cursor: ByteCursor, augmentation: string) {
    const hasLength = augmentation.startsWith("z");
    let end = cursor.offset;
    if (hasLength) {
      const length = cursor.uleb();
      end = cursor.offset + length;
      if (end > cursor.end) throw cursor.fail("truncated", `augmentation of ${length} bytes`);
    }
    let pointerEncoding = dw.DW_EH_PE_absptr;
    let lsdaEncoding = dw.DW_EH_PE_omit;
    let isSignal = false;
    let hasKeyB = false;
    letters: for (const letter of augmentation.replace(/^(z|eh)/, "")) {
      switch (letter) {
        case "R":
          pointerEncoding = cursor.u8();
          break;
        case "L":
          lsdaEncoding = cursor.u8();
          break;
        case "P": {
          const encoding = cursor.u8();
          if (encoding !== dw.DW_EH_PE_omit) readPointer(cursor, encoding, this.#section);
          break;
        }
        case "S":
          isSignal = true;
          break;
        case "B":
          hasKeyB = true;
          break;
        case "G": // AADWARF64: the frame's stack memory is tagged
          break;
        default:
          // With a length the rest can be stepped over; without one nothing behind it can be found.
          if (!hasLength) throw cursor.fail("unsupported", "an augmentation that is not known");
          break letters;
      }
    }
    if (hasLength) {
      if (cursor.offset > end) throw cursor.fail("bad-value", "augmentation data longer than said");
      cursor.offset = end;
    }
    return { hasLength, pointerEncoding, lsdaEncoding, isSignal, hasKeyB };
  }

  #readFde(head: EntryHead, cieOffset: number): void {
    const read = this.#requireCie(cieOffset);
    const cursor = this.#section.cursor(head.body, head.end);
    const { section, offset: start } = this.#readAddress(cursor, read);
    const length = this.#readRange(cursor, read);
    if (read.hasLength) cursor.skip(cursor.uleb());
    else if (read.lsdaEncoding !== dw.DW_EH_PE_omit) readPointer(cursor, read.lsdaEncoding, this.#section);
    if (length < 0) throw cursor.fail("bad-value", "a negative range of code");
    if (section === NONE) {
      this.#unplaced++;
      return;
    }
    const end = start + length;
    if (start < 0 || end > (this.#sizes[section] as number))
      throw cursor.fail("out-of-range", "code outside of its section", head.body);
    const { fdes, rows } = this.#tables;
    const rowStart = rows.length;
    runCfiProgram(cursor, this.#context(read, section), read.cie, read.state, { start, end }, read.state);
    fdes.push({ section, start, end, cie: read.index, offset: head.offset, rowStart, rowEnd: rows.length });
  }

  #context(shape: { pointerEncoding: number; addressSize: number }, section: number): CfiContext {
    return {
      machine: this.#machine,
      section: this.#section,
      tables: this.#tables,
      budget: this.#budget,
      readLocation: (cursor) => {
        const place = cursor.offset;
        const address = this.#readAddress(cursor, shape);
        if (address.section !== section) throw cursor.fail("bad-value", "a location in another section", place);
        return address.offset;
      },
    };
  }

  #readAddress(cursor: ByteCursor, { pointerEncoding, addressSize }: { pointerEncoding: number; addressSize: number }) {
    const encoding = pointerEncoding === dw.DW_EH_PE_absptr && addressSize === 4 ? dw.DW_EH_PE_udata4 : pointerEncoding;
    return readPointer(cursor, encoding, this.#section);
  }

  /** Bytes of code: in the form of the address, relative to nothing. */
  #readRange(cursor: ByteCursor, { pointerEncoding, addressSize }: ReadCie): number {
    const form = pointerEncoding & 0x0f;
    return readValue(cursor, form === dw.DW_EH_PE_absptr && addressSize === 4 ? dw.DW_EH_PE_udata4 : form);
  }
}

// DWARF 5, 7.4 and table 7.28, as numbers: the 64-bit one is not exact and nothing else comes near it.
const CIE_ID_32 = 0xffff_ffff;
const CIE_ID_64 = 2 ** 64;

/** The length of an entry, behind its own field. DWARF 5, 7.4 @throws FormatError */
function readLength(cursor: ByteCursor): { bytes: number; is64: boolean } {
  const bytes = cursor.u32();
  if (bytes === 0xffff_ffff) return { bytes: cursor.u64(), is64: true };
  if (bytes >= 0xffff_fff0) throw cursor.fail("bad-value", "reserved entry length", cursor.offset - 4);
  return { bytes, is64: false };
}
