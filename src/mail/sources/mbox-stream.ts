// An mbox of any length in bounded memory: the same separators as src/patch/mbox.ts, which wants the whole of it.

import { isSeparator, MAX_SEPARATOR_BYTES, unquoteFrom } from "../../patch/mbox.ts";
import { MAX_MAIL_BYTES } from "./gather.ts";

export interface MboxPiece {
  /** Byte offsets in the stream, of the separator line and behind the message. */
  readonly start: number;
  readonly end: number;
  /** False for text before the first separator line. */
  readonly separated: boolean;
  /** Without separator line, ">From " unquoted; undefined: more than 16 MiB. */
  readonly raw: Uint8Array | undefined;
  /** The stream ended behind it: whoever reads a file that grows cannot know that it is whole. */
  readonly isLast: boolean;
}

const LF = 10;
const FROM = Buffer.from("From ");
const LINE_FROM = Buffer.from("\nFrom ");

/**
 * Messages in their order, one at a time. Empty lines before the first separator are passed over. With `wholeWithoutSeparator` a stream that begins with other
 * text is one message, as it is for splitMbox: a mail, which may quote a separator line.
 */
export async function* splitMboxStream(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly wholeWithoutSeparator?: boolean } = {},
): AsyncGenerator<MboxPiece> {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let start = 0;
  let separated = false;
  let whole = false;
  /** Offset in the stream of what is looked at. */
  let base = 0;
  let carry: Buffer = Buffer.alloc(0);
  let atLineStart = true;

  const keep = (bytes: Buffer): void => {
    keptBytes += bytes.length;
    if (keptBytes > MAX_MAIL_BYTES) kept = [];
    else if (bytes.length > 0) kept.push(bytes);
  };
  const finish = (end: number, isLast: boolean): MboxPiece | undefined => {
    const raw = keptBytes > MAX_MAIL_BYTES ? undefined : Buffer.concat(kept);
    const piece = { start, end, separated, raw: raw && (separated ? unquoteFrom(raw) : raw), isLast };
    kept = [];
    keptBytes = 0;
    return !separated && raw !== undefined && isBlank(raw) ? undefined : piece;
  };

  for await (const chunk of ended(chunks)) {
    const isEnd = chunk === undefined;
    const work: Buffer = isEnd ? carry : carry.length === 0 ? viewOf(chunk) : Buffer.concat([carry, chunk]);
    let from = 0;
    let at = atLineStart ? 0 : nextLineFrom(work, 0);
    carry = Buffer.alloc(0);
    while (at >= 0 && at < work.length && !whole) {
      // Not yet decided: the line goes on in the next chunk.
      const lf = work.indexOf(LF, at);
      const lineEnd = lf < 0 ? work.length : lf + 1;
      if (lf < 0 && !isEnd && lineEnd - at <= MAX_SEPARATOR_BYTES && couldBeFrom(work, at)) {
        carry = Buffer.from(work.subarray(at));
        break;
      }
      if (isSeparator(work, at, lineEnd)) {
        keep(work.subarray(from, at));
        const piece = base + at === start ? undefined : finish(base + at, false);
        if (piece !== undefined) {
          if (!piece.separated && options.wholeWithoutSeparator === true) whole = true;
          else yield piece;
        }
        if (whole) {
          // What was read belongs to the one message; only a stream that begins with text comes here, once.
          kept = piece?.raw === undefined ? [] : [Buffer.from(piece.raw)];
          keptBytes = piece?.raw?.length ?? MAX_MAIL_BYTES + 1;
          from = at;
          break;
        }
        start = base + at;
        separated = true;
        from = lineEnd;
      }
      at = nextLineFrom(work, at);
    }
    const end = work.length - carry.length;
    // A chunk that is handed out again and again by its owner must not be kept.
    keep(Buffer.from(work.subarray(from, end)));
    base += end;
    if (end > 0) atLineStart = carry.length > 0 || work[end - 1] === LF;
  }
  if (base > start || keptBytes > 0) {
    const piece = finish(base, true);
    if (piece !== undefined) yield piece;
  }
}

/** The chunks and one undefined behind them. */
async function* ended(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | undefined> {
  for await (const chunk of chunks) if (chunk.length > 0) yield chunk;
  yield undefined;
}

/** Where the next line behind `at` begins that begins with "From ", or may do so when more is known; -1: nowhere. */
function nextLineFrom(work: Buffer, at: number): number {
  const found = work.indexOf(LINE_FROM, at);
  if (found >= 0) return found + 1;
  // "\nFro" at the very end.
  const tail = Math.max(at, work.length - LINE_FROM.length);
  for (let lf = work.indexOf(LF, tail); lf >= 0; lf = work.indexOf(LF, lf + 1)) {
    if (lf + 1 > at && lf + 1 < work.length && couldBeFrom(work, lf + 1)) return lf + 1;
  }
  return -1;
}

function couldBeFrom(work: Buffer, at: number): boolean {
  const length = Math.min(FROM.length, work.length - at);
  return work.compare(FROM, 0, length, at, at + length) === 0;
}

function viewOf(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === LF || byte === 13 || byte === 32 || byte === 9);
}
