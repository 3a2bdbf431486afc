import { availableParallelism } from "node:os";
import { FormatError, ToolError, UsageError } from "../base/errors.ts";
import { applySeries } from "../kernel/apply.ts";
import { DEFAULT_PROFILE, type Profile, requireProfile } from "../kernel/profile.ts";
import type { Sandbox } from "../kernel/sandbox.ts";
import { openSlot, type Slot } from "../kernel/slot.ts";
import { listCommit } from "../kernel/source-listing.ts";
import { openTree, type ResolvedCommit, type Tree } from "../kernel/tree.ts";
import { parseDiff } from "../patch/diff.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { Series } from "../patch/series.ts";
import { type CoverageNote, RESULT_VERSION, type ReviewResult } from "../report/result.ts";
import { VERSION } from "../version.ts";
import { Decorator } from "./decorate.ts";
import { describeFindings } from "./findings.ts";
import { explainMissing } from "./missing.ts";
import { ProfileBuild, type SourceState } from "./profile-build.ts";
import { type ProfileReview, reviewProfile } from "./profile-review.ts";
import { type ReviewRequest, ReviewStop } from "./request.ts";
import { describePatches, describeSeries, readInput } from "./series-input.ts";
import { PhaseTimer } from "./timer.ts";

// The pipeline: series in, a result out. Whatever a patch can do ends in a verdict; what is thrown is a mistake of the caller
// (UsageError, FormatError), a tool that is missing (ToolError), or ours.

/** Profile that files are tried under which the default one does not build. */
const SECOND_PROFILE = "x86_64-allmodconfig-gcc";

type Draft = { -readonly [K in keyof ReviewResult]: ReviewResult[K] };

export async function review(request: ReviewRequest): Promise<ReviewResult> {
  const timer = new PhaseTimer();
  const result = emptyResult(request);
  try {
    await run(request, result, timer);
  } catch (error) {
    if (!(error instanceof ReviewStop)) throw error;
    Object.assign(result, error.detail, { verdict: error.verdict, reason: error.message });
  }
  result.timings = timer.rows();
  return result;
}

async function run(request: ReviewRequest, result: Draft, timer: PhaseTimer): Promise<void> {
  const tree = await openTree(request.tree, request.state);
  const base = await tree.resolve(request.base);
  result.base = { commit: base.commit, name: base.name, chosenBy: "as asked by --base" };
  const series = await timer.time("read series", () => readInput(request.input, tree));
  result.series = describeSeries(series);
  result.patches = describePatches(series);
  request.onProgress?.(
    `series: ${series.title} (${series.patches.length} ${series.patches.length === 1 ? "patch" : "patches"})`,
  );
  const slot = await openSlot(tree, "review");
  const decorator = new Decorator(tree);
  try {
    const commits = await timer.time("apply", () => apply(request, result, series, slot, base));
    const states = await timer.time("list files", () => Promise.all(commits.map((commit) => stateOf(tree, commit))));
    const baseState = await stateOf(tree, base.commit);
    const sandbox = await request.openSandbox();
    result.sandbox = { mode: sandbox.mode, network: sandbox.network, limits: sandbox.limits };
    const patches = await timer.time("list files", () => diffsOf(tree, [base.commit, ...commits]));
    const profiles = await reviewProfiles({ request, slot, sandbox, base: baseState, states, patches, timer, result });
    const diffs = new Map<number, readonly FileDiff[]>();
    const { findings, graphs } = await timer.time("describe", () =>
      describeFindings({
        profiles,
        patches,
        titles: series.patches.map((patch) => patch.title),
        commitBehind: (patch) => (patch < 0 ? base.commit : (commits[patch] as string)),
        diffBehind: async (patch) => {
          if (!diffs.has(patch)) diffs.set(patch, parseDiff(await tree.diff(base.commit, commits[patch] as string)));
          return diffs.get(patch) as readonly FileDiff[];
        },
        decorator,
      }),
    );
    result.findings = findings;
    result.graphs = graphs;
    summarise(result, profiles, series);
  } finally {
    decorator.close();
    slot.release();
  }
}

async function stateOf(tree: Tree, commit: string): Promise<SourceState> {
  return { commit, listing: await listCommit(tree.git, commit) };
}

/** What each commit changes, with exact line numbers, which a mail's hunks may not have. */
async function diffsOf(tree: Tree, commits: readonly string[]): Promise<FileDiff[][]> {
  const diffs: FileDiff[][] = [];
  for (let n = 1; n < commits.length; n++) {
    const [from, to] = [commits[n - 1] as string, commits[n] as string];
    diffs.push(from === to ? [] : parseDiff(await tree.diff(from, to)));
  }
  return diffs;
}

