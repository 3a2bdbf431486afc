// One file out of a workflow's artifact, which comes as a zip. What lies in it was written by a job that ran the head's code, so that
// nothing is unpacked to disk: one entry by its exact name, its size bounded before and while it is inflated.
// Source: PKWARE APPNOTE 6.3.10, 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).

import { crc32, inflateRawSync } from "node:zlib";
import { FormatError, type FormatErrorCode } from "../base/errors.ts";

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
const MAX_COMMENT = 0xffff;
/** An artifact of ours has a handful. */
const MAX_ENTRIES = 100;
const STORED = 0;
const DEFLATED = 8;

function bad(code: FormatErrorCode, message: string): FormatError {
  return new FormatError(code, message, { format: "artifact" });
}

/**
 * The bytes of the entry `name`, at most `maxBytes`. Throws FormatError for what is no zip, has no such entry or more than one, is
 * encrypted, or is larger.
 */
export function readZipEntry(zip: Uint8Array, name: string, maxBytes: number): Uint8Array {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const need = (at: number, size: number): void => {
    if (at < 0 || at + size > zip.length) throw bad("truncated", "a zip that is cut short");
  };
  const end = findEnd(view);
  const entries = view.getUint16(end + 10, true);
  if (entries > MAX_ENTRIES) throw bad("over-budget", `${entries} files, at most ${MAX_ENTRIES} are looked at`);
  let found: { at: number; packed: number; size: number; method: number; crc: number } | undefined;
  let at = view.getUint32(end + 16, true);
  for (let n = 0; n < entries; n++) {
    need(at, CENTRAL_SIZE);
    if (view.getUint32(at, true) !== CENTRAL) throw bad("bad-magic", "no entry where the zip's directory has one");
    const nameLength = view.getUint16(at + 28, true);
    need(at + CENTRAL_SIZE, nameLength);
    const entryName = new TextDecoder("latin1").decode(zip.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameLength));
    if (entryName === name) {
      if (found !== undefined) throw bad("bad-value", `${name} is there twice`);
      if ((view.getUint16(at + 8, true) & 1) !== 0) throw bad("unsupported", `${name} is encrypted`);
      found = {
        at: view.getUint32(at + 42, true),
        method: view.getUint16(at + 10, true),
        crc: view.getUint32(at + 16, true),
        packed: view.getUint32(at + 20, true),
        size: view.getUint32(at + 24, true),
      };
    }
    at += CENTRAL_SIZE + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  if (found === undefined) throw bad("bad-value", `holds no ${name}`);
  if (found.size > maxBytes) throw bad("over-budget", `${name} has ${found.size} bytes, at most ${maxBytes} are read`);
  need(found.at, LOCAL_SIZE);
  if (view.getUint32(found.at, true) !== LOCAL) throw bad("bad-magic", `no header in front of ${name}`);
  const start = found.at + LOCAL_SIZE + view.getUint16(found.at + 26, true) + view.getUint16(found.at + 28, true);
  need(start, found.packed);
  const packed = zip.subarray(start, start + found.packed);
  const bytes = unpack(packed, found.method, name, maxBytes);
  if (bytes.length !== found.size || crc32(bytes) !== found.crc) throw bad("bad-value", `${name} is damaged`);
  return bytes;
}

function unpack(packed: Uint8Array, method: number, name: string, maxBytes: number): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw bad("unsupported", `${name} is packed by method ${method}`);
  try {
    return new Uint8Array(inflateRawSync(packed, { maxOutputLength: maxBytes }));
  } catch (error) {
    // The directory's size may lie.
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw bad("over-budget", `${name} has more than ${maxBytes} bytes`);
    throw bad("bad-value", `${name} is damaged`);
  }
}

/** The end of the directory stands last, behind it a comment at most. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_SIZE - MAX_COMMENT);
  for (let at = view.byteLength - END_SIZE; at >= first; at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  throw bad("bad-magic", "no zip");
}
