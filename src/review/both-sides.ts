import { type KernelIndex, VMLINUX } from "../facts/kernel-index.ts";
import { type AffectedObject, type AffectedResult, DEFAULT_DEPENDENT_CAP } from "../kernel/affected.ts";
import type { BuildResult } from "../kernel/build.ts";
import type { CoverageNote } from "../report/result.ts";
import { type FactUser, findFactUsers } from "./fact-changes.ts";
import { patchesOf } from "./history.ts";
import { howToJudge, type Judged, judgeAll, type OutsideOf } from "./judge.ts";
import type { ProfileReviewOptions } from "./profile-review.ts";
import { SeriesKernel, type Summary } from "./series-kernel.ts";
import { type StartedBuild, startBuild } from "./started-build.ts";
import type { SourceState } from "./states.ts";
import { stopUnlessDone } from "./stops.ts";
import { readTreeFacts } from "./tree-facts.ts";

export interface BothSides {
  /** The affected objects, with those that use a symbol whose facts the series changes. */
  readonly affected: AffectedResult;
  readonly baseResult: BuildResult;
  readonly headResult: BuildResult;
  /** The objects of the base, as they are before any callee is looked up. */
  readonly judgedBase: ReadonlyMap<string, Judged>;
  /** @param result what was built of the state, under the names of the head */
  outsideOf(state: SourceState, result: BuildResult): Promise<OutsideOf>;
  /**
   * The same of the tip with an edit in it that is no part of the series; undefined where the edit changes what objects see that are not built.
   * @param result everything of the tip, the edited objects in the place of their own
   * @param edited those objects; none where only a list of the tree is edited
   */
  outsideOfEdit(state: SourceState, result: BuildResult, edited: readonly string[]): Promise<OutsideOfEdit | undefined>;
}

export interface OutsideOfEdit {
  readonly outsideOf: OutsideOf;
  /** Objects whose verdict may be another with the edit. */
  readonly again: ReadonlySet<string>;
}

const MAX_ROUNDS = 4;

