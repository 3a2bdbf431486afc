// One verdict for each patch of a series, in a line: for patchwork's checks and for `b4 review`. Pure.

import type { ReviewFinding, ReviewResult } from "../report/result.ts";
import { safeProse } from "../report/safe.ts";
import { speakingFindings } from "../report/sentences.ts";
import { clip, joinWords, plural } from "../report/wrap.ts";

export interface PatchCheck {
  /** 1-based. */
  readonly number: number;
  /** warning: also what is nobody's fault, such as a patch that does not apply to what we took for its base. */
  readonly state: "success" | "warning" | "fail";
  /** One line of at most 120 columns. */
  readonly description: string;
  /** What is told of this patch. */
  readonly findings: readonly ReviewFinding[];
}

const WIDTH = 120;
const MAX_RULES = 3;

/** `numbers`: of the patches of the series. Empty where there is no verdict: nothing is better than a check that says nothing. `waived`: fingerprints. */
export function patchChecks(
  result: ReviewResult,
  numbers: readonly number[],
  waived: ReadonlySet<string>,
): PatchCheck[] {
  const { verdict } = result;
  if (verdict !== "clean" && verdict !== "findings" && verdict !== "broken" && verdict !== "conflict") return [];
  const speaking = speakingFindings(result).filter(({ fingerprint }) => !waived.has(fingerprint));
  const last = Math.max(...numbers);
  return numbers.map((number) => {
    // What is of no one patch stands at the last.
    const findings = speaking.filter(({ patch }) => (patch?.number ?? last) === number);
    const trouble = troubleOf(result, number, last);
    const { state, description } = trouble ?? stateOf(findings, result);
    return { number, state, description: clip(description, WIDTH), findings };
  });
}

/** The patch that does not build or apply, and those behind it. */
function troubleOf(
  result: ReviewResult,
  number: number,
  last: number,
): Pick<PatchCheck, "state" | "description"> | undefined {
  const { verdict, broken, conflict } = result;
  if (verdict === "broken" && broken !== undefined) {
    const bad = broken.patch?.number ?? last;
    const place = broken.file === "" ? broken.object : `${broken.file}:${broken.line}`;
    if (number === bad)
      return { state: "fail", description: `does not build: ${safeProse(place, 60)}: ${safeProse(broken.error, 100)}` };
    if (number > bad) return { state: "warning", description: `patch ${bad} does not build, this one was not judged` };
    return { state: "success", description: "builds" };
  }
  if (verdict === "conflict" && conflict !== undefined) {
    const bad = conflict.patch.number;
    const base = result.base.name === "" ? "its base" : safeProse(result.base.name, 60);
    if (number === bad)
      return {
        state: "warning",
        description: `does not apply to ${base}: ${joinWords(conflict.files.slice(0, 2).map((file) => safeProse(file, 60)))}`,
      };
    return number > bad
      ? { state: "warning", description: `patch ${bad} does not apply, this one was not judged` }
      : undefined;
  }
  return undefined;
}

function stateOf(findings: readonly ReviewFinding[], result: ReviewResult): Pick<PatchCheck, "state" | "description"> {
  if (findings.length === 0) {
    const built = result.profiles.reduce((sum, profile) => sum + profile.builtObjects, 0);
    const what =
      result.verdict === "conflict"
        ? "applies"
        : built === 0
          ? "nothing new"
          : `nothing new in ${plural(built, "object")} of the series`;
    return { state: "success", description: what };
  }
  const count = (severity: ReviewFinding["severity"]) => findings.filter((each) => each.severity === severity).length;
  const counts = (["error", "warning", "note"] as const)
    .filter((severity) => count(severity) > 0)
    .map((severity) => plural(count(severity), severity));
  const rules = [...new Set(findings.map(({ rule }) => safeProse(rule, 40)))];
  const named = rules.length > MAX_RULES ? [...rules.slice(0, MAX_RULES), "..."] : rules;
  const repaired = findings.every(({ repairedBy }) => repairedBy !== undefined) ? ", repaired later in the series" : "";
  const state = count("error") > 0 ? "fail" : count("warning") > 0 ? "warning" : "success";
  return { state, description: `${joinWords(counts)} (${named.join(", ")})${repaired}` };
}
