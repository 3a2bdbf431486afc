// The digest as a whole mail: RFC 5322 text for somebody else to send. The same review gives the same bytes, Message-ID
// included, so that a second try at sending is recognised as one. Nothing is sent from here.

import { UsageError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import { type DigestOptions, renderDigest } from "./digest.ts";
import type { ReviewResult } from "./result.ts";
import { safeText } from "./safe.ts";
import { speakingFindings } from "./sentences.ts";

export interface MailAddress {
  readonly name?: string;
  readonly address: string;
}

export interface MailOptions extends Omit<DigestOptions, "replyTo"> {
  readonly from: MailAddress;
  readonly to: readonly MailAddress[];
  readonly cc?: readonly MailAddress[];
  readonly date: Date;
  /** Right-hand side of the Message-ID: "objreview.example.org". */
  readonly domain: string;
}

/** What the mail answers: a patch of the series by number, or the cover letter. */
export interface ReplyTarget {
  readonly patch?: number;
  /** Without angle brackets. */
  readonly messageId?: string;
  /** With its "[PATCH v2 2/4]", without "Re:". */
  readonly subject: string;
}

// RFC 5322 3.6.4, its dot-atom form with what mail agents add in practice; no space, bracket or control character.
const MESSAGE_ID = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:-]+@[A-Za-z0-9[\].:_-]+$/;
const ADDRESS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$/;
const DOMAIN = /^[A-Za-z0-9.-]+$/;
const MAX_MESSAGE_ID = 250;
const MAX_REFERENCES = 2;
/** RFC 5322 2.1.1: lines should not pass 78 characters. */
const HEADER_WIDTH = 76;
/** RFC 2047 2: an encoded word has at most 75 characters; 42 bytes of text are 56 of base64. */
const ENCODED_WORD_BYTES = 42;

function cleanMessageId(id: string | undefined): string | undefined {
  const bare = id?.trim().replace(/^<(.*)>$/, "$1");
  return bare !== undefined && bare.length <= MAX_MESSAGE_ID && MESSAGE_ID.test(bare) ? bare : undefined;
}

function withPrefix(subject: string, number: number, result: ReviewResult): string {
  const clean = safeText(subject.trim(), { max: 200 }).replace(/^(re:\s*)+/i, "");
  if (/^\[[^\]]*patch[^\]]*\]/i.test(clean)) return clean;
  const version = result.series.version === 1 ? "" : ` v${result.series.version}`;
  const count = result.patches.length === 1 && number === 1 ? "" : ` ${number}/${result.patches.length}`;
  return `[PATCH${version}${count}] ${clean}`;
}

