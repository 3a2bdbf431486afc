// What a result says, as sentences and ordered lists: shared by the digest, the terminal form and the page, so that all of
// them open with the same words and count the same things. Text from outside goes through safeProse here.

import {
  type CoverageNote,
  OWN_FAILURE,
  type ReviewFinding,
  type ReviewObject,
  type ReviewResult,
  type Verdict,
} from "./result.ts";
import { safeProse } from "./safe.ts";
import { joinWords, plural } from "./wrap.ts";

const SEVERITY_ORDER = { error: 0, warning: 1, note: 2 } as const;

/** Findings that speak up, new and worsened, in series order: first bad patch, then severity, then place. */
export function speakingFindings(result: ReviewResult): ReviewFinding[] {
  const far = Number.MAX_SAFE_INTEGER;
  return result.findings
    .filter((finding) => finding.class === "new" || finding.class === "worsened")
    .sort(
      (a, b) =>
        (a.patch?.number ?? far) - (b.patch?.number ?? far) ||
        SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity] ||
        (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
        a.line - b.line ||
        (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
    );
}

/** Splits findings into the `max` gravest and the others; both stay in their order. */
export function gravestFirst(
  findings: readonly ReviewFinding[],
  max: number,
): { detailed: ReviewFinding[]; short: ReviewFinding[] } {
  const bySeverity = [...findings].sort((a, b) => SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity]);
  const chosen = new Set(bySeverity.slice(0, max));
  return {
    detailed: findings.filter((finding) => chosen.has(finding)),
    short: findings.filter((finding) => !chosen.has(finding)),
  };
}

/** "2/4". */
export function patchNumber(number: number, result: ReviewResult): string {
  return `${number}/${Math.max(number, result.patches.length)}`;
}

/** "broken in 3/4, repaired in 4/4"; undefined for a finding that the series does not repair. */
export function transientWords(finding: ReviewFinding, result: ReviewResult): string | undefined {
  if (finding.repairedBy === undefined) return undefined;
  const repaired = `repaired in ${patchNumber(finding.repairedBy.number, result)}`;
  return finding.patch === undefined ? repaired : `broken in ${patchNumber(finding.patch.number, result)}, ${repaired}`;
}

/** The message with the name of its function in front where it does not have it. */
export function messageOf(finding: ReviewFinding): string {
  const message = safeProse(finding.message);
  const name = safeProse(finding.function, 120);
  return name === "" || message.includes(name) ? message : `${name}(): ${message}`;
}

function findingCount(findings: readonly ReviewFinding[]): string {
  const fresh = findings.filter((finding) => finding.class === "new").length;
  const worsened = findings.length - fresh;
  if (worsened === 0) return plural(fresh, "new finding");
  if (fresh === 0) return plural(worsened, "worsened finding");
  return `${plural(fresh, "new finding")} and ${worsened} worsened`;
}

function whereFrom(findings: readonly ReviewFinding[], result: ReviewResult, replyTo: number | undefined): string {
  if (result.patches.length === 1) return ", from this patch";
  const numbers = new Set(findings.map((finding) => finding.patch?.number));
  const only = numbers.size === 1 ? findings[0]?.patch?.number : undefined;
  if (only === undefined) return ` in v${result.series.version} of this series`;
  return only === replyTo ? ", from this patch" : `, from ${patchNumber(only, result)}`;
}

function repairedWords(findings: readonly ReviewFinding[], result: ReviewResult): string {
  const repaired = findings.filter((finding) => finding.repairedBy !== undefined);
  if (repaired.length === 0) return "";
  const by = new Set(repaired.map((finding) => finding.repairedBy?.number));
  const where = by.size === 1 ? `in ${patchNumber(repaired[0]!.repairedBy!.number, result)}` : "later in the series";
  return repaired.length === findings.length ? `; repaired ${where}` : `; ${repaired.length} of them repaired ${where}`;
}

function findingsSentence(result: ReviewResult, replyTo: number | undefined): string {
  const findings = speakingFindings(result);
  return `${findingCount(findings)}${whereFrom(findings, result, replyTo)}${repairedWords(findings, result)}`;
}

const PLAIN_SENTENCES: Partial<Record<Verdict, string>> = {
  queued: "queued; nothing has been looked at yet",
  applying: "at work: applying the patches",
  building: "at work: building",
  analysing: "at work: analysing the objects",
  inconclusive: "no verdict: the review could not be done",
  superseded: "superseded by a later version of the series",
  cancelled: "cancelled",
};

const wholeWords = (result: ReviewResult): string =>
  result.patches.length === 1 ? "this patch" : `v${result.series.version} of this series`;

/** The patch that is at fault, as a text that answers to the patch `replyTo` calls it; the whole series where no patch is. */
function whoFailed(result: ReviewResult, patch: { readonly number: number } | undefined, replyTo?: number): string {
  if (patch === undefined || result.patches.length === 1) return wholeWords(result);
  return patch.number === replyTo ? "this patch" : patchNumber(patch.number, result);
}

