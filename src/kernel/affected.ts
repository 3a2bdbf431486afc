import type { FileDiff } from "../patch/file-diff.ts";
import type { FileKind, TouchedStatus } from "../patch/touched.ts";
import type { DependencyIndex } from "./dependents.ts";
import type { Dependent, IncludeTable } from "./include-scan.ts";
import { findDependents } from "./include-scan.ts";
import type { KernelConfig } from "./kernel-config.ts";
import type { Membership } from "./membership.ts";
import type { PlanChange } from "./plan-difference.ts";
import { comparePlans } from "./plan-difference.ts";
import type { Planner } from "./planner.ts";
import { isJudged } from "./planner.ts";
import { type RankOptions, rankDependents, sourceReader } from "./rank-dependents.ts";

// From touched files to the objects that a review builds (design, section 6): touched sources, what includes touched files, and
// what touched recipes build otherwise. Every object has its reason, and what was left out is counted.

/** What is needed of a touched file; patch/touched.ts has more. */
export interface TouchedInput {
  readonly path: string;
  readonly basePath: string | undefined;
  readonly status: TouchedStatus;
  readonly kind: FileKind;
}

export interface AffectedObject {
  /** Path in the head's build folder; of a removed object in the base's. */
  readonly object: string;
  /** Path in the base's build folder, undefined where the object is new. */
  readonly baseObject: string | undefined;
  /** The head has it. */
  readonly inHead: boolean;
  /** For people: "touched", "includes include/linux/sched.h", "other flags: +(-O3)". */
  readonly reason: string;
  readonly membership: Membership;
}

export interface NotBuilt {
  readonly file: string;
  readonly object: string;
  readonly membership: Membership;
}

export interface AffectedResult {
  /** Touched ones first, then other flags, then dependents by rank; at most `cap` dependents. */
  readonly objects: readonly AffectedObject[];
  /** Touched sources that are no part of this configuration's vmlinux or modules. */
  readonly notBuilt: readonly NotBuilt[];
  /** How dependents were found; "none": no touched file has any. */
  readonly method: "none" | "kbuild dependency files" | "include scan";
  /** Dependents beyond the cap. After an include scan it counts sources, some of which may not be built. */
  readonly leftOut: number;
  /** How many of these use what changed themselves, as far as text tells. */
  readonly leftOutUsers: number;
  /** Sentences for the report's coverage: what could not be followed. */
  readonly notes: readonly string[];
}

export interface AffectedOptions {
  readonly touched: readonly TouchedInput[];
  /** The patch's changes of headers, for ranking. */
  readonly headerDiffs: readonly FileDiff[];
  readonly base: Planner;
  /** The same as `base` where no recipe and no configuration is touched. */
  readonly head: Planner;
  readonly baseConfig: KernelConfig;
  readonly headConfig: KernelConfig;
  readonly headSourceDir: string;
  readonly sourceArch: string;
  /** Of a full base build, where there is one; asked for only where a touched file can have dependents. */
  readonly dependencies: () => Promise<DependencyIndex | undefined>;
  /** Asked for only when there are no dependency files, or a source that no list names is touched. */
  readonly includes: () => Promise<IncludeTable>;
  /** Paths of the head's Makefiles and sources that mention one of the symbols: `git grep -lw`. */
  readonly findMentions: (symbols: readonly string[]) => Promise<readonly string[]>;
  /** Headers of the head that sources of these directories can include, for ranking. */
  readonly headers: RankOptions["headers"];
  /** Most dependents to build; by default DEFAULT_DEPENDENT_CAP, and more where more use what changed. */
  readonly cap?: number;
}

export const DEFAULT_DEPENDENT_CAP = 60;
/** As many dependents as use what changed are built by default, up to a tenth of a default configuration's 2,850 objects. */
export const USERS_CAP = 280;
/** Directories that are evaluated for one touched recipe. */
const PLAN_CAP = 400;
const MEMBERSHIP_BATCH = 40;

