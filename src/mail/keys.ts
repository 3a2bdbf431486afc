// Which mails may have to do with each other. Two that share a key are in one cluster; which of them are a series, and which series are versions of one another,
// is decided among the mails of the cluster (assemble.ts), so a key may join too much but must not miss, and never without bound in time.

import { hashText } from "../base/hash.ts";
import type { MailFacts } from "./facts.ts";
import { isPatchMail, senderOf, titleKey } from "./patch-mail.ts";

/** The first of a thread, and the nearest ancestors. Every parent that is there has its own, so that more are needed for missing ones alone. */
const FIRST_REFERENCES = 2;
const LAST_REFERENCES = 6;
const MAX_KEY = 200;
const DAY = 86_400_000;
/** A series that is sent over midnight takes minutes. */
const AROUND_MIDNIGHT = 1_800_000;

/** Keys of a mail, sorted, each at most 200 characters, at most some forty. Empty for a mail that belongs to nothing: one that cannot be read. */
export function linkKeys(facts: MailFacts): string[] {
  if (facts.damage !== undefined && facts.from === undefined && facts.subjectText === "") return [];
  const keys = new Set<string>([key("id", facts.messageId)]);
  const { references } = facts;
  for (const id of [
    ...(facts.inReplyTo === undefined ? [] : [facts.inReplyTo]),
    ...references.slice(0, FIRST_REFERENCES),
    ...references.slice(-LAST_REFERENCES),
  ])
    keys.add(key("id", id));
  const { subject } = facts;
  if (!isPatchMail(facts)) return [...keys].sort();

  if (facts.changeId !== undefined) keys.add(changeKey(facts.changeId));
  for (const id of facts.versionLinks) keys.add(key("id", id));
  const sender = senderOf(facts);
  if (sender === undefined) return [...keys].sort();
  const title = titleKey(facts.title);
  if (title !== "") keys.add(key("title", `${sender} ${title}`));
  if (subject.number !== undefined && subject.total !== undefined && subject.total > 1) {
    const run = idRun(facts.messageId);
    if (run !== undefined) keys.add(key("run", run.stem));
    // Only of a day: else a sender of a series a day would make one cluster of all of them. The first patch has it for a cover letter that lists renamed.
    const isUnthreaded = facts.inReplyTo === undefined && references.length === 0;
    if ((isUnthreaded || subject.number === 1) && facts.date !== undefined) {
      for (const day of days(facts.date)) keys.add(key("day", `${sender} ${subject.version}/${subject.total} ${day}`));
    }
  }
  return [...keys].sort();
}

/** The key of all mails with that change-id. */
export function changeKey(changeId: string): string {
  return key("change", changeId);
}

/** The day in UTC, and close to midnight the midnight too. */
function days(date: number): string[] {
  const day = Math.floor(date / DAY);
  const midnight = Math.round(date / DAY);
  const isClose = Math.abs(date - midnight * DAY) <= AROUND_MIDNIGHT;
  return isClose ? [`day ${day}`, `midnight ${midnight}`] : [`day ${day}`];
}

function key(kind: string, text: string): string {
  const whole = `${kind}:${text}`;
  return whole.length <= MAX_KEY ? whole : `${kind}:${text.slice(0, 100)}#${hashText(text)}`;
}

export interface IdRun {
  /** What all Message-IDs of the run share. */
  readonly stem: string;
  /** The place of the mail in the run, where the tool counts. */
  readonly sequence?: number;
}

/**
 * What the Message-ID says of the run of a sending tool: git send-email's "<time>.<pid>-<n>-<sender>" (before 2.13 "<time>-<pid>-<n>-git-send-email-<sender>"),
 * git format-patch's "<commit>.<time>.git.<sender>", b4's "<date>-<topic>-v<n>-<number>-<random>@<host>", quilt's "<time>.<fraction>@<host>".
 */
export function idRun(messageId: string): IdRun | undefined {
  const sendEmail = /^(\d{14}\.\d{1,9}|\d{9,11}-\d{1,9})-(\d{1,5})-(.{1,300})$/.exec(messageId);
  if (sendEmail !== null) return { stem: `${sendEmail[1]}-${sendEmail[3]}`, sequence: Number(sendEmail[2]) };
  const formatPatch = /^(?:[0-9a-f]{40}|cover)\.(\d{9,11}\.git\..{1,300})$/.exec(messageId);
  if (formatPatch !== null) return { stem: formatPatch[1] as string };
  const b4 = /^(\d{8}-.{1,200}-v\d{1,4})-\d{1,4}-[0-9a-f]{6,16}(@.{1,250})$/.exec(messageId);
  if (b4 !== null) return { stem: `${b4[1]}${b4[2]}` };
  const quilt = /^(\d{14})\.\d{6,9}(@.{1,250})$/.exec(messageId);
  return quilt === null ? undefined : { stem: `${quilt[1]}${quilt[2]}` };
}
