import { stringAt } from "../base/bytes.ts";
import { NONE } from "../base/table.ts";
import type { ElfObject } from "../elf/object.ts";
import { type AbbrevTable, AbbrevTables } from "./abbrevs.ts";
import type { WorkBudget } from "./budget.ts";
import * as dw from "./constants.ts";
import { type CodeAddress, DebugSection, openDebugSection } from "./debug-section.ts";
import { DieReader } from "./die-reader.ts";
import type { Encoding } from "./forms.ts";

/** The sections that units refer to, opened when first needed. */
export class DebugSections {
  readonly object: ElfObject;
  readonly #byName = new Map<string, DebugSection | undefined>();

  constructor(object: ElfObject) {
    this.object = object;
  }

  find(name: string): DebugSection | undefined {
    if (!this.#byName.has(name)) this.#byName.set(name, openDebugSection(this.object, name));
    return this.#byName.get(name);
  }

  /** @throws FormatError where `user` refers to a section that the object does not have */
  require(name: string, user: DebugSection, offset: number): DebugSection {
    const section = this.find(name);
    if (section === undefined) throw user.fail("out-of-range", `refers to ${name}, which the object lacks`, offset);
    return section;
  }

  /** The string at `offset` of a string section. @throws FormatError */
  string(name: string, offset: number, user: DebugSection, place: number): string {
    return stringAt(this.require(name, user, place).bytes, offset, "DWARF", name);
  }
}

/** A compilation unit of .debug_info and what its attribute values are relative to. Source: DWARF 5, 7.5.1 and 3.1.1. */
export class Unit implements Encoding {
  readonly sections: DebugSections;
  readonly section: DebugSection;
  readonly budget: WorkBudget;
  readonly abbrevs: AbbrevTable;
  readonly version: number;
  readonly addressSize: number;
  readonly offsetSize: number;
  /** Section offset of the unit's header. */
  readonly offset: number;
  /** Section offset of its first entry. */
  readonly firstDie: number;
  /** Section offset behind its last byte. */
  readonly end: number;
  /** Offset of its table in .debug_line, or NONE. */
  lineTable = NONE;
  /** Directory of the compilation, as the compiler had it; "" without one. */
  compDir = "";
  /** DW_LANG_*, 0 without one. */
  language = 0;
  /** What range lists are relative to until they say otherwise. */
  base: CodeAddress = { section: NONE, offset: 0 };
  #strOffsetsBase = NONE;
  #addrBase = NONE;
  #rnglistsBase = NONE;

  constructor(
    sections: DebugSections,
    section: DebugSection,
    budget: WorkBudget,
    abbrevs: AbbrevTable,
    encoding: Encoding,
    place: { readonly offset: number; readonly firstDie: number; readonly end: number },
  ) {
    this.sections = sections;
    this.section = section;
    this.budget = budget;
    this.abbrevs = abbrevs;
    this.version = encoding.version;
    this.addressSize = encoding.addressSize;
    this.offsetSize = encoding.offsetSize;
    this.offset = place.offset;
    this.firstDie = place.firstDie;
    this.end = place.end;
  }

  /** Reads the unit's own entry. @throws FormatError */
  readRoot(): void {
    const die = new DieReader(this, ROOT_ATTRIBUTES);
    if (!die.next()) return;
    const has = (slot: number) => die.form[slot] !== 0;
    const value = (slot: number) => (has(slot) ? (die.value[slot] as number) : NONE);
    // The bases first: the others may be indexes that need them.
    this.#strOffsetsBase = value(STR_OFFSETS_BASE);
    this.#addrBase = value(ADDR_BASE);
    this.#rnglistsBase = value(RNGLISTS_BASE);
    this.lineTable = value(STMT_LIST);
    if (has(LANGUAGE)) this.language = value(LANGUAGE);
    if (has(COMP_DIR)) this.compDir = this.string(die, COMP_DIR) ?? "";
    if (has(LOW_PC)) this.base = this.address(die, LOW_PC) ?? this.base;
  }

  /** The wanted attribute `slot` of the entry just read as a string; undefined for a form that is none. @throws FormatError */
  string(die: DieReader, slot: number): string | undefined {
    const value = die.value[slot] as number;
    const place = die.place[slot] as number;
    switch (die.form[slot]) {
      case dw.DW_FORM_string:
        return stringAt(this.section.bytes, value, "DWARF", this.section.name);
      case dw.DW_FORM_strp:
        return this.sections.string(".debug_str", value, this.section, place);
      case dw.DW_FORM_line_strp:
        return this.sections.string(".debug_line_str", value, this.section, place);
      case dw.DW_FORM_strx:
      case dw.DW_FORM_strx1:
      case dw.DW_FORM_strx2:
      case dw.DW_FORM_strx3:
      case dw.DW_FORM_strx4: {
        const offsets = this.sections.require(".debug_str_offsets", this.section, place);
        // 7.26: without a base, the first contribution starts behind an 8- or 16-byte header.
        const base = this.#strOffsetsBase === NONE ? this.offsetSize * 2 : this.#strOffsetsBase;
        const cursor = offsets.cursor(base + value * this.offsetSize);
        return this.sections.string(".debug_str", this.readOffset(cursor), offsets, cursor.offset);
      }
    }
    return undefined;
  }

