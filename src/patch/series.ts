import { FormatError } from "../base/errors.ts";
import { parseDiff } from "./diff.ts";
import type { FileDiff } from "./file-diff.ts";
import { renderGitMail } from "./git-mail.ts";
import { defaultMboxLimits, type MboxLimits, splitMbox } from "./mbox.ts";
import {
  type Address,
  type PatchMessage,
  type Prerequisite,
  parseMessage,
  patchBytesOf,
  splitBody,
  startsWithHeader,
} from "./message.ts";
import { checkPaths } from "./paths.ts";
import { rankSeries } from "./series-choice.ts";
import { decodeText, toHeaderText, toLfLines } from "./text.ts";

// One mbox, patch files or bare diffs as one series. Threads of a mailing list are put together elsewhere; here the input is meant to be a series.

export interface SeriesPatch {
  /** 1-based place in the series. */
  readonly number: number;
  /** The subject without its bracket; the file's name for a bare diff. */
  readonly title: string;
  /** Undefined for a bare diff. */
  readonly author: Address | undefined;
  readonly messageId: string | undefined;
  readonly commitMessage: string;
  readonly files: readonly FileDiff[];
  /** Text that the diff was read from. */
  readonly patchText: string;
  /** What git is given, see renderGitMail. */
  readonly mail: Uint8Array;
}

export interface Series {
  readonly title: string;
  readonly version: number;
  readonly prefixes: readonly string[];
  /** Of the cover letter, else of the first patch; undefined for bare diffs. */
  readonly author: Address | undefined;
  /** Of the cover letter, else of the first patch. */
  readonly messageId: string | undefined;
  readonly coverLetter: PatchMessage | undefined;
  /** Patches in the series as it says of itself. */
  readonly total: number;
  /** In order; fewer than `total` where some are missing. */
  readonly patches: readonly SeriesPatch[];
  readonly missing: readonly number[];
  /** Numbers that came more than once; the first one with that number is used. */
  readonly duplicates: readonly number[];
  readonly baseCommit: string | undefined;
  readonly prerequisites: readonly Prerequisite[];
  readonly changeId: string | undefined;
}

export type SeriesResult =
  | {
      readonly state: "complete";
      readonly series: Series;
      readonly reason: string;
      readonly leftOut: readonly string[];
    }
  | {
      readonly state: "incomplete";
      readonly series: Series;
      readonly reason: string;
      readonly leftOut: readonly string[];
    }
  | { readonly state: "not-a-patch"; readonly reason: string; readonly leftOut: readonly string[] };

