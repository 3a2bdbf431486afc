import { readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { bytesSource } from "../base/bytes.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import type { UnitCodes } from "../facts/fact-file.ts";
import { FACTS_VERSION, type ObjectFacts } from "../facts/object-facts.ts";
import { type SummarizeOptions, summarize, summarizeOptions } from "../facts/summarize.ts";
import type { BaseObjects, BaseRecord } from "../kernel/base-folder.ts";
import {
  baseFolder,
  hasIndex,
  profileKey,
  readBaseRecord,
  writeBaseIndex,
  writeBaseRecord,
} from "../kernel/base-folder.ts";
import type { BuildRequest } from "../kernel/build.ts";
import { buildObjects } from "../kernel/build.ts";
import { DependencyCollector } from "../kernel/dependents.ts";
import type { CompileCache } from "../kernel/kbuild.ts";
import { FolderLock } from "../kernel/lock.ts";
import type { ObjectCache } from "../kernel/object-cache.ts";
import { openObjectCache } from "../kernel/object-cache.ts";
import { openPlanMemo } from "../kernel/plan-memo.ts";
import { openPlanner } from "../kernel/planner.ts";
import type { PreparedFolder } from "../kernel/prepare.ts";
import { openBuildFolder, prepareBase, removeFolder } from "../kernel/prepare.ts";
import type { Profile } from "../kernel/profile.ts";
import type { Sandbox } from "../kernel/sandbox.ts";
import { openSlot, type Slot } from "../kernel/slot.ts";
import { listCommit, type SourceListing } from "../kernel/source-listing.ts";
import type { StateFolder } from "../kernel/state-folder.ts";
import { ensureFolder } from "../kernel/state-folder.ts";
import { openTree } from "../kernel/tree.ts";
import { excludedFolders, findUnits, type KernelUnits, VMLINUX } from "../kernel/units.ts";
import { packFacts } from "./base-facts.ts";
import { requireBaseSpace, SpaceWatch } from "./base-space.ts";
import { digestCode } from "./judge.ts";
import { Pace } from "./pace.ts";
import { readTreeFacts } from "./tree-facts.ts";

// Builds everything of one commit under one profile, a batch of objects at a time, each at the same place and by the same call as a review
// builds it, so that reviews find the objects in the object cache. What is in the cache is not built again: that is how a killed build goes
// on where it was, and how the next base costs no more than what differs. kbuild's folder is made anew at each start: a killed make may have
// left half a file in it that it would take for done.

export interface BaseBuildRequest {
  readonly tree: string;
  /** A revision; HEAD when undefined. */
  readonly commit: string | undefined;
  readonly profile: Profile;
  readonly state: StateFolder;
  readonly openSandbox: () => Promise<Sandbox>;
  /** Directories ("lib/") and objects ("kernel/fork.o") to restrict it to; empty for everything. */
  readonly only: readonly string[];
  readonly jobs: number;
  /** Most bytes that bases, the object cache and their facts may take, undefined for what the disk has. */
  readonly capBytes: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

export interface BaseBuildResult {
  readonly dir: string;
  readonly record: BaseRecord;
  /** Objects that were built now; the others were known. */
  readonly built: number;
  /** It was cancelled before its end; the same command goes on. */
  readonly stopped: boolean;
}

/** One make call gets as many objects as a minute builds, within these bounds: a killed build loses them at most. */
const BATCH_MILLIS = 60_000;
const SMALLEST_BATCH = 8;
const LARGEST_BATCH = 64;
const MAX_DIRECTORIES = 20_000;

/** Throws UsageError for what cannot be done as asked (no room among it), ToolError where the kernel cannot be configured or prepared. */
export async function buildBase(request: BaseBuildRequest): Promise<BaseBuildResult> {
  const { profile, state, onProgress } = request;
  if (profile.preparedOnly) throw new UsageError(`profile ${profile.name} is prepared only and never built as a whole`);
  const tree = await openTree(request.tree, state);
  const { commit, name } = await tree.resolve(request.commit ?? "HEAD");
  const dir = baseFolder(state.cache, tree.folder, profile, commit);
  const lock = FolderLock.tryAcquire(`${dir}.lock`);
  if (lock === undefined)
    throw new UsageError(`another objreview is building the base of ${name} under ${profile.name}`);
  try {
    requireBaseSpace(state, tree.folder, undefined, request.capBytes);
    const slot = await openSlot(tree, "review");
    try {
      if (slot.head() !== commit) onProgress?.(`writing the work tree of ${name}`);
      await slot.checkout(commit);
      return await new BaseBuild(request, dir, slot, commit, name).run();
    } finally {
      slot.release();
    }
  } finally {
    lock.release();
  }
}

interface Known {
  readonly unit: string;
  readonly code: string;
  readonly cached: readonly string[];
}

class BaseBuild {
  readonly #request: BaseBuildRequest;
  readonly #dir: string;
  readonly #slot: Slot;
  readonly #commit: string;
  readonly #name: string;
  readonly #known = new Map<string, Known>();
  readonly #facts = new Map<string, ObjectFacts>();
  readonly #dependencies = new DependencyCollector();
  readonly #failed = new Map<string, string>();
  /** By the formats of the tree that the base is of. */
  #summarize: SummarizeOptions = {};
  #built = 0;

  constructor(request: BaseBuildRequest, dir: string, slot: Slot, commit: string, name: string) {
    this.#request = request;
    this.#dir = dir;
    this.#slot = slot;
    this.#commit = commit;
    this.#name = name;
  }

  async run(): Promise<BaseBuildResult> {
    const { profile, state, jobs, signal, onProgress } = this.#request;
    const slot = this.#slot;
    const listing = await listCommit(slot.tree.git, this.#commit, state.cache);
    this.#summarize = summarizeOptions((await readTreeFacts(slot, { commit: this.#commit, listing })).formats);
    const sandbox = await this.#request.openSandbox();
    const ccache = join(state.cache, "ccache");
    await sandbox.adopt(ensureFolder(ccache));
    const options = { sourceDir: slot.dir, listing, profile, sandbox, cacheDir: state.cache, jobs, signal };
    const tell = ({ text }: { text: string }): void => onProgress?.(`${profile.name}: ${text}`);
    const shared = { ...options, compileCache: { dir: ccache, mode: "rw" } as const, onProgress: tell };
    const prepared = await prepareBase(shared);
    const outDir = join(ensureFolder(this.#dir), "out");
    await openBuildFolder(prepared, { ...shared, outDir, changed: [] });
    // The objects themselves go to the object cache, where a review finds them: a second copy of each in ccache would serve nobody.
    const compileCache: CompileCache = { dir: ccache, mode: "ro" };
    const units = await this.#findUnits(prepared, listing, sandbox, outDir, compileCache);
    const before = readBaseRecord(this.#dir);
    const only = selection(
      this.#dir,
      before?.profileKey === profileKey(profile) ? before : undefined,
      this.#request.only,
    );
    const wanted = select(units, only);
    const record = this.#startRecord(prepared, units, wanted, only);
    const cache = openObjectCache({ cacheDir: state.cache, prepared, listing, profile, compileCache });

    let last = 0;
    for (const object of wanted) {
      this.#takeCached(object, units, cache, outDir);
      if (last % 500 === 499) this.#report(record, "building");
      if (++last % 100 === 0) onProgress?.(`${profile.name}: looking at what is known: ${last} of ${wanted.length}`);
      if (last % 20 === 0) await new Promise(setImmediate);
      if (signal?.aborted === true) break;
    }
    this.#report(record, "building");
    const missing = wanted.filter((object) => !this.#known.has(object));
    requireBaseSpace(state, slot.tree.folder, missing.length, this.#request.capBytes);
    const outcome = await this.#buildAll(missing, units, record, cache, {
      side: "base",
      sourceDir: slot.dir,
      outDir,
      profile,
      sandbox,
      collectDir: join(this.#dir, "kept"),
      compileCache,
      cache,
      jobs,
      signal,
    });
    removeFolder(join(this.#dir, "kept"));
    if (outcome === "stopped") {
      const stopped = this.#report(record, "building");
      return { dir: this.#dir, record: stopped, built: this.#built, stopped: true };
    }
    onProgress?.(`${profile.name}: writing the index of ${this.#known.size} objects`);
    const objects: BaseObjects = wanted.flatMap((object) => {
      const known = this.#known.get(object);
      return known === undefined ? [] : [{ object, ...known, cached: [...known.cached] }];
    });
    const dependencies = this.#dependencies.pack();
    writeBaseIndex(this.#dir, objects, dependencies, packFacts(unitsOf(objects), this.#facts, dependencies));
    removeFolder(outDir);
    return { dir: this.#dir, record: this.#report(record, "complete"), built: this.#built, stopped: false };
  }

  async #findUnits(
    prepared: PreparedFolder,
    listing: SourceListing,
    sandbox: Sandbox,
    outDir: string,
    compileCache: CompileCache,
  ): Promise<KernelUnits> {
    const { profile, state, signal, onProgress } = this.#request;
    onProgress?.(`${profile.name}: reading kbuild's lists`);
    const folders = { sourceDir: this.#slot.dir, outDir };
    const planner = openPlanner(
      async () => ({ folders, profile, sandbox, compileCache, seconds: profile.limits.buildSeconds, signal }),
      openPlanMemo(state.cache, prepared, listing),
    );
    const { plans, isWhole } = await planner.planBelow(["."], MAX_DIRECTORIES);
    if (!isWhole) throw new UsageError(`the tree has more than ${MAX_DIRECTORIES} directories to build in`);
    const apart = excludedFolders(profile.sourceArch).filter((dir) => listing.files.has(`${dir}/Makefile`));
    return findUnits(new Map([...plans, ...(await planner.plan(apart))]));
  }

  #startRecord(prepared: PreparedFolder, units: KernelUnits, wanted: readonly string[], only: string[]): BaseRecord {
    const { profile } = this.#request;
    const { tree } = this.#slot;
    const now = new Date().toISOString();
    const names = new Set(wanted.map((object) => units.unitOf.get(object)).filter((unit) => unit !== VMLINUX));
    const record: BaseRecord = {
      version: 1,
      tree: tree.dir,
      treeId: basename(tree.folder),
      commit: this.#commit,
      name: this.#name,
      profile: profile.name,
      profileKey: profileKey(profile),
      compiler: prepared.toolchain.compiler,
      preparedKey: prepared.key,
      factsVersion: FACTS_VERSION,
      only,
      state: "building",
      startedAt: now,
      updatedAt: now,
      objects: wanted.length,
      done: 0,
      modules: names.size,
      failed: [],
      excluded: Object.fromEntries([...units.excluded].map(([what, list]) => [what, list.length])),
    };
    writeBaseRecord(this.#dir, record);
    return record;
  }

  #report(record: BaseRecord, state: BaseRecord["state"]): BaseRecord {
    const failed = [...this.#failed].map(([object, error]) => ({ object, error }));
    const updatedAt = new Date().toISOString();
    const current: BaseRecord = { ...record, state, updatedAt, done: this.#known.size, failed };
    writeBaseRecord(this.#dir, current);
    return current;
  }

  async #buildAll(
    missing: readonly string[],
    units: KernelUnits,
    record: BaseRecord,
    cache: ObjectCache,
    request: Omit<BuildRequest, "objects">,
  ): Promise<"done" | "stopped"> {
    const { profile, signal, onProgress, state } = this.#request;
    const pace = new Pace(missing.length);
    const watch = new SpaceWatch(state, this.#request.capBytes);
    // Those that a build which ended early did not get to are tried once more, one process at a time.
    let queue = [...missing];
    let again: string[] = [];
    let { jobs } = request;
    let size = SMALLEST_BATCH;
    while (queue.length > 0) {
      const batch = queue.slice(0, size);
      queue = queue.slice(size);
      if (signal?.aborted === true) return "stopped";
      watch.check();
      const compiled = new Set<string>();
      const made = await buildObjects({
        ...request,
        jobs,
        objects: batch,
        onProgress: ({ text }) => {
          const object = text.slice(text.lastIndexOf(" ") + 1);
          // kbuild makes more on its way: the vdso, the real mode's code, lists.
          if (batch.includes(object)) compiled.add(object);
          onProgress?.(`${profile.name}: ${pace.line(compiled.size)}: ${object}`);
        },
      });
      for (const object of batch) {
        const built = made.built.get(object);
        if (built === undefined) continue;
        this.#built++;
        pace.count();
        // What could not be kept, because it was made from files that only the build makes, is read where it lies.
        if (!this.#takeCached(object, units, cache, request.outDir))
          this.#take(object, units, readFileSync(built.file), built.deps, []);
        rmSync(join(request.outDir, object), { force: true });
      }
      removeFolder(request.collectDir);
      const fitting = Math.round((batch.length / made.millis) * BATCH_MILLIS);
      size = Math.max(SMALLEST_BATCH, Math.min(LARGEST_BATCH, fitting));
      if (made.outcome === "cancelled") return "stopped";
      const ended = new Set(
        made.failed.filter(({ error }) => error.text.startsWith("the build ended early")).map((f) => f.object),
      );
      for (const { object, error } of made.failed) {
        if (made.outcome !== "done" && ended.has(object) && jobs !== 1) again.push(object);
        else {
          this.#failed.set(object, `${error.file === "" ? "" : `${error.file}:${error.line}: `}${error.text}`);
          pace.count();
        }
      }
      this.#report(record, "building");
      if (queue.length === 0 && again.length > 0) {
        [queue, again, jobs] = [again, [], 1];
      }
    }
    return "done";
  }

  #takeCached(object: string, units: KernelUnits, cache: ObjectCache, outDir: string): boolean {
    const hit = cache.find(object, outDir);
    if (hit === undefined) return false;
    this.#take(object, units, hit.bytes, hit.deps, hit.files);
    return true;
  }

  #take(
    object: string,
    units: KernelUnits,
    bytes: Uint8Array,
    deps: readonly string[],
    cached: readonly string[],
  ): void {
    const source = bytesSource(bytes);
    try {
      const code = digestCode(source);
      if (!this.#facts.has(code)) this.#facts.set(code, summarize(source, this.#summarize));
      this.#known.set(object, { unit: units.unitOf.get(object) as string, code, cached });
      this.#dependencies.add(object, deps);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#failed.set(object, error.message);
    }
  }
}

/** Every unit with its objects, in the order of the link. */
function unitsOf(objects: BaseObjects): UnitCodes[] {
  const units = new Map<string, Map<string, string>>();
  for (const { object, unit, code } of objects) {
    const members = units.get(unit);
    if (members === undefined) units.set(unit, new Map([[object, code]]));
    else members.set(object, code);
  }
  return [...units].map(([unit, members]) => ({ unit, objects: members }));
}

/** What the base was restricted to before and is now: an index grows, until everything is asked for. */
function selection(dir: string, before: BaseRecord | undefined, only: readonly string[]): string[] {
  const isWhole = before !== undefined && before.only.length === 0 && hasIndex({ dir, record: before });
  if (only.length === 0 || isWhole) return [];
  const names = only.map((name) => name.replace(/\/+$/, ""));
  return [...new Set([...(before?.only ?? []), ...names])].sort();
}

/** Throws UsageError for a name that nothing is built for. */
function select(units: KernelUnits, only: readonly string[]): string[] {
  const all = [...units.unitOf.keys()];
  if (only.length === 0) return all;
  const isIn = (object: string, name: string): boolean => object === name || object.startsWith(`${name}/`);
  const nothing = only.find((name) => !all.some((object) => isIn(object, name)));
  if (nothing !== undefined)
    throw new UsageError(`--only ${nothing}: nothing of that name is built under this profile`);
  return all.filter((object) => only.some((name) => isIn(object, name)));
}
