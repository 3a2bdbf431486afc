// What is kept of one mail: all that threads, series, versions and policies are decided by, without its text. Made once per mail, stored as JSON beside its
// bytes, and small, since the mails of a whole cluster are held together.

import { z } from "zod";
import { FormatError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import { parseDiff } from "../patch/diff.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import { unwrapSeparator } from "../patch/mbox.ts";
import { type Address, hasScissors, type PatchMessage, parseMessage } from "../patch/message.ts";
import { checkPaths } from "../patch/paths.ts";
import { automaticKind, type OwnMarks } from "./automatic.ts";
import { mayCommand } from "./commands.ts";
import { readHeaders } from "./headers.ts";
import { readVersionLinks } from "./links.ts";
import { patchId } from "./patch-id.ts";

/** Raised when facts of stored mails must be made again. */
export const FACTS_VERSION = 1;

/** What a sender can make long is cut, so that one mail's facts stay below some 60 KiB. */
const MAX_ADDRESSES = 300;
const MAX_REFERENCES = 40;
const MAX_PATHS = 200;
const MAX_TEXT = 500;
const MAX_LISTS = 10;
const MAX_PREREQUISITES = 200;

const address = z.strictObject({ name: z.string(), address: z.string() });

const subjectSchema = z.strictObject({
  isPatch: z.boolean(),
  isPull: z.boolean(),
  isReply: z.boolean(),
  version: z.int(),
  number: z.int().optional(),
  total: z.int().optional(),
  prefixes: z.array(z.string()),
  tags: z.array(z.string()),
  title: z.string(),
});

/** The diff of a mail, or why there is none. */
const diffSchema = z.strictObject({
  /** Of the changed lines and their files, without index lines and line numbers: the same for a resend on another base. */
  hash: z.string(),
  /** Of everything from the first file on: the same only where the very same patch was sent. */
  exactHash: z.string(),
  /** What prerequisite-patch-id trailers call it, see patchId. */
  patchId: z.string().optional(),
  files: z.int(),
  /** Added and removed lines. */
  lines: z.int(),
  /** New paths (old ones of deleted files), sorted, at most 200. */
  paths: z.array(z.string()),
});

export const mailFactsSchema = z.strictObject({
  facts: z.literal(FACTS_VERSION),
  messageId: z.string(),
  /** Bytes as received. */
  size: z.int(),
  inReplyTo: z.string().optional(),
  /** Oldest first; of a long list the first four and the last 36. */
  references: z.array(z.string()),
  /** The sender. */
  from: address.optional(),
  /** The in-body From, else the sender. */
  author: address.optional(),
  to: z.array(address),
  cc: z.array(address),
  /** Of List-Id, without brackets, in small letters: the lists that this copy came through. */
  lists: z.array(z.string()),
  /** Of the Date header, milliseconds since 1970, as the sender claims; it may lie in the future. */
  date: z.number().optional(),
  subjectText: z.string(),
  subject: subjectSchema,
  /** What the commit is called: the in-body Subject's title, else the subject's. */
  title: z.string(),
  /** undefined: no diff in it, or one that cannot be read (see `damage`). */
  diff: diffSchema.optional(),
  /** Why the mail, or the diff in it, cannot be read. */
  damage: z.string().optional(),
  /** The text has a scissors line, "-- >8 --". */
  scissors: z.boolean(),
  /** A line of the text begins with our sign: there may be commands in it. */
  commands: z.literal(true).optional(),
  baseCommit: z.string().optional(),
  changeId: z.string().optional(),
  prerequisites: z.array(
    z.strictObject({ kind: z.enum(["patch-id", "change-id", "message-id", "base-commit"]), value: z.string() }),
  ),
  /** Message-IDs that a cover letter, or what stands under a patch's three dashes, names as earlier versions. */
  versionLinks: z.array(z.string()),
  /** Why it was written by a program, and of which kind that is. */
  automatic: z.strictObject({ kind: z.string(), reason: z.string() }).optional(),
});

export type MailFacts = z.infer<typeof mailFactsSchema>;

/**
 * Reads one stored mail. Never throws for what is in it: a mail that cannot be read has `damage` and is no part of anything.
 * `raw` as stored, LF or CRLF, with or without an mbox separator line before it. `own`: what our own mails are known by.
 */
export async function readMail(messageId: string, raw: Uint8Array, own?: OwnMarks): Promise<MailFacts> {
  const bytes = unwrapSeparator(raw);
  const automatic = automaticKind(readHeaders(bytes), own);
  try {
    const facts = factsOf(messageId, raw.length, await parseMessage({ number: 1, offset: 0, bytes }));
    return automatic === undefined ? facts : { ...facts, automatic };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return unreadable(messageId, raw.length, error.message);
  }
}

/** The other way, for facts out of the store; undefined where they are of another version and must be made again. */
export function parseFacts(text: string): MailFacts | undefined {
  if (text === "") return undefined;
  const parsed = mailFactsSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

function factsOf(messageId: string, size: number, message: PatchMessage): MailFacts {
  const { subject } = message;
  const { diff, damage } = readDiff(message);
  return {
    facts: FACTS_VERSION,
    messageId,
    size,
    ...(message.inReplyTo !== undefined && { inReplyTo: message.inReplyTo }),
    references: bounded(message.references),
    ...(message.from !== undefined && { from: shortAddress(message.from) }),
    ...(message.author !== undefined && { author: shortAddress(message.author) }),
    to: message.to.slice(0, MAX_ADDRESSES).map(shortAddress),
    cc: message.cc.slice(0, MAX_ADDRESSES).map(shortAddress),
    lists: listIds(message),
    ...(message.date !== undefined && { date: message.date.getTime() }),
    subjectText: short(message.subjectText),
    subject: {
      isPatch: subject.isPatch,
      isPull: subject.isPull,
      isReply: subject.isReply,
      version: subject.version,
      ...(subject.number !== undefined && { number: subject.number }),
      ...(subject.total !== undefined && { total: subject.total }),
      prefixes: subject.prefixes.slice(0, 20).map((prefix) => prefix.slice(0, 80)),
      tags: subject.tags.slice(0, 20).map((tag) => tag.slice(0, 80)),
      title: short(subject.title),
    },
    title: short(message.title),
    ...(diff !== undefined && { diff }),
    ...(damage !== undefined && { damage }),
    scissors: hasScissors(message.body),
    ...(mayCommand(message.body) && { commands: true as const }),
    ...(message.trailers.baseCommit !== undefined && { baseCommit: message.trailers.baseCommit }),
    ...(message.trailers.changeId !== undefined && { changeId: message.trailers.changeId }),
    prerequisites: message.trailers.prerequisites
      .slice(0, MAX_PREREQUISITES)
      .map(({ kind, value }) => ({ kind, value })),
    versionLinks: readVersionLinks(message),
  };
}

function unreadable(messageId: string, size: number, why: string): MailFacts {
  return {
    facts: FACTS_VERSION,
    messageId,
    size,
    references: [],
    to: [],
    cc: [],
    lists: [],
    subjectText: "",
    subject: { isPatch: false, isPull: false, isReply: false, version: 1, prefixes: [], tags: [], title: "" },
    title: "",
    damage: short(why),
    scissors: false,
    prerequisites: [],
    versionLinks: [],
  };
}

const short = (text: string): string => text.slice(0, MAX_TEXT);
const shortAddress = (entry: Address): Address => ({
  name: entry.name.slice(0, 200),
  address: entry.address.slice(0, 320).toLowerCase(),
});

/** The root and its first answers, which make a thread of mails whose parents are missing, and the nearest ancestors. */
function bounded(references: readonly string[]): string[] {
  const unique = [...new Set(references.map((id) => id.slice(0, 998)))];
  return unique.length <= MAX_REFERENCES ? unique : [...unique.slice(0, 4), ...unique.slice(4 - MAX_REFERENCES)];
}

/** RFC 2919: what stands in angle brackets, with or without a name before. */
function listIds(message: PatchMessage): string[] {
  const ids = message.listIds.map((value) => (/<([^<>\s]{1,255})>\s*$/.exec(value)?.[1] ?? value).trim().toLowerCase());
  return [...new Set(ids.filter((id) => id !== "" && id.length <= 255))].slice(0, MAX_LISTS);
}

function readDiff(message: PatchMessage): Pick<MailFacts, "diff" | "damage"> {
  if (message.patchText === "") return {};
  let files: FileDiff[];
  try {
    files = parseDiff(message.patchText, { linesBefore: message.patchLine });
    checkPaths(files, "mail");
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { damage: short(error.message) };
  }
  if (files.length === 0) return {};
  const changed: string[] = [];
  let lines = 0;
  for (const file of files) {
    changed.push(
      `${file.status} ${file.oldPath ?? ""} ${file.newPath ?? ""} ${file.oldMode ?? ""} ${file.newMode ?? ""}`,
    );
    if (file.isBinary) changed.push(file.newBlob ?? "");
    for (const hunk of file.hunks) {
      for (const line of hunk.lines) {
        changed.push(line.kind + line.text);
        if (line.kind !== " ") lines++;
      }
    }
  }
  const id = patchId(message.patchBytes);
  const start = message.patchText.search(/^(?:diff --git |--- )/m);
  const end = message.patchText.lastIndexOf("\n-- \n");
  return {
    diff: {
      hash: hashText(changed.join("\n")),
      exactHash: hashText(message.patchText.slice(Math.max(0, start), end < 0 ? undefined : end)),
      ...(id !== undefined && { patchId: id }),
      files: files.length,
      lines,
      paths: [...new Set(files.map((file) => file.path.slice(0, 4096)))].sort().slice(0, MAX_PATHS),
    },
  };
}
