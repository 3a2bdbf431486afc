// Which series are versions of one another: by change-id, by a link in the cover letter, by whom they answer, by their titles; in that order of weight.

import { compareDrafts, type Draft, leadOf } from "./drafts.ts";
import type { MailFacts } from "./facts.ts";
import { ancestorsOf, isTrial, senderOf, titleKey, treeOf } from "./patch-mail.ts";

export interface Lineage {
  /** The version before, and what joined this one to it or to another before it. */
  readonly previous?: Draft;
  readonly joinedBy?: string;
  /** The newest version, where it is another. */
  readonly newest?: Draft;
}

/** Earlier series of one title that a series is compared with. */
const MAX_COMPARED = 8;
const MAX_LINKS = 40;

/** `dateOf`: when a draft was written, never after it came. */
export function findVersions(drafts: readonly Draft[], dateOf: (draft: Draft) => number): Map<Draft, Lineage> {
  const order = [...drafts].sort(compareDrafts);
  const draftOf = new Map<string, Draft>();
  for (const draft of order) for (const mail of draft.mails) draftOf.set(mail.messageId, draft);
  const families = new Families(order);

  const byChange = new Map<string, Draft>();
  for (const draft of order) {
    const change = draft.mails.find((mail) => mail.changeId !== undefined)?.changeId;
    if (change === undefined) continue;
    const other = byChange.get(change);
    if (other === undefined) byChange.set(change, draft);
    else families.join(draft, other, "the same change-id");
  }
  for (const draft of order) {
    if (draft.base !== undefined) families.join(draft, draft.base, "it replaces patches of it");
    const links = draft.mails.flatMap((mail) => mail.versionLinks).slice(0, MAX_LINKS);
    for (const link of links) {
      const other = draftOf.get(link);
      if (other !== undefined && other !== draft && areRelated(draft, other))
        families.join(draft, other, "a link to it");
    }
    const parent = answered(draft, draftOf);
    if (parent !== undefined && isVersionByAnswer(draft, parent)) families.join(draft, parent, "an answer to it");
  }
  joinByTitle(order, families);
  return families.lineages((left, right) => isNewer(left, right, dateOf));
}

/** The nearest ancestor of the first mail that belongs to another series. */
function answered(draft: Draft, draftOf: ReadonlyMap<string, Draft>): Draft | undefined {
  for (const id of ancestorsOf(leadOf(draft))) {
    const other = draftOf.get(id);
    if (other !== undefined && other !== draft) return other;
  }
  return undefined;
}

/** A link or a change-id may be to what a series builds on: the same sender, or something in common, must be there too. */
function areRelated(draft: Draft, other: Draft): boolean {
  return senderOf(leadOf(draft)) === senderOf(leadOf(other)) || shareTitle(draft, other);
}

function isVersionByAnswer(draft: Draft, parent: Draft): boolean {
  if (draft.isPull !== parent.isPull) return false;
  const sameSender = senderOf(leadOf(draft)) === senderOf(leadOf(parent));
  if (sameSender && draft.version > parent.version) return true;
  return !draft.isPull && draft.version >= parent.version && shareTitle(draft, parent);
}

function titlesOf(draft: Draft): Set<string> {
  const titles = [...draft.patches.values()].map((mail) => titleKey(mail.title));
  return new Set(titles.filter((title) => title !== ""));
}

function coverTitle(draft: Draft): string {
  return draft.cover === undefined ? "" : titleKey(draft.cover.title);
}

/** The same cover letter by its title, or half of the patches in common. */
function shareTitle(draft: Draft, other: Draft): boolean {
  if (coverTitle(draft) !== "" && coverTitle(draft) === coverTitle(other)) return true;
  const [ours, theirs] = [titlesOf(draft), titlesOf(other)];
  const common = [...ours].filter((title) => theirs.has(title)).length;
  return common > 0 && common * 2 >= Math.min(ours.size, theirs.size) && common * 4 >= Math.max(ours.size, theirs.size);
}

