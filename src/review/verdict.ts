import { type Diagnostic, placeOnPatch } from "../kernel/build-errors.ts";
import { findFile, lineInPatch, quoteHunk } from "../patch/hunks.ts";
import type { Series } from "../patch/series.ts";
import type { CoverageNote, ReviewResult } from "../report/result.ts";
import type { ProfileReview } from "./profile-review.ts";

// What the profiles saw, added up into the result, and the verdict that follows from it.

export type Draft = { -readonly [K in keyof ReviewResult]: ReviewResult[K] };

/** Fills in profiles, objects, coverage and warnings, and decides. `result.findings` is there already. */
export function summarise(result: Draft, profiles: readonly ProfileReview[], series: Series): void {
  const onPatch = placer(series);
  for (const { profile, compiler, objects, warnings, coverage, identical, built } of profiles) {
    result.profiles.push({
      name: profile.name,
      arch: profile.kernelArch,
      compiler: compilerName(profile.compiler.family, compiler),
      config: profile.config.target,
      affectedObjects: objects.length,
      builtObjects: built,
      identicalObjects: identical,
    });
    result.objects.push(...objects);
    for (const { file, line, text } of warnings.map(onPatch))
      result.compilerWarnings.push({ file, line, text, profile: profile.name });
    result.coverage.functions += coverage.functions;
    result.coverage.functionsAnalysed += coverage.functionsAnalysed;
    result.coverage.textBytes += coverage.textBytes;
    result.coverage.textBytesAnalysed += coverage.textBytesAnalysed;
    result.coverage.notes.push(...coverage.notes);
  }
  result.coverage.notes = withoutRepeats(result.coverage.notes);
  countByPatch(result, profiles);
  decide(result, profiles, series);
}

/** What the compiler says of a header is looked for on the lines that use it, where the series touches those. */
function placer(series: Series): (said: Diagnostic) => Diagnostic {
  const touched = new Set(series.patches.flatMap(({ files }) => files.map(({ path }) => path)));
  return (said) => placeOnPatch(said, touched);
}

function decide(result: Draft, profiles: readonly ProfileReview[], series: Series): void {
  const broken = firstBroken(profiles, series);
  if (broken !== undefined) {
    result.broken = broken;
    result.verdict = "broken";
    result.reason = `${broken.file === "" ? broken.object : `${broken.file}:${broken.line}`}: ${broken.error}`;
    return;
  }
  if (result.findings.some((f) => f.class === "new" || f.class === "worsened")) {
    result.verdict = "findings";
    return;
  }
  const isJudged = (state: string): boolean => state !== "not-built" && state !== "not-analysed";
  const unjudged = result.coverage.notes.filter(
    (n) => n.kind === "object-not-built" || n.kind === "object-not-analysed",
  );
  if (unjudged.length > 0 && !result.objects.some((o) => isJudged(o.state))) {
    const [first] = unjudged as [CoverageNote, ...CoverageNote[]];
    result.verdict = "inconclusive";
    result.reason = `nothing that the series touches could be judged: ${first.object}: ${first.why}`;
    return;
  }
  result.verdict = "clean";
}

/** What the tip does not build comes first, then what does not build in the middle of the series; the earliest patch of each. */
function firstBroken(profiles: readonly ProfileReview[], series: Series): ReviewResult["broken"] {
  const last = series.patches.length;
  const atTip = profiles.flatMap(({ profile, broken }) =>
    broken.map((b) => ({ ...b, profile, repairedBy: undefined })),
  );
  const between = profiles.flatMap(({ profile, brokenBetween }) => brokenBetween.map((b) => ({ ...b, profile })));
  const first = [...(atTip.length > 0 ? atTip : between)].sort((a, b) => (a.patch ?? last) - (b.patch ?? last))[0];
  if (first === undefined) return undefined;
  const error = first.error && placer(series)(first.error);
  const hunk = error && brokenHunk(series, atTip.length > 0, first.patch, error);
  const ref = (patch: number) => ({ number: patch + 1, subject: (series.patches[patch] as { title: string }).title });
  return {
    ...(first.patch === undefined ? {} : { patch: ref(first.patch) }),
    ...(first.repairedBy === undefined ? {} : { repairedBy: ref(first.repairedBy) }),
    object: first.object,
    file: error?.file ?? "",
    line: error?.line ?? 0,
    error: error?.text ?? "it does not build",
    profile: first.profile.name,
    ...(hunk === undefined ? {} : { hunk }),
  };
}

/** The hunk of the first bad patch with the line of the error. `isTip`: that is a line of the tip, and not of the tree behind that patch. */
function brokenHunk(series: Series, isTip: boolean, patch: number | undefined, { file, line }: Diagnostic) {
  const patches = series.patches.map(({ files }) => files);
  const index = patch ?? (patches.length === 1 ? 0 : undefined);
  if (index === undefined) return undefined;
  const own = lineInPatch(isTip ? patches : patches.slice(0, index + 1), index, { path: file, line });
  const diff = own && findFile(patches[index] ?? [], own.path);
  return own && diff && quoteHunk(diff, own.line);
}

function countByPatch(result: Draft, profiles: readonly ProfileReview[]): void {
  for (const [n, patch] of result.patches.entries()) {
    patch.newFindings = result.findings.filter((f) => f.patch?.number === n + 1).length;
    patch.repairedFindings = result.findings.filter((f) => f.repairedBy?.number === n + 1).length;
    if (patch.state !== "applied") continue;
    const between = profiles.some((p) => p.brokenBetween.some((b) => b.patches.includes(n)));
    const fromHere = profiles.some((p) => p.broken.some((b) => b.patch !== undefined && b.patch <= n));
    patch.builds = !between && !fromHere;
  }
}

function withoutRepeats(notes: readonly CoverageNote[]): CoverageNote[] {
  return [...new Map(notes.map((note) => [JSON.stringify(note), note])).values()];
}

/** "gcc 12.2.0 (Debian 12.2.0-14+deb12u1)" from the first line of --version, without the name of its file. */
export function compilerName(family: string, firstLine: string): string {
  const version = /(\d+(?:\.\d+)+)\s*$/.exec(firstLine)?.[1] ?? / version (\d[\w.-]*)/.exec(firstLine)?.[1];
  if (version === undefined) return firstLine;
  const vendor = /\(([^)]*)\)/.exec(firstLine)?.[1];
  return `${family} ${version}${vendor === undefined ? "" : ` (${vendor})`}`;
}
