// Which patch mails of one version and one count are a series. Evidence is taken in order of its weight: who answers whom, one run of a sending tool, a
// common parent that did not come, one thread, then sender and time. Nothing is joined that would put two different patches on one number. The order is
// that of the Date headers and Message-IDs, so that the same mails make the same series in whatever order they arrive.

import type { MailFacts } from "./facts.ts";
import { idRun } from "./keys.ts";
import { ancestorsOf, compareMails, copyKey, placeOf, senderOf, treeOf } from "./patch-mail.ts";

export interface PatchSet {
  readonly version: number;
  readonly total: number;
  /** Sorted by compareMails. Of each number the first counts, the others are copies of it. */
  readonly byNumber: ReadonlyMap<number, readonly MailFacts[]>;
}

const DAY = 86_400_000;
const TEN_MINUTES = 600_000;
/** Sets that one mail is tried on, and neighbours in time that are compared: what bounds the work of hostile mails. */
const MAX_TRIES = 12;

interface Group {
  readonly byNumber: Map<number, MailFacts[]>;
  size: number;
}

/** Patch mails with a number (see placeOf), sorted by compareMails, as sets. */
export function groupPatches(mails: readonly MailFacts[]): PatchSet[] {
  const buckets = new Map<string, MailFacts[]>();
  for (const mail of mails) {
    const place = placeOf(mail);
    if (place !== undefined) push(buckets, `${mail.subject.version}/${place.total}`, mail);
  }
  return [...buckets.values()].flatMap((bucket) => new Bucket(bucket).sets());
}

class Bucket {
  readonly #mails: readonly MailFacts[];
  readonly #byId: ReadonlyMap<string, MailFacts>;
  readonly #group = new Map<MailFacts, Group>();

  constructor(mails: readonly MailFacts[]) {
    this.#mails = mails;
    this.#byId = new Map(mails.map((mail) => [mail.messageId, mail]));
    for (const mail of mails)
      this.#group.set(mail, { byNumber: new Map([[mail.subject.number as number, [mail]]]), size: 1 });
  }

  sets(): PatchSet[] {
    this.#joinCopies();
    this.#joinAnswers(true);
    this.#joinRuns();
    this.#joinBy((mail) => (this.#parent(mail) === undefined ? mail.inReplyTo : undefined));
    this.#joinNeighbours((mail) => mail.references[0] ?? mail.inReplyTo ?? mail.messageId, 2 * DAY);
    // A threaded mail has a parent, which says more than its sender does.
    this.#joinNeighbours((mail) => (isUnthreaded(mail) ? treeOf(mail) : undefined), DAY);
    this.#joinLonelyCovers();
    this.#joinAnswers(false);
    const { version, total } = (this.#mails[0] as MailFacts).subject;
    return [...new Set(this.#group.values())].map((group) => ({
      version,
      total: total as number,
      byNumber: new Map(
        [...group.byNumber]
          .sort(([left], [right]) => left - right)
          .map(([number, list]) => [number, [...list].sort(compareMails)]),
      ),
    }));
  }

  /** The nearest ancestor that is one of these mails. */
  #parent(mail: MailFacts): MailFacts | undefined {
    for (const id of ancestorsOf(mail)) {
      const parent = this.#byId.get(id);
      if (parent !== undefined && parent !== mail) return parent;
    }
    return undefined;
  }

  #joinCopies(): void {
    const first = new Map<string, MailFacts>();
    for (const mail of this.#mails) {
      const key = `${mail.subject.number} ${copyKey(mail)}`;
      const other = first.get(key);
      if (other === undefined) first.set(key, mail);
      else this.#join(mail, other);
    }
  }

  #joinAnswers(sameSender: boolean): void {
    for (const mail of this.#mails) {
      const parent = this.#parent(mail);
      if (parent !== undefined && (!sameSender || senderOf(parent) === senderOf(mail))) this.#join(mail, parent);
    }
  }

  /** git send-email counts the mails of a run: the distance of that count to n tells two series of one run apart. */
  #joinRuns(): void {
    this.#joinBy((mail) => {
      const run = idRun(mail.messageId);
      if (run === undefined) return undefined;
      return run.sequence === undefined ? run.stem : `${run.stem} ${run.sequence - (mail.subject.number as number)}`;
    });
  }

  #joinBy(key: (mail: MailFacts) => string | undefined): void {
    const groups = new Map<string, MailFacts[]>();
    for (const mail of this.#mails) {
      const of = key(mail);
      if (of === undefined) continue;
      const name = `${senderOf(mail)} ${of}`;
      const tried = groups.get(name) ?? [];
      if (!tried.some((other) => this.#join(mail, other)) && tried.length < MAX_TRIES) push(groups, name, mail);
    }
  }

  /** Mails with the same key and sender that were written close together, the closest pairs first. */
  #joinNeighbours(key: (mail: MailFacts) => string | undefined, within: number): void {
    const lines = new Map<string, MailFacts[]>();
    for (const mail of this.#mails) {
      const of = key(mail);
      if (of !== undefined && mail.date !== undefined) push(lines, `${senderOf(mail)} ${of}`, mail);
    }
    const pairs: { distance: number; left: MailFacts; right: MailFacts }[] = [];
    for (const line of lines.values()) {
      line.forEach((left, at) => {
        for (const right of line.slice(at + 1, at + 1 + MAX_TRIES)) {
          const distance = (right.date as number) - (left.date as number);
          if (distance <= within) pairs.push({ distance, left, right });
        }
      });
    }
    // Stable: pairs of the same distance stay in the order of their mails.
    pairs.sort((one, other) => one.distance - other.distance);
    for (const { left, right } of pairs) this.#join(left, right);
  }

  /** A cover letter whose patches name another parent, one that nobody has: its Message-ID was changed on its way. */
  #joinLonelyCovers(): void {
    const covers = this.#mails.filter(
      (mail) => mail.subject.number === 0 && (this.#group.get(mail) as Group).size === 1,
    );
    if (covers.length === 0) return;
    const orphans = this.#mails.filter((mail) => {
      const group = this.#group.get(mail) as Group;
      return (
        mail.subject.number !== 0 && !group.byNumber.has(0) && !isUnthreaded(mail) && this.#parent(mail) === undefined
      );
    });
    for (const cover of covers.slice(0, MAX_TRIES)) {
      const near = orphans.find(
        (mail) =>
          senderOf(mail) === senderOf(cover) &&
          treeOf(mail) === treeOf(cover) &&
          Math.abs((mail.date ?? 0) - (cover.date ?? Number.NaN)) <= TEN_MINUTES &&
          !(this.#group.get(mail) as Group).byNumber.has(0),
      );
      if (near !== undefined) this.#join(cover, near);
    }
  }

  /** False where the two sets have different patches of one number. */
  #join(left: MailFacts, right: MailFacts): boolean {
    const [a, b] = [this.#group.get(left) as Group, this.#group.get(right) as Group];
    if (a === b) return true;
    const [small, large] = a.size < b.size ? [a, b] : [b, a];
    for (const [number, list] of small.byNumber) {
      const other = large.byNumber.get(number);
      if (other !== undefined && copyKey(other[0] as MailFacts) !== copyKey(list[0] as MailFacts)) return false;
    }
    for (const [number, list] of small.byNumber) {
      const other = large.byNumber.get(number);
      if (other === undefined) large.byNumber.set(number, [...list]);
      else other.push(...list);
      for (const mail of list) this.#group.set(mail, large);
    }
    large.size += small.size;
    return true;
  }
}

const isUnthreaded = (mail: MailFacts): boolean => mail.inReplyTo === undefined && mail.references.length === 0;

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
