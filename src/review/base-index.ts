import { FormatError } from "../base/errors.ts";
import type { UnitStore } from "../facts/kernel-index.ts";
import { FACTS_VERSION } from "../facts/object-facts.ts";
import type { BaseFolder } from "../kernel/base-folder.ts";
import { hasIndex, listBases, profileKey, readBaseDependencies, readBaseFacts } from "../kernel/base-folder.ts";
import { type DependencyIndex, readDependencies } from "../kernel/dependents.ts";
import type { Profile } from "../kernel/profile.ts";
import { changedPaths, listCommitFrom, type SourceListing } from "../kernel/source-listing.ts";
import type { Tree } from "../kernel/tree.ts";
import { readFacts } from "./base-facts.ts";

// What a base build knows, for reviews and checks: the facts of its objects, and what they were made from.

export interface BaseIndex {
  /** "index of v6.12, 3 days and 12 commits old", and what of it is out of date or missing. */
  readonly age: string;
  /** Everything of the kernel is in it. */
  readonly isWhole: boolean;
  /** Unpacked when it is first asked for: only series that touch headers ask. */
  readonly dependencies: () => DependencyIndex;
  /** Object -> digest of its code; facts are found by it. */
  readonly codeOf: ReadonlyMap<string, string>;
  readonly units: readonly UnitStore[];
}

export interface IndexQuestion {
  readonly tree: Tree;
  readonly cacheDir: string;
  readonly profile: Profile;
  /** As toolchain.ts tells it: facts of another compiler's code are of no use. */
  readonly compiler: string;
  /** The commit that is judged, and its files. */
  readonly commit: string;
  readonly listing: SourceListing;
  /** Commit or name of the base build that is wanted; where it is not there, the one that fits best. */
  readonly preferred?: string | undefined;
}

const MOST_CANDIDATES = 16;

/** What an operator can do about a base whose facts this version cannot read: its objects are kept, so that it takes seconds. */
export function isOutdated({ record }: BaseFolder): boolean {
  return record.factsVersion !== FACTS_VERSION;
}

export interface FoundIndex {
  readonly index: BaseIndex | undefined;
  /** Where there is none: one that would fit and cannot be read. */
  readonly unusable: string | undefined;
}

export const noIndex: FoundIndex = { index: undefined, unusable: undefined };

/**
 * The index that is preferred, or the one that fits best: whole before restricted, then the one with the fewest commits between its commit and the one asked for.
 */
export async function findBaseIndex(question: IndexQuestion): Promise<FoundIndex> {
  const { tree, cacheDir, profile, compiler, commit, listing } = question;
  const key = profileKey(profile);
  const fitting = listBases(cacheDir, tree.folder)
    .filter((base) => hasIndex(base) && base.record.profileKey === key && base.record.compiler === compiler)
    .sort((a, b) => Date.parse(b.record.updatedAt) - Date.parse(a.record.updatedAt))
    .slice(0, MOST_CANDIDATES);
  const choices: Choice[] = [];
  for (const base of fitting) {
    const distance = await countCommits(tree, base.record.commit, commit);
    if (distance !== undefined) choices.push({ base, distance, isWhole: isWholeKernel(base) });
  }
  let unusable: string | undefined;
  for (const { base, distance } of bestFirst(choices, question.preferred)) {
    const index = openBaseIndex(base, distance);
    if (index === undefined) {
      const why = isOutdated(base) ? "is of another version of objreview" : "is damaged";
      unusable ??= `the index of ${base.record.name} ${why}: objreview base build makes it again`;
      continue;
    }
    if (commitsOf(distance) === 0) return { index, unusable: undefined };
    const files = await listCommitFrom(tree.git, commit, listing, base.record.commit);
    const dependencies = index.dependencies();
    const stale = new Set(changedPaths(files, listing).flatMap((path) => dependencies.objectsOf.get(path) ?? []));
    const since =
      stale.size === 0
        ? ""
        : `; ${stale.size} of its ${index.codeOf.size} objects ${stale.size === 1 ? "has" : "have"} other sources by now`;
    return { index: { ...index, age: `${index.age}${since}` }, unusable: undefined };
  }
  return { index: undefined, unusable };
}

