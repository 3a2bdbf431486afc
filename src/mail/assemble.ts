// From the mails of a cluster to series. Pure: the same mails give the same result in whatever order they are given, and however often.

import type {
  Assembled,
  AssembledSeries,
  AssembleOptions,
  ClusterMail,
  LeftOver,
  LeftOverKind,
  Person,
} from "./assembled.ts";
import { defaultAssembleOptions } from "./assembled.ts";
import {
  attachCovers,
  compareDrafts,
  type Draft,
  draftOfSet,
  draftOfSingle,
  foldCopies,
  foldResends,
  identityOf,
  leadOf,
} from "./drafts.ts";
import type { MailFacts } from "./facts.ts";
import { groupPatches } from "./groups.ts";
import { findVersions, type Lineage } from "./lineage.ts";
import { completeRerolls } from "./partial-rerolls.ts";
import { ancestorsOf, compareMails, isPatchMail, placeOf } from "./patch-mail.ts";
import { stateOf } from "./series-state.ts";

/** Recipients of a series that are kept, of To and of Cc. */
const MAX_PEOPLE = 500;
/** Kinds of automatic mails that are no patches whatever they say. */
const NEVER_PATCHES = new Set(["own", "bounce", "vacation"]);

/** All series that the mails of one cluster make, and what the others of them are. Never throws. */
export function assemble(mails: readonly ClusterMail[], options: AssembleOptions = defaultAssembleOptions): Assembled {
  const received = new Map<string, number>();
  const byId = new Map<string, MailFacts>();
  for (const { facts, receivedAt } of mails) {
    const known = byId.get(facts.messageId);
    // Of one Message-ID there is one mail in the store; whoever gives two gets the same answer for either order.
    if (known === undefined || JSON.stringify(facts) < JSON.stringify(known)) byId.set(facts.messageId, facts);
    received.set(facts.messageId, Math.min(receivedAt, received.get(facts.messageId) ?? receivedAt));
  }
  const sorted = [...byId.values()].sort(compareMails);
  const { drafts, asked } = makeDrafts(sorted, byId, options);
  const dateOf = (draft: Draft): number => {
    const lead = leadOf(draft);
    const at = received.get(lead.messageId) as number;
    return Math.min(lead.date ?? at, at);
  };
  const lineage = findVersions(drafts, dateOf);
  const series = [...drafts, ...asked]
    .map((draft) => toSeries(draft, lineage.get(draft) ?? {}, dateOf(draft), received, options))
    .sort((left, right) => left.date - right.date || (left.identity < right.identity ? -1 : 1));
  return { series, rest: leftOvers(sorted, series, byId) };
}

function makeDrafts(
  sorted: readonly MailFacts[],
  byId: ReadonlyMap<string, MailFacts>,
  options: AssembleOptions,
): { drafts: Draft[]; asked: Draft[] } {
  const usable = sorted.filter((mail) => !NEVER_PATCHES.has(mail.automatic?.kind ?? ""));
  const patches = usable.filter((mail) => isPatchMail(mail) && !isBareAnswer(mail, byId));
  const numbered = groupPatches(patches.filter((mail) => placeOf(mail) !== undefined)).map(draftOfSet);
  const singles = foldCopies(patches.filter((mail) => placeOf(mail) === undefined)).map((copies) =>
    draftOfSingle(copies),
  );
  const drafts = foldResends(attachCovers([...numbered, ...singles]));
  completeRerolls(drafts, byId);
  const pulls = usable.filter((mail) => mail.subject.isPull && !mail.subject.isReply);
  const asked = usable.filter(
    (mail) => options.inline?.has(mail.messageId) === true && mail.diff !== undefined && !isPatchMail(mail),
  );
  return {
    drafts: [...drafts, ...foldCopies(pulls).map((copies) => draftOfSingle(copies, true))].sort(compareDrafts),
    // "Try this instead" is no version of anything.
    asked: asked.filter((mail) => !mail.subject.isPull).map((mail) => draftOfSingle([mail])),
  };
}

/** Some mail programs answer without "Re:"; a patch would have a diff. */
function isBareAnswer(mail: MailFacts, byId: ReadonlyMap<string, MailFacts>): boolean {
  if (mail.diff !== undefined || mail.damage !== undefined || mail.subject.number === 0) return false;
  const parent = mail.inReplyTo === undefined ? undefined : byId.get(mail.inReplyTo);
  return parent !== undefined && parent.subject.title === mail.subject.title;
}

