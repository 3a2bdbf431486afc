import type { ObjectFinding, TreeFacts } from "../analyze/analyze-object.ts";
import { ToolError, UsageError } from "../base/errors.ts";
import { compileTrials, type TrialPlace, type TrialWay } from "../kernel/trial.ts";
import { type CompileCommand, levelOf, readCompile } from "../kernel/trial-command.ts";
import { type FoundCompilers, findCompilers } from "../kernel/trial-compilers.ts";
import { compilerName, LEVELS, PASSES, translateOptions } from "../kernel/trial-flags.ts";
import { makeReproducer, type Reproducer } from "../kernel/trial-keep.ts";
import type { ReviewFault, ReviewTrial } from "../report/result.ts";
import type { Judged } from "./judge.ts";
import { describeFault, isSourcesOwn, type OwnWay } from "./whose-fault-clause.ts";
import { keepCase } from "./whose-fault-keep.ts";
import { openTried, outcomeOf, type TriedObject } from "./whose-fault-outcome.ts";

// Whose fault a finding about the compiler's own words is: the object is compiled again at other levels, by the other compilers that are here,
// and, unless all of them show it, with the passes off that are suspected. Each object is judged by the rules that made the finding.

/** Rules about what the compiler says. */
export const FAULT_RULES: ReadonlySet<string> = new Set([
  "unwind-data-disagrees",
  "unwind-data-missing",
  "frame-change-untold",
  "declared-noreturn-returns",
  "jump-table-disagrees",
]);

export interface FaultQuestion {
  /** As kbuild saved it, without post-processing. */
  readonly command: string;
  readonly place: TrialPlace;
  readonly facts: TreeFacts;
  /** Judges an object in the place of the one that the findings were seen in; known defects are told, too. */
  readonly judge: (file: string) => Judged;
  /** Milliseconds that all of it may take. */
  readonly millis: number;
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** What was tried, ready to be asked about each finding of the object. */
export interface Trials {
  readonly own: OwnWay;
  /** The object as the build's own compiler makes it, compiled again. */
  readonly again: Judged;
  /** A string says why there is no answer. */
  answer(finding: ObjectFinding): ReviewFault | string;
  /** The same with a folder for a compiler's bug tracker, unless it is the source's own. */
  keep(finding: ObjectFinding, fault: ReviewFault, stateDir: string): Promise<ReviewFault>;
}

/**
 * Compiles the object in other ways for the findings that `choose` takes of it. A string says why nothing could be tried; whatever the
 * compilers do is an outcome.
 */
export async function tryObject(
  question: FaultQuestion,
  choose: (again: Judged) => readonly ObjectFinding[],
): Promise<Trials | string> {
  const { place } = question;
  const until = performance.now() + question.millis;
  let compile: CompileCommand;
  let compilers: FoundCompilers;
  try {
    compile = readCompile(question.command);
    compilers = await findCompilers(place, compile.program);
  } catch (error) {
    if (error instanceof UsageError || (error instanceof ToolError && error.code === "failed")) return error.message;
    throw error;
  }
  const own: OwnWay = { compiler: compilerName(compilers.own), level: levelOf(compile.options) };
  const others = othersOf(compile, compilers, own);
  const baseline: TrialWay = {
    compiler: compilers.own,
    options: translateOptions(compile.options, compilers.own, compilers.own),
    flags: [],
  };
  const run = async (ways: readonly TrialWay[], folder: string): Promise<Tried[]> => {
    const left = until - performance.now();
    const objects = await compileTrials({ ...place, collectDir: `${place.collectDir}/${folder}` }, compile, ways, left);
    return ways.map((way, n) => {
      const object = objects[n]!;
      if (object.kind === "failed") return { way, why: object.why };
      return { way, tried: openTried(question.judge(object.file), question.facts) };
    });
  };
  question.onProgress?.(`compiling ${compile.object} again`);
  const [first] = await run([baseline], "own");
  const tried = first?.tried;
  if (tried === undefined) return first?.why ?? "it was not compiled";
  const isThere = (finding: ObjectFinding): boolean => outcomeOf(finding, tried).outcome === "there";
  const ofAll = (all: readonly Tried[], finding: ObjectFinding) => all.map((each) => describe(each, finding));
  const findings = choose(tried.judged).filter(isThere);
  let all: Tried[] = [];
  if (findings.length > 0) {
    question.onProgress?.(`compiling ${compile.object} in ${others.length} other ways`);
    all = await run(others, "others");
  }
  if (findings.some((finding) => !isSourcesOwn(own, ofAll(all, finding)))) {
    const ways = passesOf(compile, compilers);
    question.onProgress?.(`compiling ${compile.object} with ${ways.length} passes off`);
    all = [...all, ...(await run(ways, "passes"))];
  }
  const kept = new Map<string, string>();
  let reproducer: Promise<Reproducer | string> | undefined;
  return {
    own,
    again: tried.judged,
    answer(finding) {
      if (!isThere(finding)) return "compiled again, the object does not have the finding";
      return describeFault(own, ofAll(all, finding));
    },
    async keep(finding, fault, stateDir) {
      if (isSourcesOwn(own, fault.trials)) return fault;
      reproducer ??= makeReproducer(place, compile, compilers.own, until - performance.now());
      const made = await reproducer;
      if (typeof made === "string") return fault;
      // The same about another register has the same folder.
      const known = kept.get(finding.fingerprint);
      if (known !== undefined) return { ...fault, kept: known };
      const { object } = made;
      const isReproduced =
        object.kind === "built" &&
        outcomeOf(finding, openTried(question.judge(object.file), question.facts)).outcome === "there";
      const folder = keepCase(stateDir, { finding, fault, reproducer: made, isReproduced });
      kept.set(finding.fingerprint, folder);
      return { ...fault, kept: folder };
    },
  };
}

/** A way that gave an object, or why it gave none. */
interface Tried {
  readonly way: TrialWay;
  readonly tried?: TriedObject;
  readonly why?: string;
}

function describe({ way, tried, why }: Tried, finding: ObjectFinding): ReviewTrial {
  const outcome = tried === undefined ? ({ outcome: "unknown", why: why ?? "" } as const) : outcomeOf(finding, tried);
  return { compiler: compilerName(way.compiler), flags: [...way.flags], ...outcome };
}

function othersOf(compile: CompileCommand, { own, others }: FoundCompilers, { level }: OwnWay): TrialWay[] {
  const plain = translateOptions(compile.options, own, own);
  const levels = LEVELS.filter((each) => each !== level);
  return [
    ...levels.map((each) => ({ compiler: own, options: [...plain, [each]], flags: [each] })),
    ...others.map((each) => ({ compiler: each, options: translateOptions(compile.options, own, each), flags: [] })),
  ];
}

function passesOf(compile: CompileCommand, { own }: FoundCompilers): TrialWay[] {
  const plain = translateOptions(compile.options, own, own);
  return PASSES[own.family].map(({ off }) => ({ compiler: own, options: [...plain, off], flags: off }));
}