function joinByTitle(order: readonly Draft[], families: Families): void {
  const byTitle = new Map<string, Draft[]>();
  for (const draft of order) {
    if (draft.isPull) continue;
    const sender = senderOf(leadOf(draft));
    if (sender === undefined) continue;
    const keys = new Set([coverTitle(draft), ...titlesOf(draft)].filter((title) => title !== ""));
    const candidates = new Set<Draft>();
    for (const key of keys) {
      const name = `${sender} ${key}`;
      const list = byTitle.get(name) ?? [];
      for (const other of list.slice(-MAX_COMPARED)) candidates.add(other);
      byTitle.set(name, [...list.slice(1 - MAX_COMPARED), draft]);
      if (candidates.size > 4 * MAX_COMPARED) break;
    }
    for (const other of candidates) {
      if (isVersionByTitle(draft, other)) families.join(draft, other, "the same sender and title");
    }
  }
}

function isVersionByTitle(draft: Draft, other: Draft): boolean {
  if (!shareTitle(draft, other)) return false;
  const [tree, otherTree] = [treeOf(leadOf(draft)), treeOf(leadOf(other))];
  // A backport to another stable tree has the same title; a patch that turned from net to net-next says v2.
  if (tree !== otherTree && (/\d\.\d/.test(`${tree} ${otherTree}`) || draft.version === other.version)) return false;
  return (
    draft.version !== other.version || isTrial(leadOf(draft)) !== isTrial(leadOf(other)) || sharePath(draft, other)
  );
}

/** Newcomers send the same title for many files. */
function sharePath(draft: Draft, other: Draft): boolean {
  const paths = new Set([...other.patches.values()].flatMap((mail) => mail.diff?.paths ?? []));
  return [...draft.patches.values()].some((mail) => mail.diff?.paths.some((path) => paths.has(path)) === true);
}

/** By version; where a series stopped being an RFC the numbers may have begun again, and time decides; so it does for equal numbers. */
function isNewer(draft: Draft, other: Draft, dateOf: (draft: Draft) => number): boolean {
  const trial = isTrial(leadOf(draft));
  const otherTrial = isTrial(leadOf(other));
  const restarted = trial !== otherTrial && (trial ? draft.version >= other.version : other.version >= draft.version);
  if (!restarted && draft.version !== other.version) return draft.version > other.version;
  return dateOf(draft) - dateOf(other) > 0 || (dateOf(draft) === dateOf(other) && compareDrafts(draft, other) > 0);
}

class Families {
  readonly #order: readonly Draft[];
  readonly #parent = new Map<Draft, Draft>();
  readonly #why = new Map<Draft, string>();

  constructor(order: readonly Draft[]) {
    this.#order = order;
  }

  #root(draft: Draft): Draft {
    let root = draft;
    for (let next = this.#parent.get(root); next !== undefined; next = this.#parent.get(root)) root = next;
    for (let at = draft; at !== root; ) {
      const next = this.#parent.get(at) as Draft;
      this.#parent.set(at, root);
      at = next;
    }
    return root;
  }

  join(draft: Draft, other: Draft, why: string): void {
    for (const each of [draft, other]) if (!this.#why.has(each)) this.#why.set(each, why);
    const [from, to] = [this.#root(draft), this.#root(other)];
    if (from !== to) this.#parent.set(from, to);
  }

  lineages(isNewer: (left: Draft, right: Draft) => boolean): Map<Draft, Lineage> {
    const families = new Map<Draft, Draft[]>();
    for (const draft of this.#order) {
      const root = this.#root(draft);
      const list = families.get(root);
      if (list === undefined) families.set(root, [draft]);
      else list.push(draft);
    }
    const found = new Map<Draft, Lineage>();
    for (const family of families.values()) {
      // Where versions and dates disagree three series need have no order; from the same beginning the sort still ends the same every time.
      const sorted = [...family].sort((left, right) => (isNewer(left, right) ? 1 : -1));
      let last = sorted.length - 1;
      while (last > 0 && !hasDiff(sorted[last] as Draft)) last--;
      const newest = sorted[last];
      sorted.forEach((draft, at) => {
        const previous = sorted[at - 1];
        const isOld = newest !== undefined && at < last;
        found.set(draft, {
          ...(previous !== undefined && { previous, joinedBy: this.#why.get(draft) ?? "" }),
          ...(isOld && { newest }),
        });
      });
    }
    return found;
  }
}

const hasDiff = (draft: Draft): boolean =>
  draft.isPull || [...draft.patches.values()].some((mail: MailFacts) => mail.diff !== undefined);
