import type { ObjectFinding } from "../analyze/analyze-object.ts";
import type { BuildResult } from "../kernel/build.ts";
import type { Tree } from "../kernel/tree.ts";
import { definesFunction } from "./definition.ts";
import { type Judged, type JudgeOptions, judgeObject } from "./judge.ts";

// Cold start: without an index of the whole kernel, the one fact that decides a verdict here (does this callee ever return?) is looked
// up in the callee's own object, built on demand.

/** As many objects as one state of a review builds to answer such questions. */
export const MAX_BODIES = 8;
/** A larger source is generated, and no place to look for a function. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export interface BodiesQuestion {
  readonly symbols: readonly string[];
  readonly tree: Tree;
  readonly commit: string;
  /** Which of these objects are part of the kernel or of a module in the state that is judged. */
  readonly members: (objects: readonly string[]) => Promise<readonly string[]>;
  /** Builds objects of that state. */
  readonly build: (objects: readonly string[]) => Promise<BuildResult>;
  readonly judge: JudgeOptions;
}

export interface BodiesResult {
  /** symbol -> never returns */
  readonly bodies: Map<string, boolean>;
  /** Symbols that stay undecided, and why. */
  readonly undecided: { symbol: string; why: string }[];
}

export async function findBodies(question: BodiesQuestion): Promise<BodiesResult> {
  const { symbols, tree, commit, members, build, judge } = question;
  const bodies = new Map<string, boolean>();
  const undecided: { symbol: string; why: string }[] = [];
  let budget = MAX_BODIES;
  for (const symbol of symbols) {
    const sources = await findDefinitions(tree, commit, symbol);
    const candidates = await members(sources.map((source) => source.replace(/\.[cS]$/, ".o")));
    if (candidates.length === 0) {
      undecided.push({ symbol, why: "no definition of it was found in what this configuration builds" });
      continue;
    }
    const objects = candidates.slice(0, budget);
    if (objects.length === 0) {
      undecided.push({ symbol, why: `more than ${MAX_BODIES} objects would have to be built for such questions` });
      continue;
    }
    budget -= objects.length;
    const result = await build(objects);
    const answers = [...result.built.values()].map((built) => judgeObject(built, judge));
    const answer = answers.find((judged) => judged.analysis?.defined.has(symbol) === true);
    if (answer === undefined)
      undecided.push({ symbol, why: `${objects.join(", ")} could not be built or does not define it` });
    else bodies.set(symbol, answer.analysis?.neverReturning.includes(symbol) === true);
  }
  return { bodies, undecided };
}

/** Without the findings that hold only if one of these functions returns, which nobody could say: coverage, not findings. */
export function withoutUndecided(judged: Judged, symbols: readonly string[]): Judged {
  const { analysis } = judged;
  if (analysis === undefined || symbols.length === 0) return judged;
  const restsOn = (finding: ObjectFinding): boolean =>
    finding.messageKey === "after-call" && symbols.some((symbol) => finding.message.includes(` ${symbol}() returns`));
  return { ...judged, analysis: { ...analysis, findings: analysis.findings.filter((finding) => !restsOn(finding)) } };
}

/** Source files that define `symbol`, as far as their text tells. */
async function findDefinitions(tree: Tree, commit: string, symbol: string): Promise<string[]> {
  const candidates = await tree.findDefinitionCandidates(commit, symbol);
  const files = await tree.readFiles(commit, candidates);
  return [...files].flatMap(([path, bytes]) =>
    bytes.length <= MAX_FILE_BYTES && definesFunction(path, new TextDecoder().decode(bytes), symbol) ? [path] : [],
  );
}