  /** The wanted attribute `slot` as a code address; undefined for a form that is none. @throws FormatError */
  address(die: DieReader, slot: number): CodeAddress | undefined {
    const value = die.value[slot] as number;
    const place = die.place[slot] as number;
    switch (die.form[slot]) {
      case dw.DW_FORM_addr:
        return { section: this.section.targetSection(place), offset: value };
      case dw.DW_FORM_addrx:
      case dw.DW_FORM_addrx1:
      case dw.DW_FORM_addrx2:
      case dw.DW_FORM_addrx3:
      case dw.DW_FORM_addrx4:
        return this.indexedAddress(value, this.section, place);
    }
    return undefined;
  }

  /** Entry `index` of the unit's part of .debug_addr (7.27), asked for by the value at `place` of `user`. @throws FormatError */
  indexedAddress(index: number, user: DebugSection, place: number): CodeAddress {
    const table = this.sections.require(".debug_addr", user, place);
    const at = (this.#addrBase === NONE ? 8 : this.#addrBase) + index * this.addressSize;
    const cursor = table.cursor(at);
    return { offset: this.readAddress(cursor), section: table.targetSection(at) };
  }

  /** Section offset in .debug_rnglists of the unit's range list `index` (7.28). @throws FormatError */
  rangeListOffset(index: number, place: number): number {
    const table = this.sections.require(".debug_rnglists", this.section, place);
    // 7.28: the offsets stand behind a header of 12 or 20 bytes, and count from themselves.
    const base = this.#rnglistsBase === NONE ? (this.offsetSize === 8 ? 20 : 12) : this.#rnglistsBase;
    return base + this.readOffset(table.cursor(base + index * this.offsetSize));
  }

  /** Section offset of the entry that a reference names; undefined where it lies outside .debug_info of this object. */
  reference(form: number, value: number): number | undefined {
    switch (form) {
      case dw.DW_FORM_ref1:
      case dw.DW_FORM_ref2:
      case dw.DW_FORM_ref4:
      case dw.DW_FORM_ref8:
      case dw.DW_FORM_ref_udata:
        return this.offset + value;
      case dw.DW_FORM_ref_addr:
        return value;
    }
    return undefined;
  }

  readAddress(cursor: { u32(): number; u64(): number }): number {
    return this.addressSize === 8 ? cursor.u64() : cursor.u32();
  }

  readOffset(cursor: { u32(): number; u64(): number }): number {
    return this.offsetSize === 8 ? cursor.u64() : cursor.u32();
  }
}

const ROOT_ATTRIBUTES = [
  dw.DW_AT_str_offsets_base,
  dw.DW_AT_addr_base,
  dw.DW_AT_rnglists_base,
  dw.DW_AT_stmt_list,
  dw.DW_AT_comp_dir,
  dw.DW_AT_low_pc,
  dw.DW_AT_language,
];
const [STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE, STMT_LIST, COMP_DIR, LOW_PC, LANGUAGE] = [
  0, 1, 2, 3, 4, 5, 6,
] as const;

/**
 * The compile and partial units of every .debug_info of the object, in file order. Type units hold no code, and
 * skeletons only name another file.
 * @throws FormatError
 */
export function readUnits(sections: DebugSections, budget: WorkBudget): Unit[] {
  const units: Unit[] = [];
  const { sectionName } = sections.object;
  let abbrevs: AbbrevTables | undefined;
  for (let index = 1; index < sectionName.length; index++) {
    if (sectionName[index] !== ".debug_info") continue;
    const section = new DebugSection(sections.object, index);
    for (let offset = 0; offset < section.bytes.length; ) {
      const cursor = section.cursor(offset);
      let length = cursor.u32();
      let offsetSize = 4;
      if (length === 0xffffffff) {
        length = cursor.u64(); // 7.4, 64-bit DWARF
        offsetSize = 8;
      } else if (length >= 0xfffffff0) throw section.fail("bad-value", "reserved unit length", offset);
      const end = cursor.offset + length;
      if (end > section.bytes.length) throw section.fail("truncated", `unit of ${length} bytes`, offset);
      const version = cursor.u16();
      if (version < 2 || version > 5) throw section.fail("unsupported", `DWARF version ${version}`, offset);
      const type = version >= 5 ? cursor.u8() : dw.DW_UT_compile;
      let addressSize = version >= 5 ? cursor.u8() : 0;
      const abbrevOffset = offsetSize === 8 ? cursor.u64() : cursor.u32();
      if (version < 5) addressSize = cursor.u8();
      if (type === dw.DW_UT_compile || type === dw.DW_UT_partial) {
        if (addressSize !== 8 && addressSize !== 4)
          throw section.fail("unsupported", `address size ${addressSize}`, offset);
        abbrevs ??= new AbbrevTables(sections.require(".debug_abbrev", section, offset), budget);
        const place = { offset, firstDie: cursor.offset, end };
        const table = abbrevs.at(abbrevOffset);
        const unit = new Unit(sections, section, budget, table, { version, addressSize, offsetSize }, place);
        unit.readRoot();
        units.push(unit);
      }
      offset = end;
    }
  }
  return units;
}
