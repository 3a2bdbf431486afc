import type { FileDiff } from "../patch/file-diff.ts";
import type { ReviewFinding, ReviewFix, ReviewFrameTable, ReviewGraph } from "../report/result.ts";
import { rules } from "../rules/index.ts";
import { copyPlace, type Decorator } from "./decorate.ts";
import { foldCopies, type Merged, mergeProfiles, type PlacedFinding } from "./merge-findings.ts";
import { type Placed, placeFinding } from "./place.ts";
import type { ProfileReview } from "./profile-review.ts";
import { speaks } from "./same-finding.ts";
import type { Blamed } from "./walk.ts";

// From what the profiles saw to the findings of the report: one finding with the list of profiles that it appears in.

export interface FindingsInput {
  readonly profiles: readonly ProfileReview[];
  /** Files of each patch, in order. */
  readonly patches: readonly (readonly FileDiff[])[];
  readonly titles: readonly string[];
  /** 0-based patch -> commit behind it; -1 is the base. */
  readonly commitBehind: (patch: number) => string;
  /** 0-based patch -> difference from the base to the state behind it. */
  readonly diffBehind: (patch: number) => Promise<readonly FileDiff[]>;
  readonly decorator: Decorator;
}

export interface FindingsOutput {
  readonly findings: ReviewFinding[];
  readonly graphs: ReviewGraph[];
  readonly frameTables: ReviewFrameTable[];
}

export async function describeFindings(input: FindingsInput): Promise<FindingsOutput> {
  const merged: PlacedFinding[] = [];
  for (const each of mergeProfiles(input.profiles)) merged.push({ ...each, placed: await place(input, each.blamed) });
  const findings: ReviewFinding[] = [];
  const graphs: ReviewGraph[] = [];
  const frameTables: ReviewFrameTable[] = [];
  for (const each of foldCopies(merged)) {
    const id = `f${findings.length + 1}`;
    const described = await describeFinding(input, each, id);
    findings.push(described.finding);
    if (described.graph !== undefined) graphs.push(described.graph);
    if (described.frames !== undefined) frameTables.push(described.frames);
  }
  return { findings, graphs, frameTables };
}

/** The change that every profile which has the object tried out, and found to help. */
function agreedFix(input: FindingsInput, { blamed, profiles, fixes }: Merged): ReviewFix | undefined {
  const [first, ...others] = fixes;
  const { object } = blamed.compared;
  const building = input.profiles.filter(({ objects }) =>
    objects.some(({ path, state }) => path === object && state !== "not-built" && state !== "removed"),
  );
  const isTried = building.every(({ profile }) => profiles.includes(profile.name));
  const text = JSON.stringify(first);
  return isTried && others.every((fix) => JSON.stringify(fix) === text) ? first : undefined;
}

async function describeFinding(input: FindingsInput, merged: PlacedFinding, id: string) {
  const { blamed, profiles, opinion, placed } = merged;
  const { compared, patch, repairedBy, seenIn, state } = blamed;
  const { finding, object } = compared;
  const tells = speaks(compared);
  const commit = input.commitBehind(compared.class === "fixed" ? -1 : state);
  const analysis = seenIn?.analysis;
  const steps = async (path: typeof finding.path) =>
    tells && analysis !== undefined ? await input.decorator.steps(path, analysis, commit) : [];
  const graph =
    tells && analysis !== undefined ? await input.decorator.graph(`g-${id}`, object, finding, analysis) : undefined;
  const frames =
    tells && analysis !== undefined ? await input.decorator.frames(`t-${id}`, object, finding, analysis) : undefined;
  const fix = agreedFix(input, merged);
  const described: ReviewFinding = {
    id,
    class: compared.class,
    rule: finding.rule,
    severity: finding.severity,
    object,
    function: finding.function,
    file: placed.file,
    line: placed.line,
    onDiff: placed.onDiff,
    ...(placed.diffLine === undefined ? {} : { diffLine: placed.diffLine }),
    message: finding.message,
    consequence: sentence(rules.find((rule) => rule.id === finding.rule)?.consequence ?? ""),
    path: await steps(finding.path),
    ...(finding.otherPath === undefined ? {} : { otherPath: await steps(finding.otherPath) }),
    evidence: finding.evidence.map((e) => ({ ...e })),
    ...(opinion === undefined ? {} : { kernelTool: { ...opinion } }),
    related: finding.related.map(({ function: name, says, place }) => ({
      function: name,
      says,
      ...(place === undefined ? {} : { place: copyPlace(place) }),
    })),
    fingerprint: finding.fingerprint,
    ...(patch === undefined ? {} : { patch: patchRef(input, patch) }),
    ...(repairedBy === undefined ? {} : { repairedBy: patchRef(input, repairedBy) }),
    profiles: [...profiles],
    ...(placed.hunk === undefined ? {} : { hunk: placed.hunk }),
    ...(graph === undefined ? {} : { graph: graph.id }),
    ...(frames === undefined ? {} : { frames: frames.id }),
    ...(merged.fault === undefined ? {} : { fault: merged.fault }),
    ...(finding.place === undefined ? {} : { place: copyPlace(finding.place) }),
    ...(fix === undefined ? {} : { fix }),
  };
  return { finding: described, graph, frames };
}

async function place(input: FindingsInput, { compared, patch, state }: Blamed): Promise<Placed> {
  return placeFinding({
    finding: compared.finding,
    source: sourceOf(compared.object),
    diff: compared.class === "fixed" ? [] : await input.diffBehind(state),
    patches: input.patches,
    patch,
    state,
  });
}

function sentence(text: string): string {
  return text === "" ? "" : `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function patchRef(input: FindingsInput, patch: number) {
  return { number: patch + 1, subject: input.titles[patch] as string };
}

function sourceOf(object: string): string {
  return object.replace(/\.o$/, ".c");
}
