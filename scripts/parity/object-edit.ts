import { bytesSource } from "../../src/base/bytes.ts";
import { SHT_RELA, SHT_SYMTAB } from "../../src/elf/constants.ts";
import { openContainer } from "../../src/elf/open.ts";

// Edits of an object file in place: nothing moves but the entries of the table that one is taken from.

const RELA_SIZE = 24; // gABI, Elf64_Rela: r_offset u64, r_info u64 (symbol << 32 | type), r_addend s64
const SHDR_SIZE = 64; // gABI, Elf64_Shdr; sh_size is at 32, sh_link at 40
const SYM_SIZE = 24; // gABI, Elf64_Sym: st_name u32, st_info u8, st_other u8, st_shndx u16, st_value u64, st_size u64
const R_X86_64_NONE = 0;

export interface RelocEdit {
  readonly symbol?: number;
  readonly addend?: number;
}

export interface SymbolEdit {
  readonly size?: number;
  /** STT_* */
  readonly type?: number;
  /** Written over the begin of the name, in the string table. */
  readonly namePrefix?: string;
}

export class ObjectEdit {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #container: ReturnType<typeof openContainer>;

  /** @param original is copied, not changed */
  constructor(original: Uint8Array) {
    // Not slice(): that of a Buffer shares its memory.
    this.bytes = new Uint8Array(original);
    this.#view = new DataView(this.bytes.buffer);
    this.#container = openContainer(bytesSource(this.bytes));
  }

  section(name: string): number {
    return this.#container.sectionName.indexOf(name);
  }

  sectionSize(section: number): number {
    return this.#container.sections.size[section] as number;
  }

  read(section: number, offset: number, length: number): Uint8Array {
    const at = this.#at(section) + offset;
    return this.bytes.slice(at, at + length);
  }

  write(section: number, offset: number, bytes: ArrayLike<number>): void {
    this.bytes.set(bytes, this.#at(section) + offset);
  }

  /** Writes `bytes` over `length` bytes, fills up with `filler`, and takes away the relocations in there. */
  replace(section: number, offset: number, length: number, bytes: readonly number[], filler: number): void {
    const filled = new Uint8Array(length).fill(filler);
    filled.set(bytes);
    this.write(section, offset, filled);
    for (const at of this.#relocsIn(section, offset, offset + length))
      this.#view.setUint32(at + 8, R_X86_64_NONE, true);
  }

  /** Changes the first relocation in [offset, end); false when there is none. */
  editReloc(section: number, offset: number, end: number, edit: RelocEdit): boolean {
    const at = this.#relocsIn(section, offset, end)[0];
    if (at === undefined) return false;
    if (edit.symbol !== undefined) this.#view.setUint32(at + 12, edit.symbol, true);
    if (edit.addend !== undefined) this.#view.setBigInt64(at + 16, BigInt(edit.addend), true);
    return true;
  }

  /** Takes one entry out of a table with its relocations; what is behind it moves up. Both sections become smaller. */
  removeEntry(section: number, entry: number, entrySize: number): void {
    const { sections } = this.#container;
    const size = sections.size[section] as number;
    const start = entry * entrySize;
    const at = this.#at(section);
    this.bytes.copyWithin(at + start, at + start + entrySize, at + size);
    this.#setSize(section, size - entrySize);
    for (const rela of this.#relaSections(section)) {
      const from = this.#at(rela);
      let kept = from;
      for (let row = from; row < from + (sections.size[rela] as number); row += RELA_SIZE) {
        const place = Number(this.#view.getBigUint64(row, true));
        if (place >= start && place < start + entrySize) continue;
        this.bytes.copyWithin(kept, row, row + RELA_SIZE);
        if (place >= start) this.#view.setBigUint64(kept, BigInt(place - entrySize), true);
        kept += RELA_SIZE;
      }
      this.#setSize(rela, kept - from);
    }
  }

  editSymbol(symbol: number, edit: SymbolEdit): void {
    const { sections } = this.#container;
    const table = sections.type.indexOf(SHT_SYMTAB);
    const at = this.#at(table) + symbol * SYM_SIZE;
    if (edit.size !== undefined) this.#view.setBigUint64(at + 16, BigInt(edit.size), true);
    if (edit.type !== undefined) this.bytes[at + 4] = ((this.bytes[at + 4] as number) & 0xf0) | edit.type;
    if (edit.namePrefix !== undefined) {
      const strings = this.#view.getUint32(this.#container.tableOffset + table * SHDR_SIZE + 40, true);
      this.bytes.set(new TextEncoder().encode(edit.namePrefix), this.#at(strings) + this.#view.getUint32(at, true));
    }
  }

  #at(section: number): number {
    return this.#container.sections.fileOffset[section] as number;
  }

  #setSize(section: number, size: number): void {
    this.#view.setBigUint64(this.#container.tableOffset + section * SHDR_SIZE + 32, BigInt(size), true);
  }

  #relaSections(section: number): number[] {
    const { sections } = this.#container;
    const found: number[] = [];
    for (let s = 1; s < sections.length; s++)
      if (sections.type[s] === SHT_RELA && sections.info[s] === section) found.push(s);
    return found;
  }

  /** File offsets of the relocations that patch [start, end). */
  #relocsIn(section: number, start: number, end: number): number[] {
    const found: number[] = [];
    for (const rela of this.#relaSections(section)) {
      const from = this.#at(rela);
      for (let row = from; row < from + this.sectionSize(rela); row += RELA_SIZE) {
        const place = Number(this.#view.getBigUint64(row, true));
        if (place >= start && place < end) found.push(row);
      }
    }
    return found;
  }
}
