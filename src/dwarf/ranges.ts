import { NONE } from "../base/table.ts";
import * as dw from "./constants.ts";
import type { CodeAddress, DebugSection } from "./debug-section.ts";
import type { DieReader } from "./die-reader.ts";
import type { Unit } from "./units.ts";

/** Takes one half-open range of code. `section` is an ELF section, never NONE; `start` < `end`, both byte offsets in it. */
export type RangeSink = (section: number, start: number, end: number) => void;

/** Which slots of a reader hold the attributes that say what code an entry covers. */
export interface RangeSlots {
  readonly lowPc: number;
  readonly highPc: number;
  readonly ranges: number;
}

/**
 * Gives `sink` the code that the entry just read covers (DWARF 5, 2.17). Empty ranges and ranges of no section (the
 * linker or `ld -r` dropped it) are left out.
 * @throws FormatError
 */
export function readCodeRanges(unit: Unit, die: DieReader, slots: RangeSlots, sink: RangeSink): void {
  const place = die.place[slots.ranges] as number;
  const value = die.value[slots.ranges] as number;
  switch (die.form[slots.ranges]) {
    case 0: {
      const low = unit.address(die, slots.lowPc);
      if (low === undefined) return;
      const high = unit.address(die, slots.highPc);
      // A high_pc that is no address is a length; without one, the entry is a single place and covers nothing.
      const length = die.form[slots.highPc] === 0 ? 0 : (die.value[slots.highPc] as number);
      emit(sink, low, high === undefined ? low.offset + length : high.offset);
      return;
    }
    case dw.DW_FORM_rnglistx:
      readRangeList(unit, unit.rangeListOffset(value, place), place, sink);
      return;
    default:
      if (unit.version >= 5) readRangeList(unit, value, place, sink);
      else readOldRangeList(unit, value, place, sink);
  }
}

function emit(sink: RangeSink, start: CodeAddress, end: number): void {
  if (start.section !== NONE && start.offset < end) sink(start.section, start.offset, end);
}

/** .debug_rnglists. Source: DWARF 5, 2.17.3 and 7.25. */
function readRangeList(unit: Unit, offset: number, user: number, sink: RangeSink): void {
  const section = unit.sections.require(".debug_rnglists", unit.section, user);
  const cursor = section.cursor(offset);
  const address = (): CodeAddress => {
    const at = cursor.offset;
    return { offset: unit.readAddress(cursor), section: section.targetSection(at) };
  };
  const indexed = (): CodeAddress => unit.indexedAddress(cursor.uleb(), section, cursor.offset);
  let base = unit.base;
  for (;;) {
    const at = cursor.offset;
    unit.budget.spend(1, section.name, at);
    const kind = cursor.u8();
    switch (kind) {
      case dw.DW_RLE_end_of_list:
        return;
      case dw.DW_RLE_base_addressx:
        base = indexed();
        break;
      case dw.DW_RLE_startx_endx: {
        const start = indexed();
        emit(sink, start, indexed().offset);
        break;
      }
      case dw.DW_RLE_startx_length: {
        const start = indexed();
        emit(sink, start, start.offset + cursor.uleb());
        break;
      }
      case dw.DW_RLE_offset_pair: {
        const start = { section: base.section, offset: base.offset + cursor.uleb() };
        emit(sink, start, base.offset + cursor.uleb());
        break;
      }
      case dw.DW_RLE_base_address:
        base = address();
        break;
      case dw.DW_RLE_start_end: {
        const start = address();
        emit(sink, start, address().offset);
        break;
      }
      case dw.DW_RLE_start_length: {
        const start = address();
        emit(sink, start, start.offset + cursor.uleb());
        break;
      }
      default:
        throw section.fail("bad-value", `range list entry of kind ${kind}`, at);
    }
  }
}

/**
 * .debug_ranges. Source: DWARF 4, 2.17.3. Each entry is two addresses, relative to the base. In an object a relocated
 * pair is complete by itself, and a pair of zeros ends the list only where no relocation makes it an address.
 */
function readOldRangeList(unit: Unit, offset: number, user: number, sink: RangeSink): void {
  const section = unit.sections.require(".debug_ranges", unit.section, user);
  const cursor = section.cursor(offset);
  let base = unit.base;
  for (;;) {
    const at = cursor.offset;
    unit.budget.spend(1, section.name, at);
    const baseMark = isAllOnes(section, at, unit.addressSize);
    const start = unit.readAddress(cursor);
    const endAt = cursor.offset;
    const end = unit.readAddress(cursor);
    if (baseMark) {
      base = { section: section.targetSection(endAt), offset: end };
      continue;
    }
    const home = section.targetSection(at);
    if (home !== NONE) emit(sink, { section: home, offset: start }, end);
    else if (start === 0 && end === 0) return;
    else emit(sink, { section: base.section, offset: base.offset + start }, base.offset + end);
  }
}

/** The largest address marks a base entry; it is compared as bytes, as a number cannot hold it. */
function isAllOnes(section: DebugSection, at: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (section.bytes[at + i] !== 0xff) return false;
  return true;
}
