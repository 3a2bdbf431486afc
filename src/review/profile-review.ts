import type { ObjectAnalysis, ObjectFinding } from "../analyze/analyze-object.ts";
import type { AffectedObject, AffectedResult } from "../kernel/affected.ts";
import type { BuildResult } from "../kernel/build.ts";
import { type Diagnostic, newWarnings } from "../kernel/build-errors.ts";
import type { Profile } from "../kernel/profile.ts";
import type { Slot } from "../kernel/slot.ts";
import type { CoverageNote, ReviewFault, ReviewFix, ReviewObject, ReviewWeakening } from "../report/result.ts";
import { findBodies, withoutUndecided } from "./bodies.ts";
import { buildBothSides, modulesOf } from "./both-sides.ts";
import { verifyFixes } from "./fixes.ts";
import { walkHistory } from "./history.ts";
import { howToJudge, type Judged, type JudgeOptions, judgeAll, judgeObject, type OutsideOf } from "./judge.ts";
import { faultsSoFar } from "./merge-findings.ts";
import type { ProfileBuild } from "./profile-build.ts";
import type { ReviewRequest } from "./request.ts";
import { speaks } from "./same-finding.ts";
import { type Opinion, secondOpinions } from "./second-opinion.ts";
import type { StartedBuild } from "./started-build.ts";
import type { SourceState } from "./states.ts";
import type { PhaseTimer } from "./timer.ts";
import { readTreeFacts } from "./tree-facts.ts";
import { type Blamed, type BrokenBetween, blame, findBrokenBetween, firstBreaking } from "./walk.ts";
import { ACCESS_SAFE_LIST, findWeakened, NORETURN_LIST } from "./weakened.ts";
import { findFaults } from "./whose-faults.ts";

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
  /** What the tree's own tool says of those that speak up. */
  readonly opinions: ReadonlyMap<Blamed, Opinion>;
  /** Changes that take findings away, tried out. */
  readonly fixes: ReadonlyMap<Blamed, ReviewFix>;
  /** Whose fault those about the compiler's own words are. */
  readonly faults: ReadonlyMap<Blamed, ReviewFault>;
  readonly broken: readonly BrokenObject[];
  /** Objects that do not compile in the middle of the series although they do at the tip. */
  readonly brokenBetween: readonly BrokenBetween[];
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
  /** What the series takes out of the check. */
  readonly weakened: readonly ReviewWeakening[];
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
  /** Reviews under other profiles that are through. */
  readonly reviewed: readonly ProfileReview[];
  /** The build of the affected objects, under way. */
  readonly first: StartedBuild;
  readonly timer: PhaseTimer;
}

