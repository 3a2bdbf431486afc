import type { Compared } from "../analyze/compare.ts";
import type { AffectedObject, AffectedResult } from "../kernel/affected.ts";
import type { BuildResult } from "../kernel/build.ts";
import type { Diagnostic } from "../kernel/build-errors.ts";
import type { Profile } from "../kernel/profile.ts";
import type { Slot } from "../kernel/slot.ts";
import type { CoverageNote, ReviewObject } from "../report/result.ts";
import { findBodies } from "./bodies.ts";
import { type Judged, type JudgeOptions, judgeObject } from "./judge.ts";
import { type ProfileBuild, readTreeFacts, type SourceState } from "./profile-build.ts";
import { type ReviewRequest, ReviewStop } from "./request.ts";
import type { PhaseTimer } from "./timer.ts";
import { type Blamed, blame, type History, type ObjectState } from "./walk.ts";

export interface BrokenObject {
  readonly object: string;
  readonly error: Diagnostic;
  /** 0-based index of the first patch that breaks it. */
  readonly patch: number | undefined;
}

export interface ProfileReview {
  readonly profile: Profile;
  readonly compiler: string;
  readonly objects: ReviewObject[];
  readonly blamed: readonly Blamed[];
  readonly broken: readonly BrokenObject[];
  /** 0-based patches behind which some object does not compile although it does at the tip. */
  readonly brokenBetween: ReadonlySet<number>;
  readonly warnings: readonly Diagnostic[];
  readonly coverage: {
    functions: number;
    functionsAnalysed: number;
    textBytes: number;
    textBytesAnalysed: number;
    notes: CoverageNote[];
  };
  readonly identical: number;
  readonly built: number;
}

export interface ProfileReviewOptions {
  readonly request: ReviewRequest;
  readonly profile: Profile;
  readonly build: ProfileBuild;
  readonly slot: Slot;
  readonly base: SourceState;
  /** States behind each patch, in order; the last is the tip. */
  readonly states: readonly SourceState[];
  /** Paths that each patch touches. */
  readonly touched: readonly (readonly string[])[];
  readonly affected: AffectedResult;
  readonly timer: PhaseTimer;
}

/** Builds and judges everything that the series affects under one profile. */
export async function reviewProfile(options: ProfileReviewOptions): Promise<ProfileReview> {
  const { request, profile, build, slot, base, states, affected, timer } = options;
  const tip = states[states.length - 1] as SourceState;
  const inBase = affected.objects.flatMap((o) => o.baseObject ?? []);
  const inTip = affected.objects.filter((o) => o.inHead).map((o) => o.object);
  const baseResult = underHeadNames(await build.buildBase(inBase), affected.objects);
  stopUnlessDone(baseResult, "the base");
  const headResult = await build.buildState(tip, "head", inTip);
  stopUnlessDone(headResult, "the patched tree");
  const notes: CoverageNote[] = [];
  const judgeBase: JudgeOptions = { facts: await readTreeFacts(slot, base.commit), config: build.config };
  const judgeHead: JudgeOptions = { facts: await readTreeFacts(slot, tip.commit), config: build.config };
  request.onProgress?.(`${profile.name}: analysing ${headResult.built.size} objects`);
  const before = await timer.time("analyse", () => judgeAll(baseResult, judgeBase));
  const after = await timer.time("analyse", () => judgeAll(headResult, judgeHead));
  await decideCallees(options, tip, after, judgeHead, notes);
  await decideCallees(options, base, before, judgeBase, notes);
  const histories = await walkHistory(options, baseResult, headResult, judgeHead);
  const between = [...histories.values()].flatMap((h) => h.between);
  const broken = headResult.failed
    .filter((failure) => baseResult.failed.every((f) => f.object !== failure.object))
    .map((failure) => ({
      object: failure.object,
      error: failure.error,
      patch: firstBreaking(histories.get(failure.object)),
    }));
  const objects = affected.objects.map((o) =>
    describeObject(o, profile.name, { before, after, baseResult, headResult }),
  );
  addCoverage(notes, objects, after, affected, judgeHead.facts.source);
  const sum = (pick: (judged: Judged) => number): number =>
    [...after.values()].reduce((total, judged) => total + pick(judged), 0);
  return {
    profile,
    compiler: build.prepared.toolchain.compiler,
    objects,
    blamed: blame(before, after, histories, states.length - 1),
    broken,
    brokenBetween: new Set(between.filter((state) => state.judged === undefined).map((state) => state.patch)),
    warnings: newWarnings(baseResult.warnings, headResult.warnings),
    coverage: {
      functions: sum((j) => j.analysis?.coverage.functions ?? 0),
      functionsAnalysed: sum((j) => j.analysis?.coverage.functionsAnalysed ?? 0),
      textBytes: sum((j) => j.analysis?.coverage.textBytes ?? 0),
      textBytesAnalysed: sum((j) => j.analysis?.coverage.textBytesAnalysed ?? 0),
      notes,
    },
    identical: objects.filter((o) => o.state === "identical").length,
    built: headResult.built.size,
  };
}

