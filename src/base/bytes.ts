import { FormatError } from "./errors.ts";

/**
 * Where bytes come from. An in-memory object and a 1 GB file opened by position look the same to the readers.
 * `read` returns exactly `length` bytes or throws FormatError("truncated").
 */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

/** A source over bytes already in memory; reads are views, not copies. */
export function bytesSource(bytes: Uint8Array, format = "file"): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new FormatError("truncated", `${length} bytes wanted, the input has ${bytes.length}`, { format, offset });
      }
      return bytes.subarray(offset, offset + length);
    },
  };
}

const utf8 = new TextDecoder("utf-8");

/** A little-endian reading position in bytes; every read is bounds-checked and throws FormatError("truncated"). */
export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;
  readonly end: number;
  readonly #format: string;
  readonly #section: string | undefined;

  constructor(bytes: Uint8Array, format: string, section?: string, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = Math.min(end, bytes.length);
    this.#format = format;
    this.#section = section;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  fail(code: ConstructorParameters<typeof FormatError>[0], message: string, offset = this.offset): FormatError {
    const place = { format: this.#format, offset };
    return new FormatError(code, message, this.#section === undefined ? place : { ...place, section: this.#section });
  }

  #take(length: number): number {
    const at = this.offset;
    if (length < 0 || at + length > this.end)
      throw this.fail("truncated", `${length} bytes wanted, ${this.end - at} left`);
    this.offset = at + length;
    return at;
  }

  skip(length: number): void {
    this.#take(length);
  }
  take(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }
  u8(): number {
    return this.view.getUint8(this.#take(1));
  }
  i8(): number {
    return this.view.getInt8(this.#take(1));
  }
  u16(): number {
    return this.view.getUint16(this.#take(2), true);
  }
  i16(): number {
    return this.view.getInt16(this.#take(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.#take(4), true);
  }
  i32(): number {
    return this.view.getInt32(this.#take(4), true);
  }
  /** An unsigned 64-bit value as a number; above 2^53 it is not exact, and no size or offset in a file is that large. */
  u64(): number {
    const at = this.#take(8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
  /** A signed 64-bit value as a number, exact within +-2^53. */
  i64(): number {
    const at = this.#take(8);
    return this.view.getUint32(at, true) + this.view.getInt32(at + 4, true) * 0x1_0000_0000;
  }
  /** DWARF 5, 7.6. At most 10 bytes; the value is exact within 2^53. */
  uleb(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.fail("bad-value", "LEB128 longer than 10 bytes");
  }
  sleb(): number {
    let value = 0;
    let inverse = 0; // of a negative value, whose sign bits would make `value` too large to be exact
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      inverse += (~byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return byte & 0x40 ? -inverse - 1 : value;
    }
    throw this.fail("bad-value", "LEB128 longer than 10 bytes");
  }
  cstring(): string {
    const start = this.offset;
    const nul = this.bytes.indexOf(0, start);
    if (nul < 0 || nul >= this.end) throw this.fail("truncated", "string without its terminating NUL");
    this.offset = nul + 1;
    return utf8.decode(this.bytes.subarray(start, nul));
  }
}

/** The NUL-terminated string at `offset` of a string table; FormatError("out-of-range") outside of it. */
export function stringAt(table: Uint8Array, offset: number, format: string, section: string): string {
  const nul = offset < table.length ? table.indexOf(0, offset) : -1;
  if (nul < 0) throw new FormatError("out-of-range", "name outside the string table", { format, section, offset });
  return utf8.decode(table.subarray(offset, nul));
}
