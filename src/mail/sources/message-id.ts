// The name that a mail is stored under, read without reading the mail.

import { createHash } from "node:crypto";

/** public-inbox ends at 244 bytes; what real programs write is far below. */
const MAX_ID_LENGTH = 250;
const FIELD = Buffer.from("message-id:");
const LF = 10;

/**
 * The Message-ID without angle brackets and white space, of the first field of that name that has one. A mail without, or with one that is nothing to store
 * things under (longer than 250 characters, not printable ASCII), is called "sha256.<hex>@no-message-id" after its bytes. Time grows with the header's bytes.
 */
export function messageIdOf(raw: Uint8Array): string {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const lf = bytes.indexOf(LF, at);
    const end = lf < 0 ? bytes.length : lf;
    // The empty line behind the header.
    if (end === at || (end === at + 1 && bytes[at] === 13)) break;
    if (isField(bytes, at)) {
      const id = cleanMessageId(unfold(bytes, at + FIELD.length));
      if (id !== undefined) return id;
    }
    at = end + 1;
  }
  return `sha256.${createHash("sha256").update(raw).digest("hex")}@no-message-id`;
}

/** The id in a field's value, brackets and white space removed; undefined where it is none that can be stored. */
export function cleanMessageId(value: string): string | undefined {
  const inBrackets = /<([^<>]*)>/.exec(value)?.[1];
  const id = (inBrackets ?? value).replace(/[\s<>]/g, "");
  return id.length <= MAX_ID_LENGTH && /^[\x21-\x7e]+$/.test(id) ? id : undefined;
}

function isField(bytes: Buffer, at: number): boolean {
  for (let i = 0; i < FIELD.length; i++) {
    const byte = bytes[at + i] ?? 0;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== FIELD[i]) return false;
  }
  return true;
}

/** A field's value with its continuation lines (RFC 5322 2.2.3), as far as an id can reach. */
function unfold(bytes: Buffer, start: number): string {
  const window = bytes.subarray(start, start + 4 * MAX_ID_LENGTH).toString("latin1");
  const end = /\r?\n(?![ \t])/.exec(window)?.index ?? window.length;
  return window.slice(0, end);
}