/** Finds the objects to build. Throws ToolError where the base's Makefiles cannot be evaluated. */
export async function findAffected(options: AffectedOptions): Promise<AffectedResult> {
  const { touched, base, head } = options;
  const found = new Map<string, AffectedObject>();
  const notBuilt: NotBuilt[] = [];
  const notes: string[] = [];
  const add = (item: AffectedObject): void => {
    if (!found.has(item.object)) found.set(item.object, item);
  };

  const included: string[] = [];
  for (const file of touched) {
    if (file.status === "transient" || file.status === "mode") continue;
    if (file.kind === "header") included.push(file.path);
    if (file.kind !== "c" && file.kind !== "asm") continue;
    const inHead = file.status !== "deleted";
    const object = objectOf(file.path);
    const baseObject = file.basePath === undefined ? undefined : objectOf(file.basePath);
    const membership = (await (inHead ? head : base).membership([object])).get(object)!;
    if (isJudged(membership)) {
      add({ object, baseObject, inHead, reason: reasonOfTouch(file), membership });
      continue;
    }
    notBuilt.push({ file: file.path, object, membership });
    // kernel/sched/rt.c is no object of its own: kernel/sched/build_policy.c includes it.
    if (membership.kind === "not-built") included.push(file.path);
  }

  for (const change of await planChanges(options, notes)) {
    const side = change.kind === "removed" ? base : head;
    const membership = (await side.membership([change.object])).get(change.object)!;
    if (!isJudged(membership)) continue;
    const reason = change.kind === "flags" ? `other flags: ${change.detail}` : `${change.kind} by the build plan`;
    const baseObject = change.kind === "added" ? undefined : change.object;
    add({ object: change.object, baseObject, inHead: change.kind !== "removed", reason, membership });
  }

  const mentions = await configurationMentions(options, notes);
  included.push(...mentions.filter((path) => path.endsWith(".h")));
  for (const path of mentions.filter((name) => /\.[cS]$/.test(name))) {
    const object = objectOf(path);
    const membership = (await head.membership([object])).get(object)!;
    if (isJudged(membership))
      add({ object, baseObject: object, inHead: true, reason: "its configuration symbols change", membership });
  }

  const dependents = await findIncluders(options, included);
  // To rank them takes reading every header; where all are built there is nothing to choose.
  const {
    list: ranked,
    users,
    direct,
  } = dependents.list.length <= (options.cap ?? DEFAULT_DEPENDENT_CAP)
    ? { list: dependents.list, users: 0, direct: 0 }
    : rankDependents(dependents.list, {
        diffs: options.headerDiffs,
        read: sourceReader(options.headSourceDir),
        headers: options.headers,
        constants: {
          source: `arch/${options.sourceArch}/kernel/asm-offsets.c`,
          users: () => dependents.usersOf(`arch/${options.sourceArch}/include/asm/asm-offsets.h`),
        },
      });
  const cap = options.cap ?? Math.max(DEFAULT_DEPENDENT_CAP, Math.min(users, USERS_CAP));
  let taken = 0;
  let seen = 0;
  for (let at = 0; at < ranked.length && taken < cap; at += MEMBERSHIP_BATCH) {
    const batch = ranked.slice(at, at + MEMBERSHIP_BATCH);
    const memberships = await head.membership(batch.map((item) => objectOf(item.source)));
    for (const item of batch) {
      if (taken >= cap) break;
      seen++;
      const object = objectOf(item.source);
      const membership = memberships.get(object)!;
      if (!isJudged(membership) || found.has(object)) continue;
      taken++;
      add({ object, baseObject: object, inHead: true, reason: `includes ${item.through}`, membership });
    }
  }
  const byInclusion = new Set(dependents.list.map((item) => item.through));
  const unlisted = notBuilt.filter((item) => !byInclusion.has(item.file));
  const leftOut = ranked.length - seen;
  const leftOutUsers = Math.max(0, direct - seen);
  return { objects: [...found.values()], notBuilt: unlisted, method: dependents.method, leftOut, leftOutUsers, notes };
}

function objectOf(source: string): string {
  return source.replace(/\.[cS]$/, ".o");
}

function reasonOfTouch(file: TouchedInput): string {
  if (file.status === "added" || file.status === "copied") return "new";
  if (file.status === "renamed") return `renamed from ${file.basePath}`;
  return file.status === "deleted" ? "removed" : "touched";
}