function toSeries(
  draft: Draft,
  lineage: Lineage,
  date: number,
  received: ReadonlyMap<string, number>,
  options: AssembleOptions,
): AssembledSeries {
  const lead = leadOf(draft);
  const all = [...draft.mails].sort(compareMails);
  const used = [...draft.patches].sort(([left], [right]) => left - right);
  const first = <T>(of: (mail: MailFacts) => T | undefined): T | undefined => {
    for (const mail of [lead, ...used.map(([, each]) => each)]) {
      const value = of(mail);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const identity = identityOf(draft);
  const changeId = first((mail) => mail.changeId);
  const baseCommit = first((mail) => mail.baseCommit);
  const robot =
    all.length > 0 && all.every((mail) => mail.automatic !== undefined) ? lead.automatic?.reason : undefined;
  const { previous, joinedBy, newest } = lineage;
  return {
    identity,
    version: draft.version,
    title: (draft.cover ?? lead).title,
    ...stateOf(draft, options),
    total: draft.total,
    ...(draft.cover !== undefined && { cover: draft.cover.messageId }),
    patches: used.map(([number, mail]) => ({ number, messageId: mail.messageId })),
    mails: all.map((mail) => mail.messageId).sort(),
    aliases: [...draft.aliases].filter((id) => id !== identity).sort(),
    prefixes: lead.subject.prefixes,
    ...(lead.from !== undefined && { author: lead.from }),
    to: peopleOf(all.map((mail) => mail.to)),
    cc: peopleOf(all.map((mail) => mail.cc)),
    lists: [...new Set(all.flatMap((mail) => mail.lists))].sort(),
    date,
    lastReceivedAt: all.reduce((last, mail) => Math.max(last, received.get(mail.messageId) ?? 0), 0),
    ...(changeId !== undefined && { changeId }),
    ...(baseCommit !== undefined && { baseCommit }),
    ...(robot !== undefined && { automatic: robot }),
    ...(newest !== undefined && { olderThan: identityOf(newest) }),
    ...(previous !== undefined && { previous: identityOf(previous), joinedBy: joinedBy ?? "" }),
  };
}

function peopleOf(lists: readonly (readonly Person[])[]): Person[] {
  const byAddress = new Map<string, Person>();
  for (const person of lists.flat()) if (!byAddress.has(person.address)) byAddress.set(person.address, person);
  return [...byAddress.values()].sort((left, right) => (left.address < right.address ? -1 : 1)).slice(0, MAX_PEOPLE);
}

function leftOvers(
  sorted: readonly MailFacts[],
  series: readonly AssembledSeries[],
  byId: ReadonlyMap<string, MailFacts>,
): LeftOver[] {
  const seriesOf = new Map<string, string>();
  for (const each of series) for (const id of each.mails) seriesOf.set(id, each.identity);
  const rest = sorted.filter((mail) => !seriesOf.has(mail.messageId));
  return rest
    .map((mail) => {
      const about = answeredSeries(mail, seriesOf, byId);
      return {
        messageId: mail.messageId,
        ...kindOf(mail, about !== undefined),
        ...(about !== undefined && { about }),
        hasPatch: mail.diff !== undefined,
      };
    })
    .sort((left, right) => (left.messageId < right.messageId ? -1 : 1));
}

function kindOf(mail: MailFacts, isAnswer: boolean): { kind: LeftOverKind; reason: string } {
  if (mail.automatic !== undefined) {
    const isBounce = mail.automatic.kind === "bounce" || mail.automatic.kind === "vacation";
    return { kind: isBounce ? "bounce" : "bot", reason: mail.automatic.reason };
  }
  if (mail.damage !== undefined && mail.from === undefined) return { kind: "noise", reason: mail.damage };
  if (mail.subject.isReply || isAnswer || mail.inReplyTo !== undefined)
    return { kind: "reply", reason: mail.diff === undefined ? "a reply" : "a reply with a patch in it" };
  return { kind: "noise", reason: "no patch and no reply" };
}

/** The series that a mail answers: the nearest ancestor in one; through mails whose References were cut off, too. */
function answeredSeries(
  mail: MailFacts,
  seriesOf: ReadonlyMap<string, string>,
  byId: ReadonlyMap<string, MailFacts>,
): string | undefined {
  const seen = new Set<string>();
  let at: MailFacts | undefined = mail;
  for (let step = 0; step < 50 && at !== undefined && !seen.has(at.messageId); step++) {
    seen.add(at.messageId);
    for (const id of ancestorsOf(at)) {
      const found = seriesOf.get(id);
      if (found !== undefined) return found;
    }
    const nearest: string | undefined = ancestorsOf(at).find((id) => byId.has(id) && !seen.has(id));
    at = nearest === undefined ? undefined : byId.get(nearest);
  }
  return undefined;
}
