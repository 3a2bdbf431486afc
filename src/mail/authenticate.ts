// Who wrote a mail, proven: a DKIM signature of the domain of its From (RFC 6376, aligned as in DMARC), or a developer's own with patatt. Whatever is not proven
// is refused with a reason for the log, and nobody is answered: the sender's address is as good as unknown.

import { createHash } from "node:crypto";
import { unwrapSeparator } from "../patch/mbox.ts";
import { errorWords } from "../service/log.ts";
import { headerOf, type MailHeaders, readHeaders } from "./headers.ts";
import { verifyPatatt } from "./patatt.ts";

/** Of DNS: node:dns's resolve. */
export type Resolver = (name: string, type: string) => Promise<string[][] | string[]>;

export interface AuthenticateOptions {
  readonly resolver: Resolver;
  /** Milliseconds since 1970, by our clock: when the mail came, and now. */
  readonly receivedAt: number;
  readonly now: number;
  readonly freshHours: number;
  /** Folder of patatt's public keys. */
  readonly patattKeys?: string | undefined;
}

export interface Authentic {
  /** In small letters. */
  readonly address: string;
  readonly by: "dkim" | "patatt";
  /** For the log. */
  readonly evidence: string;
  /** SHA-256 of the signature: the same one again is a replay. */
  readonly signature: string;
  /** Names of the fields that it covers, in small letters. */
  readonly covers: ReadonlySet<string>;
  /** What is signed with patatt: the subject as git reads it and the text. DKIM signs the mail as it is. */
  readonly signed?: { readonly title: string; readonly text: string };
}

export type Refused = {
  /** For the log; no words of the mail are in it. */
  readonly refused: string;
  /** DNS did not answer: ask again later. */
  readonly again?: true;
};

const HOUR = 3_600_000;
/** Clocks go wrong; a sender's may be ahead of ours. */
const MAX_AHEAD_MILLIS = HOUR;
const MAX_SIGNATURES = 8;
const MIN_KEY_BITS = 1024;
/** Two of one of them, and the signature may be of the other one. */
const SINGLE_FIELDS = [
  "from",
  "subject",
  "date",
  "message-id",
  "in-reply-to",
  "references",
  "content-type",
  "content-transfer-encoding",
];
/** A command is decided by them. Many senders (kernel.org among them) leave Message-ID out: a mail that is sent again under another one is known by its signature. */
const COVERED_FIELDS = ["from", "subject", "date"];

/** Throws ToolError where git or gpg, which patatt signatures need, cannot be run. */
export async function authenticate(raw: Uint8Array, options: AuthenticateOptions): Promise<Authentic | Refused> {
  const mail = unwrapSeparator(raw);
  const headers = readHeaders(mail);
  const odd = oddHeader(mail, headers);
  if (odd !== undefined) return { refused: odd };
  const address = soleAddress(headerOf(headers, "from"));
  if (address === undefined) return { refused: "its From is not one plain address" };
  if (headerOf(headers, "message-id") === "") return { refused: "it has no Message-ID" };
  if (options.receivedAt < options.now - options.freshHours * HOUR) return { refused: "it came too long ago" };
  const dkim = await byDkim(mail, headers, address, options);
  if (!("refused" in dkim) || options.patattKeys === undefined || !headers.has("x-developer-signature")) return dkim;
  const patatt = await byPatatt(mail, address, options.patattKeys, options);
  return "refused" in patatt ? { ...dkim, refused: `${dkim.refused}; ${patatt.refused}` } : patatt;
}

/** What two readers of the header could read differently. */
function oddHeader(mail: Uint8Array, headers: MailHeaders): string | undefined {
  for (const name of SINGLE_FIELDS) {
    const count = headers.get(name)?.length ?? 0;
    if (count > 1) return `it has ${count} ${name} fields`;
  }
  const text = Buffer.from(mail.buffer, mail.byteOffset, Math.min(mail.length, 300 * 1024)).toString("latin1");
  const end = /\r?\n\r?\n/.exec(text)?.index;
  if (end === undefined) return "its header does not end";
  for (const line of text.slice(0, end).split(/\r?\n/)) {
    if (/[\r\0]/.test(line) || !/^([ \t]+\S|[\x21-\x39\x3b-\x7e]+:)/.test(line))
      return "its header has a line that is no field";
  }
  return undefined;
}