async function apply(
  request: ReviewRequest,
  result: Draft,
  series: Series,
  slot: Slot,
  base: ResolvedCommit,
): Promise<readonly string[]> {
  request.onProgress?.(`applying to ${base.name}`);
  const applied = await applySeries(
    slot,
    base.commit,
    series.patches.map((patch) => patch.mail),
  );
  if (applied.kind === "conflict") {
    for (const [n, patch] of result.patches.entries()) {
      patch.state = n < applied.patch ? "applied" : n === applied.patch ? "conflict" : "not-tried";
    }
    const subject = (series.patches[applied.patch] as { title: string }).title;
    throw new ReviewStop(
      "conflict",
      `patch ${applied.patch + 1} does not apply to ${base.name}: ${applied.files.join(", ") || applied.message}`,
      {
        conflict: {
          patch: { number: applied.patch + 1, subject },
          files: [...applied.files],
          message: applied.message,
        },
      },
    );
  }
  for (const [n, patch] of result.patches.entries()) {
    const isThere = applied.kind === "already-upstream" && applied.patches.includes(n);
    patch.state = isThere ? "already-upstream" : "applied";
    patch.commit = applied.commits[n] as string;
  }
  if (applied.kind === "already-upstream" && applied.patches.length === series.patches.length) {
    throw new ReviewStop("applied", `${base.name} has every patch of the series already`);
  }
  return applied.commits;
}

interface ProfilesInput {
  readonly request: ReviewRequest;
  readonly slot: Slot;
  readonly sandbox: Sandbox;
  readonly base: SourceState;
  readonly states: readonly SourceState[];
  readonly patches: readonly (readonly FileDiff[])[];
  readonly timer: PhaseTimer;
  readonly result: Draft;
}

async function reviewProfiles(input: ProfilesInput): Promise<ProfileReview[]> {
  const { request, result } = input;
  const asked = request.profiles.length > 0 ? request.profiles : [DEFAULT_PROFILE];
  const reviews: ProfileReview[] = [];
  let missing: { file: string; why: string }[] = [];
  for (const name of asked) {
    const { review, notBuilt } = await reviewUnder(requireProfile(name), input, input.patches);
    reviews.push(review);
    missing =
      missing.length === 0 && reviews.length === 1
        ? notBuilt
        : missing.filter((m) => notBuilt.some((n) => n.file === m.file));
  }
  const tryFurther = request.profiles.length === 0 && missing.length > 0;
  if (tryFurther) {
    request.onProgress?.(
      `${missing.map((m) => m.file).join(", ")}: not part of ${DEFAULT_PROFILE}; trying ${SECOND_PROFILE}`,
    );
    const files = new Set(missing.map((m) => m.file));
    const patches = input.patches.map((patch) => patch.filter((file) => files.has(file.path)));
    const { review, notBuilt } = await reviewUnder(requireProfile(SECOND_PROFILE), input, patches);
    reviews.push(review);
    missing = missing.filter((m) => notBuilt.some((n) => n.file === m.file));
  }
  for (const { file, why } of missing) {
    result.coverage.notes.push({ kind: "object-not-built", object: file, why });
  }
  return reviews;
}

async function reviewUnder(profile: Profile, input: ProfilesInput, patches: readonly (readonly FileDiff[])[]) {
  const { request, slot, sandbox, base, states, timer } = input;
  const tip = states[states.length - 1] as SourceState;
  let build: ProfileBuild;
  try {
    build = await timer.time("prepare", () =>
      ProfileBuild.open({ request, profile, slot, sandbox, base, timer, jobs: availableParallelism() }),
    );
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== "failed") throw error;
    throw new ReviewStop(
      "inconclusive",
      `${profile.name}: the base cannot be configured or prepared: ${firstLine(error.message)}`,
    );
  }
  try {
    const affected = await build.findAffected(tip, patches);
    request.onProgress?.(
      `${profile.name}: ${affected.objects.length} affected ${affected.objects.length === 1 ? "object" : "objects"}`,
    );
    const touched = input.patches.map((files) =>
      files.flatMap((file) => [file.oldPath, file.newPath].filter((p) => p !== undefined)),
    );
    const review = await reviewProfile({ request, profile, build, slot, base, states, touched, affected, timer });
    const notBuilt = await explainMissing(affected.notBuilt, build, slot.tree, tip.commit, profile);
    return { review, notBuilt };
  } finally {
    build.close();
  }
}