/** The patch that the review is about where it is about one (all findings, the conflict, the broken build), else the cover. */
export function replyTarget(result: ReviewResult): ReplyTarget {
  const numbers = new Set([
    ...speakingFindings(result).map((finding) => finding.patch?.number),
    ...(result.broken === undefined ? [] : [result.broken.patch?.number]),
    ...(result.conflict === undefined ? [] : [result.conflict.patch.number]),
  ]);
  const only = numbers.size === 1 ? [...numbers][0] : undefined;
  const patch = result.patches.find(
    (entry) => entry.number === (result.patches.length === 1 ? result.patches[0]?.number : only),
  );
  if (patch !== undefined) {
    const messageId = cleanMessageId(patch.messageId);
    const subject = withPrefix(patch.subject, patch.number, result);
    return { patch: patch.number, subject, ...(messageId === undefined ? {} : { messageId }) };
  }
  const messageId = cleanMessageId(result.series.messageId);
  return { subject: withPrefix(result.series.title, 0, result), ...(messageId === undefined ? {} : { messageId }) };
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** RFC 2047 encoded words, base64 of UTF-8, split between code points. */
function encodedWords(text: string): string {
  const words: string[] = [];
  let chunk: number[] = [];
  const flush = () => {
    if (chunk.length > 0) words.push(`=?UTF-8?B?${btoa(String.fromCharCode(...chunk))}?=`);
    chunk = [];
  };
  const encoder = new TextEncoder();
  for (const char of text) {
    const bytes = encoder.encode(char);
    if (chunk.length + bytes.length > ENCODED_WORD_BYTES) flush();
    chunk.push(...bytes);
  }
  flush();
  return words.join(" ");
}

function headerText(text: string): string {
  const safe = safeText(text.trim(), { max: 300 });
  // A literal "=?" would be read as an encoded word.
  return isAscii(safe) && !safe.includes("=?") ? safe : encodedWords(safe);
}

function headerAddress(entry: MailAddress, header: string): string {
  if (!ADDRESS.test(entry.address)) {
    throw new UsageError(`${header}: not a mail address: ${JSON.stringify(safeText(entry.address, { max: 80 }))}`);
  }
  if (entry.name === undefined || entry.name.trim() === "") return entry.address;
  const safe = safeText(entry.name.trim(), { max: 100 });
  if (!isAscii(safe) || safe.includes("=?")) return `${encodedWords(safe)} <${entry.address}>`;
  const name = /^[A-Za-z0-9 ]+$/.test(safe) ? safe : `"${safe.replaceAll(/["\\]/g, "\\$&")}"`;
  return `${name} <${entry.address}>`;
}

/** One header, folded at spaces (RFC 5322 2.2.3). A piece without a space is not broken. */
function header(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(" ")) {
    if (line.length + 1 + word.length > HEADER_WIDTH && line !== `${name}:` && line !== "") {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\r\n");
}

/** RFC 5322 3.3, in UTC. */
function mailDate(date: Date): string {
  if (Number.isNaN(date.getTime())) throw new UsageError("mail: the date is not a date");
  return date.toUTCString().replace(/GMT$/, "+0000");
}

/** The same for every mail about one version of one series: it is sent at most once. */
export function mailMessageId(result: ReviewResult, domain: string): string {
  const { messageId, title, author, version } = result.series;
  const identity = messageId ?? result.patches[0]?.messageId ?? `${title}\n${author}`;
  return `r.${hashText(`${identity}\n${version}`)}.v${version}@${domain}`;
}

/**
 * The mail as RFC 5322 text with CRLF line ends. Throws UsageError for an address, domain or date of the caller that is none;
 * never for what the review contains.
 */
export function renderMail(result: ReviewResult, options: MailOptions): string {
  if (!DOMAIN.test(options.domain))
    throw new UsageError(`mail: not a domain: ${JSON.stringify(safeText(options.domain, { max: 80 }))}`);
  if (options.to.length === 0) throw new UsageError("mail: nobody to send it to");
  const target = replyTarget(result);
  const { patch, messageId } = target;
  const body = renderDigest(result, { ...options, ...(patch === undefined ? {} : { replyTo: patch }) });
  const addresses = (list: readonly MailAddress[], name: string) =>
    list.map((entry) => headerAddress(entry, name)).join(", ");
  const cover = cleanMessageId(result.series.messageId);
  const references = [...new Set([cover, messageId])].filter((id) => id !== undefined).slice(0, MAX_REFERENCES);
  const headers = [
    header("From", headerAddress(options.from, "From")),
    header("To", addresses(options.to, "To")),
    ...(options.cc === undefined || options.cc.length === 0 ? [] : [header("Cc", addresses(options.cc, "Cc"))]),
    header("Subject", `Re: ${headerText(target.subject)}`),
    header("Date", mailDate(options.date)),
    header("Message-ID", `<${mailMessageId(result, options.domain)}>`),
    ...(messageId === undefined ? [] : [header("In-Reply-To", `<${messageId}>`)]),
    ...(references.length === 0 ? [] : [header("References", references.map((id) => `<${id}>`).join(" "))]),
    header("Auto-Submitted", "auto-replied"), // RFC 3834 5
    header("X-Auto-Response-Suppress", "All"),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    `Content-Transfer-Encoding: ${/^[\x00-\x7f]*$/.test(body) ? "7bit" : "8bit"}`,
  ];
  return `${headers.join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}`;
}
