import { availableParallelism } from "node:os";
import { type AffectedResult, DEFAULT_DEPENDENT_CAP } from "../kernel/affected.ts";
import { DEFAULT_PROFILE, type Profile, requireProfile } from "../kernel/profile.ts";
import type { Sandbox } from "../kernel/sandbox.ts";
import type { Slot } from "../kernel/slot.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { Series } from "../patch/series.ts";
import type { CoverageNote } from "../report/result.ts";
import { explainMissing, type MissingFile } from "./missing.ts";
import { ProfileBuild } from "./profile-build.ts";
import type { ProfileReview } from "./profile-review.ts";
import { stopOnBrokenRecipe } from "./recipes.ts";
import { type ReviewRequest, ReviewStop } from "./request.ts";
import { type StartedBuild, startBuild } from "./started-build.ts";
import type { SeriesStates } from "./states.ts";
import { stopOfBase, stopOfHead } from "./stops.ts";
import type { PhaseTimer } from "./timer.ts";

/** Profile that files are tried under which the default one does not build. */
export const SECOND_PROFILE = "x86_64-allmodconfig-gcc";

export interface ProfilesInput {
  readonly request: ReviewRequest;
  readonly slot: Slot;
  readonly sandbox: Sandbox;
  readonly series: Series;
  readonly sources: SeriesStates;
  readonly timer: PhaseTimer;
}

export interface ProfilesResult {
  readonly reviews: readonly ProfileReview[];
  readonly notes: readonly CoverageNote[];
  /** Set where a profile that was asked for could not be reviewed, so that the whole is not complete: why. */
  readonly incomplete: string | undefined;
}

/** Reviews under every profile that was asked for; without one, under the default, and under a second one what that does not build. */
export async function reviewProfiles(input: ProfilesInput): Promise<ProfilesResult> {
  const { request, sources } = input;
  const isDefault = request.profiles.length === 0;
  const asked = isDefault ? [requireProfile(DEFAULT_PROFILE)] : request.profiles;
  const reviews: ProfileReview[] = [];
  const notes: CoverageNote[] = [];
  let missing: readonly MissingFile[] | undefined;
  let stop: ReviewStop | undefined;
  for (const profile of asked) {
    const one = await tryProfile(profile, input, sources.patches, reviews);
    if (one instanceof ReviewStop) {
      stop ??= one;
      notes.push(notReviewed(profile, one));
      continue;
    }
    reviews.push(one.review);
    notes.push(...one.leftOut);
    missing = stillMissing(missing, one.missing);
  }
  if (reviews.length === 0) throw stop as ReviewStop;
  const files = new Set((missing ?? []).filter((m) => m.mayBeBuilt).map((m) => m.file));
  if (isDefault && files.size > 0) {
    const second = requireProfile(SECOND_PROFILE);
    request.onProgress?.(`${[...files].join(", ")}: not part of ${DEFAULT_PROFILE}; trying ${SECOND_PROFILE}`);
    const patches = sources.patches.map((patch) => patch.filter((file) => files.has(file.path)));
    const one = await tryProfile(second, input, patches, reviews);
    if (one instanceof ReviewStop) notes.push(notReviewed(second, one));
    else {
      reviews.push(one.review);
      notes.push(...one.leftOut);
      missing = [...(missing ?? []).filter((m) => !m.mayBeBuilt), ...stillMissing(missing, one.missing)];
    }
  }
  for (const { file, why } of missing ?? []) notes.push({ kind: "object-not-built", object: file, why });
  return { reviews, notes, incomplete: stop?.message };
}

/** Beside the profile's name its reason does not name it again. */
function notReviewed({ name }: Profile, { message }: ReviewStop): CoverageNote {
  return { kind: "object-not-built", object: name, why: message.replace(`${name}: `, "") };
}

