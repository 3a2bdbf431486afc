import { FormatError } from "../base/errors.ts";
import { NONE, type Table, TableBuilder } from "../base/table.ts";
import { STT_FUNC } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { ORC_REG_UNDEFINED, ORC_TYPE_CALL, ORC_TYPE_END_OF_STACK, ORC_TYPE_UNDEFINED } from "./constants.ts";
import {
  type BitField,
  ORC_LAYOUT_END,
  ORC_LAYOUT_RENUMBERED,
  ORC_LAYOUT_SIGNAL_END,
  ORC_LAYOUT_TYPES,
  type OrcLayout,
  orcLayoutByHeader,
} from "./layout.ts";

// The ORC tables that a kernel's object tool writes into an object: `.orc_unwind` holds rows, `.orc_unwind_ip` beside it, one word a row,
// where each begins. A row holds from there to the next row's place, as the unwinder looks them up.

const FORMAT = "ORC";
export const ORC_SECTION = ".orc_unwind";
const IP_SECTION = ".orc_unwind_ip";
const HEADER_SECTION = ".orc_header";
const ROW_SIZE = 6;
const IP_SIZE = 4;
const HEADER_SIZE = 20;

const rowSchema = {
  section: "i32",
  /** Byte of the section that the row begins at. */ offset: "u32",
  /** ORC_REG_* */ spReg: "u8",
  /** bytes */ spOffset: "i32",
  /** ORC_REG_* */ bpReg: "u8",
  /** bytes */ bpOffset: "i32",
  /** ORC_TYPE_* */ type: "u8",
  /** 1: the frame was made by an interrupt or exception */ signal: "u8",
} as const;
/** Sorted by section, then offset; one row a place. */
export type OrcTable = Table<typeof rowSchema>;
export type OrcBuilder = TableBuilder<typeof rowSchema>;

export function newOrcTable(capacity: number): OrcBuilder {
  return new TableBuilder(rowSchema, capacity);
}

/** A layout and what says that it is this object's. */
export interface ChosenLayout {
  readonly layout: OrcLayout;
  readonly why:
    | "the object's .orc_header"
    | "the tree"
    | "the rows of function entries"
    | "the object's other sections"
    | "nothing: as up to 6.19";
}

/**
 * Which layout the object's rows have: its `.orc_header` says it, else the tree that it was built from, else the rows of its functions'
 * entries, where every kernel's say CFA = SP + 8 (x86-64 psABI, figure 3.3) in its own bits.
 * @param tree layout that the tree's headers define
 * @param others layout that the object's other sections prove, where its rows do not
 * @throws FormatError "unsupported" for a header that neither this nor the tree explains, "bad-value" for one that is none
 */
