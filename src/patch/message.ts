import type { HeaderValue, ParsedMail } from "mailparser";
import { FormatError } from "../base/errors.ts";
import type { RawMessage } from "./mbox.ts";
import { type PatchSubject, readSubject } from "./subject.ts";
import { decodeBase64, decodeQuotedPrintable, decodeText, isForeign, toHeaderText, toLfLines } from "./text.ts";

// One mail as values. mailparser reads headers, multipart and format=flowed. The body of an ordinary patch mail (one text/plain part) is
// decoded here, since mailparser turns CRLF into LF inside encoded bodies and a patch to a file with CRLF line ends needs its CR.

export interface Address {
  /** May be empty. */
  readonly name: string;
  readonly address: string;
}

export interface Prerequisite {
  readonly kind: "patch-id" | "change-id" | "message-id" | "base-commit";
  /** Hexadecimal patch id or commit; b4's "id:vN" for a change; a message id without angle brackets. */
  readonly value: string;
}

export interface Trailers {
  /** Full commit id (40 or 64 hexadecimal digits) of `git format-patch --base`. */
  readonly baseCommit?: string;
  readonly prerequisites: readonly Prerequisite[];
  /** b4's change-id, the same in every version of a series. */
  readonly changeId?: string;
}

export interface BodyParts {
  /** In-body "From:", which is the author where the sender is not (git-am(1)). */
  readonly inBodyFrom?: Address;
  /** In-body "Subject:", which git prefers too. */
  readonly inBodySubject?: string;
  /** Text before "---" or the diff, in-body headers removed, trimmed. */
  readonly commitMessage: string;
  /** From the line at which git stops reading the commit message to the end: notes, diffstat, diff, signature. May be empty. */
  readonly patchText: string;
  /** Lines of the body before patchText. */
  readonly patchLine: number;
}

export interface PatchMessage {
  /** 1-based place in the input. */
  readonly number: number;
  /** As received, lines ending in LF. */
  readonly raw: Uint8Array;
  /** Without angle brackets, as in every field below. */
  readonly messageId?: string;
  readonly inReplyTo?: string;
  /** Oldest first, as in the header. */
  readonly references: readonly string[];
  /** The sender. */
  readonly from?: Address;
  /** The in-body From, else the sender. */
  readonly author?: Address;
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  /** Values of List-Id, as they stand there. */
  readonly listIds: readonly string[];
  readonly date?: Date;
  /** Decoded (RFC 2047), unfolded, without control characters. */
  readonly subjectText: string;
  readonly subject: PatchSubject;
  /** What the commit is called: the in-body Subject's title, else the subject's. */
  readonly title: string;
  /** The decoded text of the mail. */
  readonly body: string;
  readonly commitMessage: string;
  readonly patchText: string;
  /** patchText as it came, transfer encoding undone, in whatever charset the patched files have. */
  readonly patchBytes: Uint8Array;
  readonly patchLine: number;
  readonly trailers: Trailers;
}

/** More is no header of a mail; Cc lists of kernel series stay below 32 KiB. */
const MAX_HEADER_BYTES = 256 * 1024;
/** Parts of a multipart mail, nested ones included, as counted by their boundary lines. */
const MAX_PARTS = 200;
const parserOptions = { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true };

/** True when `bytes` begin with a header field or an mbox separator: a mail, not a bare diff. */
export function startsWithHeader(bytes: Uint8Array): boolean {
  const head = decodeText(bytes.subarray(0, 300)).trimStart();
  if (/^Index: .*\n=====/.test(head)) return false;
  return /^[A-Za-z][A-Za-z0-9-]*:/.test(head);
}

