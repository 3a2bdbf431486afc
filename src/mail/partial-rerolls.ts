// "[PATCH v2 3/5]" in reply to "[PATCH 3/5]": a new version of single patches, the others stay. As b4 does it, the new version is the former with the
// replaced patches, so that the whole can be applied.

import { compareDrafts, type Draft } from "./drafts.ts";
import type { MailFacts } from "./facts.ts";
import { senderOf, titleKey } from "./patch-mail.ts";

/** Replies between the patch and its new version that are looked through. */
const MAX_REPLIES = 6;

/** Turns the drafts that replace patches of another into whole ones; `byId`: all mails of the cluster. */
export function completeRerolls(drafts: readonly Draft[], byId: ReadonlyMap<string, MailFacts>): void {
  const draftOf = new Map<MailFacts, Draft>();
  for (const draft of drafts) for (const mail of draft.mails) draftOf.set(mail, draft);
  /** The newest that was made of a series. */
  const newest = new Map<Draft, Draft>();
  const order = [...drafts].sort((left, right) => left.version - right.version || compareDrafts(left, right));
  for (const draft of order) {
    const targets = targetsOf(draft, draftOf, byId);
    if (targets === undefined) continue;
    const root = rootOf(targets.base);
    const base = newest.get(root) ?? targets.base;
    // Between two of one version the later replaces the earlier.
    if (base.version > draft.version || base === draft) continue;
    const replaced = [...targets.byNumber.keys()].sort((left, right) => left - right);
    draft.patches.clear();
    for (const [number, mail] of [...base.patches, ...targets.byNumber]) draft.patches.set(number, mail);
    Object.assign(draft, { total: base.total, isNumbered: true, base, replaced, cover: base.cover });
    newest.set(root, draft);
  }
}

function rootOf(draft: Draft): Draft {
  let root = draft;
  while (root.base !== undefined) root = root.base;
  return root;
}

interface Targets {
  readonly base: Draft;
  readonly byNumber: ReadonlyMap<number, MailFacts>;
}

/** What a draft replaces, where every mail of it answers the patch with its own number of one other series by the same sender. */
function targetsOf(
  draft: Draft,
  draftOf: ReadonlyMap<MailFacts, Draft>,
  byId: ReadonlyMap<string, MailFacts>,
): Targets | undefined {
  if (draft.isPull || draft.cover !== undefined || draft.patches.size === 0) return undefined;
  if (draft.isNumbered && draft.patches.size >= draft.total) return undefined;
  const byNumber = new Map<number, MailFacts>();
  let base: Draft | undefined;
  for (const [number, mail] of draft.patches) {
    if (mail.diff === undefined) return undefined;
    const target = answeredPatch(mail, draftOf, byId);
    const of = target === undefined ? undefined : draftOf.get(target);
    if (target === undefined || of === undefined || of === draft || !of.isNumbered) return undefined;
    if (base !== undefined && of !== base) return undefined;
    base = of;
    const place = target.subject.number as number;
    if (draft.isNumbered ? place !== number || of.total !== draft.total : !isSameTitle(target, mail)) return undefined;
    // A single of the same title is a new version only where it is of a series of several.
    if (of.total < 2) return undefined;
    byNumber.set(place, mail);
  }
  return base === undefined || base.version > draft.version ? undefined : { base, byNumber };
}

const isSameTitle = (one: MailFacts, other: MailFacts): boolean =>
  one.title === other.title || (titleKey(one.title) !== "" && titleKey(one.title) === titleKey(other.title));

/** The numbered patch of the same sender that a mail answers, directly or as the next word in the talk about it. */
function answeredPatch(
  mail: MailFacts,
  draftOf: ReadonlyMap<MailFacts, Draft>,
  byId: ReadonlyMap<string, MailFacts>,
): MailFacts | undefined {
  let id = mail.inReplyTo;
  for (let step = 0; step < MAX_REPLIES && id !== undefined; step++) {
    const parent = byId.get(id);
    if (parent === undefined || parent === mail) return undefined;
    if (draftOf.has(parent)) {
      const isPatch = (parent.subject.number ?? 0) > 0;
      return isPatch && senderOf(parent) === senderOf(mail) ? parent : undefined;
    }
    id = parent.inReplyTo;
  }
  return undefined;
}

/** For reasons: "3/5". */
export function describeReplaced(draft: Draft): string {
  return (draft.replaced ?? []).map((number) => `${number}/${draft.total}`).join(", ");
}
