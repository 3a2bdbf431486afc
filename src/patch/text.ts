// Small text helpers that the mail side and the diff side share.

const LF = 10;
const CR = 13;

/**
 * Lines end in LF, as git wants them. A text whose first line ends in CRLF came over a CRLF transport (SMTP, IMAP), so one CR is
 * taken off every line; otherwise a CR is content (a patch to a file with CRLF line ends) and stays. The input is
 * returned as it is where nothing changes.
 */
export function toLfLines(bytes: Uint8Array): Uint8Array {
  const firstLf = bytes.indexOf(LF);
  const transportIsCrlf = firstLf > 0 && bytes[firstLf - 1] === CR;
  if (!transportIsCrlf) return bytes;
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    // A CR at the very end belongs to a line whose LF was cut off.
    if (byte === CR && (i + 1 === bytes.length || bytes[i + 1] === LF)) continue;
    out[length++] = byte;
  }
  return out.slice(0, length);
}

/** A decoded header value on one line: line breaks, NUL and other control characters would let a sender forge headers. */
export function toHeaderText(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .replace(/ {2,}/g, " ")
    .trim();
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });
const looseUtf8 = new TextDecoder("utf-8");

/**
 * Bytes of a mail body as text. UTF-8 wins where the bytes are valid UTF-8, since mails labelled us-ascii or latin-1 often carry it; then
 * the label, then Windows-1252, which decodes everything. Seven-bit encodings look like valid UTF-8, so their label is believed first.
 */
export function decodeText(bytes: Uint8Array, charset?: string): string {
  const label = charset?.trim().toLowerCase() ?? "utf-8";
  if (!/^(iso-2022-|utf-16)/.test(label)) {
    try {
      return strictUtf8.decode(bytes);
    } catch {
      // not UTF-8: the label decides
    }
  }
  for (const candidate of [label, "windows-1252"]) {
    try {
      if (/^utf-?8$/.test(candidate)) continue;
      return new TextDecoder(candidate).decode(bytes);
    } catch {
      // an unknown label
    }
  }
  return looseUtf8.decode(bytes);
}

/**
 * The bytes are text in the charset of their label, and that is not UTF-8. Under a label of UTF-8 or none, bytes that are not UTF-8 are those of a patched
 * file, and stay.
 */
export function isForeign(bytes: Uint8Array, charset: string | undefined): boolean {
  const label = charset?.trim().toLowerCase() ?? "utf-8";
  if (/^(utf-?8|us-ascii|ascii|ansi_x3)/.test(label)) return false;
  try {
    new TextDecoder(label);
  } catch {
    return false;
  }
  if (/^(iso-2022-|utf-16)/.test(label)) return true;
  try {
    strictUtf8.decode(bytes);
    return false;
  } catch {
    return true;
  }
}

/** Quoted-printable, RFC 2045 6.7. Malformed escapes stay as they are, as every mail reader does it. */
export function decodeQuotedPrintable(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte !== 0x3d) {
      out[length++] = byte;
      continue;
    }
    let end = i + 1;
    while (bytes[end] === 0x20 || bytes[end] === 0x09 || bytes[end] === CR) end++;
    if (bytes[end] === LF) {
      i = end;
      continue;
    }
    const value = hexDigit(bytes[i + 1]) * 16 + hexDigit(bytes[i + 2]);
    if (value >= 0) {
      out[length++] = value;
      i += 2;
    } else {
      out[length++] = byte;
    }
  }
  return out.slice(0, length);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return Number.NaN;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

const BASE64_PAD = 64;
const base64Value = new Int8Array(256).fill(-1);
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".split("").forEach((char, value) => {
  base64Value[char.charCodeAt(0)] = value;
});
base64Value[0x3d] = BASE64_PAD;

/** Base64, RFC 2045 6.8: characters outside the alphabet are skipped; padding ends a group, and another may follow. */
export function decodeBase64(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil((bytes.length * 3) / 4) + 3);
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    const value = base64Value[byte] as number;
    if (value < 0) continue;
    if (value === BASE64_PAD) {
      bits = 0;
      bitCount = 0;
      continue;
    }
    bits = ((bits << 6) | value) & 0xffffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      out[length++] = (bits >> bitCount) & 0xff;
    }
  }
  return out.slice(0, length);
}