/** Builds what the series affects, of the base and of its tip. Notes say what the index is and what was left out. */
export async function buildBothSides(options: ProfileReviewOptions, notes: CoverageNote[]): Promise<BothSides> {
  const { request, profile, build, slot, base, states, timer } = options;
  const tip = states[states.length - 1] as SourceState;
  let affected = options.affected;
  let baseResult = underHeadNames(options.first.ofBase, affected.objects);
  let headResult = emptyResult;
  const takeTip = async (first: StartedBuild): Promise<void> => {
    const ofTip = await first.ofTip;
    stopUnlessDone(ofTip, "the patched tree");
    headResult = joined(headResult, ofTip);
  };

  // While the tip is built: what is needed of the base alone.
  const { index, unusable } = await build.findIndex();
  const lists = { base: await readTreeFacts(slot, base), tip: await readTreeFacts(slot, tip) };
  const judge = { facts: lists.base, config: build.config, ...howToJudge(options) };
  if (unusable !== undefined) notes.push({ kind: "assumption", object: "", why: unusable });
  if (index === undefined) {
    const judgedBase = await judgeAll(baseResult, judge, () => undefined, modulesOf(affected));
    await takeTip(options.first);
    const nothing: OutsideOf = () => undefined;
    return {
      ...{ affected, baseResult, headResult, judgedBase },
      outsideOf: async () => nothing,
      async outsideOfEdit(_state, result, edited) {
        return { outsideOf: nothing, again: new Set(edited.length > 0 ? edited : result.built.keys()) };
      },
    };
  }

  notes.push({ kind: "assumption", object: "", why: `other objects are known from the ${index.age}` });
  request.onProgress?.(`${profile.name}: ${index.age}`);
  const kernel = new SeriesKernel(index);
  const firstBefore = kernel.ofBase(lists.base, affected.objects, kernel.summarize(baseResult, lists.base));
  const firstByName = new Map(affected.objects.map((item) => [item.object, item]));
  const firstJudged = await judgeAll(
    baseResult,
    judge,
    outsideIn(kernel, firstBefore, firstByName, "base"),
    modulesOf(affected),
  );
  await takeTip(options.first);

  const buildMore = async (objects: readonly AffectedObject[]): Promise<void> => {
    const more = await startBuild(build, objects, tip);
    baseResult = joined(baseResult, underHeadNames(more.ofBase, objects));
    await takeTip(more);
  };
  const listed = difference(lists.base.noreturn, lists.tip.noreturn);
  const cap = request.dependentCap ?? DEFAULT_DEPENDENT_CAP;
  /** What is known of both sides with all that is built by now. */
  const look = () => {
    const baseFacts = kernel.summarize(baseResult, lists.base);
    const tipFacts = kernel.summarize(headResult, lists.tip);
    const ofTip = (item: AffectedObject): Summary | undefined =>
      // Of an object that does not compile nothing new is known.
      item.inHead ? (tipFacts.get(item.object) ?? baseFacts.get(item.object)) : undefined;
    const isFirst = affected === options.affected;
    const before = isFirst ? firstBefore : kernel.ofBase(lists.base, affected.objects, baseFacts);
    const after = kernel.ofState(lists.tip, affected.objects, baseFacts, ofTip);
    const changed = affected.objects.filter((item) => ofTip(item)?.code !== baseFacts.get(item.object)?.code);
    return { baseFacts, ofTip, before, after, changed };
  };
  let sides = await timer.time("find users", look);
  for (let taken = 0, round = 0; sides.changed.length > 0 || listed.length > 0; round++) {
    const names = new Set(sides.changed.flatMap(({ object, baseObject }) => [object, baseObject ?? object]));
    const users = await timer.time("find users", () => findFactUsers(sides.before, sides.after, names, listed));
    const present = new Set(affected.objects.flatMap((item) => [item.object, item.baseObject]));
    const more = users.filter(
      ({ object }) => !present.has(object) && hasSource(tip, object) && hasSource(base, object),
    );
    const chosen = round < MAX_ROUNDS ? more.slice(0, cap - taken) : [];
    taken += chosen.length;
    if (more.length > chosen.length) notes.push(leftOut(more.slice(chosen.length), taken));
    if (chosen.length === 0) break;
    const objects = chosen.map(asAffected);
    request.onProgress?.(`${profile.name}: ${objects.length} more objects, which use what the series changes`);
    await buildMore(objects);
    affected = { ...affected, objects: [...affected.objects, ...objects] };
    sides = await timer.time("find users", look);
    if (more.length > chosen.length) break;
  }

  const { baseFacts, ofTip, before, after } = sides;
  const byName = new Map(affected.objects.map((item) => [item.object, item]));
  /** Objects as the last state that built them left them; states are asked for in order. */
  const latest = new Map<string, Summary>();
  const between = async (state: SourceState, result: BuildResult) => {
    const ofState = await readTreeFacts(slot, state);
    for (const [object, summary] of kernel.summarize(result, ofState)) latest.set(object, summary);
    const at = states.indexOf(state);
    const of = (item: AffectedObject): Summary | undefined => {
      const patches = patchesOf(item.object, { options, baseResult, headResult });
      if ((patches[0] as number) > at) return baseFacts.get(item.object);
      return (patches.at(-1) as number) <= at ? ofTip(item) : (latest.get(item.object) ?? baseFacts.get(item.object));
    };
    return kernel.ofState(ofState, affected.objects, baseFacts, of);
  };
  const outsideBase = outsideIn(kernel, before, byName, "base");
  // What is known of other objects may be another by now; else only what was built since has to be looked at.
  const known: ReadonlyMap<string, Judged> = before === firstBefore ? firstJudged : new Map();
  const since = { ...baseResult, built: new Map([...baseResult.built].filter(([object]) => !known.has(object))) };
  const judgedBase = new Map([...known, ...(await judgeAll(since, judge, outsideBase, modulesOf(affected)))]);
  return {
    affected,
    baseResult,
    headResult,
    judgedBase,
    async outsideOf(state, result) {
      if (state === base) return outsideBase;
      return outsideIn(kernel, state === tip ? after : await between(state, result), byName, "head");
    },
    async outsideOfEdit(state, result, edited) {
      const ofState = await readTreeFacts(slot, state);
      const facts = kernel.summarize(result, ofState);
      const ofEdit = (item: AffectedObject) => (item.inHead ? (facts.get(item.object) ?? ofTip(item)) : undefined);
      const then = kernel.ofState(ofState, affected.objects, baseFacts, ofEdit);
      const users = findFactUsers(after, then, new Set(edited), difference(lists.tip.noreturn, ofState.noreturn));
      if (!users.every(({ object }) => byName.has(object))) return undefined;
      const again = new Set([...edited, ...users.map(({ object }) => object)]);
      return { outsideOf: outsideIn(kernel, then, byName, "head"), again };
    },
  };
}