/**
 * The verdict in one sentence with its full stop, without "objreview: " in front.
 * `replyTo`: number of the patch that the text answers to, which it then calls "this patch".
 */
export function verdictSentence(result: ReviewResult, replyTo?: number): string {
  const what = wholeWords(result);
  const speaking = speakingFindings(result).length;
  const base = safeProse(result.base.name, 40);
  switch (result.verdict) {
    case "clean":
      return (result.weakened ?? []).length === 0
        ? `nothing new in ${what}.`
        : `nothing new in ${what}, which changes what is checked.`;
    case "findings":
      return `${findingsSentence(result, replyTo)}.`;
    case "broken": {
      const who = whoFailed(result, result.broken?.patch, replyTo);
      const repaired = result.broken?.repairedBy;
      const until = repaired === undefined ? "" : `, repaired in ${patchNumber(repaired.number, result)}`;
      const also = speaking === 0 ? "" : `; also ${findingsSentence(result, replyTo)}`;
      return `${who} does not build${until}${also}.`;
    }
    case "conflict":
      return `${whoFailed(result, result.conflict?.patch, replyTo)} does not apply to ${base}.`;
    case "applied":
      return `${what} is in ${base} already.`;
    case "incomplete":
      if (result.patches.length === 0) return "nothing to review.";
      if (result.profiles.length === 0) return "not reviewed: the series is incomplete.";
      return speaking === 0
        ? `nothing new in the part of ${what} that was reviewed; the review is incomplete.`
        : `${findingsSentence(result, replyTo)}; the review is incomplete.`;
    case "failed":
      return result.reason === OWN_FAILURE ? "no verdict: objreview itself failed." : "not reviewed.";
    default:
      return `${PLAIN_SENTENCES[result.verdict] ?? result.verdict}.`;
  }
}

/** "fork: keep the frame (v2), 3 patches"; undefined where what came in could not be read as a series. */
export function seriesWords({ series, patches }: ReviewResult): string | undefined {
  if (series.title === "" && patches.length === 0) return undefined;
  return `${safeProse(series.title, 200)} (v${series.version}), ${plural(patches.length, "patch", "patches")}`;
}

/** One sentence per pair of patches of which the second repairs what the first broke. */
export function transientNote(result: ReviewResult): string | undefined {
  const findings = speakingFindings(result);
  const pairs = new Set(findings.map((finding) => transientWords(finding, result)));
  pairs.delete(undefined);
  const words = [...pairs].filter((pair) => pair !== undefined).slice(0, 6);
  if (words.length === 0) return undefined;
  // With one finding the verdict has named the two patches already.
  if (findings.length === 1)
    return "One more reason to squash the two: a bisection that lands in between runs the broken code.";
  const list = joinWords(words);
  return `${list.charAt(0).toUpperCase()}${list.slice(1)}: a bisection that lands in between runs the broken code, so better squashed.`;
}

