// A series while it is being put together: its mails by number, before it is said what it lacks and what it is a version of.

import type { MailFacts } from "./facts.ts";
import type { PatchSet } from "./groups.ts";
import { compareMails, copyKey, senderOf, titleKey, treeOf } from "./patch-mail.ts";

export interface Draft {
  version: number;
  readonly total: number;
  readonly isNumbered: boolean;
  cover: MailFacts | undefined;
  /** The mail that counts for each number. */
  readonly patches: Map<number, MailFacts>;
  /** All that belong to it, resends and copies too. */
  readonly mails: MailFacts[];
  /** Other Message-IDs of the same patches. */
  readonly aliases: Set<string>;
  /** Of a partial reroll: what it replaces patches of, and which. */
  base?: Draft;
  replaced?: number[];
  readonly isPull: boolean;
}

export function draftOfSet(set: PatchSet): Draft {
  const draft = emptyDraft(set.version, set.total, true);
  for (const [number, copies] of set.byNumber) {
    const [first, ...others] = copies as [MailFacts, ...MailFacts[]];
    if (number === 0) draft.cover = first;
    else draft.patches.set(number, first);
    draft.mails.push(...copies);
    for (const other of others) draft.aliases.add(other.messageId);
  }
  return draft;
}

/** A patch without number, or whatever else stands alone; `copies` are the same mail under several Message-IDs, sorted by compareMails. */
export function draftOfSingle(copies: readonly MailFacts[], isPull = false): Draft {
  const [first, ...others] = copies as [MailFacts, ...MailFacts[]];
  const draft = emptyDraft(first.subject.version, 1, false, isPull);
  draft.patches.set(1, first);
  draft.mails.push(...copies);
  for (const other of others) draft.aliases.add(other.messageId);
  return draft;
}

function emptyDraft(version: number, total: number, isNumbered: boolean, isPull = false): Draft {
  return { version, total, isNumbered, cover: undefined, patches: new Map(), mails: [], aliases: new Set(), isPull };
}

/** The cover letter, else the first patch; of a partial reroll the first patch that is new. */
export function leadOf(draft: Draft): MailFacts {
  if (draft.replaced !== undefined) return draft.patches.get(Math.min(...draft.replaced)) as MailFacts;
  return draft.cover ?? firstPatch(draft) ?? (draft.mails[0] as MailFacts);
}

export function firstPatch(draft: Draft): MailFacts | undefined {
  return draft.patches.get(Math.min(...draft.patches.keys()));
}

export function identityOf(draft: Draft): string {
  if (draft.replaced !== undefined) return leadOf(draft).messageId;
  return (firstPatch(draft) ?? leadOf(draft)).messageId;
}

export function compareDrafts(left: Draft, right: Draft): number {
  return compareMails(leadOf(left), leadOf(right)) || (identityOf(left) < identityOf(right) ? -1 : 1);
}

export function isFull(draft: Draft): boolean {
  for (let number = 1; number <= draft.total; number++) {
    if (draft.patches.get(number)?.diff === undefined) return false;
  }
  return true;
}

/** Mails with the same content and second, which some lists give new Message-IDs, together; in the order of the first. */
export function foldCopies(mails: readonly MailFacts[]): MailFacts[][] {
  const groups = new Map<string, MailFacts[]>();
  for (const mail of mails) {
    const key = `${mail.subject.version} ${copyKey(mail)}`;
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [mail]);
    else list.push(mail);
  }
  return [...groups.values()];
}

/**
 * Cover letters that stand alone are given to the patches that answer them: those with another count or version than the patches, which authors write by
 * hand, and those without a number. What is left of `drafts`.
 */
