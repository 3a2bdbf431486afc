// What follows from a call that failed. docs.github.com, "Best practices for using the REST API" (handle rate limit errors) and "Rate limits".

import { RequestError } from "octokit";
import { FormatError, InvariantError, UsageError } from "../base/errors.ts";

const MINUTE = 60_000;
const MAX_WAIT = 60 * MINUTE;
/** Then somebody has to look: with the waits between them this is more than a day. */
const MAX_ATTEMPTS = 40;

export function statusOf(error: unknown): number | undefined {
  return error instanceof RequestError ? error.status : undefined;
}

/**
 * When what failed is to be tried again (milliseconds since 1970), or undefined where it would fail again.
 * @param attempts how often it has been tried, 1 or more
 */
export function retryAt(error: unknown, attempts: number, now: number): number | undefined {
  if (attempts >= MAX_ATTEMPTS) return undefined;
  if (error instanceof FormatError || error instanceof InvariantError || error instanceof UsageError) return undefined;
  const backoff = now + Math.min(MAX_WAIT, 1000 * 2 ** Math.min(attempts, 20));
  if (!(error instanceof RequestError)) return backoff;
  const limit = limitEnd(error, now);
  if (limit !== undefined) return Math.max(limit, backoff);
  // 408 a slow request, 409 a repository that is just being changed, 425 too early; 401 while a key is being exchanged.
  if (error.status >= 500 || [401, 408, 409, 425].includes(error.status)) return backoff;
  return undefined;
}

/** The end of a rate limit that the answer tells of. */
function limitEnd(error: RequestError, now: number): number | undefined {
  if (error.status !== 403 && error.status !== 429) return undefined;
  const headers = error.response?.headers ?? {};
  const wait = Number(headers["retry-after"]);
  if (headers["retry-after"] !== undefined && Number.isFinite(wait)) {
    return now + Math.min(MAX_WAIT, Math.max(1, wait) * 1000);
  }
  const reset = Number(headers["x-ratelimit-reset"]);
  if (headers["x-ratelimit-remaining"] === "0" && Number.isFinite(reset)) {
    return Math.min(now + MAX_WAIT, Math.max(now + 1000, reset * 1000));
  }
  // "wait for at least one minute before retrying"
  return error.status === 429 || /rate limit/i.test(error.message) ? now + MINUTE : undefined;
}
