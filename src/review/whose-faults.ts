import type { TreeFacts } from "../analyze/analyze-object.ts";
import { ToolError, UsageError } from "../base/errors.ts";
import { compilerName, parseCompiler } from "../defects/compiler.ts";
import type { BuildResult } from "../kernel/build.ts";
import { levelOf, readCompile } from "../kernel/trial-command.ts";
import type { CoverageNote, ReviewFault } from "../report/result.ts";
import { judgeObject, type OutsideOf } from "./judge.ts";
import type { ProfileReviewOptions } from "./profile-review.ts";
import { ReviewStop, throwIfCancelled } from "./request.ts";
import { findingKeys } from "./same-finding.ts";
import type { SourceState } from "./states.ts";
import type { Blamed } from "./walk.ts";
import { FAULT_RULES, tryObject } from "./whose-fault.ts";
import { isToldOf, type OwnWay } from "./whose-fault-clause.ts";

/** Each is compiled a dozen times. */
const MOST_OBJECTS = 4;
/** Findings whose sources are kept: some megabytes each. */
const MOST_KEPT = 4;
/** For all objects of one profile. */
const MOST_MILLIS = 240_000;

export interface FaultsInput {
  readonly options: ProfileReviewOptions;
  /** Findings that speak up. */
  readonly told: readonly Blamed[];
  /** What the trials under other profiles say, by findingKeys. */
  readonly answered: ReadonlyMap<string, ReviewFault>;
  readonly headResult: BuildResult;
  /** What could not be asked is said here. */
  readonly notes: CoverageNote[];
  readonly facts: TreeFacts;
  readonly outsideOf: OutsideOf;
}

/**
 * Whose fault the findings about the compiler's own words are, under a profile whose compiler is heard at all. What another profile's trials
 * answered, of this profile's compiler as well, is not asked again.
 */
export async function findFaults(input: FaultsInput): Promise<Map<Blamed, ReviewFault>> {
  const { options, told, notes } = input;
  const faults = new Map<Blamed, ReviewFault>();
  if (!options.profile.witnesses) return faults;
  const byObject = new Map<string, Blamed[]>();
  const keys = findingKeys(told);
  for (const blamed of told) {
    const { finding, object } = blamed.compared;
    // What a later patch repairs is not at the tip, whose sources are compiled.
    if (!FAULT_RULES.has(finding.rule) || blamed.repairedBy !== undefined) continue;
    const answer = input.answered.get(keys.get(blamed) as string);
    if (answer !== undefined && isToldOf(answer, ownWay(input, object))) continue;
    byObject.set(object, [...(byObject.get(object) ?? []), blamed]);
  }
  const left = [...byObject.keys()].slice(MOST_OBJECTS);
  for (const object of left)
    notes.push(note(object, "over-budget", `beyond the ${MOST_OBJECTS} objects that are compiled again`));
  const until = performance.now() + MOST_MILLIS;
  await options.timer.time("whose fault", async () => {
    for (const [object, findings] of [...byObject].slice(0, MOST_OBJECTS)) {
      const why = await askOne(input, object, findings, until, faults);
      if (why !== undefined) notes.push(note(object, why === OVER_TIME ? "over-budget" : "assumption", why));
    }
  });
  return faults;
}

/** How the profile compiles an object, as the trials call it; undefined where that cannot be read. */
function ownWay({ options, headResult }: FaultsInput, object: string): OwnWay | undefined {
  const compiler = parseCompiler(options.build.prepared.toolchain.compiler);
  const made = headResult.built.get(object);
  if (compiler === undefined || made === undefined) return undefined;
  try {
    return { compiler: compilerName(compiler), level: levelOf(readCompile(made.command).options) };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function note(object: string, kind: CoverageNote["kind"], why: string): CoverageNote {
  return { kind, object, why: `whose fault it is was not tried: ${why}` };
}

const OVER_TIME = "the time for it is over";

/** Returns why there is no answer. */
async function askOne(
  input: FaultsInput,
  object: string,
  told: readonly Blamed[],
  until: number,
  faults: Map<Blamed, ReviewFault>,
): Promise<string | undefined> {
  const { options, headResult, facts } = input;
  const { build, profile, request } = options;
  const tip = options.states.at(-1) as SourceState;
  const made = headResult.built.get(object);
  const millis = until - performance.now();
  if (made === undefined) return "the object is not there";
  if (millis <= 0) return OVER_TIME;
  const isModule = options.affected.objects.some((each) => each.object === object && each.membership.kind === "module");
  try {
    const config = await build.configOf(tip);
    const judge = {
      facts,
      config,
      witnesses: true,
      knownDefects: { show: true },
      outside: input.outsideOf(object),
      isModule,
    };
    const trials = await tryObject(
      {
        command: made.command,
        place: await build.trialPlace(tip, made),
        facts,
        judge: (file) => judgeObject({ ...made, file }, judge),
        millis,
        onProgress: (line) => request.onProgress?.(`${profile.name}: ${line}`),
      },
      () => told.map(({ compared }) => compared.finding),
    );
    if (typeof trials === "string") return trials;
    for (const blamed of told) {
      const fault = trials.answer(blamed.compared.finding);
      if (typeof fault === "string") return fault;
      const isKept = new Set([...faults.values()].flatMap(({ kept }) => kept ?? [])).size < MOST_KEPT;
      faults.set(blamed, isKept ? await trials.keep(blamed.compared.finding, fault, request.state.state) : fault);
    }
    return undefined;
  } catch (error) {
    throwIfCancelled(request);
    // What goes wrong here is no news of the series.
    if (error instanceof ToolError || error instanceof ReviewStop) return error.message;
    throw error;
  }
}
