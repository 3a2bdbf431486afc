// Text from outside (names, paths, source lines, build output) on its way into a report. Whatever a person's terminal, mail
// reader or browser would act on instead of show is written as a visible escape, and lines have an end.

/** Longest piece of one-line text from outside, in code points: a path, a symbol, a message. */
export const MAX_FIELD = 400;
/** Longest quoted line of code, diff or disassembly, in code points. RFC 5322 2.1.1 allows 998 octets; people read less. */
export const MAX_CODE_LINE = 160;

export interface SafeOptions {
  /** Code points kept; what is longer ends in "...". */
  readonly max?: number;
  /** Tab stays a tab (quoted diff lines). */
  readonly keepTabs?: boolean;
}

function mustEscape(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) || // DEL and C1, with the one-byte CSI
    code === 0xad || // soft hyphen
    code === 0x61c || // Arabic letter mark
    code === 0x180e ||
    (code >= 0x200b && code <= 0x200f) || // zero width, left-to-right and right-to-left marks
    (code >= 0x2028 && code <= 0x202e) || // line and paragraph separator, bidi embeddings and overrides
    (code >= 0x2060 && code <= 0x206f) || // word joiner, invisible operators, bidi isolates
    (code >= 0xd800 && code <= 0xdfff) || // lone surrogates: a pair arrives here as one code point
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe0fff) // tags and variation selectors that carry hidden text
  );
}

function escapeCode(code: number): string {
  if (code === 0x0a) return "\\n";
  if (code === 0x0d) return "\\r";
  if (code === 0x09) return " ";
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

const NEEDS_WORK = /[^\x20-\x7e]/;

/** One line of plain text: control and bidi characters as escapes, cut at `max` code points. Never throws. */
export function safeText(text: string, options: SafeOptions = {}): string {
  const max = options.max ?? MAX_FIELD;
  if (text.length <= max && !NEEDS_WORK.test(text)) return text;
  let out = "";
  let count = 0;
  for (const char of text) {
    if (count >= max) return `${out}...`;
    const code = char.codePointAt(0)!;
    const keep = !mustEscape(code) || (code === 0x09 && options.keepTabs === true);
    out += keep ? char : escapeCode(code);
    count++;
  }
  return out;
}

/** A line of code, diff or disassembly. */
export function safeCode(text: string, max: number = MAX_CODE_LINE): string {
  return safeText(text, { max, keepTabs: true });
}

/**
 * A field inside prose of a mail or terminal: as `safeText`, and neither a link that a mail reader would make clickable
 * ("://", "www.") nor a command to the bot ("#objreview") survives as such.
 */
export function safeProse(text: string, max: number = MAX_FIELD): string {
  return safeText(text.trim(), { max })
    .replaceAll("://", ":/ /")
    .replaceAll(/\bwww\./gi, (www) => `${www.slice(0, 3)} .`)
    .replaceAll(/#(objreview)/gi, "# $1");
}
