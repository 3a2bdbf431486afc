// The body of a verdict other than a list of findings: the conflict's files, the first error of a broken build, the reason.

import type { ReviewResult } from "./result.ts";
import { safeProse } from "./safe.ts";
import { coverageGroups, patchNumber } from "./sentences.ts";
import { plural, wrapText } from "./wrap.ts";

const MAX_FILES = 8;

function conflictLines(conflict: NonNullable<ReviewResult["conflict"]>, result: ReviewResult): string[] {
  const who = `${patchNumber(conflict.patch.number, result)} (${safeProse(conflict.patch.subject, 160)})`;
  const files = conflict.files.slice(0, MAX_FILES).flatMap((file) => wrapText(safeProse(file, 240), { first: "    " }));
  const more = conflict.files.length - MAX_FILES;
  const many = plural(conflict.files.length, "file");
  return [
    ...wrapText(`${who} stops at ${many}${files.length === 0 ? "." : ":"}`, { first: "  " }),
    ...files,
    ...(more > 0 ? [`    and ${more} more`] : []),
    ...(conflict.message === "" ? [] : ["", ...wrapText(safeProse(conflict.message), { first: "  " })]),
  ];
}

function brokenLines(broken: NonNullable<ReviewResult["broken"]>, result: ReviewResult): string[] {
  const place = broken.file === "" ? "" : `${safeProse(broken.file, 200)}${broken.line === 0 ? "" : `:${broken.line}`}`;
  const label = "error: ";
  const object = safeProse(broken.object, 160);
  return [
    ...wrapText(safeProse(broken.error), { first: label }),
    ...(place === "" ? [] : wrapText(place, { first: " ".repeat(label.length) })),
    "",
    ...wrapText(
      `The first error while building ${object} under ${safeProse(broken.profile, 80)}; the base builds. ${firstBad(broken, result)}`.trimEnd(),
      { first: "  " },
    ),
  ];
}

function firstBad({ patch, repairedBy }: NonNullable<ReviewResult["broken"]>, result: ReviewResult): string {
  if (patch === undefined) return "Which patch breaks it was not looked for.";
  const who = `${patchNumber(patch.number, result)} (${safeProse(patch.subject, 160)})`;
  if (repairedBy === undefined) return result.patches.length === 1 ? "" : `First bad patch: ${who}.`;
  const repair = `${patchNumber(repairedBy.number, result)} (${safeProse(repairedBy.subject, 160)})`;
  return `Broken by ${who}, repaired by ${repair}: between the two the tree does not bisect.`;
}

function cleanLines(result: ReviewResult): string[] {
  const built = result.profiles.reduce((sum, profile) => sum + profile.builtObjects, 0);
  const same = result.profiles.reduce((sum, profile) => sum + profile.identicalObjects, 0);
  if (built === 0) return wrapText(nothingBuilt(result));
  const changed = Math.max(0, built - same);
  const words =
    changed === 0
      ? built === 1
        ? "The one affected object has the code of the base."
        : `All of the ${built} affected objects have the code of the base.`
      : built === 1
        ? "The one object that was built has code that the base does not have."
        : `${built} objects built, ${changed === built ? "all" : `${changed} of them`} with other code than in the base.`;
  const groups = coverageGroups(result);
  const gaps = [...groups.notBuilt, ...groups.notChecked].reduce((sum, group) => sum + group.names.length, 0);
  const rest = gaps === 0 ? "" : ` ${gaps === 1 ? "One thing was" : `${gaps} things were`} not looked at, see below.`;
  return wrapText(`${words}${rest}`);
}

function nothingBuilt(result: ReviewResult): string {
  if (coverageGroups(result).notBuilt.length > 0) return "No object was built: see below for what was not looked at.";
  const removed = result.objects.filter((object) => object.state === "removed").length;
  if (removed > 0) return `There is nothing to build: ${plural(removed, "object")} removed, no other one affected.`;
  return "There is nothing to build: no object of the kernel is made from what is touched.";
}

/** Paragraphs under the verdict sentence, empty for plain findings. Lines of at most 76 columns. */
export function verdictBody(result: ReviewResult): string[] {
  const reason = result.reason === undefined ? "" : safeProse(result.reason);
  const reasonLines = reason === "" ? [] : wrapText(`Why: ${reason.replace(/\.$/, "")}.`, { rest: "  " });
  switch (result.verdict) {
    case "findings":
      return [];
    case "clean":
      return cleanLines(result);
    case "conflict":
      return result.conflict === undefined ? reasonLines : conflictLines(result.conflict, result);
    case "broken":
      return result.broken === undefined ? reasonLines : brokenLines(result.broken, result);
    default:
      return reasonLines;
  }
}
