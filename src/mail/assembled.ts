// What is made of the mails of a cluster: series, each with its state and the reason, and what the other mails are.

import type { MailFacts } from "./facts.ts";

export interface ClusterMail {
  readonly facts: MailFacts;
  /** Milliseconds since 1970, by our clock: no mail is younger than that, whatever its header says. */
  readonly receivedAt: number;
}

export interface AssembleOptions {
  /** Longer series are "too-big". */
  readonly maxPatches: number;
  /** Bytes of all mails of a series. */
  readonly maxBytes: number;
  /** Replies with a patch in them that somebody who may asked to have looked at: each is a series of its own. */
  readonly inline?: ReadonlySet<string>;
}

export const defaultAssembleOptions: AssembleOptions = { maxPatches: 60, maxBytes: 32 * 1024 * 1024 };

export type AssembledState = "complete" | "incomplete" | "not-a-patch" | "too-big" | "pull-request";

export interface AssembledPatch {
  /** 1-based. */
  readonly number: number;
  readonly messageId: string;
}

export interface Person {
  readonly name: string;
  /** In small letters. */
  readonly address: string;
}

export interface AssembledSeries {
  /**
   * Message-ID of its first patch as far as it is there, else of its cover letter; of a version that replaces single patches of the former (a partial
   * reroll), that of the first replaced patch. The same whatever order the mails came in.
   */
  readonly identity: string;
  /** As the subjects say; 1 where they say nothing. */
  readonly version: number;
  readonly title: string;
  readonly state: AssembledState;
  /** One line for people, without control characters. */
  readonly reason: string;
  /** Numbers that did not come, or came without a readable diff; ascending. */
  readonly missing: readonly number[];
  /** As the subjects say; 1 for a patch without number. */
  readonly total: number;
  readonly cover?: string;
  /** In order. What `git am` is given, whatever else came. */
  readonly patches: readonly AssembledPatch[];
  /** All mails that are in it, sorted: also resends and second copies that were not taken. */
  readonly mails: readonly string[];
  /** Other identities that it might have had: a copy of the same patch with another Message-ID. Whoever reviewed one of them reviewed this. */
  readonly aliases: readonly string[];
  /** Of the bracket, without PATCH, as written: "RFC", "net-next". */
  readonly prefixes: readonly string[];
  /** The sender of the cover letter, else of the first patch. */
  readonly author?: Person;
  /** Of all its mails, the first with an address counts; sorted by address. */
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  /** List-Ids of all its mails, sorted. */
  readonly lists: readonly string[];
  /** Milliseconds since 1970: of the cover letter, else of the first patch, never after it was received. */
  readonly date: number;
  /** When the last of its mails came, by our clock: what waiting windows count from. */
  readonly lastReceivedAt: number;
  readonly changeId?: string;
  readonly baseCommit?: string;
  /** All its patches were written by a program that sends no answers worth reading; for the policy. */
  readonly automatic?: string;
  /** Identity of the newest version, where that is not this one: this one is superseded. */
  readonly olderThan?: string;
  /** Identity of the version before, and what joined the two. */
  readonly previous?: string;
  readonly joinedBy?: string;
}

export type LeftOverKind = "reply" | "noise" | "bot" | "bounce";

/** A mail of the cluster that is in no series. */
export interface LeftOver {
  readonly messageId: string;
  readonly kind: LeftOverKind;
  readonly reason: string;
  /** Identity of the series that it answers, directly or not. */
  readonly about?: string;
  /** It has a diff in it that could be looked at where somebody asks (see AssembleOptions.inline). */
  readonly hasPatch: boolean;
}

export interface Assembled {
  /** Sorted by date, then identity. */
  readonly series: readonly AssembledSeries[];
  /** Sorted by Message-ID. */
  readonly rest: readonly LeftOver[];
}
