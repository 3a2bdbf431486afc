import { Buffer } from "node:buffer";
import elfy from "elfy";
import { ByteCursor, type ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { type Table, TableBuilder } from "../base/table.ts";
import { SHN_LORESERVE, SHN_XINDEX, SHT_NOBITS, SHT_NULL, SHT_STRTAB } from "./constants.ts";
import { StringTable } from "./string-table.ts";

const FORMAT = "ELF";
const EHDR_SIZE = 64; // gABI, Elf64_Ehdr
const SHDR_SIZE = 64; // gABI, Elf64_Shdr
/** elfy takes the section count from a 16-bit field, so a longer table is given to it in parts. */
const SECTIONS_PER_PART = 0x8000;
/** A file with more sections than this is not an object that a compiler made. */
const MAX_SECTIONS = 1_000_000;

const sectionSchema = {
  /** sh_type */ type: "u32",
  /** sh_flags, low 32 bits; the high half holds only processor and OS bits that nothing here reads */ flags: "u32",
  /** sh_offset, bytes from the start of the file */ fileOffset: "f64",
  /** sh_size in bytes */ size: "f64",
  /** sh_link -> section */ link: "u32",
  /** sh_info -> section or symbol */ info: "u32",
  /** sh_addralign in bytes */ align: "f64",
  /** sh_entsize in bytes, 0 where entries have no fixed size */ entrySize: "f64",
} as const;
/** Sorted by section index; row 0 is the null section. */
export type SectionTable = Table<typeof sectionSchema>;

export interface Container {
  readonly source: ByteSource;
  /** e_type, ET_REL for an object. */
  readonly type: number;
  /** e_machine */
  readonly machine: number;
  /** e_shoff: file offset of the section table, for messages about its fields. */
  readonly tableOffset: number;
  readonly sections: SectionTable;
  /** section -> name */
  readonly sectionName: readonly string[];
}

/**
 * Reads the ELF header, the section table and the section names of a 64-bit little-endian file.
 *
 * elfy parses them; it is handed a compact image of just those bytes, so a 1 GB file costs what its table costs.
 * Two of its fields are read here instead: elfy 1.0.0 reads 64-bit sh_addralign and sh_entsize two bytes early.
 * @throws FormatError truncated, bad-magic, bad-value, unsupported
 */
export function openContainer(source: ByteSource): Container {
  const other = otherFormat(source);
  if (other !== undefined)
    throw new FormatError("bad-magic", `not an ELF file, but ${other}`, { format: FORMAT, offset: 0 });
  if (source.size < EHDR_SIZE)
    throw new FormatError("truncated", `${source.size} bytes are no ELF file`, { format: FORMAT, offset: source.size });
  const header = source.read(0, EHDR_SIZE);
  const cursor = new ByteCursor(header, FORMAT);
  if (cursor.u32() !== 0x464c457f) throw new FormatError("bad-magic", "not an ELF file", { format: FORMAT, offset: 0 });
  if (cursor.u8() !== 2) throw new FormatError("unsupported", "not a 64-bit file", { format: FORMAT, offset: 4 });
  if (cursor.u8() !== 1) throw new FormatError("unsupported", "not little-endian", { format: FORMAT, offset: 5 });
  cursor.offset = 16;
  const type = cursor.u16();
  const machine = cursor.u16();
  cursor.offset = 40;
  const tableOffset = cursor.u64();
  cursor.offset = 58;
  const entrySize = cursor.u16();
  let count = cursor.u16();
  let nameSection = cursor.u16();
  if (tableOffset === 0) throw new FormatError("unsupported", "no section table", { format: FORMAT, offset: 40 });
  if (entrySize !== SHDR_SIZE) {
    throw new FormatError("bad-value", `section header size ${entrySize}, not ${SHDR_SIZE}`, {
      format: FORMAT,
      offset: 58,
    });
  }
  // gABI, "Sections": counts that do not fit in 16 bits stand in section 0.
  const first = new ByteCursor(source.read(tableOffset, SHDR_SIZE), FORMAT, "section 0");
  if (count === 0) {
    first.offset = 32;
    count = first.u64();
  }
  if (nameSection === SHN_XINDEX) {
    first.offset = 40;
    nameSection = first.u32();
  } else if (nameSection >= SHN_LORESERVE) nameSection = count;
  if (count > MAX_SECTIONS) throw new FormatError("bad-value", `${count} sections`, { format: FORMAT, offset: 60 });
  const table = source.read(tableOffset, count * SHDR_SIZE);
  if (nameSection >= count)
    throw new FormatError("out-of-range", "no section name table", { format: FORMAT, offset: 62 });
  return { source, type, machine, tableOffset, ...readSections(source, header, table, tableOffset, nameSection) };
}

// What a kernel's build folder has beside objects. ar(5); the thin form is GNU's. LLVM "Bitcode File Format", "Magic Numbers" and "Wrapper Format".
const otherMagic: readonly [magic: number, format: string][] = [
  [0x72613c21, "an archive: name the objects in it"], // "!<ar"
  [0x6874_3c21, "an archive: name the objects in it"], // "!<th"
  [0xdec0_4342, "LLVM bitcode: with link-time optimisation the code is made at the link"], // "BC"
  [0x0b17_c0de, "LLVM bitcode: with link-time optimisation the code is made at the link"],
  [0xfeed_facf, "Mach-O: an object of another system"], // <mach-o/loader.h>, MH_MAGIC_64
];
/** "MZ": PE, "MS-DOS Stub". Kernel images with an EFI stub begin with it too. */
const MZ = 0x5a4d;

function otherFormat(source: ByteSource): string | undefined {
  if (source.size < 4) return undefined;
  const magic = new ByteCursor(source.read(0, 4), FORMAT).u32();
  if ((magic & 0xffff) === MZ) return "PE: a kernel image, or a program of another system";
  return otherMagic.find(([each]) => each === magic)?.[1];
}

function readSections(
  source: ByteSource,
  header: Uint8Array,
  table: Uint8Array,
  tableOffset: number,
  nameSection: number,
) {
  const count = table.length / SHDR_SIZE;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const namesOffset = u64(view, nameSection * SHDR_SIZE + 24);
  const namesSize = u64(view, nameSection * SHDR_SIZE + 32);
  if (view.getUint32(nameSection * SHDR_SIZE + 4, true) !== SHT_STRTAB) {
    throw new FormatError("bad-value", "the section name table is not a string table", { format: FORMAT, offset: 62 });
  }
  const names = source.read(namesOffset, namesSize);
  // elfy gives an empty or unterminated name for an offset outside the table; these reads fail instead, and bound its work.
  const checkedNames = new StringTable(names, FORMAT, "section names");
  for (let i = 0; i < count; i++) checkedNames.at(view.getUint32(i * SHDR_SIZE, true));
  const builder = new TableBuilder(sectionSchema, count);
  const sectionName: string[] = [];
  let bytesUsed = 0;
  for (let from = 0; from < count; from += SECTIONS_PER_PART) {
    const to = Math.min(count, from + SECTIONS_PER_PART);
    const part = parsePart(
      header,
      table.subarray(from * SHDR_SIZE, to * SHDR_SIZE),
      nameSection,
      table,
      names,
      tableOffset,
    );
    for (let i = from; i < to; i++) {
      const parsed = part[i - from] as { name: string; off: number; size: number; link: number; info: number };
      const at = i * SHDR_SIZE;
      const row = {
        type: view.getUint32(at + 4, true),
        flags: view.getUint32(at + 8, true),
        fileOffset: u64(view, at + 24),
        size: u64(view, at + 32),
        link: parsed.link,
        info: parsed.info,
        align: u64(view, at + 48),
        entrySize: u64(view, at + 56),
      };
      // gABI figure 4-9: the other members of an inactive header are undefined, so what they claim is not passed on.
      if (row.type === SHT_NULL) Object.assign(row, { flags: 0, fileOffset: 0, size: 0, align: 0, entrySize: 0 });
      if (row.type !== SHT_NOBITS && row.fileOffset + row.size > source.size) {
        throw new FormatError("truncated", `section ${i} ends behind the end of the file`, {
          format: FORMAT,
          section: parsed.name,
          offset: row.fileOffset,
        });
      }
      if (row.type !== SHT_NOBITS) bytesUsed += row.size;
      builder.push(row);
      sectionName.push(parsed.name);
    }
  }
  // gABI, "Sections": no byte resides in more than one section. So reading all of them costs no more than the file.
  if (bytesUsed > source.size)
    throw new FormatError("bad-value", "sections overlap", { format: FORMAT, offset: tableOffset, value: bytesUsed });
  return { sections: builder.finish(), sectionName };
}

/** One elfy call over [header][these section headers][the name table's header][the names]. */
function parsePart(
  header: Uint8Array,
  part: Uint8Array,
  nameSection: number,
  table: Uint8Array,
  names: Uint8Array,
  tableOffset: number,
) {
  const tableSize = part.length + SHDR_SIZE;
  const image = Buffer.alloc(EHDR_SIZE + tableSize + names.length);
  image.set(header, 0);
  image.set(part, EHDR_SIZE);
  image.set(table.subarray(nameSection * SHDR_SIZE, (nameSection + 1) * SHDR_SIZE), EHDR_SIZE + part.length);
  image.set(names, EHDR_SIZE + tableSize);
  image.writeBigUInt64LE(0n, 32); // e_phoff: program headers are none of our business
  image.writeBigUInt64LE(BigInt(EHDR_SIZE), 40);
  image.writeUInt16LE(0, 56);
  image.writeUInt16LE(tableSize / SHDR_SIZE, 60);
  image.writeUInt16LE(part.length / SHDR_SIZE, 62);
  image.writeBigUInt64LE(BigInt(EHDR_SIZE + tableSize), EHDR_SIZE + part.length + 24);
  try {
    return elfy.parse(image).body.sections;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new FormatError("bad-value", `unreadable section table: ${why}`, { format: FORMAT, offset: tableOffset });
  }
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}