export interface PatchInput {
  /** File name as the user gave it; for titles of bare diffs and for messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads an mbox or any number of patch files (mails, mboxes, bare diffs; several files are in the order given unless their subjects number
 * them) as one series. FormatError as of splitMbox, parseMessage, parseDiff and checkPaths; the input's name leads the message.
 */
export async function readSeries(
  inputs: readonly PatchInput[],
  limits: MboxLimits = defaultMboxLimits,
): Promise<SeriesResult> {
  const messages: PatchMessage[] = [];
  for (const input of inputs) {
    try {
      if (isBareDiff(input.bytes)) messages.push(bareDiffMessage(input, messages.length + 1, limits));
      else
        for (const raw of splitMbox(input.bytes, limits)) {
          messages.push({ ...(await parseMessage(raw)), number: messages.length + 1 });
        }
    } catch (error) {
      throw inputs.length > 1 ? withName(error, input.name) : error;
    }
  }
  return assembleSeries(messages);
}

function withName(error: unknown, name: string): unknown {
  if (!(error instanceof FormatError)) return error;
  const { format, ...place } = error.place;
  const text = error.message.slice(error.message.indexOf(": ") + 2);
  return new FormatError(error.code, text, { ...place, format: `${name}: ${format}` });
}

function isBareDiff(bytes: Uint8Array): boolean {
  const head = decodeText(bytes.subarray(0, 400)).trimStart();
  return head !== "" && !/^From \S+ /.test(head) && !startsWithHeader(bytes);
}

/** A diff without mail around it, `git diff` or `git show`, as a message. */
function bareDiffMessage(input: PatchInput, number: number, limits: MboxLimits): PatchMessage {
  if (input.bytes.length > limits.maxMessageBytes) {
    const text = `${input.bytes.length} bytes, at most ${limits.maxMessageBytes} are read`;
    throw new FormatError("over-budget", text, { format: "patch", offset: limits.maxMessageBytes });
  }
  const raw = toLfLines(input.bytes);
  const body = decodeText(raw);
  const { patchText, patchLine } = splitBody(body);
  const base = input.name.slice(input.name.lastIndexOf("/") + 1).replace(/\.(patch|diff|txt)$/i, "");
  const title = toHeaderText(base) || `patch ${number}`;
  return {
    number,
    raw,
    references: [],
    to: [],
    cc: [],
    listIds: [],
    subjectText: title,
    subject: {
      isPatch: true,
      isPull: false,
      isReply: false,
      version: 1,
      number: undefined,
      total: undefined,
      prefixes: [],
      tags: [],
      title,
    },
    title,
    body,
    commitMessage: "",
    patchText,
    patchBytes: patchBytesOf(raw, patchText),
    patchLine,
    trailers: { prerequisites: [] },
  };
}

/** Puts messages, in any order, together as one series; see SeriesResult. FormatError as of parseDiff and checkPaths. */
export function assembleSeries(messages: readonly PatchMessage[]): SeriesResult {
  const choice = rankSeries(messages);
  const { chosen, leftOut } = choice;
  if (chosen === undefined) return { state: "not-a-patch", reason: choice.reason, leftOut };

  const notes = [...leftOut];
  const patches: SeriesPatch[] = [];
  for (const [number, message] of [...chosen.patches].sort(([left], [right]) => left - right)) {
    const files = parseDiff(message.patchText, { name: `${number}/${chosen.total}`, linesBefore: message.patchLine });
    if (files.length === 0) {
      notes.push(`${describe(message)}: no diff in it`);
      continue;
    }
    checkPaths(files, `${number}/${chosen.total}`);
    patches.push(toPatch(message, number, files));
  }
  if (patches.length === 0) return { state: "not-a-patch", reason: "no message has a diff", leftOut: notes };

  const have = new Set(patches.map((patch) => patch.number));
  const missing = Array.from({ length: chosen.total }, (_, index) => index + 1).filter((number) => !have.has(number));
  const series = toSeries(chosen.cover, [...chosen.patches.values()], patches, {
    version: chosen.version,
    total: chosen.total,
    missing,
    duplicates: chosen.duplicates,
  });
  if (missing.length > 0) {
    const reason = `${patches.length} of ${chosen.total} patches, missing ${missing.slice(0, 20).join(", ")}${missing.length > 20 ? ", ..." : ""}`;
    return { state: "incomplete", series, reason, leftOut: notes };
  }
  const order = chosen.isNumbered ? "" : ", not numbered, in the order of the input";
  const reason = `${patches.length} of ${chosen.total} patches${chosen.total > 1 ? order : ""}`;
  return { state: "complete", series, reason, leftOut: notes };
}

/** How a left-out message is named to people. */
function describe(message: PatchMessage): string {
  return `message ${message.number} "${message.subjectText.slice(0, 100)}"`;
}

function toPatch(message: PatchMessage, number: number, files: readonly FileDiff[]): SeriesPatch {
  return {
    number,
    title: message.title,
    author: message.author,
    messageId: message.messageId,
    commitMessage: message.commitMessage,
    files,
    patchText: message.patchText,
    mail: renderGitMail(message),
  };
}

function toSeries(
  coverLetter: PatchMessage | undefined,
  messages: readonly PatchMessage[],
  patches: readonly SeriesPatch[],
  counts: Pick<Series, "version" | "total" | "missing" | "duplicates">,
): Series {
  const all = coverLetter === undefined ? messages : [coverLetter, ...messages];
  const lead = coverLetter ?? (messages[0] as PatchMessage);
  const baseCommit = all.find((message) => message.trailers.baseCommit !== undefined)?.trailers.baseCommit;
  const changeId = all.find((message) => message.trailers.changeId !== undefined)?.trailers.changeId;
  return {
    ...counts,
    title: lead.title || (patches[0] as SeriesPatch).title,
    prefixes: lead.subject.prefixes,
    author: coverLetter === undefined ? lead.author : coverLetter.from,
    messageId: lead.messageId,
    coverLetter,
    patches,
    baseCommit,
    prerequisites: all.flatMap((message) => message.trailers.prerequisites),
    changeId,
  };
}