/** `Name <address>` or an address alone, in small letters; undefined for lists, groups, comments and whatever else RFC 5322 allows. */
export function soleAddress(value: string): string | undefined {
  const bare = value.slice(0, 2000).replace(/"(?:[^"\\]|\\.)*"/g, "");
  const match = /^(?:[^<>@,;:()"\\]*<([^<>\s]+)>|([^<>\s]+))$/.exec(bare.trim());
  const address = (match?.[1] ?? match?.[2] ?? "").toLowerCase();
  return /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(address)
    ? address
    : undefined;
}

/** `at`: what the sender says. */
function staleness(at: number, { receivedAt, freshHours }: AuthenticateOptions): string | undefined {
  if (Number.isNaN(at)) return "its date cannot be read";
  if (at < receivedAt - freshHours * HOUR) return "it was written too long before it came";
  return at > receivedAt + MAX_AHEAD_MILLIS ? "its date lies in the future" : undefined;
}

async function byDkim(
  mail: Uint8Array,
  headers: MailHeaders,
  address: string,
  options: AuthenticateOptions,
): Promise<Authentic | Refused> {
  const count = headers.get("dkim-signature")?.length ?? 0;
  if (count === 0) return { refused: "it has no DKIM signature" };
  if (count > MAX_SIGNATURES) return { refused: `it has ${count} DKIM signatures` };
  const stale = staleness(Date.parse(headerOf(headers, "date")), options);
  if (stale !== undefined) return { refused: stale };
  // Loaded where there is a command: it is big.
  const { dkimVerify } = await import("mailauth/lib/dkim/verify.js");
  let refused: Refused = { refused: "no DKIM signature could be read" };
  try {
    const { results } = await dkimVerify(Buffer.from(mail.buffer, mail.byteOffset, mail.byteLength), {
      resolver: options.resolver,
      minBitLength: MIN_KEY_BITS,
      curTime: new Date(options.receivedAt),
      // RFC 6376, 8301 and 8463 to the letter.
      strict: true,
    });
    for (const result of results) {
      const problem = dkimProblem(result, headers, address, options);
      if (problem === undefined) return dkimEvidence(result, address);
      // The signature of the sender's own domain is the one to speak of.
      if (refused.again !== true && (isAligned(result) || !("signingDomain" in refused))) refused = problem;
    }
  } catch (error) {
    return { refused: `DKIM: ${errorWords(error)}` };
  }
  return refused;
}

type DkimResult = Awaited<ReturnType<typeof import("mailauth/lib/dkim/verify.js")["dkimVerify"]>>["results"][number];

function isAligned({ status, signingDomain }: DkimResult): boolean {
  return typeof status.aligned === "string" && status.aligned !== "" && signingDomain !== undefined;
}

/** Fields that are there and signed: mailauth lists them with ": " between them. */
function coveredFields({ signingHeaders }: DkimResult): Set<string> {
  return new Set(
    (signingHeaders?.keys ?? "")
      .toLowerCase()
      .split(/[:\s]+/)
      .filter((name) => name !== ""),
  );
}

function dkimProblem(
  result: DkimResult,
  headers: MailHeaders,
  address: string,
  options: AuthenticateOptions,
): Refused | undefined {
  const { status } = result;
  if (!isAligned(result))
    return { refused: `DKIM: the signature is not of the domain of ${address.slice(address.indexOf("@"))}` };
  if (result.canonBodyLengthLimited === true)
    return { refused: "DKIM: the signature covers only a part of the text (l=)" };
  if (status.result === "temperror") return { refused: "DKIM: the key could not be asked for", again: true };
  if (status.result !== "pass") return { refused: `DKIM: ${status.result}${reasonOf(status)}` };
  if (status.testing === true) return { refused: "DKIM: the domain only tests it (t=y)" };
  const covers = coveredFields(result);
  const wanted = [...COVERED_FIELDS, ...["in-reply-to"].filter((name) => headers.has(name))];
  const open = wanted.filter((name) => !covers.has(name));
  if (open.length > 0) return { refused: `DKIM: ${open.join(", ")} not signed` };
  const signed = result.signTime;
  const stale = typeof signed === "string" ? staleness(Date.parse(signed), options) : undefined;
  return stale === undefined ? undefined : { refused: `DKIM: ${stale}` };
}

/** Only words of the library's own: the mail's do not go into the log. */
function reasonOf({ comment, policy }: DkimResult["status"]): string {
  const words = [comment, ...Object.values(policy ?? {})].filter((each): each is string => typeof each === "string");
  return words.map((each) => `, ${each.replaceAll(/[^\w .:-]+/g, " ").slice(0, 100)}`).join("");
}

function dkimEvidence(result: DkimResult, address: string): Authentic {
  const { signingDomain = "", selector = "", algo = "", signature = "" } = result;
  return {
    address,
    by: "dkim",
    evidence: `DKIM d=${signingDomain.slice(0, 253)} s=${selector.slice(0, 100)} a=${algo}`,
    signature: createHash("sha256").update(signature.replaceAll(/\s+/g, "")).digest("hex"),
    covers: coveredFields(result),
  };
}

async function byPatatt(
  mail: Uint8Array,
  address: string,
  keys: string,
  options: AuthenticateOptions,
): Promise<Authentic | Refused> {
  const verdict = await verifyPatatt(mail, address, keys);
  if ("refused" in verdict) return verdict;
  const stale = staleness(verdict.signedAt, options);
  if (stale !== undefined) return { refused: `patatt: ${stale}` };
  return {
    address,
    by: "patatt",
    evidence: `patatt ${verdict.key}`,
    signature: verdict.hash,
    covers: verdict.covers,
    signed: { title: verdict.title, text: verdict.text },
  };
}
