import type { ByteCursor } from "../base/bytes.ts";
import * as dw from "./constants.ts";

/** What the size of a form depends on. */
export interface Encoding {
  readonly version: number;
  /** Bytes of an address: 4 or 8. */
  readonly addressSize: number;
  /** Bytes of a section offset: 4 in 32-bit DWARF, 8 in 64-bit DWARF. */
  readonly offsetSize: number;
}

/** Bytes of a value of this form where that depends on the encoding alone; -1 where it stands in the value itself. */
export function fixedFormSize(form: number, encoding: Encoding): number {
  switch (form) {
    case dw.DW_FORM_flag_present:
    case dw.DW_FORM_implicit_const:
      return 0;
    case dw.DW_FORM_data1:
    case dw.DW_FORM_flag:
    case dw.DW_FORM_ref1:
    case dw.DW_FORM_strx1:
    case dw.DW_FORM_addrx1:
      return 1;
    case dw.DW_FORM_data2:
    case dw.DW_FORM_ref2:
    case dw.DW_FORM_strx2:
    case dw.DW_FORM_addrx2:
      return 2;
    case dw.DW_FORM_strx3:
    case dw.DW_FORM_addrx3:
      return 3;
    case dw.DW_FORM_data4:
    case dw.DW_FORM_ref4:
    case dw.DW_FORM_ref_sup4:
    case dw.DW_FORM_strx4:
    case dw.DW_FORM_addrx4:
      return 4;
    case dw.DW_FORM_data8:
    case dw.DW_FORM_ref8:
    case dw.DW_FORM_ref_sup8:
    case dw.DW_FORM_ref_sig8:
      return 8;
    case dw.DW_FORM_data16:
      return 16;
    case dw.DW_FORM_addr:
      return encoding.addressSize;
    case dw.DW_FORM_strp:
    case dw.DW_FORM_line_strp:
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_sec_offset:
    case dw.DW_FORM_GNU_ref_alt:
    case dw.DW_FORM_GNU_strp_alt:
      return encoding.offsetSize;
    case dw.DW_FORM_ref_addr:
      return encoding.version <= 2 ? encoding.addressSize : encoding.offsetSize; // DWARF 2, 7.5.4 has an address here
    default:
      return -1;
  }
}

/**
 * Reads one value and leaves the cursor behind it.
 * @returns the number for constants, flags, references, indexes and offsets; for in-line strings the section offset of
 *   the first character; for blocks, expressions and 16-byte data the section offset of the first byte.
 *   DW_FORM_implicit_const and DW_FORM_indirect are the caller's: their value is not here.
 * @throws FormatError truncated, unsupported
 */
export function readForm(cursor: ByteCursor, form: number, encoding: Encoding): number {
  switch (form) {
    case dw.DW_FORM_string:
      return skipString(cursor);
    case dw.DW_FORM_sdata:
      return cursor.sleb();
    case dw.DW_FORM_udata:
    case dw.DW_FORM_ref_udata:
    case dw.DW_FORM_strx:
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_loclistx:
    case dw.DW_FORM_rnglistx:
    case dw.DW_FORM_GNU_addr_index:
    case dw.DW_FORM_GNU_str_index:
      return cursor.uleb();
    case dw.DW_FORM_block1:
      return skipBlock(cursor, cursor.u8());
    case dw.DW_FORM_block2:
      return skipBlock(cursor, cursor.u16());
    case dw.DW_FORM_block4:
      return skipBlock(cursor, cursor.u32());
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      return skipBlock(cursor, cursor.uleb());
    case dw.DW_FORM_flag_present:
      return 1;
  }
  const size = fixedFormSize(form, encoding);
  switch (size) {
    case 1:
      return cursor.u8();
    case 2:
      return cursor.u16();
    case 3:
      return cursor.u16() + cursor.u8() * 0x1_0000;
    case 4:
      return cursor.u32();
    case 8:
      return cursor.u64();
    case 16:
      return skipBlock(cursor, 16);
  }
  throw cursor.fail("unsupported", `attribute form 0x${form.toString(16)}`);
}

function skipBlock(cursor: ByteCursor, length: number): number {
  const at = cursor.offset;
  cursor.skip(length);
  return at;
}

function skipString(cursor: ByteCursor): number {
  const at = cursor.offset;
  const nul = cursor.bytes.indexOf(0, at);
  if (nul < 0 || nul >= cursor.end) throw cursor.fail("truncated", "string without its terminating NUL");
  cursor.offset = nul + 1;
  return at;
}
