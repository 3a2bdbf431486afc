import { ApiError } from "./api-error.ts";

// The rate limits of docs.github.com, "Rate limits for the REST API": an hour's requests, and the secondary limits by the minute.

export interface RateLimits {
  /** Requests of an installation in an hour. */
  readonly primary: number;
  /** A read is 1 point, a write 5. */
  readonly pointsPerMinute: number;
  /** Comments and reviews. */
  readonly contentPerMinute: number;
  readonly contentPerHour: number;
  readonly concurrent: number;
  /** Of search alone, which is counted by itself. */
  readonly searchPerMinute: number;
  /** What `retry-after` says. */
  readonly retryAfterSeconds: number;
}

export const GITHUB_RATES: RateLimits = {
  primary: 5000,
  pointsPerMinute: 900,
  contentPerMinute: 80,
  contentPerHour: 500,
  concurrent: 100,
  searchPerMinute: 30,
  retryAfterSeconds: 60,
};

const CONTENT = new Set([
  "pulls/create-review",
  "pulls/create-review-comment",
  "pulls/create-reply-for-review-comment",
  "issues/create-comment",
]);

export const isContent = (operationId: string): boolean => CONTENT.has(operationId);
export const pointsOf = (method: string): number => (method === "get" || method === "head" ? 1 : 5);

interface Spent {
  readonly at: number;
  readonly points: number;
  readonly content: boolean;
  readonly search: boolean;
}

export class RateMeter {
  readonly #limits: RateLimits;
  readonly #now: () => number;
  #spent: Spent[] = [];
  #concurrent = 0;
  #hourStart: number;
  #used = 0;

  constructor(limits: RateLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#hourStart = now();
  }

  /** Charges one request, until `leave`. @throws ApiError 403 with what GitHub says of which limit it was */
  enter(method: string, operationId: string): void {
    const now = this.#now();
    this.#concurrent++;
    if (now - this.#hourStart >= 3_600_000) {
      this.#hourStart = now;
      this.#used = 0;
    }
    if (this.#used >= this.#limits.primary) throw new ApiError(403, "API rate limit exceeded for installation.");
    this.#used++;
    this.#spent = this.#spent.filter(({ at }) => now - at < 3_600_000);
    const minute = this.#spent.filter(({ at }) => now - at < 60_000);
    const content = isContent(operationId);
    const contentOf = (spent: readonly Spent[]): number => spent.filter((each) => each.content).length;
    const points = minute.reduce((sum, each) => sum + each.points, 0) + pointsOf(method);
    const search = operationId.startsWith("search/");
    const tooMuch =
      (search && minute.filter((each) => each.search).length >= this.#limits.searchPerMinute) ||
      this.#concurrent > this.#limits.concurrent ||
      points > this.#limits.pointsPerMinute ||
      (content && contentOf(minute) >= this.#limits.contentPerMinute) ||
      (content && contentOf(this.#spent) >= this.#limits.contentPerHour);
    if (tooMuch) throw secondaryLimit(this.#limits.retryAfterSeconds);
    this.#spent.push({ at: now, points: pointsOf(method), content, search });
  }

  leave(): void {
    this.#concurrent--;
  }

  get remaining(): number {
    return Math.max(0, this.#limits.primary - this.#used);
  }

  headers(): Record<string, string> {
    return {
      "x-ratelimit-limit": String(this.#limits.primary),
      "x-ratelimit-remaining": String(this.remaining),
      "x-ratelimit-used": String(this.#used),
      "x-ratelimit-reset": String(Math.ceil((this.#hourStart + 3_600_000) / 1000)),
      "x-ratelimit-resource": "core",
    };
  }
}

export function secondaryLimit(retryAfterSeconds: number): ApiError {
  const message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
  return new ApiError(403, message, { headers: { "retry-after": String(retryAfterSeconds) } });
}