/** Reads one mail. FormatError{format: "mail"} when its header is too long or its MIME structure cannot be read. */
export async function parseMessage(message: RawMessage): Promise<PatchMessage> {
  const { bytes, number } = message;
  const headerEnd = findHeaderEnd(bytes);
  if (headerEnd > MAX_HEADER_BYTES) {
    throw mailError("over-budget", `message ${number}: header of ${headerEnd} bytes`, message);
  }
  const header = await runParser(bytes.subarray(0, headerEnd), message);
  const plain = readPlainBody(header, bytes.subarray(headerEnd));
  const body = plain?.text ?? (await readMimeBody(message, headerEnd));
  const subjectText = toHeaderText(header.subject ?? "");
  const subject = readSubject(subjectText);
  // In a reply the patch begins below the scissors; in a patch they would be part of its text.
  const cut = subject.isReply ? afterScissors(body) : 0;
  const parts = splitBody(body.slice(cut));

  const from = addressesOf(header.from)[0];
  const author = parts.inBodyFrom ?? from;
  const messageId = cleanId(header.messageId);
  const inReplyTo = idsOf(header.inReplyTo)[0];
  const date = header.date !== undefined && Number.isFinite(header.date.getTime()) ? header.date : undefined;
  return {
    number,
    raw: bytes,
    ...(messageId !== undefined && { messageId }),
    ...(inReplyTo !== undefined && { inReplyTo }),
    references: idsOf(header.references),
    ...(from !== undefined && { from }),
    ...(author !== undefined && { author }),
    to: addressesOf(header.to),
    cc: addressesOf(header.cc),
    listIds: listIdsOf(header),
    ...(date !== undefined && { date }),
    subjectText,
    subject,
    title: parts.inBodySubject === undefined ? subject.title : readSubject(parts.inBodySubject).title,
    body,
    commitMessage: parts.commitMessage,
    patchText: parts.patchText,
    patchBytes: patchBytesOf(plain?.bytes, parts.patchText, subject.isReply),
    patchLine: parts.patchLine + countLines(body, cut),
    trailers: readTrailers(body),
  };
}

function mailError(code: "over-budget" | "bad-value", text: string, message: RawMessage): FormatError {
  return new FormatError(code, text, { format: "mail", offset: message.offset });
}

/** Offset of the body: behind the first empty line. Lines end in LF. */
function findHeaderEnd(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 10) return at + 1;
    const lf = bytes.indexOf(10, at);
    if (lf < 0) break;
    at = lf + 1;
  }
  return bytes.length;
}

async function runParser(bytes: Uint8Array, message: RawMessage): Promise<ParsedMail> {
  // Loaded where there is a mail: a bare diff does without.
  const { simpleParser } = await import("mailparser");
  try {
    return await simpleParser(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), parserOptions);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw mailError("bad-value", `message ${message.number}: ${toHeaderText(why).slice(0, 200)}`, message);
  }
}

/** The body of a mail that is one text part and not flowed; undefined for what needs the MIME parser. */
function readPlainBody(header: ParsedMail, body: Uint8Array): { text: string; bytes: Uint8Array } | undefined {
  const type = structured(header.headers.get("content-type"));
  if (type !== undefined && !/^text\/(plain|x-patch|x-diff)$/i.test(type.value.trim())) return undefined;
  if (/flowed/i.test(type?.params.format ?? "")) return undefined;
  const encoding = headerText(header.headers.get("content-transfer-encoding")).trim().toLowerCase();
  const isEncoded = encoding === "base64" || encoding === "quoted-printable";
  const decoded =
    encoding === "base64" ? decodeBase64(body) : encoding === "quoted-printable" ? decodeQuotedPrintable(body) : body;
  const charset = type?.params.charset;
  // What was written in another charset is UTF-8 from here on, as git am has it.
  const utf8 = isForeign(decoded, charset) ? new TextEncoder().encode(decodeText(decoded, charset)) : decoded;
  // Encoded text may have the line ends of the wire inside.
  const bytes = isEncoded ? toLfLines(utf8) : utf8;
  return { text: decodeText(bytes, utf8 === decoded ? charset : "utf-8"), bytes };
}

/** One character per byte, so that offsets in the string are offsets in the bytes. */
const byteString = new TextDecoder("latin1");

/** The bytes behind a patch text: the body's own from the same place on, so that a file that is not UTF-8 can still be patched. */
export function patchBytesOf(body: Uint8Array | undefined, patchText: string, belowScissors = false): Uint8Array {
  if (patchText === "") return new Uint8Array(0);
  if (body === undefined) return new TextEncoder().encode(patchText);
  const text = byteString.decode(body);
  const { patchText: tail } = splitBody(belowScissors ? text.slice(afterScissors(text)) : text);
  return body.subarray(body.length - tail.length);
}

