// What is told once: findings that are one thing to a reader, with a key that stays the same from push to push.

import { hashText } from "../base/hash.ts";
import type { ReviewFinding, ReviewResult } from "../report/result.ts";
import { speakingFindings } from "../report/sentences.ts";

export interface Topic {
  /**
   * 28 hexadecimal digits, a dot and a number. The digits are of the finding's fingerprint, which has no line in it; the number
   * counts the places with that fingerprint in the order of file and line.
   */
  readonly key: string;
  /** The first of `findings` speaks for all of them. */
  readonly finding: ReviewFinding;
  /** The same place by other objects, or broken again by a later patch. */
  readonly others: readonly ReviewFinding[];
}

/** review.json may come from a machine that built the patch: whatever stands there for a fingerprint becomes digits. */
function digits(fingerprint: string): string {
  return /^[0-9a-f]{28}$/.test(fingerprint) ? fingerprint : hashText(fingerprint);
}

/** The new and worsened findings of a result, in the order of the report, no key twice. */
export function topicsOf(result: ReviewResult): Topic[] {
  const places = new Map<string, Map<string, ReviewFinding[]>>();
  const speaking = speakingFindings(result);
  const byPlace = [...speaking].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      (a.object < b.object ? -1 : a.object > b.object ? 1 : 0),
  );
  for (const finding of byPlace) {
    const fingerprint = digits(finding.fingerprint);
    const ofPrint = places.get(fingerprint) ?? new Map<string, ReviewFinding[]>();
    places.set(fingerprint, ofPrint);
    const place = `${finding.file}\n${finding.line}`;
    const there = ofPrint.get(place);
    if (there === undefined) ofPrint.set(place, [finding]);
    else there.push(finding);
  }
  const topics: Topic[] = [];
  for (const [fingerprint, ofPrint] of places) {
    let number = 1;
    for (const findings of ofPrint.values()) {
      // What stays at the tip speaks before what the series repairs again.
      const ordered = [...findings].sort((a, b) => Number(isTransient(a)) - Number(isTransient(b)));
      topics.push({ key: `${fingerprint}.${number}`, finding: ordered[0]!, others: ordered.slice(1) });
      number++;
    }
  }
  const order = new Map(speaking.map((finding, i) => [finding, i]));
  return topics.sort((a, b) => order.get(a.finding)! - order.get(b.finding)!);
}

/** Broken by one patch and repaired by a later one: not there at the head, so that no line of the head is its place. */
export function isTransient(finding: ReviewFinding): boolean {
  return finding.repairedBy !== undefined;
}

/** The one topic that a command names: "f1", a key, or the beginning of a key's digits. Undefined for none and for several. */
export function findTopic(topics: readonly Topic[], id: string): Topic | undefined {
  const found = topics.filter(
    ({ key, finding, others }) =>
      key === id ||
      finding.id === id ||
      others.some((other) => other.id === id) ||
      (id.length >= 8 && key.startsWith(id)),
  );
  return found.length === 1 ? found[0] : undefined;
}

const GRAVITY = { error: 0, warning: 1, note: 2 } as const;

/** Gravest first; the order of the report among equals. */
export function byGravity(topics: readonly Topic[]): Topic[] {
  return [...topics].sort((a, b) => GRAVITY[a.finding.severity] - GRAVITY[b.finding.severity]);
}

export type Floor = "error" | "warning" | "note" | "never";

/** `severity` is at least as grave as `floor`. */
export function reaches(severity: ReviewFinding["severity"], floor: Floor): boolean {
  return floor !== "never" && GRAVITY[severity] <= GRAVITY[floor];
}

/**
 * Whether the review could have seen a finding of that function again, so that its absence means that it is gone. Not where the
 * review has no verdict, nor where the object or function was left out.
 */
export function couldSee(result: ReviewResult, objectHash: string, functionHash: string): boolean {
  if (result.verdict !== "clean" && result.verdict !== "findings") return false;
  const listed = result.objects.filter((object) => placeHash(object.path) === objectHash);
  if (listed.length > 0 && listed.every(({ state }) => state === "not-built" || state === "not-analysed")) return false;
  const { notes } = result.coverage;
  // Which dependents were beyond the cap is not said.
  if (listed.length === 0 && notes.some((note) => note.kind === "affected-cap")) return false;
  return !notes.some((note) => {
    if (note.kind === "assumption" || note.kind === "function-excluded" || placeHash(note.object) !== objectHash)
      return false;
    if (note.function !== undefined) return placeHash(note.function) === functionHash;
    return listed.length === 0;
  });
}

/** Eight hexadecimal digits for a name in a hidden marker. */
export function placeHash(name: string): string {
  return hashText(name).slice(-8);
}