/** "6.2 s", "412 ms", "3 min 5 s", "5 h 10 min". */
export function durationWords(millis: number): string {
  if (!Number.isFinite(millis)) return "an unknown time";
  if (millis < 1000) return `${Math.round(millis)} ms`;
  if (millis < 10_000) return `${(millis / 1000).toFixed(1)} s`;
  const seconds = Math.round(millis / 1000);
  if (seconds >= 7200) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Milliseconds of all phases together. */
export function totalMillis(result: ReviewResult): number {
  return result.timings.reduce((sum, timing) => sum + timing.millis, 0);
}

/**
 * "x86_64 defconfig, gcc 12.2": architecture, configuration and compiler as people say them; of several profiles the name, which the findings have too,
 * and the compiler: "x86_64-defconfig-gcc-sframe (gcc 12.2)". The JSON has them whole.
 */
export function profileWords(profile: ReviewResult["profiles"][number], all: ReviewResult["profiles"]): string {
  const { arch, config, compiler } = profile;
  if (all.length > 1) return `${safeProse(profile.name, 60)} (${compilerWords(compiler)})`;
  // x86's default configurations are files with the architecture in their name; the others have a target "defconfig".
  const plain = config.startsWith(`${arch}_`) ? config.slice(arch.length + 1) : config;
  return `${safeProse(arch, 40)} ${safeProse(plain, 60)}, ${compilerWords(compiler)}`;
}

/** "only under x86_64-defconfig-gcc", "under both profiles"; undefined where there is but one. */
export function profilesOfFinding(finding: ReviewFinding, all: ReviewResult["profiles"]): string | undefined {
  const count = finding.profiles.length;
  if (all.length < 2 || count === 0) return undefined;
  if (count >= all.length) return all.length === 2 ? "under both profiles" : `under all ${all.length} profiles`;
  const names = finding.profiles.slice(0, MAX_PROFILES).map((name) => safeProse(name, 60));
  const more = count - names.length;
  return `only under ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

const MAX_PROFILES = 6;

/** "gcc 12.2" of a version line; the line itself where it is not that of a compiler known here. */
function compilerWords(compiler: string): string {
  const name = /\b(gcc|clang)\b/.exec(compiler)?.[1];
  // Behind the last bracket stands gcc's own version, inside of it the distribution's.
  const version = /(?:^|\s)(\d+\.\d+)(?:\.\d+)*/.exec(compiler.replaceAll(/\([^()]*\)/g, " "))?.[1];
  return name === undefined || version === undefined ? safeProse(compiler, 60) : `${name} ${version}`;
}

/** How the code of the patch was run, in one sentence. */
export function sandboxSentence(result: ReviewResult): string {
  const { mode, network, limits } = result.sandbox;
  if (mode === "none-needed") return "Nothing was built.";
  const net = network ? "with network" : "no network";
  const bound = limits === "" ? "" : `, ${safeProse(limits, 60)}`;
  return mode === "bwrap" ? `Sandboxed (bwrap${bound}), ${net}.` : `Built on a throw-away runner${bound}, ${net}.`;
}

/** "90 of 91 functions, 99.5 % of the code bytes"; undefined where nothing was there to analyse. */
export function coverageSentence(result: ReviewResult): string | undefined {
  const { functions, functionsAnalysed, textBytes, textBytesAnalysed } = result.coverage;
  if (functions === 0) return undefined;
  // Rounded down: 100 is said only of all of it.
  const percent = textBytes === 0 ? 100 : Math.floor((1000 * Math.min(textBytesAnalysed, textBytes)) / textBytes) / 10;
  const { length } = result.profiles;
  // What several profiles build is counted in each.
  const whole = length > 1 ? `, the ${length} profiles together` : "";
  return `${functionsAnalysed} of ${plural(functions, "function")}, ${percent} % of the code bytes${whole}`;
}

/** Names with one reason, most frequent reason first. */
export interface ReasonGroup {
  readonly why: string;
  readonly names: readonly string[];
  /** The one object that all the names are functions of. */
  readonly object?: string;
}

/** Coverage notes grouped by their reason. Names are "splice_step() in fs/splice.o" or the object's path. */
export function groupNotes(notes: readonly CoverageNote[]): ReasonGroup[] {
  const groups = new Map<string, CoverageNote[]>();
  for (const note of notes) {
    const group = groups.get(note.why);
    if (group === undefined) groups.set(note.why, [note]);
    else group.push(note);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length).map(reasonGroup);
}

function reasonGroup(notes: readonly CoverageNote[]): ReasonGroup {
  const why = safeProse(notes[0]!.why, 160);
  const object = safeProse(notes[0]!.object, 80);
  const isOneObject = notes.every((note) => note.function !== undefined && note.object === notes[0]!.object);
  const names = notes.map((note) => {
    const path = safeProse(note.object, 80);
    if (note.function === undefined) return path;
    const name = `${safeProse(note.function, 80)}()`;
    return isOneObject || path === "" ? name : `${name} in ${path}`;
  });
  return isOneObject && object !== "" ? { why, names, object } : { why, names };
}

/** "a, b and 3 more": at most `max` names. */
export function cappedList(names: readonly string[], max: number): string {
  if (names.length <= max) return joinWords(names);
  return `${names.slice(0, max).join(", ")} and ${names.length - max} more`;
}

export interface CoverageGroups {
  readonly notBuilt: readonly ReasonGroup[];
  readonly notChecked: readonly ReasonGroup[];
  readonly assumed: readonly ReasonGroup[];
}

/** Everything that was not looked at, or only on an assumption: from the notes and from the objects. */
export function coverageGroups(result: ReviewResult): CoverageGroups {
  const isNotBuilt = (note: CoverageNote) => note.kind === "object-not-built" || note.kind === "affected-cap";
  const isAssumed = (note: CoverageNote) => note.kind === "assumption" || note.kind === "undecided";
  const notes = result.coverage.notes;
  const named = new Set(notes.map((note) => note.object));
  const fromObjects = (state: ReviewObject["state"], kind: CoverageNote["kind"]): CoverageNote[] =>
    result.objects
      .filter((object) => object.state === state && !named.has(object.path))
      .map((object) => ({ kind, object: object.path, why: object.why ?? "no reason given" }));
  return {
    notBuilt: groupNotes([...notes.filter(isNotBuilt), ...fromObjects("not-built", "object-not-built")]),
    notChecked: groupNotes([
      // What a known defect of the compiler explains was checked: fault-text.ts has the words for it.
      ...notes.filter((note) => !isNotBuilt(note) && !isAssumed(note) && note.kind !== "known-defect"),
      ...fromObjects("not-analysed", "object-not-analysed"),
    ]),
    assumed: groupNotes(notes.filter(isAssumed)),
  };
}