function stopUnlessDone(result: BuildResult, what: string): void {
  if (result.outcome === "done") return;
  throw new ReviewStop(
    result.outcome === "cancelled" ? "cancelled" : "inconclusive",
    `building ${what} was ended: ${result.outcome.replaceAll("-", " ")}`,
  );
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

function sourceNames(object: string): string[] {
  const stem = object.replace(/\.o$/, "");
  return [`${stem}.c`, `${stem}.S`];
}

/** An object whose source the tree does not have (it is generated, or assembled from parts) is left to kbuild to find. */
function hasSource(state: SourceState, object: string): boolean {
  return sourceNames(object).some((path) => state.listing.files.has(path));
}

function judgeAll(result: BuildResult, options: JudgeOptions): Map<string, Judged> {
  return new Map([...result.built].map(([object, built]) => [object, judgeObject(built, options)]));
}

/** Looks up the callees whose never returning decides a verdict, and judges the objects concerned again. */
async function decideCallees(
  options: ProfileReviewOptions,
  state: SourceState,
  judged: Map<string, Judged>,
  judge: JudgeOptions,
  notes: CoverageNote[],
): Promise<void> {
  const waiting = [...judged.values()].filter((j) => (j.analysis?.undecided.length ?? 0) > 0);
  if (waiting.length === 0) return;
  const { build, slot, base, timer, request, profile } = options;
  const symbols = [...new Set(waiting.flatMap((j) => j.analysis?.undecided ?? []))];
  request.onProgress?.(`${profile.name}: looking up ${symbols.join(", ")}`);
  const { bodies, undecided } = await timer.time("look up callees", () =>
    findBodies(
      symbols,
      slot.tree,
      state.commit,
      (objects) => (state === base ? build.buildBase(objects) : build.buildState(state, "callees", objects)),
      judge,
    ),
  );
  for (const { symbol, why } of undecided)
    notes.push({ kind: "undecided", object: "", function: symbol, why: `whether it returns: ${why}` });
  for (const j of waiting) {
    const again = judgeObject(
      { object: j.object, file: j.file, command: "", deps: [], generated: [], how: "cache" },
      { ...judge, bodies },
    );
    judged.set(j.object, again);
  }
}

/** States of the objects that more than one patch affects, behind each of those patches but the last. */
async function walkHistory(
  options: ProfileReviewOptions,
  baseResult: BuildResult,
  headResult: BuildResult,
  judge: JudgeOptions,
): Promise<Map<string, History>> {
  const { states, touched, build, slot } = options;
  const histories = new Map<string, { patches: number[]; between: ObjectState[] }>();
  const wanted = new Map<number, string[]>();
  const all = states.map((_, index) => index);
  for (const { object: path } of options.affected.objects) {
    const deps = new Set([
      ...(baseResult.built.get(path)?.deps ?? []),
      ...(headResult.built.get(path)?.deps ?? []),
      ...sourceNames(path),
    ]);
    const own = all.filter((index) => (touched[index] as readonly string[]).some((file) => deps.has(file)));
    const patches = own.length > 0 ? own : all;
    histories.set(path, { patches, between: [] });
    for (const patch of patches.slice(0, -1)) wanted.set(patch, [...(wanted.get(patch) ?? []), path]);
  }
  for (const [patch, objects] of [...wanted].sort((a, b) => a[0] - b[0])) {
    const state = states[patch] as SourceState;
    const present = objects.filter((object) => hasSource(state, object));
    if (present.length === 0) continue;
    const result = await build.buildState(state, `patch ${patch + 1}`, present);
    stopUnlessDone(result, `patch ${patch + 1}`);
    const facts = await readTreeFacts(slot, state.commit);
    const judged = await options.timer.time("analyse", () => judgeAll(result, { ...judge, facts }));
    for (const object of present) histories.get(object)?.between.push({ patch, judged: judged.get(object) });
  }
  return histories;
}

/** The first patch behind which an object that the tip cannot build does not build, without a gap. */
function firstBreaking(history: History | undefined): number | undefined {
  if (history === undefined) return undefined;
  let first = history.patches[history.patches.length - 1];
  for (const { patch, judged } of [...history.between].sort((a, b) => b.patch - a.patch)) {
    if (judged !== undefined) break;
    first = patch;
  }
  return first;
}

interface Sides {
  readonly before: ReadonlyMap<string, Judged>;
  readonly after: ReadonlyMap<string, Judged>;
  readonly baseResult: BuildResult;
  readonly headResult: BuildResult;
}

function describeObject({ object: path, reason }: AffectedObject, profile: string, sides: Sides): ReviewObject {
  const after = sides.after.get(path);
  const before = sides.before.get(path);
  const common = {
    path,
    profile,
    reason,
    functions: after?.analysis?.coverage.functions ?? 0,
    textBytes: after?.analysis?.coverage.textBytes ?? 0,
    fromCache: sides.baseResult.built.get(path)?.how === "cache",
  };
  if (after === undefined) {
    const failed = sides.headResult.failed.find((f) => f.object === path);
    if (failed !== undefined) return { ...common, state: "not-built", why: `does not compile: ${failed.error.text}` };
    return { ...common, state: "removed", why: "the series removes its source" };
  }
  if (after.analysis === undefined) return { ...common, state: "not-analysed", why: after.error ?? "unreadable" };
  if (before === undefined) {
    const failed = sides.baseResult.failed.find((f) => f.object === path);
    return failed === undefined
      ? { ...common, state: "new" }
      : { ...common, state: "analysed", why: `the base does not build it: ${failed.error.text}` };
  }
  return { ...common, state: before.codeKey === after.codeKey ? "identical" : "analysed" };
}

function addCoverage(
  notes: CoverageNote[],
  objects: readonly ReviewObject[],
  after: ReadonlyMap<string, Judged>,
  affected: AffectedResult,
  factsSource: string,
): void {
  for (const object of objects) {
    if (object.state === "not-analysed")
      notes.push({ kind: "object-not-analysed", object: object.path, why: object.why ?? "" });
    if (object.state === "not-built")
      notes.push({ kind: "object-not-built", object: object.path, why: object.why ?? "" });
    if (object.state === "analysed" && object.why !== undefined) {
      notes.push({
        kind: "assumption",
        object: object.path,
        why: `${object.why}; its findings have nothing to be compared with`,
      });
    }
  }
  for (const [object, judged] of after) {
    for (const note of judged.analysis?.coverage.notes ?? []) {
      notes.push({
        kind: note.kind,
        object,
        why: note.why,
        ...(note.function === undefined ? {} : { function: note.function }),
      });
    }
  }
  for (const why of affected.notes) notes.push({ kind: "assumption", object: "", why });
  if (affected.leftOut > 0) {
    const how = `found by ${affected.method}; the first ${affected.objects.length} objects were built`;
    notes.push({
      kind: "affected-cap",
      object: "",
      why: `${affected.leftOut} more dependents of touched headers were not built (${how})`,
    });
  }
  if (factsSource !== "tools/objtool of the tree") notes.push({ kind: "assumption", object: "", why: factsSource });
}

/** Warnings of the head that the base does not have, whatever line they moved to. */
function newWarnings(base: readonly Diagnostic[], head: readonly Diagnostic[]): Diagnostic[] {
  const known = new Map<string, number>();
  const key = (d: Diagnostic): string => `${d.file}\n${d.text}`;
  for (const d of base) known.set(key(d), (known.get(key(d)) ?? 0) + 1);
  return head.filter((d) => {
    const left = known.get(key(d)) ?? 0;
    if (left > 0) known.set(key(d), left - 1);
    return left === 0;
  });
}

/** Findings that the series brought and that are worth telling. */
export function speaks(compared: Compared): boolean {
  return compared.class === "new" || compared.class === "worsened";
}
