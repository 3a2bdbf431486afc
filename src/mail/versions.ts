// What became of the findings of the former version of a series in this one. Compared by fingerprint, as base and head are: as multisets, so that of two
// alike one can be fixed.

import type { ReviewFinding, ReviewResult } from "../report/result.ts";
import { speakingFindings } from "../report/sentences.ts";

export interface VersionChange {
  readonly previousVersion: NonNullable<ReviewResult["previousVersion"]>;
  /** Ids of findings of `now` that were in the former version. */
  readonly stillThere: ReadonlySet<string>;
}

/** `version`: of `before`. */
export function compareVersions(before: ReviewResult, version: number, now: ReviewResult): VersionChange {
  const old = new Map<string, number>();
  const speaking = speakingFindings(before);
  for (const { fingerprint } of speaking) old.set(fingerprint, (old.get(fingerprint) ?? 0) + 1);
  const stillThere = new Set<string>();
  const fresh: ReviewFinding[] = [];
  for (const finding of speakingFindings(now)) {
    const left = old.get(finding.fingerprint) ?? 0;
    if (left === 0) fresh.push(finding);
    else {
      old.set(finding.fingerprint, left - 1);
      stillThere.add(finding.id);
    }
  }
  return {
    stillThere,
    previousVersion: {
      version,
      fixed: speaking.length - stillThere.size,
      stillThere: stillThere.size,
      new: fresh.length,
    },
  };
}

/** A former version says something of this one only where it was judged to its end. */
export function isComparable({ verdict }: ReviewResult): boolean {
  return verdict === "clean" || verdict === "findings";
}
