// review.json as the post job gets it: written by a job that ran the head's code, so that every byte of it may be chosen by whoever
// opened the pull request. What passes here is a result of the schema, bounded in every direction; what it says is still only a claim,
// and is escaped where it is shown. Which head and which pull request it is about is never read from it.

import { FormatError } from "../base/errors.ts";
import { parseReviewJson } from "../report/json.ts";
import type { ReviewResult, Verdict } from "../report/result.ts";
import { safeText } from "../report/safe.ts";

/** Of the file. A review of 60 objects with ten findings and their graphs has about 0.3 MB. */
export const MAX_REVIEW_BYTES = 8 * 1024 * 1024;
/** Values of the file in all: a list of two million wrong ones would be as many messages of the schema's. */
const MAX_VALUES = 300_000;
const MAX_LIST = 20_000;
/** Longest single text: an error of the compiler, a line of code. */
const MAX_TEXT = 64 * 1024;

const FINAL: ReadonlySet<Verdict> = new Set([
  ...(["clean", "findings", "broken", "inconclusive"] as const),
  ...(["conflict", "applied", "incomplete", "failed", "cancelled", "superseded"] as const),
]);

function refuse(message: string): FormatError {
  // The message may quote the file: one line, without what a log or a page would act on.
  return new FormatError("bad-value", safeText(message, { max: 300 }).slice(0, 400), { format: "review.json" });
}

/** Throws FormatError, with a message fit to be shown, for anything but a finished review of bounded size. */
export function acceptReview(bytes: Uint8Array): ReviewResult {
  if (bytes.length > MAX_REVIEW_BYTES) throw refuse(`${bytes.length} bytes, at most ${MAX_REVIEW_BYTES} are read`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refuse("not UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse("not JSON");
  }
  checkBounds(value);
  let result: ReviewResult;
  try {
    result = parseReviewJson(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refuse(error.message.replace(/^review\.json: /, ""));
  }
  if (!FINAL.has(result.verdict)) throw refuse(`its verdict is "${result.verdict}": the review did not end`);
  return result;
}

/** Without recursion: how deep it nests is the writer's choice too. */
function checkBounds(top: unknown): void {
  const open: unknown[] = [top];
  for (let seen = 0; open.length > 0; seen++) {
    if (seen > MAX_VALUES) throw refuse(`more than ${MAX_VALUES} values`);
    const value = open.pop();
    if (typeof value === "string" && value.length > MAX_TEXT)
      throw refuse(`a text of ${value.length} characters, at most ${MAX_TEXT} are taken`);
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) {
      if (value.length > MAX_LIST) throw refuse(`a list of ${value.length}, at most ${MAX_LIST} are taken`);
      for (const item of value) open.push(item);
    } else {
      const keys = Object.keys(value);
      if (keys.length > 100) throw refuse(`an object of ${keys.length} keys`);
      for (const key of keys) open.push((value as Record<string, unknown>)[key]);
    }
  }
}