/** Objects that touched Makefiles build otherwise, from the plans of both sides. */
async function planChanges(options: AffectedOptions, notes: string[]): Promise<PlanChange[]> {
  const recipes = options.touched.filter((file) => file.kind === "kbuild" && file.status !== "mode");
  const symbols = changedSymbols(options);
  if (recipes.length === 0 && symbols.length === 0) return [];
  const dirs = new Set<string>();
  for (const { path, basePath } of recipes) {
    for (const name of [path, basePath]) {
      if (name !== undefined && !isGlobalRecipe(name, options.sourceArch))
        dirs.add(name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : ".");
    }
  }
  if (recipes.some((file) => isGlobalRecipe(file.path, options.sourceArch))) {
    const [before, after] = [await options.base.environment(), await options.head.environment()];
    const differing = [...after].filter(
      ([name, value]) => /FLAGS|^ARCH_|^CC$|^LD$/.test(name) && before.get(name) !== value,
    );
    if (differing.length > 0) {
      const names = differing.map(([name]) => name).sort();
      notes.push(
        `the top-level build rules change ${names.join(", ")} for every object; only the objects listed were built`,
      );
    }
  }
  if (symbols.length > 0) {
    for (const path of await options.findMentions(symbols)) {
      if (/(^|\/)(Makefile|Kbuild)$/.test(path) && path.includes("/")) dirs.add(path.slice(0, path.lastIndexOf("/")));
    }
  }
  if (dirs.size === 0) return [];
  // Flags may come down from a directory to those below it (subdir-ccflags-y).
  const top = [...dirs].sort();
  const before = await options.base.planBelow(top, PLAN_CAP);
  const after = await options.head.planBelow(top, PLAN_CAP);
  if (!before.isWhole || !after.isWhole) notes.push(`the build plan was compared over ${PLAN_CAP} directories only`);
  return comparePlans(before.plans, after.plans);
}

/** The top Makefile, scripts/ and the architecture's own Makefile hold for every directory. */
function isGlobalRecipe(path: string, sourceArch: string): boolean {
  return path === "Makefile" || path.startsWith("scripts/") || path.startsWith(`arch/${sourceArch}/Makefile`);
}

function changedSymbols(options: AffectedOptions): string[] {
  const [before, after] = [options.baseConfig.values, options.headConfig.values];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}

const MENTION_CAP = 200;

async function configurationMentions(options: AffectedOptions, notes: string[]): Promise<string[]> {
  const symbols = changedSymbols(options);
  if (symbols.length === 0) return [];
  notes.push(
    `the configuration changes: ${symbols.slice(0, 8).join(", ")}${symbols.length > 8 ? ` and ${symbols.length - 8} more` : ""}`,
  );
  const paths = (await options.findMentions(symbols)).filter((path) => /\.[chS]$/.test(path));
  if (paths.length > MENTION_CAP)
    notes.push(`${paths.length - MENTION_CAP} more files name these symbols and were not followed`);
  return paths.slice(0, MENTION_CAP);
}

async function findIncluders(
  options: AffectedOptions,
  included: readonly string[],
): Promise<{ list: Dependent[]; method: AffectedResult["method"]; usersOf: (path: string) => Dependent[] }> {
  if (included.length === 0) return { list: [], method: "none", usersOf: () => [] };
  const dependencies = await options.dependencies();
  // A file that the base build never saw (new, or newly named) has no dependents in its dependency files.
  const known = dependencies !== undefined && included.every((path) => dependencies.objectsOf.has(path));
  if (!known) {
    const table = await options.includes();
    const usersOf = (path: string): Dependent[] => findDependents(table, [path], options.sourceArch);
    return { list: findDependents(table, included, options.sourceArch), method: "include scan", usersOf };
  }
  const usersOf = (path: string): Dependent[] =>
    (dependencies.objectsOf.get(path) ?? []).map((object) => ({ source: object, depth: 1, through: path }));
  return { list: included.flatMap(usersOf), method: "kbuild dependency files", usersOf };
}
