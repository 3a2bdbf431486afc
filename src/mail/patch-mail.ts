// Of a mail's facts, what putting series together asks for: is it a patch, whose, of which tree, and does another say the same.

import type { MailFacts } from "./facts.ts";

/** A series is numbered in hundreds at most. */
export const MAX_TOTAL = 2000;

/** Words of a bracket that name no tree. */
const noTree = /^(rfc|rft|rfp|resend|repost|wip|draft|for|review|internal|test|take\d*|try\d*|round\d*|-+)$/;

/** Not a reply, and a patch by its subject, or by a diff under a numbered subject ("[net,v2,1/2] ..."), or by a diff in a mail that answers nothing. */
export function isPatchMail(mail: MailFacts): boolean {
  const { subject } = mail;
  if (subject.isReply || subject.isPull) return false;
  if (subject.isPatch) return true;
  if (mail.diff === undefined) return false;
  return subject.number !== undefined || (mail.inReplyTo === undefined && mail.references.length === 0);
}

/** The address in small letters; undefined where the mail does not say. Where a list put its own address there ("Name via list"), with the name. */
export function senderOf(mail: MailFacts): string | undefined {
  if (mail.from === undefined || mail.from.address === "") return undefined;
  const { name, address } = mail.from;
  return /\bvia\b/i.test(name) ? `${name.toLowerCase()} ${address}` : address;
}

/** A title for comparing: small letters and digits. "" for what says nothing. */
export function titleKey(title: string): string {
  const plain = title
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return plain === "subject here" || plain.length < 6 ? "" : plain;
}

/** Words of the bracket that name a tree, "net-next", "6.6.y", sorted and joined: patches for different trees are different series. */
export function treeOf(mail: MailFacts): string {
  const words = mail.subject.prefixes
    .filter((word) => !mail.subject.tags.includes(word))
    .map((word) => word.toLowerCase())
    .filter((word) => !noTree.test(word));
  return [...new Set(words)].sort().join(" ");
}

export function isTrial(mail: MailFacts): boolean {
  return mail.subject.prefixes.some((word) => /^(rfc|rft)$/i.test(word));
}

/** Where a mail stands in its series; undefined for one without number, or with one that is no place in a series. */
export function placeOf(mail: MailFacts): { number: number; total: number } | undefined {
  const { number, total } = mail.subject;
  if (number === undefined || total === undefined) return undefined;
  return total < 1 || total > MAX_TOTAL || number > total ? undefined : { number, total };
}

/** Two mails with the same are one mail that came with two Message-IDs, as some lists make them: the same second, the same content. */
export function copyKey(mail: MailFacts): string {
  const content = mail.diff?.exactHash ?? `no diff ${mail.size}`;
  return `${mail.date ?? "no date"} ${senderOf(mail) ?? ""} ${content} ${titleKey(mail.title) || mail.title}`;
}

/** The nearest first. */
export function ancestorsOf(mail: MailFacts): readonly string[] {
  const chain = [...mail.references].reverse();
  return mail.inReplyTo === undefined ? chain : [mail.inReplyTo, ...chain.filter((id) => id !== mail.inReplyTo)];
}

/** The order in which mails were written, as far as they say; the same for the same mails whenever they came. */
export function compareMails(left: MailFacts, right: MailFacts): number {
  const [a, b] = [left.date ?? Number.MAX_SAFE_INTEGER, right.date ?? Number.MAX_SAFE_INTEGER];
  return (
    a - b ||
    (left.subject.number ?? 0) - (right.subject.number ?? 0) ||
    (left.messageId < right.messageId ? -1 : left.messageId > right.messageId ? 1 : 0)
  );
}
