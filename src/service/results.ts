// What every voice's worker does with a result before it is stored.

import { emptyResult } from "../report/empty-result.ts";
import type { ReviewResult, Verdict } from "../report/result.ts";
import type { StoredFinding } from "../store/store.ts";

/** A result of a review that came to none. */
export function resultWithout(verdict: Verdict, reason: string, title = ""): ReviewResult {
  const empty = emptyResult();
  return { ...empty, verdict, reason, series: { ...empty.series, title } };
}

/** What the store keeps of each finding. NUL cannot be kept. */
export function storedFindings({ findings }: ReviewResult): StoredFinding[] {
  const clean = (text: string, max: number) => text.replaceAll("\0", "\u2400").slice(0, max);
  return findings.map((each) => ({
    fingerprint: clean(each.fingerprint, 1000) || "none",
    class: each.class,
    rule: clean(each.rule, 1000) || "none",
    severity: each.severity,
    function: clean(each.function, 10_000),
    file: clean(each.file, 10_000),
    line: each.line,
    message: clean(each.message, 100_000),
  }));
}