/** A renamed object is not a removed one besides, which is what the difference of two build plans sees in it. */
function withoutRenamed(affected: AffectedResult): AffectedResult {
  const kept = new Set(affected.objects.flatMap((o) => (o.inHead && o.baseObject !== undefined ? [o.baseObject] : [])));
  const objects = affected.objects.filter((o) => o.inHead || o.baseObject === undefined || !kept.has(o.baseObject));
  return { ...affected, objects };
}

const UNTOUCHED = /^(other flags|added by the build plan|its configuration symbols change)/;

/** A touched Makefile or symbol may decide about a whole directory: at most `cap` objects are built for that. */
export function withoutExcess(
  affected: AffectedResult,
  cap: number,
): { affected: AffectedResult; leftOut: CoverageNote[] } {
  const decided = affected.objects.filter((o) => UNTOUCHED.test(o.reason));
  const excess = new Set(decided.slice(cap));
  if (excess.size === 0) return { affected, leftOut: [] };
  const names = [...excess].slice(0, 3).map((o) => o.object);
  const more = excess.size > names.length ? ` and ${excess.size - names.length} more` : "";
  const why = `${excess.size} of the ${decided.length} objects that the touched build rules decide about: ${names.join(", ")}${more}`;
  return {
    affected: { ...affected, objects: affected.objects.filter((o) => !excess.has(o)) },
    leftOut: [{ kind: "affected-cap", object: "", why }],
  };
}

/** Files that no profile so far builds, with every profile's reason. */
function stillMissing(before: readonly MissingFile[] | undefined, now: readonly MissingFile[]): readonly MissingFile[] {
  if (before === undefined) return now;
  return before.flatMap((m) => {
    const again = now.find((n) => n.file === m.file);
    return again === undefined ? [] : [again.why === m.why ? m : { ...m, why: `${m.why}; ${again.why}` }];
  });
}

/** A profile that cannot be reviewed leaves the others their result; a broken or cancelled review ends as a whole. */
async function tryProfile(...review: Parameters<typeof reviewUnder>) {
  try {
    return await reviewUnder(...review);
  } catch (error) {
    if (error instanceof ReviewStop && error.verdict === "inconclusive") return error;
    throw error;
  }
}

async function reviewUnder(
  profile: Profile,
  input: ProfilesInput,
  patches: readonly (readonly FileDiff[])[],
  reviewed: readonly ProfileReview[],
) {
  const { request, slot, sandbox, sources, timer, series } = input;
  const { base, states } = sources;
  const tip = states.at(-1) ?? base;
  let build: ProfileBuild;
  try {
    build = await timer.time("prepare", () =>
      ProfileBuild.open({ request, profile, slot, sandbox, base, timer, jobs: availableParallelism() }),
    );
  } catch (error) {
    throw stopOfBase(error, profile, "the base cannot be configured or prepared");
  }
  let first: StartedBuild | undefined;
  try {
    await stopOnBrokenRecipe(build, tip, patches, series, profile.name);
    const found = withoutRenamed(await build.findAffected(tip, patches));
    const { affected, leftOut } = withoutExcess(found, request.dependentCap ?? DEFAULT_DEPENDENT_CAP);
    request.onProgress?.(
      `${profile.name}: ${affected.objects.length} affected ${affected.objects.length === 1 ? "object" : "objects"}`,
    );
    first = await startBuild(build, affected.objects, tip);
    // The rules and all that they stand on: loaded while the compiler runs.
    const { reviewProfile } = await import("./profile-review.ts");
    const touched = sources.patches.map((files) =>
      files.flatMap((file) => [file.oldPath, file.newPath].filter((path) => path !== undefined)),
    );
    const review = await reviewProfile({
      request,
      profile,
      build,
      slot,
      base,
      states,
      touched,
      affected,
      reviewed,
      first,
      timer,
    });
    const missing = await explainMissing(affected.notBuilt, build, slot.tree, tip.commit, profile);
    return { review, missing, leftOut };
  } catch (error) {
    throw stopOfHead(error, profile, series);
  } finally {
    await first?.ofTip.catch(() => undefined);
    build.close();
  }
}
