import type { PatchMessage } from "./message.ts";

// Which messages of an input are the series: by version and n/m, then, where numbers collide, by who answers whom.

export interface Candidate {
  readonly version: number;
  readonly total: number;
  /** Subjects carry n/m. */
  readonly isNumbered: boolean;
  readonly cover: PatchMessage | undefined;
  /** Number to message; the first message with a number wins. */
  readonly patches: ReadonlyMap<number, PatchMessage>;
  readonly duplicates: readonly number[];
}

export interface Choice {
  readonly chosen: Candidate | undefined;
  /** Why nothing was chosen. */
  readonly reason: string;
  /** One line per message or series that is not part of the chosen one, and why. */
  readonly leftOut: readonly string[];
}

/** A series longer than this is not one. */
const MAX_TOTAL = 2000;
const MAX_LEFT_OUT_LINES = 50;

const hasDiff = (message: PatchMessage): boolean =>
  message.patchText !== "" && /^(?:@@ -|diff --git )/m.test(message.patchText);

/** Chooses the highest complete version, else the highest version; the first in the input where two are equal. */
export function rankSeries(messages: readonly PatchMessage[]): Choice {
  const leftOut: string[] = [];
  const numbered = new Map<string, PatchMessage[]>();
  const loose: PatchMessage[] = [];
  const leave = (message: PatchMessage, why: string): void => {
    leftOut.push(`message ${message.number} "${message.subjectText.slice(0, 100)}": ${why}`);
  };
  for (const message of messages) {
    const { subject } = message;
    const { number, total } = subject;
    if (subject.isPull) leave(message, "a pull request");
    else if (subject.isReply) leave(message, "a reply");
    else if (subject.isPatch && number !== undefined && total !== undefined) {
      if (total < 1 || total > MAX_TOTAL || number > total)
        leave(message, `${number}/${total} is no place in a series`);
      else push(numbered, `${subject.version}/${total}`, message);
    } else if (hasDiff(message)) loose.push(message);
    else leave(message, subject.isPatch ? "no diff in it" : "not a patch");
  }
  // Without any "[PATCH]" a mail with a diff may be one; next to real patches it is talk.
  const sure = loose.filter((message) => message.subject.isPatch);
  const usable = sure.length > 0 || numbered.size > 0 ? sure : loose;
  for (const message of loose) if (!usable.includes(message)) leave(message, "no patch by its subject");

  const candidates = [...numbered.values()].flatMap((bucket) => splitByThread(bucket).map(toCandidate));
  if (usable.length > 0) candidates.push(...looseCandidates(usable));
  // The sort is stable: of equals the first of the input stays first.
  const order = [...candidates].sort(compareCandidates);
  const chosen = order[0];
  for (const other of order.slice(1)) {
    const place = other.isNumbered
      ? `${other.patches.size} of ${other.total} patches`
      : `${other.total} patches without numbers`;
    const first = other.cover ?? [...other.patches.values()][0];
    leftOut.push(
      `v${other.version} "${first?.subject.title.slice(0, 100) ?? ""}", ${place}: another series or version`,
    );
  }
  return { chosen, reason: chosen === undefined ? whyNone(messages) : "", leftOut: capped(leftOut) };
}

function whyNone(messages: readonly PatchMessage[]): string {
  if (messages.some((message) => message.subject.isPull)) return "a pull request, not a patch";
  if (messages.length > 0 && messages.every((message) => message.subject.isReply)) return "only replies, no patch";
  return "no message is a patch";
}

function capped(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_LEFT_OUT_LINES) return lines;
  return [...lines.slice(0, MAX_LEFT_OUT_LINES), `and ${lines.length - MAX_LEFT_OUT_LINES} more`];
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Patches without numbers are one series per version, in the order of the input. */
function looseCandidates(messages: readonly PatchMessage[]): Candidate[] {
  const byVersion = new Map<number, PatchMessage[]>();
  for (const message of messages) push(byVersion, message.subject.version, message);
  return [...byVersion].map(([version, list]) => ({
    version,
    total: list.length,
    isNumbered: false,
    cover: undefined,
    patches: new Map(list.map((message, index) => [index + 1, message])),
    duplicates: [],
  }));
}