interface Distance {
  /** Commits that the base lacks. */
  readonly behind: number;
  /** Commits of the base that the one asked for lacks: it is on another branch. */
  readonly beside: number;
}

interface Choice {
  readonly base: BaseFolder;
  readonly distance: Distance;
  readonly isWhole: boolean;
}

const commitsOf = ({ behind, beside }: Distance): number => behind + beside;

/** @param preferred commit or name of a base that comes before all others */
export function bestFirst<
  T extends { base: { record: { commit: string; name: string } }; distance: Distance; isWhole: boolean },
>(choices: readonly T[], preferred: string | undefined): T[] {
  const isPreferred = ({ base: { record } }: T): boolean => preferred === record.commit || preferred === record.name;
  return [...choices].sort(
    (a, b) =>
      Number(isPreferred(b)) - Number(isPreferred(a)) ||
      Number(b.isWhole) - Number(a.isWhole) ||
      commitsOf(a.distance) - commitsOf(b.distance),
  );
}

type Content = Pick<BaseIndex, "dependencies" | "codeOf" | "units">;

/** What was read last, for a process that reviews one series after the other: facts that were looked at once are at hand. */
let lastRead: { readonly key: string; readonly content: Content } | undefined;

/** @param distance undefined where nobody asks for a commit
 * @returns undefined for a base that another version made or that is damaged: its reader tells nothing, the next build makes it anew */
export function openBaseIndex(base: BaseFolder, distance?: Distance): BaseIndex | undefined {
  const key = `${base.dir} ${base.record.updatedAt}`;
  const content = lastRead?.key === key ? lastRead.content : readContent(base);
  if (content === undefined) return undefined;
  lastRead = { key, content };
  return { ...content, isWhole: isWholeKernel(base), age: describeAge(base, content.codeOf.size, distance) };
}

function readContent(base: BaseFolder): Content | undefined {
  if (isOutdated(base)) return undefined;
  try {
    const packed = readBaseDependencies(base.dir);
    const { units, codeOf } = readFacts(readBaseFacts(base.dir), packed);
    let dependencies: DependencyIndex | undefined;
    return {
      units,
      codeOf,
      dependencies() {
        dependencies ??= readDependencies(packed);
        return dependencies;
      },
    };
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function isWholeKernel({ record }: BaseFolder): boolean {
  return record.state === "complete" && record.only.length === 0;
}

function describeAge(base: BaseFolder, objects: number, distance: Distance | undefined): string {
  const { record } = base;
  const days = Math.floor((Date.now() - Date.parse(record.updatedAt)) / 86_400_000);
  const parts = [days < 1 ? "less than a day" : days === 1 ? "1 day" : `${days} days`];
  if (distance !== undefined && distance.behind > 0)
    parts.push(`${distance.behind} ${distance.behind === 1 ? "commit" : "commits"}`);
  const beside = distance === undefined || distance.beside === 0 ? "" : `, ${distance.beside} commits beside the base`;
  const part = isWholeKernel(base) ? "" : `, of ${objects} objects only`;
  return `index of ${record.name}${part}, ${parts.join(" and ")} old${beside}`;
}

async function countCommits(tree: Tree, from: string, to: string): Promise<Distance | undefined> {
  if (from === to) return { behind: 0, beside: 0 };
  // A commit of a base may be gone from the repository.
  const counted = await tree.git.run(["rev-list", "--count", "--left-right", `${from}...${to}`, "--"]);
  const [beside, behind] = counted.stdout.trim().split(/\s+/).map(Number);
  if (counted.exitCode !== 0 || beside === undefined || behind === undefined) return undefined;
  return { behind, beside };
}
