import type { ByteCursor } from "../base/bytes.ts";
import { NONE } from "../base/table.ts";
import * as dw from "./cfi-constants.ts";
import type { CodeAddress, DebugSection } from "./debug-section.ts";

const ADDRESS_SIZE = 8; // objects of 64-bit ELF are all that is opened

/**
 * A code address in the encoding DW_EH_PE_*. In an object the relocation at its place says what it points at, whatever it is relative to;
 * without one `section` is NONE.
 * @throws FormatError
 */
export function readPointer(cursor: ByteCursor, encoding: number, section: DebugSection): CodeAddress {
  if ((encoding & dw.DW_EH_PE_application) === dw.DW_EH_PE_aligned)
    cursor.skip((ADDRESS_SIZE - (cursor.offset % ADDRESS_SIZE)) % ADDRESS_SIZE);
  const place = cursor.offset;
  const offset = readValue(cursor, encoding);
  return section.target(place) ?? { section: NONE, offset };
}

/** The number alone: a length, or a pointer that nobody follows. @throws FormatError */
export function readValue(cursor: ByteCursor, encoding: number): number {
  switch (encoding & 0x0f) {
    case dw.DW_EH_PE_absptr:
    case dw.DW_EH_PE_udata8:
      return cursor.u64();
    case dw.DW_EH_PE_sdata8:
      return cursor.i64();
    case dw.DW_EH_PE_udata4:
      return cursor.u32();
    case dw.DW_EH_PE_sdata4:
      return cursor.i32();
    case dw.DW_EH_PE_udata2:
      return cursor.u16();
    case dw.DW_EH_PE_sdata2:
      return cursor.i16();
    case dw.DW_EH_PE_uleb128:
      return cursor.uleb();
    case dw.DW_EH_PE_sleb128:
      return cursor.sleb();
  }
  throw cursor.fail("unsupported", `pointer encoding 0x${encoding.toString(16)}`);
}
