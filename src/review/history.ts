import type { BuildResult } from "../kernel/build.ts";
import { fileKind } from "../patch/touched.ts";
import type { CoverageNote } from "../report/result.ts";
import type { Judged } from "./judge.ts";
import type { ProfileReviewOptions } from "./profile-review.ts";
import type { SourceState } from "./states.ts";
import { stopUnlessDone } from "./stops.ts";
import type { History, ObjectState } from "./walk.ts";

/** As many objects as are built in the middle of a series; beyond it the tip alone is judged. */
export const MAX_WALKED_OBJECTS = 200;

export interface HistoryInput {
  readonly options: ProfileReviewOptions;
  readonly baseResult: BuildResult;
  readonly headResult: BuildResult;
  readonly judgeState: (state: SourceState, result: BuildResult) => Promise<ReadonlyMap<string, Judged>>;
  readonly notes: CoverageNote[];
}

/** States of the objects that more than one patch affects, behind each of those patches but the last. */
export async function walkHistory(input: HistoryInput): Promise<Map<string, History>> {
  const { options, notes } = input;
  const { states, build } = options;
  const histories = new Map<string, { patches: readonly number[]; between: ObjectState[] }>();
  const wanted = new Map<number, string[]>();
  let budget = MAX_WALKED_OBJECTS;
  const leftOut: string[] = [];
  const changesRecipes = options.touched.flat().some((path) => ["kbuild", "kconfig"].includes(fileKind(path)));
  for (const { object } of options.affected.objects) {
    const patches = patchesOf(object, input);
    const between = patches.slice(0, -1);
    if (between.length > budget) {
      leftOut.push(object);
      histories.set(object, { patches: [], between: [] });
      continue;
    }
    budget -= between.length;
    histories.set(object, { patches, between: [] });
    for (const patch of between) wanted.set(patch, [...(wanted.get(patch) ?? []), object]);
  }
  for (const object of leftOut) {
    notes.push({
      kind: "over-budget",
      object,
      why: `judged at the tip of the series only: more than ${MAX_WALKED_OBJECTS} objects would have to be built in the middle of it`,
    });
  }
  for (const [patch, objects] of [...wanted].sort((a, b) => a[0] - b[0])) {
    const state = states[patch] as SourceState;
    const withSource = objects.filter((object) => hasSource(state, object));
    // A source may come before the line of the Makefile that builds it; until then nobody does.
    const present = changesRecipes ? await build.members(state, withSource) : withSource;
    if (present.length === 0) continue;
    const result = await build.buildState(state, `patch ${patch + 1}`, present);
    stopUnlessDone(result, `patch ${patch + 1}`);
    const judged = await input.judgeState(state, result);
    for (const object of present) {
      const error = result.failed.find((failure) => failure.object === object)?.error;
      histories.get(object)?.between.push({ patch, judged: judged.get(object), error });
    }
  }
  return histories;
}

/** Patches that touch a file which the object is made from, or a recipe that may decide how; all of them where none does. */
export function patchesOf(
  object: string,
  { options, baseResult, headResult }: Pick<HistoryInput, "options" | "baseResult" | "headResult">,
): number[] {
  const made = new Set([
    ...(baseResult.built.get(object)?.deps ?? []),
    ...(headResult.built.get(object)?.deps ?? []),
    ...sourceNames(object),
  ]);
  const all = options.states.map((_, index) => index);
  const own = all.filter((index) =>
    (options.touched[index] as readonly string[]).some((path) => made.has(path) || isRecipeOf(path, object)),
  );
  return own.length > 0 ? own : all;
}

/** Makefiles of the object's directory and of those above it, and all that configures. */
function isRecipeOf(path: string, object: string): boolean {
  const kind = fileKind(path);
  if (kind === "kconfig") return true;
  if (kind !== "kbuild") return false;
  const dir = path.slice(0, path.lastIndexOf("/") + 1);
  return object.startsWith(dir) || dir.startsWith("scripts/");
}

function sourceNames(object: string): string[] {
  const stem = object.replace(/\.o$/, "");
  return [`${stem}.c`, `${stem}.S`];
}

/** An object whose source the tree does not have there is not yet, or no longer, part of it. */
function hasSource(state: SourceState, object: string): boolean {
  return sourceNames(object).some((path) => state.listing.files.has(path));
}
