// Whose fault a finding about the compiler's own words is, and what is not told because a known defect of the compiler explains it: the words of
// every renderer. Text from outside goes through safeProse here.

import type { ReviewFinding, ReviewResult, ReviewTrial } from "./result.ts";
import { safeProse } from "./safe.ts";
import { cappedList } from "./sentences.ts";
import { plural } from "./wrap.ts";

/** Characters: the clauses of two profiles, each with four compilers and some flags. */
const MOST_OF_CLAUSE = 600;

/** "Whose: only gcc 12.2.0 at -O2; gone with -fno-shrink-wrap."; undefined where nobody tried. */
export function faultSentence({ fault }: Pick<ReviewFinding, "fault">): string | undefined {
  return fault === undefined || fault.says === "" ? undefined : `Whose: ${safeProse(fault.says, MOST_OF_CLAUSE)}.`;
}

/** A trial as the cells of a row: who compiled, with what, and what came of it. */
export function trialCells({ compiler, flags, outcome, why }: ReviewTrial): readonly [string, string, string] {
  const reason = why === undefined || why === "" ? "" : ` (${safeProse(why, 160)})`;
  const words = { there: "there", gone: "gone", unknown: "not known" }[outcome];
  return [safeProse(compiler, 60), flags.map((flag) => safeProse(flag, 60)).join(" "), `${words}${reason}`];
}

/** Findings that one known defect explains, over all objects of a review. */
export interface ExplainedDefect {
  readonly defect: string;
  readonly compiler: string;
  readonly count: number;
  readonly objects: number;
  /** Every version of the compiler has it, in most functions. */
  readonly everywhere?: boolean | undefined;
}

/** By count, then name. */
export function explainedDefects(result: ReviewResult): ExplainedDefect[] {
  const found = new Map<string, { defect: string; compiler: string; count: number; objects: Set<string> }>();
  for (const { object, defect } of result.coverage.notes) {
    if (defect === undefined) continue;
    const key = `${defect.defect}\n${defect.compiler}`;
    const known = found.get(key) ?? { ...defect, count: 0, objects: new Set<string>() };
    known.count += defect.count;
    known.objects.add(object);
    found.set(key, known);
  }
  return [...found.values()]
    .map(({ objects, ...each }) => ({ ...each, objects: objects.size }))
    .sort((a, b) => b.count - a.count || (a.defect < b.defect ? -1 : 1));
}

const MAX_NAMES = 4;

/** What a mail or a comment says of them: what every function of every version has is news to nobody, and stands on the page alone. */
export function explainedNews(result: ReviewResult): string | undefined {
  return inWords(explainedDefects(result).filter(({ everywhere }) => everywhere !== true));
}

/** "145 findings that known defects of clang 22.1.8 explain: clang-popped-registers (143) and ...", without a full stop; undefined for none. */
export function explainedWords(result: ReviewResult): string | undefined {
  return inWords(explainedDefects(result));
}

function inWords(all: readonly ExplainedDefect[]): string | undefined {
  if (all.length === 0) return undefined;
  const total = all.reduce((sum, { count }) => sum + count, 0);
  const compilers = cappedList([...new Set(all.map(({ compiler }) => safeProse(compiler, 60)))], MAX_NAMES);
  const isOne = all.length === 1;
  const names = all.map(({ defect, count }) => `${safeProse(defect, 80)}${isOne ? "" : ` (${count})`}`);
  const what = isOne ? `a known defect of ${compilers} explains` : `known defects of ${compilers} explain`;
  return `${plural(total, "finding")} that ${what}: ${cappedList(names, MAX_NAMES)}`;
}
