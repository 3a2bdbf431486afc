import { TableBuilder } from "../../src/base/table.ts";
import { EM_X86_64, SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS } from "../../src/elf/constants.ts";
import type { ElfObject, RelocTable, SymbolTable } from "../../src/elf/object.ts";
import type { SectionTable } from "../../src/elf/open.ts";

/** A value of a hand-made section that a relocation fills: the address of `offset` in section `section`. */
export interface Reference {
  readonly section: string;
  readonly offset: number;
  /** Bytes. */
  readonly size: 4 | 8;
}

/** Bytes written in order; a Reference leaves zeros and a relocation. */
export type Part = number | readonly Part[] | Uint8Array | Reference;

export function u16(value: number): number[] {
  return [value & 255, (value >>> 8) & 255];
}
export function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16(value >>> 16)];
}
export function u64(value: number): number[] {
  return [...u32(value >>> 0), ...u32(Math.floor(value / 0x1_0000_0000))];
}
/** DWARF 5, appendix C */
export function uleb(value: number): number[] {
  const out: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) out.push((left % 128) | 128);
  return [...out, left];
}
export function sleb(value: number): number[] {
  const out: number[] = [];
  let left = value;
  for (;;) {
    const byte = left & 127;
    left >>= 7;
    if ((left === 0 && byte < 64) || (left === -1 && byte >= 64)) return [...out, byte];
    out.push(byte | 128);
  }
}
export function text(value: string): number[] {
  return [...new TextEncoder().encode(value), 0];
}
export function addressOf(section: string, offset: number): Reference {
  return { section, offset, size: 8 };
}
/** `parts` behind their length in 4 bytes, as every unit of DWARF starts. */
export function lengthPrefixed(...parts: Part[]): Part[] {
  return [u32(sizeOf(parts)), ...parts];
}

function isReference(part: Part): part is Reference {
  return typeof part === "object" && "section" in part;
}
export function sizeOf(part: Part): number {
  if (typeof part === "number") return 1;
  if (part instanceof Uint8Array) return part.length;
  if (isReference(part)) return part.size;
  return part.reduce<number>((sum, inner) => sum + sizeOf(inner), 0);
}

/** One abbreviation. */
export interface Declaration {
  readonly code: number;
  readonly tag: number;
  readonly children?: boolean;
  /** Attribute and form, and the constant of an implicit one. */
  readonly attributes: readonly (readonly [number, number, number?])[];
}

/** The content of .debug_abbrev with one table. Source: DWARF 5, 7.5.3. */
export function abbrevs(...declarations: Declaration[]): Part {
  const one = ({ code, tag, children = false, attributes }: Declaration): Part => [
    uleb(code),
    uleb(tag),
    children ? 1 : 0,
    attributes.map(([name, form, constant]) => [uleb(name), uleb(form), constant === undefined ? [] : sleb(constant)]),
    [0, 0],
  ];
  return [declarations.map(one), 0];
}

/** What the relocations of a machine are called by number: 8 and 4 bytes of symbol + addend. */
const relocTypes = new Map([
  [EM_X86_64, { 8: 1, 4: 10 }], // R_X86_64_64, R_X86_64_32
  [183, { 8: 257, 4: 258 }], // R_AARCH64_ABS64, R_AARCH64_ABS32
]);

/** An object of hand-made sections. Those whose name starts with ".text" hold code; each has a section symbol. */
export function handObject(content: Readonly<Record<string, Part>>, machine = EM_X86_64): ElfObject {
  const names = ["", ...Object.keys(content)];
  const indexOf = (name: string) => {
    const index = names.indexOf(name, 1);
    if (index < 0) throw new Error(`no hand-made section ${name}`);
    return index;
  };
  const types = relocTypes.get(machine);
  if (types === undefined) throw new Error(`no relocations for machine ${machine}`);
  const relocSchema = { offset: "f64", type: "u32", symbol: "i32", addend: "f64" } as const;
  const bodies: Uint8Array[] = [new Uint8Array(0)];
  const relocs: RelocTable[] = [new TableBuilder(relocSchema).finish()];
  for (const part of Object.values(content)) {
    const body = new Uint8Array(sizeOf(part));
    const table = new TableBuilder(relocSchema);
    let at = 0;
    const write = (piece: Part): void => {
      if (typeof piece === "number") body[at++] = piece;
      else if (piece instanceof Uint8Array) {
        body.set(piece, at);
        at += piece.length;
      } else if (isReference(piece)) {
        table.push({ offset: at, type: types[piece.size], symbol: indexOf(piece.section), addend: piece.offset });
        at += piece.size;
      } else for (const inner of piece) write(inner);
    };
    write(part);
    bodies.push(body);
    relocs.push(table.finish());
  }
  return {
    machine,
    sectionName: names,
    symbolName: names,
    ...tables(names, bodies),
    bytes,
    forget: () => {},
    part: (section, from, to) => bytes(section).subarray(from, to),
    relocs: relocsOf,
    findSection,
  };

  function bytes(section: number): Uint8Array {
    return bodies[section] as Uint8Array;
  }
  function relocsOf(section: number): RelocTable {
    return relocs[section] as RelocTable;
  }
  function findSection(name: string): number {
    return names.indexOf(name, 1);
  }
}

/** Symbol i is the section symbol of section i. */
function tables(
  names: readonly string[],
  bodies: readonly Uint8Array[],
): { sections: SectionTable; symbols: SymbolTable } {
  const sections = new TableBuilder({
    type: "u32",
    flags: "u32",
    fileOffset: "f64",
    size: "f64",
    link: "u32",
    info: "u32",
    align: "f64",
    entrySize: "f64",
  } as const);
  const symbols = new TableBuilder({
    value: "f64",
    size: "f64",
    binding: "u8",
    type: "u8",
    section: "i32",
  } as const);
  for (const [i, name] of names.entries()) {
    const flags = name.startsWith(".text") ? SHF_ALLOC | SHF_EXECINSTR : 0;
    const size = (bodies[i] as Uint8Array).length;
    sections.push({ type: SHT_PROGBITS, flags, fileOffset: 0, size, link: 0, info: 0, align: 1, entrySize: 0 });
    symbols.push({ value: 0, size: 0, binding: 0, type: 3, section: i === 0 ? -1 : i });
  }
  return { sections: sections.finish(), symbols: symbols.finish() };
}
