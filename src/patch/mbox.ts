import { FormatError } from "../base/errors.ts";
import { toLfLines } from "./text.ts";

// An mbox is messages behind separator lines "From sender date" (RFC 4155). As in git's own splitter a line is a separator when it has
// a time and a year behind "From ", with or without an empty line before: what we see as messages is what `git am` applies.

export interface MboxLimits {
  readonly maxMessages: number;
  /** Bytes of one message as it stands in the mbox. */
  readonly maxMessageBytes: number;
  /** Bytes of the whole mbox. */
  readonly maxBytes: number;
}

/** A series of a few hundred patches with generated tables in them fits; a mailing list's archive does not. */
export const defaultMboxLimits: MboxLimits = {
  maxMessages: 2000,
  maxMessageBytes: 16 * 1024 * 1024,
  maxBytes: 128 * 1024 * 1024,
};

export interface RawMessage {
  /** 1-based place in the mbox. */
  readonly number: number;
  /** Byte offset of the message in the mbox, its separator line included. */
  readonly offset: number;
  /** The message from its first header on, without separator line; ">From " unquoted; lines end in LF (see toLfLines). */
  readonly bytes: Uint8Array;
}

const LF = 10;
const latin1 = new TextDecoder("latin1");
const separatorPattern = /^From .*\d\d?:\d\d(:\d\d)?( [A-Za-z]{3,5}| [+-]\d{4})? (19|20)\d\d( [+-]\d{4})?\s*$/;
/** A separator line has an address and a date; longer lines are text. */
export const MAX_SEPARATOR_BYTES = 400;

/** "From " at `at`. */
function startsWithFrom(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x46 &&
    bytes[at + 1] === 0x72 &&
    bytes[at + 2] === 0x6f &&
    bytes[at + 3] === 0x6d &&
    bytes[at + 4] === 0x20
  );
}

/** A separator line lies at `start`, its line end included before `end`. */
export function isSeparator(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_SEPARATOR_BYTES || !startsWithFrom(bytes, start)) return false;
  return separatorPattern.test(latin1.decode(bytes.subarray(start, end)));
}

/**
 * Splits an mbox (mboxo or mboxrd, LF or CRLF) into its messages. Bytes that do not begin with a separator line are one message: a patch
 * file, or a bare diff. Throws FormatError{format: "mbox"} with byte offset and message number: nothing in it, an empty message, over a limit.
 */
export function splitMbox(bytes: Uint8Array, limits: MboxLimits = defaultMboxLimits): RawMessage[] {
  if (bytes.length > limits.maxBytes) {
    throw overBudget(`${bytes.length} bytes, at most ${limits.maxBytes} are read`, limits.maxBytes);
  }
  const starts: number[] = [];
  const bodies: number[] = [];
  let sawText = false;
  for (let at = 0; at < bytes.length; ) {
    const lf = bytes.indexOf(LF, at);
    const next = lf < 0 ? bytes.length : lf + 1;
    if (isSeparator(bytes, at, next)) {
      if (starts.length >= limits.maxMessages) {
        throw overBudget(`message ${starts.length + 1}: at most ${limits.maxMessages} messages are read`, at);
      }
      if (starts.length === 0 && sawText) {
        // Text before the first separator: the input is no mbox but one message that happens to quote one.
        break;
      }
      starts.push(at);
      bodies.push(next);
    } else if (starts.length === 0 && next - at > (bytes[next - 2] === 13 ? 2 : 1)) {
      sawText = true;
    }
    at = next;
  }
  if (starts.length === 0) {
    if (!sawText) throw new FormatError("truncated", "no message in it", { format: "mbox", offset: 0 });
    starts.push(0);
    bodies.push(0);
  }
  return starts.map((offset, index) => {
    const number = index + 1;
    const end = starts[index + 1] ?? bytes.length;
    const body = bodies[index] as number;
    if (end - offset > limits.maxMessageBytes) {
      throw overBudget(`message ${number}: ${end - offset} bytes, at most ${limits.maxMessageBytes} are read`, offset);
    }
    if (end === body) {
      throw new FormatError("truncated", `message ${number}: nothing behind its "From " line`, {
        format: "mbox",
        offset,
      });
    }
    return { number, offset, bytes: unquoteFrom(toLfLines(bytes.subarray(body, end))) };
  });
}

/** One mail that a source kept as it came, for parseMessage: lines end in LF, and an mbox separator line before the header is gone. */
export function unwrapSeparator(raw: Uint8Array): Uint8Array {
  const bytes = toLfLines(raw);
  const lf = bytes.indexOf(LF);
  return isSeparator(bytes, 0, lf < 0 ? bytes.length : lf + 1) ? bytes.subarray(lf + 1) : bytes;
}

function overBudget(message: string, offset: number): FormatError {
  return new FormatError("over-budget", message, { format: "mbox", offset });
}

/** Takes one ">" off lines that are ">", any number more of them, and "From " (mboxrd; mboxo is the case of one). */
export function unquoteFrom(bytes: Uint8Array): Uint8Array {
  const drops: number[] = [];
  for (let at = 0; at >= 0 && at < bytes.length; ) {
    if (bytes[at] === 0x3e) {
      let end = at;
      while (bytes[end] === 0x3e) end++;
      if (startsWithFrom(bytes, end)) drops.push(at);
    }
    const lf = bytes.indexOf(LF, at);
    at = lf < 0 ? -1 : lf + 1;
  }
  if (drops.length === 0) return bytes;
  const out = new Uint8Array(bytes.length - drops.length);
  let from = 0;
  drops.forEach((drop, index) => {
    out.set(bytes.subarray(from, drop), from - index);
    from = drop + 1;
  });
  out.set(bytes.subarray(from), from - drops.length);
  return out;
}

const encoder = new TextEncoder();
const separatorLine = encoder.encode("From objreview Mon Sep 17 00:00:00 2001\n");

/**
 * Messages as one mboxrd, for `git am --patch-format=mboxrd --keep-cr`: body lines that look like separators are quoted, so git splits
 * at the same places as we did.
 */
export function joinMboxrd(messages: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const message of messages) {
    parts.push(separatorLine);
    let from = 0;
    for (let at = 0; at >= 0 && at < message.length; ) {
      let end = at;
      while (message[end] === 0x3e) end++;
      if (startsWithFrom(message, end)) {
        parts.push(message.subarray(from, at), encoder.encode(">"));
        from = at;
      }
      const lf = message.indexOf(LF, at);
      at = lf < 0 ? -1 : lf + 1;
    }
    parts.push(message.subarray(from), encoder.encode(message[message.length - 1] === LF ? "\n" : "\n\n"));
  }
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