export function chooseOrcLayout(object: ElfObject, tree?: OrcLayout, others?: OrcLayout): ChosenLayout {
  const header = object.findSection(HEADER_SECTION);
  if (header !== NONE) {
    const bytes = object.bytes(header);
    if (bytes.length < HEADER_SIZE || bytes.length % HEADER_SIZE !== 0)
      throw new FormatError("bad-value", `${bytes.length} bytes, a hash has ${HEADER_SIZE}`, place(HEADER_SECTION, 0));
    const hash = [...bytes.subarray(0, HEADER_SIZE)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const layout = orcLayoutByHeader.get(hash);
    if (layout !== undefined) return { layout, why: "the object's .orc_header" };
    if (tree === undefined)
      throw new FormatError(
        "unsupported",
        `hash ${hash} is not known here: name the kernel's tree`,
        place(HEADER_SECTION, 0),
      );
  }
  if (tree !== undefined) return { layout: tree, why: "the tree" };
  const proven = layoutOfEntries(object);
  if (proven !== undefined) return { layout: proven, why: "the rows of function entries" };
  if (others !== undefined) return { layout: others, why: "the object's other sections" };
  return { layout: ORC_LAYOUT_TYPES, why: "nothing: as up to 6.19" };
}

/**
 * Rows of an object, translated. Of several at one place one counts: a row with a frame before an undefined one, which only closes what was
 * linked in front (scripts/sorttable.h sorts those first), and of such the last.
 * @throws FormatError for anything that no kernel's tool writes
 */
export function readOrcRows(object: ElfObject, layout: OrcLayout): OrcTable {
  const raw = readRaw(object);
  const builder = newOrcTable(raw.count);
  for (let n = 0; n < raw.count; n++) {
    const row = raw.order === undefined ? n : (raw.order[n] as number);
    const at = row * ROW_SIZE;
    const bits = raw.view.getUint16(at + 4, true);
    const spReg = layout.registers[field(bits, layout.spReg)];
    const bpReg = layout.registers[field(bits, layout.bpReg)];
    let type = layout.types[field(bits, layout.type)];
    if (spReg === undefined || bpReg === undefined || type === undefined)
      throw new FormatError(
        "bad-value",
        `row ${row} has fields 0x${bits.toString(16)}, which no kernel ${layout.name} writes`,
        place(ORC_SECTION, at + 4),
      );
    if (layout.end !== undefined && spReg === ORC_REG_UNDEFINED)
      type = field(bits, layout.end) === 1 ? ORC_TYPE_END_OF_STACK : ORC_TYPE_UNDEFINED;
    builder.push({
      section: raw.section[row] as number,
      offset: raw.offset[row] as number,
      spReg,
      spOffset: raw.view.getInt16(at, true),
      bpReg,
      bpOffset: raw.view.getInt16(at + 2, true),
      type,
      signal: layout.signal === undefined ? (type > ORC_TYPE_CALL ? 1 : 0) : field(bits, layout.signal),
    });
    const last = builder.length - 1;
    const { columns } = builder;
    if (last === 0 || columns.section[last - 1] !== columns.section[last]) continue;
    if (columns.offset[last - 1] !== columns.offset[last]) continue;
    if (type !== ORC_TYPE_UNDEFINED || columns.type[last - 1] === ORC_TYPE_UNDEFINED)
      for (const column of Object.values(columns)) column[last - 1] = column[last] as number;
    builder.length = last;
  }
  return builder.finish();
}

function field(bits: number, { shift, width }: BitField): number {
  return (bits >>> shift) & ((1 << width) - 1);
}

function place(section: string, offset: number) {
  return { format: FORMAT, section, offset };
}

interface Raw {
  readonly count: number;
  readonly view: DataView;
  /** row -> where it begins */
  readonly section: Int32Array;
  readonly offset: Uint32Array;
  /** Rows by place; absent when they are so in the file. */
  readonly order: Uint32Array | undefined;
}

function readRaw(object: ElfObject): Raw {
  const rows = object.findSection(ORC_SECTION);
  const ips = object.findSection(IP_SECTION);
  if (rows === NONE || ips === NONE) {
    const missing = rows === NONE ? ORC_SECTION : IP_SECTION;
    throw new FormatError("bad-value", `the object has no section ${missing}`, { format: FORMAT });
  }
  const bytes = object.bytes(rows);
  const words = object.bytes(ips);
  const count = bytes.length / ROW_SIZE;
  if (!Number.isInteger(count) || words.length !== count * IP_SIZE)
    throw new FormatError(
      "bad-value",
      `${bytes.length} bytes of rows beside ${words.length} bytes of places`,
      place(ORC_SECTION, 0),
    );
  const relocs = object.relocs(ips);
  const section = new Int32Array(count).fill(NONE);
  const offset = new Uint32Array(count);
  for (let r = 0; r < relocs.length; r++) {
    const at = relocs.offset[r] as number;
    const symbol = relocs.symbol[r] as number;
    const home = object.symbols.section[symbol] as number;
    const to = (object.symbols.value[symbol] as number) + (relocs.addend[r] as number);
    if (at % IP_SIZE !== 0 || home <= 0 || to < 0 || to > (object.sections.size[home] as number))
      throw new FormatError("out-of-range", `relocation ${r} names no place in a section`, place(IP_SECTION, at));
    section[at / IP_SIZE] = home;
    offset[at / IP_SIZE] = to;
  }
  let sorted = true;
  for (let row = 0; row < count; row++) {
    if (section[row] === NONE)
      throw new FormatError(
        "bad-value",
        `row ${row} has no relocation that places it`,
        place(IP_SECTION, row * IP_SIZE),
      );
    if (row > 0 && comparePlaces(section, offset, row - 1, row) > 0) sorted = false;
  }
  const order = sorted
    ? undefined
    : Uint32Array.from({ length: count }, (_, row) => row).sort(
        (a, b) => comparePlaces(section, offset, a, b) || a - b,
      );
  return { count, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), section, offset, order };
}

function comparePlaces(section: Int32Array, offset: Uint32Array, a: number, b: number): number {
  return (section[a] as number) - (section[b] as number) || (offset[a] as number) - (offset[b] as number);
}

/** CFA = SP + 8, the frame pointer unchanged, a call: the 16 bits of that, by layout. */
const entryBits: ReadonlyMap<number, OrcLayout> = new Map([
  [0x0203, ORC_LAYOUT_RENUMBERED],
  [0x0205, ORC_LAYOUT_TYPES],
]);
/** The same bits in two layouts, which only rows of the end of a stack and of interrupt frames tell apart. */
const OLD_ENTRY_BITS = 0x0005;
const BIT_10 = 1 << 10;
const BIT_11 = 1 << 11;

/** The layout whose bits the rows of function entries have; undefined where there is none, or more than one. */
export function layoutOfEntries(object: ElfObject): OrcLayout | undefined {
  const raw = readRaw(object);
  const { symbols } = object;
  const entries = new Set<number>();
  const key = (section: number, offset: number): number => section * 0x1_0000_0000 + offset;
  for (let s = 1; s < symbols.length; s++) {
    if (symbols.type[s] === STT_FUNC && (symbols.section[s] as number) > 0)
      entries.add(key(symbols.section[s] as number, symbols.value[s] as number));
  }
  const seen = new Set<number>();
  let hasSignal = false;
  for (let row = 0; row < raw.count; row++) {
    const bits = raw.view.getUint16(row * ROW_SIZE + 4, true);
    // Up to 6.2 bit 10 is the end of a stack, which has no base, and bit 11 is no field.
    if ((bits & BIT_11) !== 0 || ((bits & BIT_10) !== 0 && (bits & 0xf) !== 0)) hasSignal = true;
    const isEntry = raw.view.getInt16(row * ROW_SIZE, true) === 8 && raw.view.getInt16(row * ROW_SIZE + 2, true) === 0;
    if (isEntry && entries.has(key(raw.section[row] as number, raw.offset[row] as number))) seen.add(bits);
  }
  const found = [...seen].flatMap((bits) =>
    bits === OLD_ENTRY_BITS ? [hasSignal ? ORC_LAYOUT_SIGNAL_END : ORC_LAYOUT_END] : (entryBits.get(bits) ?? []),
  );
  return found.length === 1 ? found[0] : undefined;
}
