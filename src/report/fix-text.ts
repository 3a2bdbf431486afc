// A change that was tried out, as a reader knows changes: what stays, what goes, what comes.

import type { ReviewFix } from "./result.ts";
import { safeProse } from "./safe.ts";

/** Longest change that is shown line by line. */
const MAX_SHOWN = 30;

/** "It gives the symbol its size. Built and checked again with it, the finding is gone" without a full stop. */
export function fixWords(fix: ReviewFix): string {
  return `${safeProse(fix.why, 200)} Built and checked again with it, the finding is gone and nothing new came`;
}

/** Lines with " ", "-" or "+" in front, as they stand in the change: whoever shows them escapes them. At most 31, the last one "..." then. */
export function fixDiff({ replaced, lines }: ReviewFix): string[] {
  const diff: string[] = [];
  let old = 0;
  for (const line of lines) {
    // What comes before the next old line that stays goes.
    const stays = replaced.indexOf(line, old);
    if (stays === -1) diff.push(`+${line}`);
    else {
      diff.push(...replaced.slice(old, stays).map((gone) => `-${gone}`), ` ${line}`);
      old = stays + 1;
    }
  }
  diff.push(...replaced.slice(old).map((gone) => `-${gone}`));
  return diff.length > MAX_SHOWN ? [...diff.slice(0, MAX_SHOWN), "..."] : diff;
}

/** "arch/x86/lib/a.S:93" */
export function fixPlace({ path, from }: ReviewFix): string {
  return `${safeProse(path, 200)}:${from}`;
}
