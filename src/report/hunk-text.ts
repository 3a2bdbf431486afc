// How much of a hunk is quoted above what is said of it: to the line that is meant, and as far as what the patch changes is seen.

import type { ReviewFinding } from "./result.ts";

export type Hunk = NonNullable<ReviewFinding["hunk"]>;

export const MAX_HUNK_LINES = 14;
/** What is left of a hunk behind the comment is quoted when it is no longer than this. */
const MAX_HUNK_REST = 3;

const isChange = (line: string | undefined): boolean => line !== undefined && !line.startsWith(" ");

export function isSameHunk(a: Hunk | undefined, b: Hunk | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.header === b.header &&
    a.lines.length === b.lines.length &&
    a.lines.every((line, i) => line === b.lines[i])
  );
}

/** Nothing that the patch changes stands in front of the line that is meant, or on it. */
export function isChangeBehind({ lines, after }: Hunk): boolean {
  return !lines.slice(0, after + 1).some(isChange) && lines.slice(after + 1).some(isChange);
}

/** The half-open range of a hunk's lines that one quote shows. */
export interface QuoteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * From `from` to the line that is meant; where nothing else is said of the hunk (`isLast`), also to the end of a change that only begins behind that line, and
 * of a hunk that ends soon. At most MAX_HUNK_LINES: a quote that is too long loses its beginning, and of a change behind the line its end.
 */
export function quotedRange(hunk: Hunk, from: number, isLast: boolean): QuoteRange {
  const { lines, after } = hunk;
  const meant = Math.min(lines.length, after + 1);
  if (!isLast) return { start: Math.max(from, meant - MAX_HUNK_LINES), end: meant };
  let end = isChangeBehind(hunk) ? endOfChange(lines, meant) : meant;
  if (lines.length - end <= MAX_HUNK_REST) end = lines.length;
  // The line that is meant stays in it.
  end = Math.min(end, Math.max(from, after) + MAX_HUNK_LINES);
  return { start: Math.max(from, end - MAX_HUNK_LINES), end };
}

/** Behind the first run of changed lines from there on. */
function endOfChange(lines: readonly string[], from: number): number {
  let end = from;
  while (end < lines.length && !isChange(lines[end])) end++;
  while (end < lines.length && isChange(lines[end])) end++;
  return end;
}
