import type { ReviewFault, ReviewTrial } from "../report/result.ts";

// From what was tried to the clause that is said. It says no more than was seen: "only" means among what was tried, and all of that is named.

/** The build's own compiler and level: "gcc 12.2.0" and "-O2". */
export interface OwnWay {
  readonly compiler: string;
  readonly level: string;
}

/** Every compiler that was asked shows it, one of the other family among them, and at every level: it comes from the source. */
export function isSourcesOwn(own: OwnWay, trials: readonly ReviewTrial[]): boolean {
  const decided = trials.filter(({ outcome }) => outcome !== "unknown");
  return (
    decided.every(({ outcome }) => outcome === "there") &&
    decided.some(({ compiler }) => familyOf(compiler) !== familyOf(own.compiler))
  );
}

/** "only gcc 12.2.0 at -O2 and -Os (not at -O1, not clang 22.1.8); gone with -fno-shrink-wrap" */
export function faultClause(own: OwnWay, trials: readonly ReviewTrial[]): string {
  const by = (outcome: ReviewTrial["outcome"]) => trials.filter((trial) => trial.outcome === outcome);
  if (trials.every(({ outcome }) => outcome === "unknown"))
    return `${own.compiler} at ${own.level}; nothing else that was tried tells`;
  if (isSourcesOwn(own, trials)) {
    const names = [
      own.compiler,
      ...by("there")
        .filter(isOther(own))
        .map(({ compiler }) => compiler),
    ];
    return `every compiler tried: ${joinCompilers(names)}: the source's own`;
  }
  const levels = [own.level, ...levelsOf(own, by("there"))].sort();
  const others = by("there")
    .filter(isOther(own))
    .map(({ compiler }) => compiler);
  const notLevels = levelsOf(own, by("gone"));
  const notOthers = by("gone")
    .filter(isOther(own))
    .map(({ compiler }) => compiler);
  const only = notLevels.length + notOthers.length > 0 ? "only " : "";
  const also = others.length === 0 ? "" : `, and ${joinCompilers(others)}`;
  const not = [
    ...(notLevels.length === 0 ? [] : [`not at ${joinWords(notLevels, "or")}`]),
    ...(notOthers.length === 0 ? [] : [`not ${joinCompilers(notOthers, "nor")}`]),
  ];
  const unheard = by("unknown")
    .filter(isOther(own))
    .map(({ compiler }) => compiler);
  if (notOthers.length + others.length === 0)
    not.push(unheard.length === 0 ? "no other compiler is here" : `${joinCompilers(unheard)} cannot tell`);
  const parts = [
    `${only}${own.compiler} at ${joinWords(levels, "and")}${also}${not.length === 0 ? "" : ` (${not.join(", ")})`}`,
  ];
  const passes = trials.filter((trial) => isPass(own, trial));
  const cures = passes.filter(({ outcome }) => outcome === "gone").map(({ flags }) => flags.join(" "));
  if (cures.length > 0) parts.push(`gone with ${joinWords(cures, "or")}`);
  else if (passes.some(({ outcome }) => outcome === "there")) parts.push("there with each suspected pass off");
  return parts.join("; ");
}

function isOther(own: OwnWay): (trial: ReviewTrial) => boolean {
  return ({ compiler }) => compiler !== own.compiler;
}

function isLevel({ flags }: ReviewTrial): boolean {
  return flags.length === 1 && /^-O/.test(flags[0]!);
}

function isPass(own: OwnWay, trial: ReviewTrial): boolean {
  return trial.compiler === own.compiler && trial.flags.length > 0 && !isLevel(trial);
}

function levelsOf(own: OwnWay, trials: readonly ReviewTrial[]): string[] {
  return trials.filter((trial) => trial.compiler === own.compiler && isLevel(trial)).map(({ flags }) => flags[0]!);
}

function familyOf(compiler: string): string {
  return compiler.split(" ")[0]!;
}

/** "gcc 12.2.0, clang 19.1.7 and 22.1.8": a family is named once. */
function joinCompilers(names: readonly string[], word: "and" | "nor" = "and"): string {
  const versions = new Map<string, string[]>();
  for (const name of new Set(names)) {
    const [family = "", version = ""] = name.split(" ");
    versions.set(family, [...(versions.get(family) ?? []), version]);
  }
  const families = [...versions].map(([family, list]) => `${family} ${joinWords(list, word)}`);
  return families.length <= 1 ? (families[0] ?? "") : families.join(", ");
}

function joinWords(words: readonly string[], word: "and" | "or" | "nor"): string {
  if (words.length <= 1) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} ${word} ${words.at(-1)}`;
}

/** The whole answer. */
export function describeFault(own: OwnWay, trials: readonly ReviewTrial[], kept?: string): ReviewFault {
  return {
    says: faultClause(own, trials),
    own: `${own.compiler} ${own.level}`,
    trials: trials.map((trial) => ({ ...trial, flags: [...trial.flags] })),
    ...(kept === undefined ? {} : { kept }),
  };
}
