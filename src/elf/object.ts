import { ByteCursor, type ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { NONE, type Table, TableBuilder } from "../base/table.ts";
import {
  ET_DYN,
  ET_EXEC,
  ET_REL,
  SHF_COMPRESSED,
  SHN_ABS,
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STT_SECTION,
} from "./constants.ts";
import { openContainer, type SectionTable } from "./open.ts";
import { StringTable } from "./string-table.ts";

const FORMAT = "ELF";
const SHDR_SIZE = 64; // gABI, Elf64_Shdr
const SYM_SIZE = 24; // gABI, Elf64_Sym
const RELA_SIZE = 24; // gABI, Elf64_Rela

const symbolSchema = {
  /** st_value: offset in the section for a defined symbol of an object */ value: "f64",
  /** st_size in bytes */ size: "f64",
  /** st_info >> 4 */ binding: "u8",
  /** st_info & 15 */ type: "u8",
  /** -> section; NONE when undefined, SECTION_ABSOLUTE, SECTION_COMMON otherwise */ section: "i32",
} as const;
/** Sorted by symbol index as in the file; row 0 is the null symbol. */
export type SymbolTable = Table<typeof symbolSchema>;
export const SECTION_ABSOLUTE = -2;
export const SECTION_COMMON = -3;

const relocSchema = {
  /** byte offset in the section that is patched */ offset: "f64",
  /** machine-specific type */ type: "u32",
  /** -> symbol */ symbol: "i32",
  addend: "f64",
} as const;
/** Sorted by offset (stable, so pairs at one offset keep their order). */
export type RelocTable = Table<typeof relocSchema>;

/** A relocatable object. Section bodies and relocations are read when asked for and kept. */
export interface ElfObject {
  readonly machine: number;
  readonly sections: SectionTable;
  readonly sectionName: readonly string[];
  readonly symbols: SymbolTable;
  /** symbol -> name; a section symbol has its section's name. */
  readonly symbolName: readonly string[];
  /** First section of that name, or NONE. */
  findSection(name: string): number;
  /** Body of a section; empty for NOBITS. */
  bytes(section: number): Uint8Array;
  /** Lets go of a body that is not needed for now; it is read again when it is asked for. Nobody may hold it any more. */
  forget(section: number): void;
  /** Bytes [from, to) of a body, as far as it has them; of one that is not held, those alone are read. */
  part(section: number, from: number, to: number): Uint8Array;
  /** Relocations that patch this section; an empty table without any. */
  relocs(section: number): RelocTable;
}

/**
 * Opens a relocatable object of 64-bit little-endian ELF.
 * @throws FormatError; also for an executable or shared object ("unsupported")
 */
export function openObject(source: ByteSource): ElfObject {
  const container = openContainer(source);
  const { sections, sectionName, machine, tableOffset } = container;
  /** File offset of a field of a section's header: 40 is sh_link, 44 sh_info, 56 sh_entsize. */
  const fieldAt = (section: number, field: number): number => tableOffset + section * SHDR_SIZE + field;
  if (container.type !== ET_REL) {
    const what = container.type === ET_EXEC || container.type === ET_DYN ? "a linked program or library, " : "";
    throw new FormatError("unsupported", `${what}not a relocatable object (.o)`, { format: FORMAT, offset: 16 });
  }
  const sectionByName = new Map<string, number>();
  for (let i = sectionName.length - 1; i > 0; i--) sectionByName.set(sectionName[i] as string, i);
  const body = new Map<number, Uint8Array>();
  const bytes = (section: number): Uint8Array => {
    let found = body.get(section);
    if (found !== undefined) return found;
    const type = sections.type[section];
    if (type === undefined)
      throw new FormatError("out-of-range", `no section ${section}`, { format: FORMAT, offset: tableOffset });
    if (((sections.flags[section] as number) & SHF_COMPRESSED) !== 0) {
      throw new FormatError("unsupported", "compressed section", {
        format: FORMAT,
        section: sectionName[section] as string,
        offset: 0,
      });
    }
    found =
      type === SHT_NOBITS
        ? new Uint8Array(0)
        : source.read(sections.fileOffset[section] as number, sections.size[section] as number);
    body.set(section, found);
    return found;
  };
  const forget = (section: number): void => {
    body.delete(section);
  };
  const part = (section: number, from: number, to: number): Uint8Array => {
    const held = body.get(section);
    if (held !== undefined) return held.subarray(from, to);
    // Whatever is wrong with a section, bytes() says.
    if (section >= sections.length || sections.type[section] === SHT_NOBITS) return bytes(section).subarray(from, to);
    if (((sections.flags[section] as number) & SHF_COMPRESSED) !== 0) return bytes(section);
    const end = Math.min(to, sections.size[section] as number);
    return source.read((sections.fileOffset[section] as number) + from, Math.max(0, end - from));
  };
  const { symbols, symbolName } = readSymbols(sections, sectionName, bytes, fieldAt);
  // The tables say it all in fewer bytes.
  for (let s = 1; s < sections.length; s++) if (sections.type[s] === SHT_SYMTAB) forgetSymbols(sections, s, forget);
  const relocSections = new Map<number, number[]>();
  for (let i = 1; i < sections.length; i++) {
    const type = sections.type[i];
    if (type !== SHT_RELA && type !== SHT_REL) continue;
    const patched = sections.info[i] as number;
    if (patched >= sections.length) {
      throw new FormatError("out-of-range", `${sectionName[i]} patches section ${patched} of ${sections.length}`, {
        format: FORMAT,
        offset: fieldAt(i, 44),
      });
    }
    requireEntrySize(sections, i, RELA_SIZE, fieldAt);
    const list = relocSections.get(patched);
    if (list === undefined) relocSections.set(patched, [i]);
    else list.push(i);
  }
  const relocTables: (RelocTable | undefined)[] = new Array(sections.length).fill(undefined);
  return {
    machine,
    sections,
    sectionName,
    symbols,
    symbolName,
    findSection: (name) => sectionByName.get(name) ?? NONE,
    bytes,
    forget,
    part,
    relocs(section) {
      let table = relocTables[section];
      if (table === undefined) {
        const from = relocSections.get(section) ?? [];
        table = readRelocs(from, section, sections, sectionName, symbols.length, bytes);
        relocTables[section] = table;
        for (const raw of from) forget(raw);
      }
      return table;
    },
  };
}

type FieldAt = (section: number, field: number) => number;

function forgetSymbols(sections: SectionTable, table: number, forget: (section: number) => void): void {
  forget(table);
  forget(sections.link[table] as number);
}

function requireEntrySize(sections: SectionTable, section: number, wanted: number, fieldAt: FieldAt): void {
  const size = sections.size[section] as number;
  const entrySize = sections.entrySize[section] as number;
  if (sections.type[section] === SHT_REL) return; // refused when it is read
  if (entrySize !== wanted || size % wanted !== 0) {
    throw new FormatError("bad-value", `entries of ${entrySize} bytes in ${size}, wanted ${wanted} each`, {
      format: FORMAT,
      offset: fieldAt(section, 56),
      value: entrySize,
    });
  }
}

function readSymbols(
  sections: SectionTable,
  sectionName: readonly string[],
  bytes: (section: number) => Uint8Array,
  fieldAt: FieldAt,
) {
  const builder = new TableBuilder(symbolSchema, 256);
  const symbolName: string[] = [];
  const table = sections.type.indexOf(SHT_SYMTAB);
  if (table < 0) return { symbols: builder.finish(), symbolName };
  const section = sectionName[table] as string;
  requireEntrySize(sections, table, SYM_SIZE, fieldAt);
  const raw = bytes(table);
  const link = sections.link[table] as number;
  if (sections.type[link] !== SHT_STRTAB)
    throw new FormatError("out-of-range", `${section} has no string table`, {
      format: FORMAT,
      offset: fieldAt(table, 40),
    });
  const strings = new StringTable(bytes(link), FORMAT, sectionName[link] as string, raw.length / SYM_SIZE);
  const extended = sections.type.indexOf(SHT_SYMTAB_SHNDX);
  const extendedIndex = extended < 0 ? undefined : new ByteCursor(bytes(extended), FORMAT, sectionName[extended]);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const wide = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  const count = raw.length / SYM_SIZE;
  builder.reserve(count);
  // A linked kernel has 400,000: a row at a time costs too much.
  const { columns } = builder;
  builder.length = count;
  for (let i = 0; i < count; i++) {
    const at = i * SYM_SIZE;
    const nameOffset = view.getUint32(at, true);
    const info = raw[at + 4] as number;
    let index = view.getUint16(at + 6, true);
    const value = wide(at + 8);
    const size = wide(at + 16);
    let home: number;
    if (index === SHN_XINDEX) {
      if (extendedIndex === undefined) {
        throw new FormatError("bad-value", `symbol ${i} wants a table of extended section indexes`, {
          format: FORMAT,
          section,
          offset: at,
        });
      }
      extendedIndex.offset = i * 4;
      index = extendedIndex.u32();
      home = index;
    } else if (index === SHN_ABS) home = SECTION_ABSOLUTE;
    else if (index === SHN_COMMON) home = SECTION_COMMON;
    else if (index >= SHN_LORESERVE) home = SECTION_ABSOLUTE;
    else home = index === 0 ? NONE : index;
    if (home >= sections.length) {
      throw new FormatError("out-of-range", `symbol ${i} lies in section ${home} of ${sections.length}`, {
        format: FORMAT,
        section,
        offset: at,
      });
    }
    const type = info & 15;
    columns.value[i] = value;
    columns.size[i] = size;
    columns.binding[i] = info >> 4;
    columns.type[i] = type;
    columns.section[i] = home;
    symbolName.push(type === STT_SECTION && home > 0 ? (sectionName[home] as string) : strings.at(nameOffset));
  }
  return { symbols: builder.finish(), symbolName };
}

/** The 32-bit words of whole ones, in the order of the machines that this runs on, which is that of the objects. */
function wordsOf(raw: Uint8Array): Uint32Array {
  const aligned = raw.byteOffset % 4 === 0 ? raw : raw.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
}

function readRelocs(
  from: readonly number[],
  patched: number,
  sections: SectionTable,
  sectionName: readonly string[],
  symbolCount: number,
  bytes: (section: number) => Uint8Array,
): RelocTable {
  const builder = new TableBuilder(relocSchema, 64);
  // A section without bytes in the file has nothing to patch.
  const limit = sections.type[patched] === SHT_NOBITS ? 0 : (sections.size[patched] as number);
  let sorted = true;
  let last = -1;
  for (const index of from) {
    const section = sectionName[index] as string;
    if (sections.type[index] === SHT_REL)
      throw new FormatError("unsupported", "relocations without addend", { format: FORMAT, section, offset: 0 });
    const raw = bytes(index);
    const words = wordsOf(raw);
    const count = raw.length / RELA_SIZE;
    builder.reserve(count);
    const first = builder.length;
    const { columns } = builder;
    for (let i = 0; i < count; i++) {
      const at = i * RELA_SIZE;
      const word = at >> 2;
      const offset = (words[word] as number) + (words[word + 1] as number) * 0x1_0000_0000;
      const symbol = words[word + 3] as number;
      if (offset >= limit || symbol >= symbolCount) {
        const what =
          offset >= limit
            ? `patches 0x${offset.toString(16)}, behind the section's end`
            : `names symbol ${symbol} of ${symbolCount}`;
        throw new FormatError("out-of-range", `relocation ${i} ${what}`, { format: FORMAT, section, offset: at });
      }
      if (offset < last) sorted = false;
      last = offset;
      const addend = (words[word + 4] as number) + ((words[word + 5] as number) | 0) * 0x1_0000_0000;
      const row = first + i;
      columns.offset[row] = offset;
      columns.type[row] = words[word + 2] as number;
      columns.symbol[row] = symbol;
      columns.addend[row] = addend;
    }
    builder.length = first + count;
  }
  const table = builder.finish();
  if (sorted) return table;
  const order = Array.from({ length: table.length }, (_, i) => i);
  order.sort((a, b) => (table.offset[a] as number) - (table.offset[b] as number) || a - b);
  const out = new TableBuilder(relocSchema, table.length);
  for (const i of order) {
    out.push({
      offset: table.offset[i] as number,
      type: table.type[i] as number,
      symbol: table.symbol[i] as number,
      addend: table.addend[i] as number,
    });
  }
  return out.finish();
}