export function attachCovers(drafts: readonly Draft[]): Draft[] {
  const alone = drafts.filter(isLonelyCover);
  const byCover = new Map(alone.map((draft) => [leadOf(draft).messageId, draft]));
  const used = new Set<Draft>();
  for (const draft of drafts) {
    if (!draft.isNumbered || draft.cover !== undefined || draft.patches.size === 0) continue;
    for (const patch of [...draft.patches.values()].slice(0, 20)) {
      const parents = [patch.inReplyTo, patch.references[patch.references.length - 1], patch.references[0]];
      const cover = parents.map((id) => byCover.get(id ?? "")).find((found) => found !== undefined && !used.has(found));
      if (cover === undefined || !coverFits(cover, draft, patch)) continue;
      draft.cover = leadOf(cover);
      // "[PATCH v3 0/4]" over "[PATCH 1/4]": whoever wrote v3 meant it.
      draft.version = Math.max(draft.version, cover.version);
      draft.mails.push(...cover.mails);
      used.add(cover);
      break;
    }
  }
  return drafts.filter((draft) => !used.has(draft));
}

/** A cover letter by its number, or a mail that says "[PATCH]" and has no diff and no trouble. */
function isLonelyCover(draft: Draft): boolean {
  if (draft.isPull) return false;
  if (draft.isNumbered) return draft.patches.size === 0 && draft.cover !== undefined;
  const mail = draft.patches.get(1) as MailFacts;
  return (
    mail.diff === undefined && mail.damage === undefined && mail.subject.isPatch && mail.subject.number === undefined
  );
}

function coverFits(cover: Draft, draft: Draft, patch: MailFacts): boolean {
  const mail = leadOf(cover);
  if (senderOf(mail) !== senderOf(patch)) return false;
  return cover.version === draft.version || draft.version === 1 || cover.version === 1;
}

/**
 * A series that was sent again as it was says nothing new: its mails go to the first sending, whose gaps they fill. Whichever of the two is whole gives the
 * patches, and the identity with them.
 */
export function foldResends(drafts: readonly Draft[]): Draft[] {
  const kept: Draft[] = [];
  const byPatch = new Map<string, Draft[]>();
  for (const draft of [...drafts].sort(compareDrafts)) {
    const keys = draft.isPull ? [] : patchKeys(draft);
    const former = keys
      .flatMap((key) => byPatch.get(key)?.slice(0, 4) ?? [])
      .find((other) => saysTheSame(other, draft));
    if (former !== undefined) fold(former, draft);
    else kept.push(draft);
    for (const key of keys) {
      const list = byPatch.get(key);
      if (list === undefined) byPatch.set(key, [former ?? draft]);
      else if (former === undefined) list.push(draft);
    }
  }
  return kept;
}

function patchKeys(draft: Draft): string[] {
  return [...draft.patches]
    .filter(([, mail]) => mail.diff !== undefined)
    .map(([number, mail]) => `${draft.version} ${number}/${draft.total} ${senderOf(mail)} ${mail.diff?.exactHash}`);
}

function saysTheSame(former: Draft, draft: Draft): boolean {
  const [one, other] = [leadOf(former), leadOf(draft)];
  if (treeOf(one) !== treeOf(other)) return false;
  const bases = [former, draft].map((each) => each.mails.find((mail) => mail.baseCommit !== undefined)?.baseCommit);
  if (bases[0] !== undefined && bases[1] !== undefined && bases[0] !== bases[1]) return false;
  for (const [number, mail] of draft.patches) {
    const known = former.patches.get(number);
    if (known === undefined) continue;
    if (known.diff?.exactHash !== mail.diff?.exactHash || titleKey(known.title) !== titleKey(mail.title)) return false;
  }
  return true;
}

function fold(former: Draft, draft: Draft): void {
  const takeNew = !isFull(former) && isFull(draft);
  for (const [number, mail] of draft.patches) {
    const known = former.patches.get(number);
    if (known !== undefined) former.aliases.add(takeNew ? known.messageId : mail.messageId);
    if (known === undefined || takeNew) former.patches.set(number, mail);
  }
  if (former.cover === undefined || (takeNew && draft.cover !== undefined)) former.cover = draft.cover;
  former.mails.push(...draft.mails);
  for (const alias of draft.aliases) former.aliases.add(alias);
}
