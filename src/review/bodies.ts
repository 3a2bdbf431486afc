import type { BuildResult } from "../kernel/build.ts";
import type { Tree } from "../kernel/tree.ts";
import { type Judged, type JudgeOptions, judgeObject } from "./judge.ts";

// Cold start: without an index of the whole kernel, the one fact that decides a verdict here (does this callee ever return?) is looked
// up in the callee's own object, built on demand.

/** As many objects as one review builds to answer such questions. */
export const MAX_BODIES = 8;

export interface BodiesResult {
  /** symbol -> never returns */
  readonly bodies: Map<string, boolean>;
  /** Symbols that stay undecided, and why. */
  readonly undecided: { symbol: string; why: string }[];
}

/**
 * @param build builds objects of the state that is judged
 * @param known symbols that were answered before
 */
export async function findBodies(
  symbols: readonly string[],
  tree: Tree,
  commit: string,
  build: (objects: readonly string[]) => Promise<BuildResult>,
  judge: JudgeOptions,
): Promise<BodiesResult> {
  const bodies = new Map<string, boolean>();
  const undecided: { symbol: string; why: string }[] = [];
  let budget = MAX_BODIES;
  for (const symbol of symbols) {
    const sources = await findDefinitions(tree, commit, symbol);
    if (sources.length === 0) {
      undecided.push({ symbol, why: "no definition of it was found in the tree" });
      continue;
    }
    if (budget < 1) {
      undecided.push({ symbol, why: `more than ${MAX_BODIES} objects would have to be built for such questions` });
      continue;
    }
    const objects = sources.slice(0, budget).map((source) => source.replace(/\.[cS]$/, ".o"));
    budget -= objects.length;
    const result = await build(objects);
    const answers = [...result.built.values()].map((built) => judgeObject(built, judge));
    const answer = answers.find((judged) => defines(judged, symbol));
    if (answer === undefined)
      undecided.push({ symbol, why: `${objects.join(", ")} could not be built or does not define it` });
    else bodies.set(symbol, answer.analysis?.neverReturning.includes(symbol) === true);
  }
  return { bodies, undecided };
}

function defines(judged: Judged, symbol: string): boolean {
  return judged.analysis?.defined.has(symbol) === true;
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Source files in which `symbol` stands where a definition would: at the start of a line or behind a type, or as SYM_FUNC_START(). */
async function findDefinitions(tree: Tree, commit: string, symbol: string): Promise<string[]> {
  if (!/^[A-Za-z_]\w*$/.test(symbol)) return [];
  const candidates = await tree.findDefinitionCandidates(commit, symbol);
  const files = await tree.readFiles(commit, candidates);
  const definition = new RegExp(
    `^(?:[A-Za-z_][\\w \\t*()]*[ \\t*])?${symbol}\\s*\\([^;]*?\\)\\s*(?:__\\w+\\s*)*\\{`,
    "m",
  );
  const assembly = new RegExp(`^\\s*SYM_\\w*START\\w*\\(${symbol}\\)`, "m");
  const found: string[] = [];
  for (const [path, bytes] of files) {
    if (bytes.length > MAX_FILE_BYTES) continue;
    const text = new TextDecoder().decode(bytes);
    if (path.endsWith(".S") ? assembly.test(text) : definition.test(text)) found.push(path);
  }
  return found;
}
