import { FormatError, ToolError, UsageError } from "../base/errors.ts";
import { applySeries } from "../kernel/apply.ts";
import { machineReason } from "../kernel/machine.ts";
import { openSlot, type Slot } from "../kernel/slot.ts";
import { openTree, type ResolvedCommit } from "../kernel/tree.ts";
import { parseDiff } from "../patch/diff.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { Series } from "../patch/series.ts";
import { touchedFiles } from "../patch/touched.ts";
import { emptyResult } from "../report/empty-result.ts";
import { OWN_FAILURE, type ReviewResult } from "../report/result.ts";
import type { Decorator } from "./decorate.ts";
import { explainWithoutObjects, needsBuild } from "./no-objects.ts";
import { reviewProfiles } from "./profiles.ts";
import { type ReviewRequest, ReviewStop, throwIfCancelled } from "./request.ts";
import { describePatches, describeSeries, readInput } from "./series-input.ts";
import { readStates } from "./states.ts";
import { PhaseTimer } from "./timer.ts";
import type { Draft } from "./verdict.ts";

// The pipeline: series in, a result out. Whatever a patch can do ends in a verdict; what is thrown is a mistake of the caller
// (UsageError, FormatError), a tool that is missing (ToolError), or ours.

export async function review(request: ReviewRequest): Promise<ReviewResult> {
  const timer = new PhaseTimer();
  const result = resultAt(request);
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
  const { base, series } = await timer.time("read series", async () => {
    const resolving = tree.resolve(request.base);
    const reading = readInput(request.input, tree);
    // What is wrong with the base is told first.
    reading.catch(() => undefined);
    const found = await resolving;
    result.base = { commit: found.commit, name: found.name, chosenBy: "as asked by --base" };
    return { base: found, series: await reading };
  });
  result.series = describeSeries(series);
  result.patches = describePatches(series);
  request.onProgress?.(
    `series: ${series.title} (${series.patches.length} ${series.patches.length === 1 ? "patch" : "patches"})`,
  );
  result.reproduce = [...request.reproduce(nameForOthers(base))];
  // Trying the sandbox out takes as long as applying a patch; whether it can be had is looked at when the first build is due.
  const opening = needsBuild(series.patches.map((patch) => patch.files)) ? request.openSandbox() : undefined;
  opening?.catch(() => undefined);
  const slot = await openSlot(tree, "review");
  let moving: Promise<void> | undefined;
  let decorator: Decorator | undefined;
  try {
    const commits = await timer.time("apply", () => apply(request, result, series, slot, base));
    throwIfCancelled(request);
    if (slot.head() !== undefined && buildsOnlyTip(series)) {
      // Needed before the first compile, and git has a processor of its own meanwhile; whoever needs it waits for it.
      moving = slot.checkout(commits.at(-1) as string);
      moving.catch(() => undefined);
    }
    const sources = await timer.time("list files", () => readStates(tree, base.commit, commits, request.state.cache));
    const { patches } = sources;
    result.coverage.notes.push(...explainWithoutObjects(patches));
    if (!needsBuild(patches)) {
      result.verdict = "clean";
      return;
    }
    const sandbox = await (opening ?? request.openSandbox());
    result.sandbox = { mode: sandbox.mode, network: sandbox.network, limits: sandbox.limits };
    const { reviews, notes, incomplete } = await reviewProfiles({ request, slot, sandbox, series, sources, timer });
    result.coverage.notes.push(...notes);
    const [{ Decorator }, { describeFindings }, { summarise }, { mergeWeakened, skippedByRecipes }] = await Promise.all(
      [import("./decorate.ts"), import("./findings.ts"), import("./verdict.ts"), import("./weakened.ts")],
    );
    const decorated = new Decorator(tree);
    decorator = decorated;
    const diffs = new Map<number, readonly FileDiff[]>();
    const { findings, graphs, frameTables } = await timer.time("describe", () =>
      describeFindings({
        profiles: reviews,
        patches,
        titles: series.patches.map((patch) => patch.title),
        commitBehind: (patch) => (patch < 0 ? base.commit : (commits[patch] as string)),
        diffBehind: async (patch) => {
          if (!diffs.has(patch)) diffs.set(patch, parseDiff(await tree.diff(base.commit, commits[patch] as string)));
          return diffs.get(patch) as readonly FileDiff[];
        },
        decorator: decorated,
      }),
    );
    result.findings = findings;
    result.graphs = graphs;
    if (frameTables.length > 0) result.frameTables = frameTables;
    const tip = commits.at(-1) as string;
    const weakened = mergeWeakened([
      ...reviews.map((one) => one.weakened),
      skippedByRecipes(
        parseDiff(await tree.diff(base.commit, tip)),
        reviews.map(({ profile }) => profile.name),
      ),
    ]);
    if (weakened.length > 0) result.weakened = weakened;
    summarise(result, reviews, series);
    if (incomplete !== undefined && result.verdict === "clean") {
      result.verdict = "inconclusive";
      result.reason = incomplete;
    }
  } finally {
    decorator?.close();
    await moving?.catch(() => undefined);
    slot.release();
  }
}

/** Nothing in it decides how the base is built: the base itself need not be checked out where it was built before. */
function buildsOnlyTip({ patches }: Series): boolean {
  const kinds = touchedFiles(patches.map(({ files }) => files)).map((file) => file.kind);
  return needsBuild(patches.map(({ files }) => files)) && !kinds.includes("kbuild") && !kinds.includes("kconfig");
}

/** What others can name too: a name of ours like HEAD or a branch may mean something else to them. */
function nameForOthers({ commit, name }: ResolvedCommit): string {
  return /^v\d+\.\d+[\w.-]*$/.test(name) ? name : commit.slice(0, 12);
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
    series.patches.flatMap(({ files }) => files.flatMap((file) => [file.oldPath ?? [], file.newPath ?? []].flat())),
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

function firstLine(text: string): string {
  return text.split("\n")[0] as string;
}

function resultAt(request: Pick<ReviewRequest, "base">): Draft {
  return { ...emptyResult(), base: { commit: "", name: request.base, chosenBy: "as asked by --base" } };
}

/** What a caller gets who asked for something that cannot be done: a result with the reason, for `--json`. */
export function failedResult(request: Pick<ReviewRequest, "base">, error: unknown): ReviewResult {
  const isInput = error instanceof UsageError || error instanceof FormatError || error instanceof ToolError;
  const machine = machineReason(error);
  return {
    ...resultAt(request),
    verdict: "failed",
    ...(machine === undefined ? {} : { machine }),
    reason: isInput ? firstLine(error.message) : (machine ?? OWN_FAILURE),
  };
}