function structured(value: HeaderValue | undefined): { value: string; params: Record<string, string> } | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  if (typeof first !== "object" || !("params" in first)) return undefined;
  return first;
}

function headerText(value: HeaderValue | undefined): string {
  const first = Array.isArray(value) ? value[0] : value;
  if (typeof first === "string") return first;
  return typeof first === "object" && "value" in first && typeof first.value === "string" ? first.value : "";
}

/** Text of a multipart or flowed mail; patches in attachments are appended where the text itself has none. */
async function readMimeBody(message: RawMessage, headerEnd: number): Promise<string> {
  const parts = countBoundaryLines(message.bytes, headerEnd);
  if (parts > MAX_PARTS) {
    throw mailError("over-budget", `message ${message.number}: more than ${MAX_PARTS} MIME parts`, message);
  }
  const mail = await runParser(message.bytes, message);
  const text = mail.text ?? "";
  if (splitBody(text).patchText.includes("\n@@ -")) return text;
  const patches = mail.attachments
    .filter(
      (part) =>
        /\.(patch|diff|txt)$/i.test(part.filename ?? "") || /^text\/(plain|x-(patch|diff))$/.test(part.contentType),
    )
    .map((part) => decodeText(toLfLines(part.content), structured(part.headers.get("content-type"))?.params.charset))
    .map((patch) => splitBody(patch).patchText)
    .filter((patch) => patch !== "");
  if (patches.length === 0) return text;
  return `${text.replace(/\n*$/, "")}\n---\n${patches.join("\n")}`;
}

/** Lines that begin with "--" and could be a boundary, where the header names one; an upper bound for the number of parts. */
function countBoundaryLines(bytes: Uint8Array, from: number): number {
  // Every part of a multipart has a header of its own, and a nested multipart must declare its boundary in one.
  let count = 0;
  const needle = Buffer.from("\n--");
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = Buffer.from("content-");
  for (let at = buffer.indexOf(needle, Math.max(0, from - 1)); at >= 0; at = buffer.indexOf(needle, at + 1)) {
    const end = buffer.indexOf(10, at + 1);
    if (end < 0) break;
    const next = buffer
      .subarray(end + 1, end + 1 + header.length)
      .toString("latin1")
      .toLowerCase();
    if (next === "content-" || next.startsWith("\n")) count++;
  }
  return count;
}

function addressesOf(value: ParsedMail["from"] | ParsedMail["to"]): Address[] {
  if (value === undefined) return [];
  const entries = (Array.isArray(value) ? value : [value]).flatMap((list) => list.value);
  return entries
    .flatMap((entry) => (entry.group === undefined ? [entry] : entry.group))
    .map((entry) => ({ name: toHeaderText(entry.name ?? ""), address: cleanAddress(entry.address ?? "") }))
    .filter((entry) => entry.name !== "" || entry.address !== "");
}

/** mailparser makes one field, "list", of all that begin with "List-", so that the lines are read here. */
function listIdsOf(header: ParsedMail): string[] {
  return header.headerLines
    .filter((field) => field.key === "list-id")
    .map((field) => toHeaderText(field.line.slice(field.line.indexOf(":") + 1)));
}

function cleanAddress(address: string): string {
  return toHeaderText(address).replace(/[<>\s]/g, "");
}

/** A message id without angle brackets; undefined where nothing is left. */
function cleanId(id: string | undefined): string | undefined {
  const clean = toHeaderText(id ?? "").replace(/[<>\s]/g, "");
  return clean === "" ? undefined : clean;
}

function idsOf(value: string | string[] | undefined): string[] {
  const text = Array.isArray(value) ? value.join(" ") : (value ?? "");
  const ids = text
    // RFC 822 allowed phrases and comments between them.
    .replace(/"[^"<>]{0,1000}"|\([^()<>]{0,1000}\)/g, " ")
    .split(/[\s<>,]+/)
    .map((id) => cleanId(id))
    .filter((id) => id !== undefined);
  const likely = ids.filter((id) => id.includes("@"));
  return likely.length > 0 ? likely : ids;
}

const inBodyHeaderPattern = /^(From|Subject|Date): *(.*)$/;
/** Where git's mailinfo stops reading the commit message: a diff, an Index line, or three dashes with nothing or a file name. */
const patchBreakPattern = /^(?:diff -|Index: |---(?:[ \t\r]*$| \S))/m;

