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
  const others = (outcome: ReviewTrial["outcome"]): string[] =>
    trials.flatMap((trial) => (trial.outcome === outcome && trial.compiler !== own.compiler ? [trial.compiler] : []));
  const levels = (outcome: ReviewTrial["outcome"]): string[] =>
    trials.flatMap((trial) => (trial.outcome === outcome && isLevel(own, trial) ? trial.flags : []));
  if (trials.every(({ outcome }) => outcome === "unknown"))
    return `${own.compiler} at ${own.level}; nothing else that was tried tells`;
  const there = [own.compiler, ...others("there")];
  if (isSourcesOwn(own, trials)) return `every compiler tried: ${joinCompilers(there)}: the source's own`;

  const not: string[] = [];
  let unheard = "";
  if (levels("gone").length > 0) not.push(`not at ${joinWords(levels("gone"), "or")}`);
  if (others("gone").length > 0) not.push(`not ${joinCompilers(others("gone"), "nor")}`);
  const only = not.length > 0 ? "only " : "";
  if (there.length === 1 && others("gone").length === 0) {
    const silent = others("unknown");
    unheard = silent.length === 0 ? "no other compiler is here" : `${joinCompilers(silent)} cannot tell`;
  }
  const at = joinWords([own.level, ...levels("there")].sort(), "and");
  const also = there.length === 1 ? "" : `, and ${joinCompilers(others("there"))}`;
  // Levels are worth a word where they make a difference.
  const who = levels("gone").length === 0 && also !== "" ? joinCompilers(there) : `${own.compiler} at ${at}${also}`;
  const parts = [`${only}${who}${bracketed([not.join(", "), unheard])}`];

  const passes = trials.filter((trial) => trial.compiler === own.compiler && !isLevel(own, trial));
  const cures = passes.filter(({ outcome }) => outcome === "gone").map(({ flags }) => flags.join(" "));
  if (cures.length > 0) parts.push(`gone with ${joinWords(cures, "or")}`);
  else if (passes.some(({ outcome }) => outcome === "there")) parts.push("no flag that was tried takes it away");
  return parts.join("; ");
}

function bracketed(parts: readonly string[]): string {
  const said = parts.filter((part) => part !== "");
  return said.length === 0 ? "" : ` (${said.join("; ")})`;
}

function isLevel(own: OwnWay, { compiler, flags }: ReviewTrial): boolean {
  return compiler === own.compiler && flags.length === 1 && /^-O/.test(flags[0]!);
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
export function describeFault(own: OwnWay, trials: readonly ReviewTrial[]): ReviewFault {
  return {
    says: faultClause(own, trials),
    own: `${own.compiler} ${own.level}`,
    trials: trials.map((trial) => ({ ...trial, flags: [...trial.flags] })),
  };
}

/**
 * Whether an answer says already that a build whose own way is this one has the finding, so that trials beside that build would only say the same
 * from the other side. Levels are told of the answer's own compiler alone.
 */
export function isToldOf({ own, trials }: ReviewFault, way: OwnWay | undefined): boolean {
  if (way === undefined) return false;
  if (own === `${way.compiler} ${way.level}`) return true;
  const isOwnCompiler = own.startsWith(`${way.compiler} `);
  return trials.some(
    ({ compiler, flags, outcome }) =>
      outcome === "there" &&
      compiler === way.compiler &&
      (isOwnCompiler ? flags.length === 1 && flags[0] === way.level : flags.length === 0),
  );
}

/** The answers of two profiles to the same finding: the second one says what the first does not. That its build has the finding is a trial like the others. */
export function joinFaults(
  first: ReviewFault | undefined,
  second: ReviewFault | undefined,
  profile: string,
): ReviewFault | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const under = `under ${profile}`;
  const [, compiler = "", level = ""] = /^(.*) (-\S+)$/.exec(second.own) ?? [];
  const built = {
    compiler,
    flags: first.own.startsWith(`${compiler} `) ? [level] : [],
    outcome: "there",
    why: under,
  } as const;
  const trials = second.trials.map(({ why, ...trial }) => ({
    ...trial,
    why: why === undefined ? under : `${under}: ${why}`,
  }));
  // One finding has one folder.
  const kept = second.kept ?? first.kept;
  return {
    ...first,
    ...(kept === undefined ? {} : { kept }),
    says: `${first.says}; ${under}: ${second.says}`,
    trials: [...first.trials, built, ...trials],
  };
}
