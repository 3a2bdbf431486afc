// The stored mails of a series as patches, and as the mailbox that the review reads.

import { FormatError } from "../base/errors.ts";
import { type MailedPatch, readBasedOn, type SeriesForBase } from "../kernel/base-choice.ts";
import { parseDiff } from "../patch/diff.ts";
import { renderGitMail } from "../patch/git-mail.ts";
import { joinMboxrd } from "../patch/mbox.ts";
import { type PatchMessage, parseMessage } from "../patch/message.ts";
import { checkPaths } from "../patch/paths.ts";
import { assembleSeries } from "../patch/series.ts";
import { toLfLines } from "../patch/text.ts";

type Raw = (messageId: string) => Promise<Uint8Array | undefined>;

export interface MailsOfSeries {
  readonly facts: Omit<SeriesForBase, "date" | "asked">;
  readonly mbox: Uint8Array;
}

export interface SeriesMembers {
  readonly cover?: string | undefined;
  readonly patches: readonly { readonly number: number; readonly messageId: string }[];
}

/** Throws FormatError where one cannot be read. */
export async function readSeriesMails(
  raw: Raw,
  { cover, patches }: SeriesMembers,
): Promise<MailsOfSeries | { readonly missing: string }> {
  const ids = [...(cover === undefined ? [] : [cover]), ...patches.map(({ messageId }) => messageId)];
  const messages: PatchMessage[] = [];
  for (const id of ids) {
    const bytes = await raw(id);
    if (bytes === undefined) return { missing: id };
    messages.push(await parseRaw(bytes, messages.length + 1));
  }
  const ofPatches = cover === undefined ? messages : messages.slice(1);
  const mailed = ofPatches.map((message, index) => toPatch(message, patches[index]?.messageId));
  // The cover letter, else the first patch: notes and all, without its diff.
  const text = (messages[0]?.body ?? "").split(/^diff --git /m)[0] ?? "";
  return {
    facts: {
      patches: mailed,
      baseCommit: messages.find(({ trailers }) => trailers.baseCommit !== undefined)?.trailers.baseCommit,
      prerequisites: messages.flatMap(({ trailers }) => trailers.prerequisites),
      basedOn: readBasedOn(text),
    },
    mbox: joinMboxrd(
      isReadAlike(messages, ofPatches) ? messages.map((each) => each.raw) : renumbered(messages[0], mailed),
    ),
  };
}

/** Patches that are applied before a series; undefined where one of them is gone or cannot be read. */
export async function readPrerequisite(raw: Raw, ids: readonly string[]): Promise<MailedPatch[] | undefined> {
  const patches: MailedPatch[] = [];
  for (const id of ids) {
    const bytes = await raw(id);
    if (bytes === undefined) return undefined;
    try {
      patches.push(toPatch(await parseRaw(bytes, patches.length + 1), id));
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  }
  return patches;
}

/** One stored mail. Throws FormatError. */
export async function parseRaw(bytes: Uint8Array, number: number): Promise<PatchMessage> {
  return parseMessage({ number, offset: 0, bytes: toLfLines(bytes) });
}

function toPatch(message: PatchMessage, messageId: string | undefined): MailedPatch {
  const name = `message ${message.number}`;
  const files = parseDiff(message.patchText, { name, linesBefore: message.patchLine });
  checkPaths(files, name);
  return { messageId, mail: renderGitMail(message), files };
}

/** The review puts the mails together once more, by what they say: are these the same patches in the same order? */
function isReadAlike(all: readonly PatchMessage[], patches: readonly PatchMessage[]): boolean {
  const read = assembleSeries(all);
  if (read.state !== "complete" || read.series.patches.length !== patches.length) return false;
  return read.series.patches.every((patch, index) => patch.messageId === patches[index]?.messageId);
}

/** Where the subjects say something else than the thread does: git's mails with numbers of ours. */
function renumbered(first: PatchMessage | undefined, patches: readonly MailedPatch[]): Uint8Array[] {
  const version = first?.subject.version ?? 1;
  return patches.map(({ mail, messageId }, index) => {
    const subject = `Subject: [PATCH${version > 1 ? ` v${version}` : ""} ${index + 1}/${patches.length}]`;
    const id = messageId === undefined ? "" : `Message-ID: <${messageId}>\n`;
    const text = Buffer.from(mail).toString("latin1");
    return Buffer.from(text.replace(/^Subject: \[PATCH\]/m, `${id}${subject}`), "latin1");
  });
}