const scissorsMark = />8|8<|>%|%</g;
/** Blanks and dashes before the scissors; a longer line is text. */
const MAX_BEFORE_SCISSORS = 100;
const MAX_MARKS = 10_000;

/** The text has a line below which a patch is meant to begin, "-- >8 --". */
export function hasScissors(body: string): boolean {
  return afterScissors(body) > 0;
}

/** Where the line behind the first scissors begins, 0 without any: dashes and blanks, then scissors (git-mailinfo(1), --scissors). */
function afterScissors(body: string): number {
  let marks = 0;
  for (const { index } of body.matchAll(scissorsMark)) {
    if (++marks > MAX_MARKS) break;
    const from = Math.max(0, index - MAX_BEFORE_SCISSORS - 1);
    const before = body.slice(from, index);
    const lf = before.lastIndexOf("\n");
    if (lf < 0 && from > 0) continue;
    if (!/^[- \t]*-[- \t]*$/.test(before.slice(lf + 1))) continue;
    const end = body.indexOf("\n", index);
    return end < 0 ? body.length : end + 1;
  }
  return 0;
}

/** Splits the text of a mail as git does; see BodyParts. */
export function splitBody(body: string): BodyParts {
  let start = /^\s*/.exec(body)?.[0].length ?? 0;
  start = body.lastIndexOf("\n", start - 1) + 1;
  let inBodyFrom: Address | undefined;
  let inBodySubject: string | undefined;
  while (start < body.length) {
    const lf = body.indexOf("\n", start);
    const end = lf < 0 ? body.length : lf;
    const match = inBodyHeaderPattern.exec(body.slice(start, Math.min(end, start + 2000)).replace(/\r$/, ""));
    if (match === null) break;
    if (match[1] === "From") {
      const address = readAddress(match[2] as string);
      if (address === undefined) break;
      inBodyFrom = address;
    }
    if (match[1] === "Subject") inBodySubject = toHeaderText(match[2] as string);
    start = lf < 0 ? body.length : lf + 1;
  }
  const rest = body.slice(start);
  const patchAt = start + (patchBreakPattern.exec(rest)?.index ?? rest.length);
  return {
    ...(inBodyFrom !== undefined && { inBodyFrom }),
    ...(inBodySubject !== undefined && { inBodySubject }),
    commitMessage: body.slice(start, patchAt).replaceAll("\0", "").replaceAll("\r\n", "\n").trim(),
    patchText: body.slice(patchAt),
    patchLine: countLines(body, patchAt),
  };
}

/** Line feeds before `end`. */
function countLines(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function readAddress(text: string): Address | undefined {
  const match = /^([^<]*)<([^<>\s]+@[^<>\s]+)>\s*$/.exec(text.slice(0, 1000));
  if (match === null) return undefined;
  const name = toHeaderText(match[1] as string).replace(/^"(.*)"$/, "$1");
  return { name, address: cleanAddress(match[2] as string) };
}

/** Base and series trailers anywhere at line starts; of a repeated one the last counts, as format-patch writes it last. */
export function readTrailers(body: string): Trailers {
  let baseCommit: string | undefined;
  let changeId: string | undefined;
  const prerequisites: Prerequisite[] = [];
  for (const match of body.matchAll(/^base-commit:[ \t]{1,8}([0-9a-f]{64}|[0-9a-f]{40})[ \t\r]{0,8}$/gm))
    baseCommit = match[1];
  for (const match of body.matchAll(/^change-id:[ \t]{1,8}([\w.+-]{1,200})[ \t\r]{0,8}$/gm)) changeId = match[1];
  const prerequisite =
    /^prerequisite-(patch-id|change-id|message-id|base-commit):[ \t]{1,8}<?([^\s<>]{1,300})>?[ \t\r]{0,8}$/gm;
  for (const match of body.matchAll(prerequisite)) {
    prerequisites.push({ kind: match[1] as Prerequisite["kind"], value: match[2] as string });
  }
  return {
    ...(baseCommit !== undefined && { baseCommit }),
    prerequisites,
    ...(changeId !== undefined && { changeId }),
  };
}
