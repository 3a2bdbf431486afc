// A change is offered where it was seen to help: it is applied to the head, the objects are built and judged again, the finding is gone, and
// neither a finding nor a warning nor a gap in what is looked at came in its place.

import { compareFindings } from "../analyze/compare.ts";
import { ToolError } from "../base/errors.ts";
import type { BuildResult } from "../kernel/build.ts";
import { newWarnings } from "../kernel/build-errors.ts";
import { commitEdit } from "../kernel/edit-commit.ts";
import { listCommitFrom } from "../kernel/source-listing.ts";
import type { ReviewFix } from "../report/result.ts";
import { type Judged, locateAgainst } from "./judge.ts";
import type { ProfileReviewOptions } from "./profile-review.ts";
import { applyFix, type Defect, proposeFix } from "./propose-fix.ts";
import { ReviewStop, throwIfCancelled } from "./request.ts";
import type { SourceState } from "./states.ts";
import type { Blamed } from "./walk.ts";
import { NORETURN_LIST } from "./weakened.ts";

/** Each costs a build of the objects that the file is part of. */
export const MAX_TRIED = 6;
/** A larger source is generated. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export interface FixesInput {
  readonly options: ProfileReviewOptions;
  /** Findings that speak up at the tip. */
  readonly told: readonly Blamed[];
  readonly before: ReadonlyMap<string, Judged>;
  readonly after: ReadonlyMap<string, Judged>;
  readonly headResult: BuildResult;
  /** Judges the tip with the edit in it; undefined where objects that are not built here would have to be judged again too. */
  readonly judgeEdit: (
    state: SourceState,
    result: BuildResult,
    edited: readonly string[],
  ) => Promise<ReadonlyMap<string, Judged> | undefined>;
}

/** The findings that a change takes away for certain, each with it. */
export async function verifyFixes(input: FixesInput): Promise<Map<Blamed, ReviewFix>> {
  const { options, told } = input;
  const tip = options.states.at(-1) as SourceState;
  const defects = told.flatMap((blamed) => {
    const defect = defectOf(blamed);
    return defect === undefined ? [] : [{ blamed, defect }];
  });
  const verified = new Map<Blamed, ReviewFix>();
  if (defects.length === 0) return verified;
  const texts = await readTexts(options, tip, [...defects.map(({ defect }) => defect.file), NORETURN_LIST]);
  /** The change as text -> keys of the findings that it takes away. */
  const tried = new Map<string, ReadonlySet<string>>();
  for (const { blamed, defect } of defects) {
    const fix = proposeFix(defect, (path) => texts.get(path));
    if (fix === undefined) continue;
    const key = JSON.stringify(fix);
    if (!tried.has(key)) {
      if (tried.size === MAX_TRIED) continue;
      options.request.onProgress?.(`${options.profile.name}: trying a change of ${fix.path}:${fix.from}`);
      tried.set(key, await tryQuietly(input, tip, fix, texts.get(fix.path) as string));
    }
    if (tried.get(key)?.has(keyOf(blamed.compared)) === true) verified.set(blamed, fix);
  }
  return verified;
}

function defectOf({ compared, repairedBy, seenIn }: Blamed): Defect | undefined {
  const { rule, message, function: name, place } = compared.finding;
  if (repairedBy !== undefined || seenIn === undefined || place === undefined) return undefined;
  return { rule, message, function: name, file: place.file, line: place.line };
}

function keyOf({ object, finding }: Blamed["compared"]): string {
  return `${object}\n${finding.fingerprint}`;
}

/** A byte a character, so that what is not touched stays as it is. */
async function readTexts(options: ProfileReviewOptions, tip: SourceState, paths: readonly string[]) {
  const files = await options.slot.tree.readFiles(tip.commit, [...new Set(paths)]);
  const texts = new Map<string, string>();
  for (const [path, bytes] of files)
    if (bytes.length <= MAX_FILE_BYTES) texts.set(path, Buffer.from(bytes).toString("latin1"));
  return texts;
}

const NOTHING: ReadonlySet<string> = new Set();

