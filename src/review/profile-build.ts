import { existsSync } from "node:fs";
import { join } from "node:path";
import { type AffectedResult, findAffected } from "../kernel/affected.ts";
import { type BuildResult, type BuiltObject, buildObjects } from "../kernel/build.ts";
import { includableHeaders, scanIncludes } from "../kernel/include-scan.ts";
import { type CompileCache, commandIdentity } from "../kernel/kbuild.ts";
import type { KernelConfig } from "../kernel/kernel-config.ts";
import type { Membership } from "../kernel/membership.ts";
import { decidingDirectories } from "../kernel/membership.ts";
import { type ObjectCache, openObjectCache } from "../kernel/object-cache.ts";
import { askObjectTool, type ToolReport } from "../kernel/object-tool.ts";
import { isConfigurationFile } from "../kernel/plan-inputs.ts";
import { openPlanMemo, type PlanMemo } from "../kernel/plan-memo.ts";
import { isJudged, openPlanner, type Planner } from "../kernel/planner.ts";
import { openBuildFolder, type PreparedFolder, prepareBase, removeFolder } from "../kernel/prepare.ts";
import type { Profile } from "../kernel/profile.ts";
import { planReplay } from "../kernel/replay.ts";
import type { Sandbox } from "../kernel/sandbox.ts";
import { openSlot, type Slot } from "../kernel/slot.ts";
import { changedPaths } from "../kernel/source-listing.ts";
import { ensureFolder } from "../kernel/state-folder.ts";
import type { TrialPlace } from "../kernel/trial.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import { fileKind, type TouchedFile, touchedFiles } from "../patch/touched.ts";
import type { FoundIndex } from "./base-index.ts";
import type { ReviewRequest } from "./request.ts";
import type { SourceState } from "./states.ts";
import type { PhaseTimer } from "./timer.ts";

export interface ProfileBuildOptions {
  readonly request: ReviewRequest;
  readonly profile: Profile;
  readonly slot: Slot;
  readonly sandbox: Sandbox;
  readonly base: SourceState;
  readonly timer: PhaseTimer;
  readonly jobs: number;
}

/** Builds objects of the base and of any state of the series under one profile, with what can be kept between them kept. */
export class ProfileBuild {
  readonly #options: ProfileBuildOptions;
  readonly prepared: PreparedFolder;
  #index: Promise<FoundIndex> | undefined;
  readonly #cache: ObjectCache | undefined;
  readonly #compileCacheDir: string;
  readonly #baseBuilt = new Map<string, BuiltObject>();
  #serial = 0;
  /** The state whose sources the slot holds and whose build folder is open. */
  #open:
    | {
        readonly commit: string;
        readonly outDir: string;
        readonly config: KernelConfig;
        readonly reconfigured: boolean;
      }
    | undefined;

  private constructor(options: ProfileBuildOptions, prepared: PreparedFolder) {
    this.#options = options;
    this.prepared = prepared;
    const { request, profile, base } = options;
    this.#compileCacheDir = ensureFolder(request.state.cache, "ccache");
    // What an earlier review of the slot collected.
    removeFolder(join(options.slot.folder, "objects", profile.name));
    const known = { cacheDir: request.state.cache, prepared, listing: base.listing, profile };
    this.#cache = request.useCache ? openObjectCache({ ...known, compileCache: this.#ccache("rw") }) : undefined;
  }

  static async open(options: ProfileBuildOptions): Promise<ProfileBuild> {
    const { request, profile, slot, sandbox, base, jobs } = options;
    if (slot.head() === undefined && !slot.isMoving) request.onProgress?.("writing the work tree");
    const ccache = join(request.state.cache, "ccache");
    if (!existsSync(ccache)) await sandbox.adopt(ensureFolder(ccache));
    const prepared = await prepareBase({
      needSource: () => slot.checkout(base.commit),
      sourceDir: slot.dir,
      listing: base.listing,
      profile,
      sandbox,
      cacheDir: request.state.cache,
      compileCache: { dir: ensureFolder(request.state.cache, "ccache"), mode: "rw" },
      jobs,
      signal: request.signal,
      onProgress: ({ text }) => request.onProgress?.(`${profile.name}: ${text}`),
    });
    return new ProfileBuild(options, prepared);
  }

  /** What a base build knows of this kernel, where there is one. Reading it takes as long as applying a patch: best while a compiler runs. */
  findIndex(): Promise<FoundIndex> {
    this.#index ??= this.#readIndex();
    return this.#index;
  }

