// What one run over all sources came to, in a line: what was read, what series it made, and what is in none and why.

import { plural } from "../report/wrap.ts";
import type { LeftOver } from "./assembled.ts";

/** Reasons that are named; the rest is counted. */
const MAX_REASONS = 4;

export class Tally {
  readonly #read: string[] = [];
  readonly #unread: string[] = [];
  readonly #mails = new Set<string>();
  #fresh = 0;
  #passedOver = 0;
  /** Identity -> state, as it was decided last. */
  readonly #series = new Map<string, string>();
  /** Message-ID -> why it is in no series. */
  readonly #rest = new Map<string, string>();

  /** A source was read to its end. */
  read(source: string): void {
    this.#read.push(source);
  }

  notRead(source: string): void {
    this.#unread.push(source);
  }

  passedOver(): void {
    this.#passedOver++;
  }

  /** @param fresh how many of them were not there before */
  took(messageIds: readonly string[], fresh: number): void {
    for (const id of messageIds) this.#mails.add(id);
    this.#fresh += fresh;
  }

  planned(series: readonly { readonly identity: string; readonly state: string }[], rest: readonly LeftOver[]): void {
    for (const { identity, state } of series) this.#series.set(identity, state);
    for (const { messageId, reason } of rest) if (this.#mails.has(messageId)) this.#rest.set(messageId, reason);
  }

  get isWhole(): boolean {
    return this.#unread.length === 0;
  }

  /** Without a full stop; words of mails are in it. */
  words(): string {
    const parts = [this.#readWords()];
    if (this.#passedOver > 0) parts.push(`${plural(this.#passedOver, "mail")} passed over, named above`);
    if (this.#series.size > 0) {
      const total = this.#series.size === 1 ? "1 series" : `${this.#series.size} series`;
      parts.push(`${total} (${counted(this.#series.values())})`);
    } else if (this.#fresh > 0) parts.push("no series");
    if (this.#rest.size > 0) parts.push(`${plural(this.#rest.size, "mail")} in none (${counted(this.#rest.values())})`);
    if (!this.isWhole) parts.push(`not read: ${this.#unread.join(", ")}`);
    return parts.join("; ");
  }

  #readWords(): string {
    if (this.#mails.size === 0) return this.#read.length === 0 ? "nothing read" : `no mail in ${this.#read.join(", ")}`;
    const known = this.#mails.size - this.#fresh;
    const old = known <= 0 ? "" : known === this.#mails.size ? ", all known already" : `, ${known} known already`;
    return `${plural(this.#mails.size, "mail")} read${old}`;
  }
}

/** "ordered: 2, waiting: 1", the most frequent first; a single kind without its number. */
function counted(words: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const sorted = [...counts].toSorted(([, a], [, b]) => b - a);
  if (sorted.length === 1) return sorted[0]![0];
  const shown = sorted.slice(0, MAX_REASONS).map(([word, count]) => `${word}: ${count}`);
  const left = sorted.slice(MAX_REASONS).reduce((sum, [, count]) => sum + count, 0);
  return [...shown, ...(left === 0 ? [] : [`others: ${left}`])].join(", ");
}