function summarise(result: Draft, profiles: readonly ProfileReview[], series: Series): void {
  for (const { profile, compiler, objects, warnings, coverage, identical, built } of profiles) {
    result.profiles.push({
      name: profile.name,
      arch: profile.kernelArch,
      compiler,
      config: profile.config.target,
      affectedObjects: objects.length,
      builtObjects: built,
      identicalObjects: identical,
    });
    result.objects.push(...objects);
    for (const w of warnings)
      result.compilerWarnings.push({ file: w.file, line: w.line, text: w.text, profile: profile.name });
    result.coverage.functions += coverage.functions;
    result.coverage.functionsAnalysed += coverage.functionsAnalysed;
    result.coverage.textBytes += coverage.textBytes;
    result.coverage.textBytesAnalysed += coverage.textBytesAnalysed;
    result.coverage.notes.push(...coverage.notes);
  }
  result.coverage.notes = withoutRepeats(result.coverage.notes);
  countByPatch(result, profiles);
  const broken = profiles.flatMap((p) => p.broken.map((b) => ({ ...b, profile: p.profile.name })))[0];
  if (broken !== undefined) {
    const subject = broken.patch === undefined ? "" : (series.patches[broken.patch] as { title: string }).title;
    result.broken = {
      ...(broken.patch === undefined ? {} : { patch: { number: broken.patch + 1, subject } }),
      object: broken.object,
      file: broken.error.file,
      line: broken.error.line,
      error: broken.error.text,
      profile: broken.profile,
    };
    result.verdict = "broken";
    result.reason = `${broken.error.file}:${broken.error.line}: ${broken.error.text}`;
    return;
  }
  const isNew = result.findings.some((f) => f.class === "new" || f.class === "worsened");
  if (isNew || profiles.some((p) => p.brokenBetween.size > 0)) {
    result.verdict = "findings";
    if (!isNew) result.reason = "a patch in the middle of the series does not compile";
    return;
  }
  const judged = result.objects.filter(
    (o) => o.state === "analysed" || o.state === "identical" || o.state === "new",
  ).length;
  const unjudged = result.coverage.notes.filter(
    (n) => n.kind === "object-not-built" || n.kind === "object-not-analysed",
  );
  if (judged === 0 && unjudged.length > 0) {
    result.verdict = "inconclusive";
    result.reason = `nothing that the series touches could be judged: ${unjudged[0]?.object}: ${unjudged[0]?.why}`;
    return;
  }
  result.verdict = "clean";
}

function countByPatch(result: Draft, profiles: readonly ProfileReview[]): void {
  for (const [n, patch] of result.patches.entries()) {
    patch.newFindings = result.findings.filter((f) => f.patch?.number === n + 1).length;
    patch.repairedFindings = result.findings.filter((f) => f.repairedBy?.number === n + 1).length;
    const walked = profiles.some((p) => p.brokenBetween.has(n));
    const brokenHere = profiles.some((p) => p.broken.some((b) => b.patch !== undefined && b.patch <= n));
    if (patch.state === "applied") patch.builds = !walked && !brokenHere;
  }
}

function withoutRepeats(notes: readonly CoverageNote[]): CoverageNote[] {
  return [...new Map(notes.map((note) => [JSON.stringify(note), note])).values()];
}

function firstLine(text: string): string {
  return text.split("\n")[0] as string;
}

function emptyResult(request: ReviewRequest): Draft {
  return {
    version: RESULT_VERSION,
    tool: VERSION,
    verdict: "failed",
    series: { title: "", version: 1, author: "unknown" },
    base: { commit: "", name: request.base, chosenBy: "as asked by --base" },
    patches: [],
    profiles: [],
    objects: [],
    findings: [],
    graphs: [],
    compilerWarnings: [],
    coverage: { functions: 0, functionsAnalysed: 0, textBytes: 0, textBytesAnalysed: 0, notes: [] },
    timings: [],
    sandbox: { mode: "none-needed", network: false, limits: "nothing was built" },
    reproduce: [...request.reproduce],
  };
}

/** What a caller gets who asked for something that cannot be done: a result with the reason, for `--json`. */
export function failedResult(request: ReviewRequest, error: unknown): ReviewResult {
  const isInput = error instanceof UsageError || error instanceof FormatError || error instanceof ToolError;
  return {
    ...emptyResult(request),
    verdict: "failed",
    reason: isInput ? firstLine(error.message) : "an error of objreview itself",
  };
}
