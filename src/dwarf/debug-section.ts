import { ByteCursor } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { lowerBound, NONE } from "../base/table.ts";
import { EM_AARCH64, EM_X86_64 } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";

const FORMAT = "DWARF";

/**
 * Machine -> relocation type -> bytes it writes. Only the plain `symbol + addend` ones: nothing else carries a cross
 * reference or a code address in a debug section. The thread-local offsets of location expressions stay unpatched.
 */
const absoluteSize: ReadonlyMap<number, ReadonlyMap<number, 4 | 8>> = new Map([
  // x86-64 psABI 1.0, table 4.9: R_X86_64_64, R_X86_64_32, R_X86_64_32S
  [
    EM_X86_64,
    new Map<number, 4 | 8>([
      [1, 8],
      [10, 4],
      [11, 4],
    ]),
  ],
  // AAELF64, 5.7.3, static data relocations: R_AARCH64_ABS64, R_AARCH64_ABS32
  [
    EM_AARCH64,
    new Map<number, 4 | 8>([
      [257, 8],
      [258, 4],
    ]),
  ],
]);

/** A code address of a relocatable object. `section` is NONE where nothing says which section it lies in. */
export interface CodeAddress {
  readonly section: number;
  /** Byte offset in the section. */
  readonly offset: number;
}

/** A debug section with its relocations applied: what a linker that places every section at 0 would leave. */
export class DebugSection {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly #object: ElfObject;
  readonly #index: number;

  /** @throws FormatError */
  constructor(object: ElfObject, index: number) {
    this.name = object.sectionName[index] as string;
    this.#object = object;
    this.#index = index;
    this.bytes = relocate(object, index, this.name);
  }

  cursor(offset = 0, end = this.bytes.length): ByteCursor {
    if (offset > this.bytes.length) throw this.fail("out-of-range", "reference behind the section's end", offset);
    return new ByteCursor(this.bytes, FORMAT, this.name, offset, end);
  }

  fail(code: ConstructorParameters<typeof FormatError>[0], message: string, offset: number): FormatError {
    return new FormatError(code, message, { format: FORMAT, section: this.name, offset });
  }

  /**
   * The section that the value at byte `offset` points into: its relocation's symbol says so, the bytes do not.
   * NONE for a value without relocation and for one against an absolute or undefined symbol.
   */
  targetSection(offset: number): number {
    return this.target(offset)?.section ?? NONE;
  }

  /**
   * What the value at byte `offset` points at, by its relocation: symbol and addend, the same for an absolute value and for one that is
   * relative to its own place. undefined without relocation.
   */
  target(offset: number): CodeAddress | undefined {
    const { offset: places, symbol, addend, length } = this.#object.relocs(this.#index);
    const at = lowerBound(places, offset, 0, length);
    if (at === length || places[at] !== offset) return undefined;
    const { symbols } = this.#object;
    const section = symbols.section[symbol[at] as number] as number;
    const value = (symbols.value[symbol[at] as number] as number) + (addend[at] as number);
    return { section: section > 0 ? section : NONE, offset: value };
  }
}

/** First section of that name, relocated; undefined where the object has none. */
export function openDebugSection(object: ElfObject, name: string): DebugSection | undefined {
  const index = object.findSection(name);
  return index === NONE ? undefined : new DebugSection(object, index);
}

function relocate(object: ElfObject, index: number, section: string): Uint8Array {
  const raw = object.bytes(index);
  const relocs = object.relocs(index);
  if (relocs.length === 0) return raw;
  const sizeOf = absoluteSize.get(object.machine);
  if (sizeOf === undefined) {
    const place = { format: FORMAT, section, value: object.machine };
    throw new FormatError("unsupported", `relocations of machine ${object.machine}`, place);
  }
  const bytes = raw.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { offset: place, type, symbol, addend, length } = relocs;
  const symbolValue = object.symbols.value;
  for (let i = 0; i < length; i++) {
    const size = sizeOf.get(type[i] as number);
    if (size === undefined) continue;
    const at = place[i] as number;
    if (at + size > bytes.length) {
      throw new FormatError("out-of-range", "relocation behind the section's end", {
        format: FORMAT,
        section,
        offset: at,
      });
    }
    const value = (symbolValue[symbol[i] as number] as number) + (addend[i] as number);
    view.setUint32(at, value >>> 0, true);
    if (size === 8) view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
  }
  return bytes;
}
