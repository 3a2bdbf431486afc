// What a series takes out of the check, in sentences: a section of its own, since none of it is a defect and all of it is worth a look.

import type { ReviewResult, ReviewWeakening } from "./result.ts";
import { safeProse } from "./safe.ts";
import { cappedList } from "./sentences.ts";
import { plural, wrapText } from "./wrap.ts";

const MAX_ENTRIES = 12;
const MAX_NAMES = 6;

/** "This patch also changes what is checked:"; undefined where it does not. */
export function weakenedHeading(result: ReviewResult): string | undefined {
  if ((result.weakened ?? []).length === 0) return undefined;
  return `${result.patches.length === 1 ? "This patch" : "This series"} also changes what is checked:`;
}

/** One entry as a sentence without a full stop. */
export function weakenedSentence(each: ReviewWeakening): string {
  const isFunction = each.kind !== "listed";
  const names = each.names.map((name) => `${safeProse(name, 120)}${isFunction && /^\w+$/.test(name) ? "()" : ""}`);
  const who = cappedList(names, MAX_NAMES);
  const object = safeProse(each.object, 200);
  const what = safeProse(each.what, 200);
  switch (each.kind) {
    case "no-longer-checked":
      return who === "" ? `no longer checked: ${object}: ${what}` : `no longer checked: ${who} in ${object}: ${what}`;
    case "listed":
      return `newly listed as ${what}: ${who}`;
    default: {
      const where = who === "" ? (object === "" ? "the top folder" : object) : `${who} in ${object}`;
      return `silenced by an annotation: ${each.count === 1 ? what : `${each.count} times ${what}`} in ${where}`;
    }
  }
}

/** "kernel/exit.c:12"; "" where no place is known. */
export function weakenedPlace({ file, line }: ReviewWeakening): string {
  return file === "" ? "" : `${safeProse(file, 200)}${line === 0 ? "" : `:${line}`}`;
}

/** The section for plain text, lines of at most 76 columns; empty where nothing changes. */
export function weakenedLines(result: ReviewResult): string[] {
  const heading = weakenedHeading(result);
  if (heading === undefined) return [];
  const all = result.weakened ?? [];
  const lines = all.slice(0, MAX_ENTRIES).flatMap((each) => {
    const place = weakenedPlace(each);
    return wrapText(`${weakenedSentence(each)}${place === "" ? "" : ` (${place})`}`, { first: "- ", rest: "  " });
  });
  const more = all.length - MAX_ENTRIES;
  return ["", heading, ...lines, ...(more > 0 ? [`- and ${plural(more, "more entry", "more entries")}`] : [])];
}
