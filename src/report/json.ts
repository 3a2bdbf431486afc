// review.json: the result itself, checked against its schema on the way out and on the way in.

import { FormatError, InvariantError } from "../base/errors.ts";
import { type ReviewResult, reviewResultSchema } from "./result.ts";

function firstIssue(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  const issue = issues[0];
  return issue === undefined ? "unknown" : `${issue.path.map(String).join(".") || "(top)"}: ${issue.message}`;
}

/**
 * The canonical text: keys in the order of the schema, two spaces, one "\n" at the end; equal results give equal bytes.
 * Throws InvariantError for a result that is not of the schema: it is never written.
 */
export function renderJson(result: ReviewResult): string {
  const parsed = reviewResultSchema.safeParse(result);
  if (!parsed.success) throw new InvariantError(`review result against its schema: ${firstIssue(parsed.error.issues)}`);
  return `${JSON.stringify(parsed.data, undefined, 2)}\n`;
}

/** Reads what `renderJson` wrote, or anybody else did. Throws FormatError on text that is no JSON or not of the schema. */
export function parseReviewJson(text: string): ReviewResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError("bad-value", "not JSON", { format: "review.json" });
  }
  const parsed = reviewResultSchema.safeParse(value);
  if (!parsed.success) throw new FormatError("bad-value", firstIssue(parsed.error.issues), { format: "review.json" });
  return parsed.data;
}