/** Builds and judges everything that the series affects under one profile. */
export async function reviewProfile(options: ProfileReviewOptions): Promise<ProfileReview> {
  const { request, profile, build, slot, base, states, timer } = options;
  const tip = states[states.length - 1] as SourceState;
  const notes: CoverageNote[] = [];
  const { affected, baseResult, headResult, judgedBase, outsideOf, outsideOfEdit } = await buildBothSides(
    options,
    notes,
  );
  const judge = async (state: SourceState, result: BuildResult, into: CoverageNote[], known?: typeof judgedBase) =>
    judgeState({ ...options, affected }, state, result, await outsideOf(state, result), into, known);
  const before = await judge(base, baseResult, [], judgedBase);
  request.onProgress?.(
    `${profile.name}: analysing ${headResult.built.size} object${headResult.built.size === 1 ? "" : "s"}`,
  );
  const after = comparable(await judge(tip, headResult, notes), baseResult);
  const histories = await walkHistory({
    options: { ...options, affected },
    baseResult,
    headResult,
    notes,
    judgeState: async (state, result) => comparable(await judge(state, result, []), baseResult),
  });
  const failsInBase = new Set(baseResult.failed.map((failure) => failure.object));
  const broken = headResult.failed
    .filter((failure) => !failsInBase.has(failure.object))
    .map(({ object, error }) => ({ object, error, patch: firstBreaking(histories.get(object)) }));
  const failsAtTip = new Set(headResult.failed.map((failure) => failure.object));
  const brokenBetween = findBrokenBetween(histories).filter(
    ({ object }) => !failsInBase.has(object) && !failsAtTip.has(object),
  );
  const objects = affected.objects.map((o) =>
    describeObject(o, profile.name, { before, after, baseResult, headResult }),
  );
  const touched = new Set(options.touched.flat());
  const tipFacts = await readTreeFacts(slot, tip);
  addCoverage(notes, objects, after, affected, tipFacts.source);
  const blamed = blame(before, after, histories, states.length - 1);
  const modules = modulesOf(affected);
  const told = blamed.filter(({ compared }) => speaks(compared));
  const opinions = await timer.time("second opinion", () =>
    secondOpinions(
      told.map(({ compared, seenIn }) => ({
        finding: compared.finding,
        file: seenIn?.file,
        isModule: modules.has(compared.object),
        restsOnOthers: restsOnOthers(compared.finding, seenIn?.analysis),
      })),
      (file, isModule) => build.askTool(file, isModule),
    ),
  );
  const fixes = await verifyFixes({
    options: { ...options, affected },
    ...{ told, before, after, headResult },
    judgeEdit: async (state, result, edited) => {
      const outside = await outsideOfEdit(state, result, edited);
      if (outside === undefined) return undefined;
      const built = new Map([...result.built].filter(([object]) => outside.again.has(object)));
      const judged = await judgeState({ ...options, affected }, state, { ...result, built }, outside.outsideOf, []);
      return new Map([...after, ...comparable(judged, baseResult)]);
    },
  });
  const faults = await findFaults({
    options: { ...options, affected },
    ...{ told, headResult, notes },
    answered: faultsSoFar(options.reviewed),
    facts: tipFacts,
    outsideOf: await outsideOf(tip, headResult),
  });
  const sum = (pick: (judged: Judged) => number): number =>
    [...after.values()].reduce((total, judged) => total + pick(judged), 0);
  return {
    profile,
    compiler: build.prepared.toolchain.compiler,
    objects,
    blamed,
    opinions: new Map(told.map((item, n) => [item, opinions[n] as Opinion])),
    fixes,
    faults,
    broken,
    brokenBetween,
    warnings: newWarnings(baseResult.warnings, headResult.warnings),
    coverage: {
      functions: sum((j) => j.analysis?.coverage.functions ?? 0),
      functionsAnalysed: sum((j) => j.analysis?.coverage.functionsAnalysed ?? 0),
      textBytes: sum((j) => j.analysis?.coverage.textBytes ?? 0),
      textBytesAnalysed: sum((j) => j.analysis?.coverage.textBytesAnalysed ?? 0),
      notes,
    },
    weakened: findWeakened({
      before,
      after,
      objects,
      baseFacts:
        touched.has(NORETURN_LIST) || touched.has(ACCESS_SAFE_LIST) ? await readTreeFacts(slot, base) : tipFacts,
      tipFacts,
      tip,
      touched,
      profile: profile.name,
    }),
    identical: objects.filter((o) => o.state === "identical").length,
    built: headResult.built.size,
  };
}

/**
 * Judges what was built of one state; callees whose never returning decides a verdict are looked up.
 * @param known the same before any callee is looked up, where that was worked out already
 */