  async #readIndex(): Promise<FoundIndex> {
    const { request, profile, slot, base } = this.#options;
    const { findBaseIndex, noIndex } = await import("./base-index.ts");
    if (!request.useCache) return noIndex;
    const { compiler } = this.prepared.toolchain;
    const question = { tree: slot.tree, cacheDir: request.state.cache, profile, compiler, preferred: request.indexOf };
    return findBaseIndex({ ...question, ...base });
  }

  get config(): KernelConfig {
    return this.prepared.config;
  }

  /** Those of `objects` that are part of vmlinux or of a module in this state, by kbuild's own lists. */
  async members(state: SourceState, objects: readonly string[]): Promise<readonly string[]> {
    if (objects.length === 0) return [];
    const { slot, timer } = this.#options;
    const outDir = async () => (await this.#openState(state)).outDir;
    const membership = await timer.time("find objects", () => this.#planner(slot.dir, outDir).membership(objects));
    return objects.filter((object) => isJudged(membership.get(object) as Membership));
  }

  /** Those of `dirs` whose Makefile make cannot evaluate in this state, or that have none of kbuild's. */
  async unreadable(state: SourceState, dirs: readonly string[]): Promise<readonly string[]> {
    if (dirs.length === 0) return [];
    const { slot, timer } = this.#options;
    const { outDir } = await this.#openState(state);
    const plans = await timer.time("find objects", () => this.#planner(slot.dir, async () => outDir).plan(dirs));
    return dirs.filter((dir) => plans.get(dir)?.file === undefined);
  }

  /** The configuration of one state; the base's unless the series touches what decides it. */
  async configOf(state: SourceState): Promise<KernelConfig> {
    // Nothing but Kconfig, defconfigs and scripts decides it; without those there is no folder to open for it.
    const changed = changedPaths(this.#options.base.listing, state.listing);
    return changed.some(isConfigurationFile) ? (await this.#openState(state)).config : this.prepared.config;
  }

  #ccache(mode: "rw" | "ro"): CompileCache {
    return { dir: this.#compileCacheDir, mode };
  }

  /** Objects of the base, from the cache where an earlier review of equal sources made them. */
  async buildBase(objects: readonly string[]): Promise<BuildResult> {
    const { request, slot, base, profile, timer } = this.#options;
    const allCached =
      this.#cache !== undefined &&
      objects.every((object) => this.#cache?.find(object, this.prepared.dir) !== undefined);
    return timer.time("build base", async () => {
      const outDir = allCached ? this.prepared.dir : this.#folder("out-base");
      if (!allCached) {
        this.#open = undefined;
        await slot.checkout(base.commit);
        await openBuildFolder(this.prepared, { ...this.#sideOptions("rw"), outDir, changed: [] });
      }
      const result = await this.#build("base", "base", outDir, objects);
      for (const [object, built] of result.built) this.#baseBuilt.set(object, built);
      request.onProgress?.(
        `${profile.name}: base: ${result.built.size} of ${objects.length} objects${allCached ? " (all known already)" : ""}`,
      );
      return result;
    });
  }

  /**
   * Objects of one state of the series. Nothing of it is kept for others.
   * @param onRunning called whenever a compile is on its way
   */
  async buildState(
    state: SourceState,
    name: string,
    objects: readonly string[],
    onRunning?: () => void,
  ): Promise<BuildResult> {
    const { request, slot, base, profile, timer } = this.#options;
    return timer.time("build head", async () => {
      const identity = `${this.prepared.toolchain.id} ${commandIdentity(profile, this.#ccache("ro"))}`;
      const replay = planReplay({
        objects,
        base: this.#baseBuilt,
        baseListing: base.listing,
        headListing: state.listing,
        prepared: this.prepared,
        baseIdentity: identity,
        headIdentity: identity,
      });
      // What was made from none of the changed files is what it was.
      const changed = new Set(changedPaths(base.listing, state.listing));
      const same = new Map(
        [...replay.commands].filter(([, made]) => made.deps.length > 0 && !made.deps.some((path) => changed.has(path))),
      );
      const wanted = objects.filter((object) => !same.has(object));
      // Replayed commands read the prepared folder itself; only kbuild wants one of its own, which costs a fifth of a compile.
      const asksKbuild = wanted.some((object) => !replay.commands.has(object));
      if (asksKbuild) await this.#openState(state);
      else await slot.checkout(state.commit);
      const outDir = asksKbuild ? this.#folder("out-head") : this.prepared.dir;
      const result = await this.#build(
        "head",
        `${name.replaceAll(" ", "-")}-${this.#serial++}`,
        outDir,
        wanted,
        replay,
        onRunning,
      );
      const built = new Map([...same, ...result.built]);
      request.onProgress?.(`${profile.name}: ${name}: ${built.size} of ${objects.length} objects`);
      return { ...result, built };
    });
  }

  /** The objects that a series affects, from touched files to reasons. */
  async findAffected(state: SourceState, patches: readonly (readonly FileDiff[])[]): Promise<AffectedResult> {
    const { request, slot, profile, timer } = this.#options;
    return timer.time("find objects", async () => {
      const touched = touchedFiles(patches);
      request.onProgress?.(`${profile.name}: finding the affected objects`);
      const changesPlan = touched.some(
        (file) => file.kind === "kbuild" || file.kind === "kconfig" || file.path.startsWith("scripts/"),
      );
      const memo = changesPlan ? undefined : await this.#basePlan(touched);
      await slot.checkout(state.commit);
      const head = this.#planner(slot.dir, async () => (await this.#openState(state)).outDir, memo);
      const headConfig = changesPlan ? (await this.#openState(state)).config : this.prepared.config;
      const second = changesPlan ? await this.#openBaseBeside() : undefined;
      try {
        return await findAffected({
          touched,
          headerDiffs: patches.flat().filter((file) => fileKind(file.path) === "header"),
          base: second === undefined ? head : this.#planner(second.slot.dir, async () => second.outDir),
          head,
          baseConfig: this.prepared.config,
          headConfig,
          headSourceDir: slot.dir,
          sourceArch: profile.sourceArch,
          // Of a part of the kernel they would name a part of the dependents.
          dependencies: async () => {
            const { index } = await this.findIndex();
            return index?.isWhole === true ? index.dependencies() : undefined;
          },
          ...(request.dependentCap === undefined ? {} : { cap: request.dependentCap }),
          includes: () =>
            scanIncludes({
              sourceDir: slot.dir,
              listing: state.listing,
              sourceArch: profile.sourceArch,
              cacheFile: join(ensureFolder(request.state.cache, "includes"), `${profile.sourceArch}.json`),
              signal: request.signal,
            }),
          headers: (directories) => includableHeaders(state.listing, profile.sourceArch, directories),
          findMentions: (symbols) => slot.tree.findMentions(state.commit, symbols.slice(0, MAX_MENTIONED)),
        });
      } finally {
        second?.slot.release();
      }
    });
  }

  async #openState(state: SourceState) {
    const { slot, base } = this.#options;
    if (this.#open?.commit === state.commit && slot.head() === state.commit) return this.#open;
    await slot.checkout(state.commit);
    const outDir = this.#folder("out-head");
    const changed = changedPaths(base.listing, state.listing);
    const { config, reconfigured } = await openBuildFolder(this.prepared, {
      ...this.#sideOptions("ro"),
      outDir,
      changed,
    });
    this.#open = { commit: state.commit, outDir, config, reconfigured };
    return this.#open;
  }

  /** The base in a slot of its own, for patches to recipes, whose effect is the difference of two evaluations. */
  async #openBaseBeside() {
    const { slot, base } = this.#options;
    const second = await openSlot(slot.tree, "review");
    await second.checkout(base.commit);
    const outDir = join(second.folder, `${this.#options.profile.name}-out`);
    await openBuildFolder(this.prepared, { ...this.#sideOptions("ro"), sourceDir: second.dir, outDir, changed: [] });
    return { slot: second, outDir };
  }

  #planner(sourceDir: string, outDir: () => Promise<string>, memo?: PlanMemo): Planner {
    const { profile, sandbox, request } = this.#options;
    return openPlanner(
      async () => ({
        folders: { sourceDir, outDir: await outDir() },
        profile,
        sandbox,
        compileCache: this.#ccache("ro"),
        seconds: profile.limits.prepareSeconds,
        signal: request.signal,
      }),
      memo,
    );
  }

  /**
   * What is known of the base's build plan, which is the head's too where no recipe is touched. The directories of the touched files are
   * evaluated now, over the base's own source, if they never were; what the head is asked for later is not kept.
   */
  async #basePlan(touched: readonly TouchedFile[]): Promise<PlanMemo> {
    const { request, slot, base } = this.#options;
    const memo = openPlanMemo(request.state.cache, this.prepared, base.listing);
    const dirs = touched.flatMap((file) => (/\.[cS]$/.test(file.path) ? decidingDirectories(file.path) : []));
    if (memo.environment !== undefined && dirs.every((dir) => memo.plans.has(dir)))
      return { ...memo, keep: () => undefined };
    this.#open = undefined;
    await slot.checkout(base.commit);
    const outDir = this.#folder("out-base");
    await openBuildFolder(this.prepared, { ...this.#sideOptions("rw"), outDir, changed: [] });
    const planner = this.#planner(slot.dir, async () => outDir, memo);
    const environment = await planner.environment();
    const plans = await planner.plan(dirs);
    const get = (dir: string) => plans.get(dir) ?? memo.plans.get(dir);
    return { environment, plans: { get, has: (dir) => get(dir) !== undefined }, keep: () => undefined };
  }

  /** What the tree's own tool, as the base builds it, says of an object. */
  async askTool(file: string, isModule: boolean): Promise<readonly ToolReport[] | string> {
    const { slot, profile, sandbox, request } = this.#options;
    if (!existsSync(join(this.prepared.dir, "tools/objtool/objtool"))) return "this configuration does not build it";
    const folders = { sourceDir: slot.dir, outDir: this.prepared.dir };
    return askObjectTool({ file, isModule, config: this.config, folders, profile, sandbox, signal: request.signal });
  }

  /** Where the tip's command of an object can be run again in other ways: over its sources, and over what is generated for them. */
  async trialPlace(state: SourceState, made: BuiltObject): Promise<TrialPlace> {
    const { slot, profile, sandbox, request, jobs } = this.#options;
    const isHere = made.generated.every((path) => existsSync(join(this.prepared.dir, path)));
    const isPrepared = isHere && (await this.configOf(state)) === this.config;
    // What is made in the middle of a build is only there behind one.
    if (!isPrepared) await this.buildState(state, "trials", [made.object]);
    await slot.checkout(state.commit);
    const folders = { sourceDir: slot.dir, outDir: isPrepared ? this.prepared.dir : this.#folder("out-head") };
    const collectDir = join(slot.folder, "objects", profile.name, `trials-${this.#serial++}`);
    return { folders, profile, sandbox, signal: request.signal, scratchDir: this.#folder("new"), collectDir, jobs };
  }

  /** Build folders of this review; the collected objects stay until the next review of the slot. */
  close(): void {
    removeFolder(this.#folder("out-head"));
    removeFolder(this.#folder("out-base"));
    removeFolder(this.#folder("new"));
  }

  /** Made anew: what a former build left in it is nobody's business. */
  #emptyFolder(name: string): string {
    removeFolder(this.#folder(name));
    return ensureFolder(this.#folder(name));
  }

  #folder(name: string): string {
    return join(this.#options.slot.folder, `${this.#options.profile.name}-${name}`);
  }

  #sideOptions(mode: "rw" | "ro") {
    const { request, profile, slot, sandbox, base, jobs } = this.#options;
    return {
      sourceDir: slot.dir,
      listing: base.listing,
      profile,
      sandbox,
      cacheDir: request.state.cache,
      compileCache: this.#ccache(mode),
      jobs,
      signal: request.signal,
      onProgress: ({ text }: { text: string }) => request.onProgress?.(`${profile.name}: ${text}`),
    };
  }

  #build(
    side: "base" | "head",
    collect: string,
    outDir: string,
    objects: readonly string[],
    replay?: ReturnType<typeof planReplay>,
    onRunning?: () => void,
  ) {
    const { profile, slot } = this.#options;
    return buildObjects({
      ...this.#sideOptions(side === "base" ? "rw" : "ro"),
      side,
      outDir,
      objects,
      collectDir: ensureFolder(slot.folder, "objects", profile.name, collect),
      cache: side === "base" ? this.#cache : undefined,
      replay,
      ...(side === "head"
        ? { replayFolders: { preparedDir: this.prepared.dir, newDir: this.#emptyFolder("new") } }
        : {}),
      onRunning,
    });
  }
}

/** Configuration symbols whose mentions are looked up. */
const MAX_MENTIONED = 50;
