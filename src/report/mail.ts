// The digest as a whole mail: RFC 5322 text for somebody else to send. The same review gives the same bytes, Message-ID
// included, so that a second try at sending is recognised as one. Nothing is sent from here.

import { UsageError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import { type DigestOptions, renderDigest } from "./digest.ts";
import type { ReviewResult } from "./result.ts";
import { safeText } from "./safe.ts";
import { speakingFindings } from "./sentences.ts";

export interface MailAddress {
  readonly name?: string | undefined;
  readonly address: string;
}

export interface MailOptions extends Omit<DigestOptions, "replyTo"> {
  readonly from: MailAddress;
  readonly to: readonly MailAddress[];
  readonly cc?: readonly MailAddress[];
  readonly date: Date;
  /** Right-hand side of the Message-ID: "objreview.example.org". */
  readonly domain: string;
  /** What is answered; else what `replyTarget` finds. */
  readonly answers?: ReplyTarget;
  /** Without angle brackets; else that of the one mail about this version of the series. */
  readonly messageId?: string;
  /** Of the review, for whoever looks for it in a log. */
  readonly run?: string;
}

/** What the mail answers: a patch of the series by number, or the cover letter. */
export interface ReplyTarget {
  readonly patch?: number;
  /** Without angle brackets. */
  readonly messageId?: string;
  /** With its "[PATCH v2 2/4]"; "Re:" in front or not. */
  readonly subject: string;
  /** The References of what is answered, oldest first, without angle brackets; else the cover letter is taken to be above it. */
  readonly references?: readonly string[];
}

// RFC 5322 3.6.4, its dot-atom form with what mail agents add in practice; no space, bracket or control character.
const MESSAGE_ID = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:-]+@[A-Za-z0-9[\].:_-]+$/;
const ADDRESS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$/;
const DOMAIN = /^[A-Za-z0-9.-]+$/;
const RUN = /^[\w.-]{1,100}$/;
/** RFC 5321 4.5.3.1.3, without its brackets. */
const MAX_ADDRESS = 254;
const MAX_MESSAGE_ID = 250;
/** Of a longer thread its beginning and its end (RFC 5322 3.6.4 allows it). */
const MAX_REFERENCES = 20;
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

/** The patch that does not build or apply, else the one of the first new finding; the cover letter where that is of no one patch. */
export function replyTarget(result: ReviewResult): ReplyTarget {
  const patch = result.patches.find(({ number }) => number === replyNumber(result));
  const { messageId, ...what } =
    patch === undefined
      ? { subject: withPrefix(result.series.title, 0, result), messageId: result.series.messageId }
      : {
          patch: patch.number,
          subject: withPrefix(patch.subject, patch.number, result),
          messageId: patch.messageId,
        };
  const id = cleanMessageId(messageId);
  return { ...what, ...(id === undefined ? {} : { messageId: id }) };
}

