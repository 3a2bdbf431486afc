// What the worker hands to the speaker: the result of a review with what is needed to place it, or why there was none. It is the store's `result`.

import { z } from "zod";
import { FormatError } from "../base/errors.ts";
import { repositoryConfigSchema } from "../github/config.ts";
import { emptyResult } from "../report/empty-result.ts";
import { type ReviewResult, reviewResultSchema, type Verdict } from "../report/result.ts";
import type { StoredFinding } from "../store/store.ts";

const configError = z.strictObject({ line: z.int(), key: z.string(), message: z.string() });

/** Why a head is not reviewed. The first four say nothing on the pull request. */
const gate = z.discriminatedUnion("why", [
  z.strictObject({ why: z.literal("disabled") }),
  z.strictObject({ why: z.literal("draft") }),
  z.strictObject({ why: z.literal("closed") }),
  /** Another head or base by now, which has an order of its own. */
  z.strictObject({ why: z.literal("moved") }),
  z.strictObject({ why: z.literal("paths") }),
  z.strictObject({ why: z.literal("config"), errors: z.array(configError) }),
  z.strictObject({ why: z.literal("approval") }),
]);
export type Gate = z.infer<typeof gate>;

const outcome = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("gate"), gate }),
  z.strictObject({
    kind: z.literal("review"),
    config: repositoryConfigSchema,
    /** Unified diff of merge base to head, three lines of context: comments stand on its lines. "" where it is too long. */
    diff: z.string(),
    result: reviewResultSchema,
  }),
]);
export type Outcome = z.infer<typeof outcome>;

export function writeOutcome(value: Outcome): string {
  return JSON.stringify(value);
}

export function readOutcome(text: string): Outcome {
  const parsed = outcome.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
    throw new FormatError("bad-value", where, { format: "outcome" });
  }
  return parsed.data;
}

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