/** What goes wrong with a change of ours is no news of the series: there is no change then. */
async function tryQuietly(input: FixesInput, tip: SourceState, fix: ReviewFix, text: string) {
  try {
    return await tryFix(input, tip, fix, text);
  } catch (error) {
    throwIfCancelled(input.options.request);
    if (error instanceof ToolError || error instanceof ReviewStop) return NOTHING;
    throw error;
  }
}

/** Keys of the findings that the change takes away; none where it also does something else. */
async function tryFix(input: FixesInput, tip: SourceState, fix: ReviewFix, text: string): Promise<ReadonlySet<string>> {
  const { options, before, after, headResult } = input;
  const { build, slot } = options;
  const changed = applyFix(text, fix);
  const objects = await objectsOf(input, fix, tip);
  if (changed === undefined || objects === undefined) return NOTHING;
  const commit = await commitEdit(slot, tip.commit, fix.path, Buffer.from(changed, "latin1"));
  if (commit === undefined) return NOTHING;
  const state = { commit, listing: await listCommitFrom(slot.tree.git, tip.commit, tip.listing, commit) };
  const built = objects.length === 0 ? undefined : await build.buildState(state, "edit", objects);
  if (built !== undefined) {
    const isWhole = built.outcome === "done" && objects.every((object) => built.built.has(object));
    if (!isWhole || newWarnings(headResult.warnings, built.warnings).length > 0) return NOTHING;
  }
  const whole = { ...headResult, built: new Map([...headResult.built, ...(built?.built ?? [])]) };
  const judged = await input.judgeEdit(state, whole, objects);
  if (judged === undefined || [...after].some(([object, then]) => looksAtLess(then, judged.get(object))))
    return NOTHING;
  const compared = compareFindings(
    locateAgainst(before.values(), after.values()),
    locateAgainst(before.values(), judged.values()),
  );
  if (compared.some((each) => each.class === "new" || each.class === "worsened")) return NOTHING;
  return new Set(compared.filter((each) => each.class === "fixed").map(keyOf));
}

/** The objects to build again; undefined where not all of those that the change concerns are at hand. */
async function objectsOf(input: FixesInput, fix: ReviewFix, tip: SourceState): Promise<string[] | undefined> {
  const { options, after, headResult } = input;
  const built = [...headResult.built].filter(([object]) => after.has(object));
  if (fix.path === NORETURN_LIST) {
    // A promise to every caller, which the kernel takes the list's word for, and so do the rules: whether it is true the function's own code
    // says, and each file that names it has to be looked at.
    const name = listedBy(fix);
    if (name === undefined || ![...after.values()].some(({ analysis }) => analysis?.neverReturning.includes(name)))
      return undefined;
    const files = await options.slot.tree.findMentions(tip.commit, [name], ["*.c", "*.S"]);
    return files.every((file) => after.has(file.replace(/\.[cS]$/, ".o"))) ? [] : undefined;
  }
  // Others than the series' own objects may be made from a file that it does not touch.
  if (!options.touched.flat().includes(fix.path)) return undefined;
  const own = fix.path.replace(/\.[cS]$/, ".o");
  const objects = built.flatMap(([object, { deps }]) => (object === own || deps.includes(fix.path) ? [object] : []));
  return objects.length === 0 ? undefined : objects;
}

/** The name that the change puts on the tree's list of functions that never return. */
function listedBy({ path, lines, replaced }: ReviewFix): string | undefined {
  if (path !== NORETURN_LIST) return undefined;
  const added = lines.find((line) => !replaced.includes(line)) ?? "";
  return /^NORETURN\((\w+)\)$/.exec(added)?.[1];
}

/** A finding is also gone where nobody looks any more. */
function looksAtLess({ analysis: then }: Judged, now: Judged | undefined): boolean {
  if (then === undefined) return false;
  const coverage = now?.analysis?.coverage;
  return (
    coverage === undefined ||
    coverage.functionsAnalysed < then.coverage.functionsAnalysed ||
    coverage.notes.length > then.coverage.notes.length
  );
}
