// The header of a mail as it was written: every field, in its order, unfolded. What has to be judged twice over (two From fields, an empty Return-Path) is not
// left to a parser that keeps one of each.

import { decodeBase64, decodeQuotedPrintable, decodeText } from "../patch/text.ts";

/** Values of each field by its name in small letters, in the order of the mail; unfolded and trimmed, encoded words as they came. */
export type MailHeaders = ReadonlyMap<string, readonly string[]>;

/** What is longer is no header of a mail that anybody wrote. */
const MAX_HEADER_BYTES = 256 * 1024;
const MAX_FIELDS = 2000;

/** Reads to the first empty line, LF or CRLF, at most 256 KiB and 2000 fields. What is no field is passed over. Never throws. */
export function readHeaders(raw: Uint8Array): MailHeaders {
  const head = decodeText(raw.subarray(0, MAX_HEADER_BYTES));
  const fields = new Map<string, string[][]>();
  let pieces: string[] | undefined;
  let count = 0;
  for (const line of head.split(/\r?\n/)) {
    if (line === "" || count >= MAX_FIELDS) break;
    if (/^[ \t]/.test(line)) {
      pieces?.push(line.trim());
      continue;
    }
    pieces = undefined;
    // RFC 5322 3.6.8, with the blank before the colon of 4.5.8. The separator line of an mbox is none.
    const colon = line.indexOf(":");
    const name = colon < 1 ? "" : line.slice(0, colon).trimEnd();
    if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) continue;
    pieces = [line.slice(colon + 1).trim()];
    const values = fields.get(name.toLowerCase());
    if (values === undefined) fields.set(name.toLowerCase(), [pieces]);
    else values.push(pieces);
    count++;
  }
  return new Map([...fields].map(([name, values]) => [name, values.map((each) => each.join(" ").trim())]));
}

/** The first value of a field; "" where there is none. */
export function headerOf(headers: MailHeaders, name: string): string {
  return headers.get(name)?.[0] ?? "";
}

/** Undoes encoded words (RFC 2047) in a value of bounded length; what cannot be read stays as it is. */
export function decodeWords(value: string): string {
  return value
    .slice(0, 4000)
    .replace(/(\?=)[ \t]+(?==\?)/g, "$1")
    .replace(
      /=\?([^?\s]{1,40})\?([BbQq])\?([^?\s]{0,400})\?=/g,
      (whole, charset: string, encoding: string, text: string) => {
        const bytes = new TextEncoder().encode(encoding.toUpperCase() === "Q" ? text.replaceAll("_", " ") : text);
        try {
          const decoded = encoding.toUpperCase() === "B" ? decodeBase64(bytes) : decodeQuotedPrintable(bytes);
          return decodeText(decoded, charset.split("*")[0]);
        } catch {
          return whole;
        }
      },
    );
}

/** Addresses in a From, Sender or Return-Path, in small letters, without names and comments; for a judgement that a whole parser must confirm. */
export function addressesIn(value: string): string[] {
  const bare = value.slice(0, 20_000).replace(/"(?:[^"\\]|\\.)*"/g, " ");
  return [...bare.matchAll(/[^\s<>,;:()[\]"]+@[^\s<>,;:()"]+/g)].map((match) => match[0].toLowerCase());
}
