import type { TreeFacts } from "../analyze/analyze-object.ts";
import { addedNames, compareWatch, type Weakening, withoutMoved } from "../analyze/weakening.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { ReviewObject, ReviewWeakening } from "../report/result.ts";
import type { SourcePlace } from "../rules/finding.ts";
import type { Judged } from "./judge.ts";
import type { SourceState } from "./states.ts";

// What a series takes out of the check: told beside the findings, so that nobody has to see it in the diff.

export interface WeakenedInput {
  readonly before: ReadonlyMap<string, Judged>;
  readonly after: ReadonlyMap<string, Judged>;
  readonly objects: readonly ReviewObject[];
  /** The tree's lists on both sides. */
  readonly baseFacts: TreeFacts;
  readonly tipFacts: TreeFacts;
  readonly tip: SourceState;
  /** Paths that the series touches. */
  readonly touched: ReadonlySet<string>;
  readonly profile: string;
}

/** Where the tree keeps its lists (in 6.1 both are in the second). */
export const NORETURN_LIST = "tools/objtool/noreturns.h";
export const ACCESS_SAFE_LIST = "tools/objtool/check.c";

/** Under one profile; what the recipes say is the same for all of them, see skippedByRecipes. */
export function findWeakened(input: WeakenedInput): ReviewWeakening[] {
  const { before, after, objects, touched, profile } = input;
  const found: Weakening[] = [];
  for (const [object, judged] of after) {
    const now = judged.analysis?.comparison?.watch;
    // Another compiler's mood is no patch: equal code has equal annotations.
    const then = before.get(object);
    if (now === undefined || (then !== undefined && then.codeKey === judged.codeKey)) continue;
    if (then !== undefined && then.analysis === undefined) continue;
    for (const each of compareWatch(object, then?.analysis?.comparison?.watch, now))
      if (each.kind === "no-longer-checked" || isOfTheSeries(each, touched)) found.push(each);
  }
  const watches = (side: ReadonlyMap<string, Judged>) =>
    [...side.values()].flatMap(({ analysis }) => analysis?.comparison?.watch ?? []);
  const told = withoutMoved(found, watches(before), watches(after));
  return [...groups(told, profile), ...unbuilt(objects, input.tip, profile), ...listed(input, profile)];
}

/** An annotation in a header that the series leaves alone was vetted there; one without a line is the object's own. */
function isOfTheSeries({ object, place }: Weakening, touched: ReadonlySet<string>): boolean {
  if (place === undefined || place.line === 0) return sourcesOf(object).some((path) => touched.has(path));
  return touched.has(place.file);
}

function sourcesOf(object: string): string[] {
  return [".c", ".S"].map((suffix) => object.replace(/\.o$/, suffix));
}

/** One entry for each object and reason, with its functions. */
function groups(found: readonly Weakening[], profile: string): ReviewWeakening[] {
  const byReason = new Map<string, ReviewWeakening>();
  for (const { kind, object, function: name, what, count, place } of found) {
    const key = `${kind}\n${object}\n${what}`;
    const known = byReason.get(key);
    if (known === undefined) {
      byReason.set(key, { kind, what, object, names: [name], count, ...placed(place), profiles: [profile] });
      continue;
    }
    known.names.push(name);
    known.count += count;
  }
  return [...byReason.values()];
}

function placed(place: SourcePlace | undefined): { file: string; line: number } {
  return place === undefined ? { file: "", line: 0 } : { file: place.file, line: place.line };
}

/** Objects that the configuration no longer builds although their sources are still there. */
function unbuilt(objects: readonly ReviewObject[], tip: SourceState, profile: string): ReviewWeakening[] {
  return objects
    .filter(({ state, path }) => state === "removed" && sourcesOf(path).some((source) => tip.listing.files.has(source)))
    .map(({ path }) => ({
      kind: "no-longer-checked",
      what: "it is no longer built, and its source is still there",
      object: path,
      names: [],
      count: 1,
      file: "",
      line: 0,
      profiles: [profile],
    }));
}

function listed({ baseFacts, tipFacts }: WeakenedInput, profile: string): ReviewWeakening[] {
  const added = addedNames(baseFacts, tipFacts);
  const entry = (names: readonly string[], what: string, file: string): ReviewWeakening[] =>
    names.length === 0
      ? []
      : [
          {
            kind: "listed",
            what,
            object: "",
            names: [...names],
            count: names.length,
            file,
            line: 0,
            profiles: [profile],
          },
        ];
  return [
    ...entry(added.noreturn, "never returning", NORETURN_LIST),
    ...entry(added.accessSafe, "safe to call with user access open", ACCESS_SAFE_LIST),
  ];
}

// scripts/Makefile.lib of 6.12: objtool-enabled asks OBJECT_FILES_NON_STANDARD_<object> and OBJECT_FILES_NON_STANDARD.
const SKIPS = /^\s*(OBJECT_FILES_NON_STANDARD(?:_[\w.-]+)?)\s*[:+?]?=\s*y\s*(?:#.*)?$/;

/** Lines of Makefiles that take objects out of the kernel's own check, as far as the series has more of them than it removes. */
export function skippedByRecipes(diff: readonly FileDiff[], profiles: readonly string[]): ReviewWeakening[] {
  const result: ReviewWeakening[] = [];
  for (const file of diff) {
    const lines = file.hunks.flatMap((hunk) => hunk.lines);
    const removed = lines.flatMap((line) => (line.kind === "-" ? (SKIPS.exec(line.text)?.[1] ?? []) : []));
    for (const line of lines) {
      const what = line.kind === "+" ? SKIPS.exec(line.text)?.[1] : undefined;
      if (what === undefined) continue;
      const at = removed.indexOf(what);
      if (at >= 0) {
        removed.splice(at, 1);
        continue;
      }
      const dir = file.path.replace(/[^/]*$/, "");
      const object = /^OBJECT_FILES_NON_STANDARD_(.+)$/.exec(what)?.[1];
      result.push({
        kind: "silenced",
        what,
        object: object === undefined ? dir : `${dir}${object}`,
        names: [],
        count: 1,
        file: file.path,
        line: line.newLine,
        profiles: [...profiles],
      });
    }
  }
  return result;
}

/** One entry with the list of profiles that it was seen under. */
export function mergeWeakened(lists: readonly (readonly ReviewWeakening[])[]): ReviewWeakening[] {
  const merged = new Map<string, ReviewWeakening>();
  for (const each of lists.flat()) {
    const { profiles, ...rest } = each;
    const key = JSON.stringify(rest);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ...each, profiles: [...profiles] });
    else for (const profile of profiles) if (!known.profiles.includes(profile)) known.profiles.push(profile);
  }
  return [...merged.values()];
}