function outsideIn(
  kernel: SeriesKernel,
  known: KernelIndex,
  byName: ReadonlyMap<string, AffectedObject>,
  side: "base" | "head",
): OutsideOf {
  return (object) => {
    const item = byName.get(object);
    const name = side === "base" ? (item?.baseObject ?? object) : object;
    return item && kernel.outsideFor(known, item, name);
  };
}

/** Those of the affected objects that are parts of modules, which promise other things than vmlinux. */
export function modulesOf({ objects }: AffectedResult): Set<string> {
  return new Set(objects.flatMap(({ object, membership }) => (membership.kind === "module" ? [object] : [])));
}

const emptyResult: BuildResult = { outcome: "done", built: new Map(), failed: [], warnings: [], millis: 0 };

function joined(left: BuildResult, right: BuildResult): BuildResult {
  return {
    outcome: right.outcome,
    built: new Map([...left.built, ...right.built]),
    failed: [...left.failed, ...right.failed],
    warnings: [...left.warnings, ...right.warnings],
    millis: left.millis + right.millis,
  };
}

/** The base's results under the names that the head has for the same objects, so that a renamed source is compared with itself. */
function underHeadNames(result: BuildResult, objects: readonly AffectedObject[]): BuildResult {
  const headName = new Map(
    objects.flatMap((o) => (o.baseObject === undefined ? [] : [[o.baseObject, o.object] as const])),
  );
  const rename = (object: string): string => headName.get(object) ?? object;
  return {
    ...result,
    built: new Map([...result.built].map(([object, built]) => [rename(object), { ...built, object: rename(object) }])),
    failed: result.failed.map((failure) => ({ ...failure, object: rename(failure.object) })),
  };
}

function asAffected({ object, unit, reason }: FactUser): AffectedObject {
  const membership = unit === VMLINUX ? ({ kind: "built-in" } as const) : ({ kind: "module", module: unit } as const);
  return { object, baseObject: object, inHead: true, reason, membership };
}

function leftOut(users: readonly FactUser[], built: number): CoverageNote {
  const reasons = [...new Set(users.map(({ reason }) => reason))];
  const first = reasons.slice(0, 3).join("; ");
  const more = reasons.length > 3 ? ` and ${reasons.length - 3} more reasons` : "";
  const some = users.length === 1 ? "1 more object uses" : `${users.length} more objects use`;
  const why = `${some} what the series changes, beyond the ${built} that were validated again (${first}${more})`;
  return { kind: "affected-cap", object: "", why };
}

/** The index may be of another commit, with objects that this one does not have. */
function hasSource(state: SourceState, object: string): boolean {
  const stem = object.replace(/\.o$/, "");
  return state.listing.files.has(`${stem}.c`) || state.listing.files.has(`${stem}.S`);
}

function difference(left: ReadonlySet<string>, right: ReadonlySet<string>): string[] {
  return [...[...left].filter((item) => !right.has(item)), ...[...right].filter((item) => !left.has(item))];
}