/** Of the patch that the review is about, 1-based; undefined: of the series as a whole. */
export function replyNumber(result: ReviewResult): number | undefined {
  if (result.patches.length === 1) return result.patches[0]!.number;
  if (result.verdict === "broken" && result.broken !== undefined) return result.broken.patch?.number;
  if (result.conflict !== undefined) return result.conflict.patch.number;
  return speakingFindings(result)[0]?.patch?.number;
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
  if (!isMailAddress(entry.address)) throw new UsageError(`${header}: not a mail address: ${quoted(entry.address)}`);
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

/** It can stand in a header of ours as it is. */
export function isMailAddress(address: string): boolean {
  return address.length <= MAX_ADDRESS && ADDRESS.test(address);
}

/** Message-IDs with the long middle of a thread left out. */
function referencesOf(target: ReplyTarget, result: ReviewResult): string[] {
  const above = target.references ?? [result.series.messageId ?? ""];
  return shortened([...above, target.messageId ?? ""].map(cleanMessageId).filter((id) => id !== undefined));
}

function shortened(ids: readonly string[]): string[] {
  // Where one stands twice the later place is the one that counts.
  const all = ids.filter((id, i) => ids.lastIndexOf(id) === i);
  return all.length <= MAX_REFERENCES ? all : [...all.slice(0, 1), ...all.slice(1 - MAX_REFERENCES)];
}

/**
 * The mail as RFC 5322 text with CRLF line ends. Throws UsageError for an address, domain, date, run or Message-ID of the caller that is none;
 * never for what the review contains.
 */
export function renderMail(result: ReviewResult, options: MailOptions): string {
  const { domain, run } = options;
  if (!DOMAIN.test(domain)) throw new UsageError(`mail: not a domain: ${quoted(domain)}`);
  if (run !== undefined && !RUN.test(run)) throw new UsageError(`mail: not the id of a run: ${quoted(run)}`);
  if (options.to.length === 0) throw new UsageError("mail: nobody to send it to");
  const own = options.messageId ?? mailMessageId(result, domain);
  if (cleanMessageId(own) !== own) throw new UsageError(`mail: not a Message-ID: ${quoted(own)}`);
  const target = options.answers ?? replyTarget(result);
  const { patch } = target;
  const messageId = cleanMessageId(target.messageId);
  const body = renderDigest(result, { ...options, ...(patch === undefined ? {} : { replyTo: patch }) });
  const references = referencesOf(target, result);
  const headers = [
    ...addressHeaders(options),
    header("Subject", `Re: ${headerText(target.subject.replace(/^\s*(re:\s*)+/i, ""))}`),
    header("Date", mailDate(options.date)),
    header("Message-ID", `<${own}>`),
    ...threadHeaders(messageId, references),
    ...automaticHeaders(run),
    ...textHeaders(body),
  ];
  return `${headers.join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}`;
}

export interface AnswerMailOptions extends Pick<MailOptions, "from" | "to" | "date"> {
  /** What is answered; its Message-ID is threaded under. */
  readonly answers: ReplyTarget;
  /** Without angle brackets. */
  readonly messageId: string;
  /** As in MailOptions. */
  readonly run: string;
  /** Lines that end in "\n". */
  readonly body: string;
}

/** A mail that answers what somebody wrote to us. Throws UsageError as renderMail. */
export function renderAnswerMail(options: AnswerMailOptions): string {
  const { answers, messageId, run, body } = options;
  if (options.to.length === 0) throw new UsageError("mail: nobody to send it to");
  if (!RUN.test(run)) throw new UsageError(`mail: not the id of a run: ${quoted(run)}`);
  if (cleanMessageId(messageId) !== messageId) throw new UsageError(`mail: not a Message-ID: ${quoted(messageId)}`);
  const above = [...(answers.references ?? []), answers.messageId ?? ""].map(cleanMessageId);
  const headers = [
    ...addressHeaders(options),
    header("Subject", `Re: ${headerText(answers.subject.replace(/^\s*(re:\s*)+/i, ""))}`),
    header("Date", mailDate(options.date)),
    header("Message-ID", `<${messageId}>`),
    ...threadHeaders(cleanMessageId(answers.messageId), shortened(above.filter((id) => id !== undefined))),
    ...automaticHeaders(run),
    ...textHeaders(body),
  ];
  return `${headers.join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}`;
}

export interface PlainMailOptions extends Pick<MailOptions, "from" | "to" | "date"> {
  readonly subject: string;
  /** Without angle brackets. */
  readonly messageId: string;
  /** Lines that end in "\n". */
  readonly body: string;
}

/** A mail that answers nothing. Throws UsageError as renderMail. */
export function renderPlainMail(options: PlainMailOptions): string {
  const { messageId, body } = options;
  if (options.to.length === 0) throw new UsageError("mail: nobody to send it to");
  if (cleanMessageId(messageId) !== messageId) throw new UsageError(`mail: not a Message-ID: ${quoted(messageId)}`);
  const headers = [
    ...addressHeaders(options),
    header("Subject", headerText(options.subject)),
    header("Date", mailDate(options.date)),
    header("Message-ID", `<${messageId}>`),
    header("Auto-Submitted", "auto-generated"), // RFC 3834 5: it answers no message
    header("X-Auto-Response-Suppress", "All"),
    ...textHeaders(body),
  ];
  return `${headers.join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}`;
}

function addressHeaders({ from, to, cc = [] }: Pick<MailOptions, "from" | "to" | "cc">): string[] {
  const addresses = (list: readonly MailAddress[], name: string) =>
    list.map((entry) => headerAddress(entry, name)).join(", ");
  return [
    header("From", headerAddress(from, "From")),
    header("To", addresses(to, "To")),
    ...(cc.length === 0 ? [] : [header("Cc", addresses(cc, "Cc"))]),
  ];
}

function threadHeaders(messageId: string | undefined, references: readonly string[]): string[] {
  return [
    ...(messageId === undefined ? [] : [header("In-Reply-To", `<${messageId}>`)]),
    ...(references.length === 0 ? [] : [header("References", references.map((id) => `<${id}>`).join(" "))]),
  ];
}

function automaticHeaders(run: string | undefined): string[] {
  return [
    header("Auto-Submitted", "auto-replied"), // RFC 3834 5
    header("X-Auto-Response-Suppress", "All"),
    ...(run === undefined ? [] : [header("X-Objreview-Run", run)]),
  ];
}

function textHeaders(body: string): string[] {
  return [
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    `Content-Transfer-Encoding: ${/^[\x00-\x7f]*$/.test(body) ? "7bit" : "8bit"}`,
  ];
}

function quoted(text: string): string {
  return JSON.stringify(safeText(text, { max: 80 }));
}