async function judgeState(
  options: ProfileReviewOptions,
  state: SourceState,
  result: BuildResult,
  outsideOf: OutsideOf,
  notes: CoverageNote[],
  known?: ReadonlyMap<string, Judged>,
): Promise<Map<string, Judged>> {
  const { build, slot, base, timer, request, profile } = options;
  const judge: JudgeOptions = {
    facts: await readTreeFacts(slot, state),
    config: state === base ? build.config : await build.configOf(state),
    ...howToJudge(options),
  };
  const modules = modulesOf(options.affected);
  const judged = new Map(known ?? (await timer.time("analyse", () => judgeAll(result, judge, outsideOf, modules))));
  const undecidedIn = (object: string): readonly string[] =>
    (judged.get(object)?.analysis?.undecided ?? []).filter((s) => outsideOf(object)?.neverReturns(s) === undefined);
  const symbols = [...new Set([...judged.keys()].flatMap(undecidedIn))];
  if (symbols.length === 0) return judged;
  request.onProgress?.(`${profile.name}: looking up whether ${symbols.join(", ")} ever returns`);
  const { bodies, undecided } = await timer.time("look up callees", () =>
    findBodies({
      symbols,
      tree: slot.tree,
      commit: state.commit,
      members: (objects) => build.members(state, objects),
      build: (objects) => (state === base ? build.buildBase(objects) : build.buildState(state, "callees", objects)),
      judge,
    }),
  );
  for (const { symbol, why } of undecided)
    notes.push({ kind: "undecided", object: "", function: symbol, why: `whether it returns: ${why}` });
  const names = undecided.map(({ symbol }) => symbol);
  for (const [object, built] of result.built) {
    if (undecidedIn(object).length === 0) continue;
    const again = judgeObject(built, { ...judge, bodies, outside: outsideOf(object), isModule: modules.has(object) });
    judged.set(object, withoutUndecided(again, names));
  }
  return judged;
}

/** A change of another object can make findings here come and go; those of an object that the base cannot build have no other side. */
function comparable(judged: ReadonlyMap<string, Judged>, baseResult: BuildResult): Map<string, Judged> {
  const withoutBase = new Set(baseResult.failed.map((failure) => failure.object));
  return new Map([...judged].filter(([object]) => !withoutBase.has(object)));
}

/** The callee that never returns is another object's, so that its body is no argument to who sees this one alone. */
function restsOnOthers({ messageKey, related }: ObjectFinding, analysis: ObjectAnalysis | undefined): boolean {
  return messageKey === "after-endless-call" && related.some((each) => analysis?.isImported(each.function) === true);
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
  const inBase = sides.baseResult.failed.find((f) => f.object === path)?.error;
  const inHead = sides.headResult.failed.find((f) => f.object === path)?.error;
  if (inHead !== undefined) {
    const why = inBase === undefined ? "does not compile" : "compiles neither in the base nor with the series";
    return { ...common, state: "not-built", why: `${why}: ${describeError(inHead)}` };
  }
  if (inBase !== undefined)
    return { ...common, state: "not-analysed", why: `the base does not compile: ${describeError(inBase)}` };
  if (after === undefined) return { ...common, state: "removed", why: "the series removes it" };
  if (after.analysis === undefined) return { ...common, state: "not-analysed", why: after.error ?? "unreadable" };
  if (before === undefined) return { ...common, state: "new" };
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
  }
  for (const [object, judged] of after) {
    for (const note of judged.analysis?.coverage.notes ?? []) {
      notes.push({
        kind: note.kind,
        object,
        why: note.why,
        ...(note.function === undefined ? {} : { function: note.function }),
        ...(note.defect === undefined ? {} : { defect: { ...note.defect } }),
      });
    }
  }
  for (const why of affected.notes) notes.push({ kind: "assumption", object: "", why });
  if (affected.leftOut > 0) {
    const built = affected.objects.filter((o) => o.reason.startsWith("includes ")).length;
    const how =
      affected.method === "include scan"
        ? "found by a scan of #include lines, so some may be no part of this configuration"
        : `found by ${affected.method}`;
    const users =
      affected.leftOutUsers === 0
        ? ""
        : `; ${affected.leftOutUsers} of them use what changed, and their code may differ`;
    notes.push({
      kind: "affected-cap",
      object: "",
      why: `${affected.leftOut} more dependents of touched headers, beyond the ${built} that were built (${how})${users}`,
    });
  }
  if (factsSource !== "tools/objtool of the tree") notes.push({ kind: "assumption", object: "", why: factsSource });
}

/** "kernel/fork.c:12: expected ';'", without a place where none is known. */
export function describeError({ file, line, text }: Diagnostic): string {
  return file === "" ? text : `${file}${line === 0 ? "" : `:${line}`}: ${text}`;
}