function isComplete(candidate: Candidate): boolean {
  return candidate.patches.size === candidate.total && [...candidate.patches.values()].every(hasDiff);
}

/** Complete first, then numbered, then the higher version, then the one with more patches. */
function compareCandidates(left: Candidate, right: Candidate): number {
  return (
    Number(isComplete(right)) - Number(isComplete(left)) ||
    Number(right.isNumbered) - Number(left.isNumbered) ||
    right.version - left.version ||
    right.patches.size - left.patches.size
  );
}

function toCandidate(bucket: readonly PatchMessage[]): Candidate {
  const patches = new Map<number, PatchMessage>();
  const duplicates = new Set<number>();
  let cover: PatchMessage | undefined;
  for (const message of bucket) {
    const number = message.subject.number as number;
    if (number === 0 ? cover !== undefined : patches.has(number)) duplicates.add(number);
    else if (number === 0) cover = message;
    else patches.set(number, message);
  }
  const subject = (bucket[0] as PatchMessage).subject;
  return {
    version: subject.version,
    total: subject.total as number,
    isNumbered: true,
    cover,
    patches,
    duplicates: [...duplicates].sort((left, right) => left - right),
  };
}

/**
 * Messages of one version and count, parted into threads where a number appears twice with different diffs. Without such a collision all are
 * one series, threaded or not. Resends (same number, same diff) stay together as duplicates.
 */
function splitByThread(bucket: readonly PatchMessage[]): PatchMessage[][] {
  const seen = new Map<number, string>();
  const collides = bucket.some((message) => {
    const number = message.subject.number as number;
    const text = number === 0 ? message.subject.title : diffOf(message.patchText);
    const before = seen.get(number);
    if (before === undefined) seen.set(number, text);
    return before !== undefined && before !== text;
  });
  if (!collides) return [[...bucket]];

  const parent = new Map<string, string>();
  const find = (id: string): string => {
    let root = id;
    for (let next = parent.get(root); next !== undefined && next !== root; next = parent.get(root)) root = next;
    for (let at = id; at !== root; ) {
      const next = parent.get(at) as string;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  const own = new Set(bucket.map(keyOf));
  for (const message of bucket) {
    for (const id of message.inReplyTo === undefined
      ? message.references
      : [...message.references, message.inReplyTo]) {
      if (!own.has(id)) continue;
      const [from, to] = [find(keyOf(message)), find(id)];
      if (from !== to) parent.set(from, to);
    }
  }
  const threads = new Map<string, PatchMessage[]>();
  for (const message of bucket) push(threads, find(keyOf(message)), message);
  const parts = [...threads.values()];
  // Unthreaded mails: take them as they come, a new series each time a number comes again.
  return parts.some((part) => part.length > 1) ? parts : splitByRepeat(bucket);
}

function splitByRepeat(bucket: readonly PatchMessage[]): PatchMessage[][] {
  const parts: PatchMessage[][] = [];
  const filled: Set<number>[] = [];
  for (const message of bucket) {
    const number = message.subject.number as number;
    let index = filled.findIndex((numbers) => !numbers.has(number));
    if (index < 0) {
      index = parts.length;
      parts.push([]);
      filled.push(new Set());
    }
    (filled[index] as Set<number>).add(number);
    (parts[index] as PatchMessage[]).push(message);
  }
  return parts;
}

function keyOf(message: PatchMessage): string {
  return message.messageId ?? `#${message.number}`;
}

/** The diff without diffstat and signature, which differ between sendings of the same patch. */
function diffOf(patchText: string): string {
  const start = patchText.search(/^diff --git /m);
  const end = patchText.lastIndexOf("\n-- \n");
  return patchText.slice(Math.max(0, start), end < 0 ? undefined : end);
}
