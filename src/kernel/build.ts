import { lstatSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, posix } from "node:path";
import type { Diagnostic } from "./build-errors.ts";
import { logTail, readBuildLog } from "./build-errors.ts";
import { keepFile, readBuilt } from "./collect.ts";
import { freeBytes } from "./disk-space.ts";
import type { BuildProgress, BuildRun, CompileCache, SandboxedRun } from "./kbuild.ts";
import { OUT_MOUNT, runMake, SOURCE_MOUNT } from "./kbuild.ts";
import { diskFull, memoryGone } from "./machine.ts";
import type { ObjectCache } from "./object-cache.ts";
import type { Profile } from "./profile.ts";
import type { ReplayPlan } from "./replay.ts";
import { replayObjects } from "./replay.ts";
import type { Sandbox, SandboxResult } from "./sandbox.ts";
import type { SavedCommand } from "./saved-command.ts";
import { readSavedCommand, savedCommandPath } from "./saved-command.ts";
import { isVisitedTwice } from "./visited-twice.ts";

// Objects of one side of a review: from the object cache (base), by replaying kbuild's saved command where nothing that decides
// it changed (head), else by kbuild itself, in one make call for all of them. What comes back lies outside the sandbox's
// reach, and a failure is a result, not an exception: a patch that does not compile is the most ordinary outcome of all.

export interface BuildRequest {
  readonly side: "base" | "head";
  readonly sourceDir: string;
  /** A build folder that openBuildFolder made for this side and source. */
  readonly outDir: string;
  /** Paths in the build folder: "kernel/fork.o". */
  readonly objects: readonly string[];
  readonly profile: Profile;
  readonly sandbox: Sandbox;
  /** Where the objects are kept, outside the sandbox: ours alone, one folder a side. */
  readonly collectDir: string;
  /** ccache: "rw" on the base side, "ro" on the head side. */
  readonly compileCache?: CompileCache | undefined;
  /** Finished objects of trusted sources. Read and written on the base side, left alone on the head side. */
  readonly cache?: ObjectCache | undefined;
  /** Commands that may be replayed instead of asking kbuild; from planReplay. */
  readonly replay?: ReplayPlan | undefined;
  /** The prepared folder, which replayed commands read, and an empty folder that they write to. Required with `replay`. */
  readonly replayFolders?: { readonly preparedDir: string; readonly newDir: string } | undefined;
  /** Processes at a time; the machine's cores by default. */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** Called whenever a compile is on its way in the sandbox. */
  readonly onRunning?: (() => void) | undefined;
}

export interface BuiltObject {
  readonly object: string;
  /** Absolute path of the object, outside the sandbox's reach. */
  readonly file: string;
  /** The compile command as kbuild saved it, without post-processing. */
  readonly command: string;
  /** Source paths that it was made from (its own and all headers), generated ones left out. */
  readonly deps: readonly string[];
  /** Generated files that it was made from, relative to the build folder. */
  readonly generated: readonly string[];
  readonly how: "kbuild" | "replay" | "cache";
}

export interface FailedObject {
  readonly object: string;
  /** The first error, with its place; file "" and line 0 where nothing printed tells it. */
  readonly error: Diagnostic;
  readonly logTail: string;
}

export type BuildOutcome = "done" | Exclude<SandboxResult["outcome"], "exited">;

export interface BuildResult {
  /** "done": make ended by itself, whether or not every object was built. Else what ended it; `built` holds what was ready. */
  readonly outcome: BuildOutcome;
  readonly built: ReadonlyMap<string, BuiltObject>;
  readonly failed: readonly FailedObject[];
  readonly warnings: readonly Diagnostic[];
  readonly millis: number;
}

const MAX_COMMAND_BYTES = 4 << 20;

/** On a disk with less than this a build that could not write a file is taken for the disk's fault. */
const FULL_DISK_BYTES = 64 << 20;

/** Builds `objects`. Never throws for what a patch can do; throws ToolError when the sandbox itself cannot run, MachineError where disk or memory is full. */
export async function buildObjects(request: BuildRequest): Promise<BuildResult> {
  const began = performance.now();
  const built = new Map<string, BuiltObject>();
  const failed: FailedObject[] = [];
  const warnings: Diagnostic[] = [];
  let outcome: BuildOutcome = "done";
  let wanted: string[] = [];
  for (const object of new Set(request.objects)) {
    // Names come from a patch, and go to make's command line.
    if (isObjectName(object)) wanted.push(object);
    else
      failed.push({ object, error: unplaced(`${JSON.stringify(object)} is not the name of an object`), logTail: "" });
  }

  if (request.side === "base" && request.cache !== undefined) {
    for (const object of wanted) {
      const hit = request.cache.find(object, request.outDir);
      if (hit === undefined) continue;
      const file = keepFile(request.collectDir, object, hit.bytes);
      built.set(object, { object, file, command: hit.command, deps: hit.deps, generated: hit.generated, how: "cache" });
      warnings.push(...hit.warnings);
    }
    wanted = wanted.filter((object) => !built.has(object));
  }

  const run: SandboxedRun = {
    folders: request,
    profile: request.profile,
    sandbox: request.sandbox,
    compileCache: request.compileCache,
    seconds: request.profile.limits.buildSeconds,
    signal: request.signal,
    onRunning: request.onRunning,
  };
  const jobs = request.jobs ?? availableParallelism();

  const replayable =
    request.replayFolders === undefined ? [] : wanted.filter((object) => request.replay?.commands.has(object) === true);
  const { replayFolders } = request;
  if (replayable.length > 0 && request.replay !== undefined && replayFolders !== undefined) {
    const folders = { sourceDir: request.sourceDir, outDir: replayFolders.preparedDir };
    const replayed = await replayObjects(
      { ...run, folders },
      request.replay,
      replayable,
      replayFolders.newDir,
      jobs,
      request.onProgress,
    );
    outcome = endOf(replayed.run);
    const log = readBuildLog(replayed.run.log, SOURCE_MOUNT);
    warnings.push(...log.warnings);
    for (const object of replayable) {
      const errors = log.failed.get(object);
      // A compiler that was stopped leaves half an object; make prints a target's lines when it is whole.
      const whole = outcome === "done" || replayed.run.log.includes(`  CC      ${object}\n`);
      const made = request.replay.commands.get(object)!;
      const item = errors === undefined && whole ? collect(request, replayFolders.newDir, made, "replay") : undefined;
      if (outcome === "done" && errors !== undefined && log.toolKilled) outcome = endOfKilled(request);
      if (item?.kind === "built") built.set(object, item.built);
      else failed.push(describeFailure(object, errors ?? [], item?.why, replayed.run));
    }
    wanted = wanted.filter((object) => !replayable.includes(object));
  }

  if (outcome === "done") {
    for (const batch of splitBatches(wanted, request.profile.sourceArch)) {
      const start = Date.now();
      const made = await runMake({ ...run, onLine: progressOf(request, batch.objects.length) }, [
        "-k",
        "-Otarget",
        `-j${batch.serial ? 1 : jobs}`,
        ...batch.objects,
      ]);
      outcome = endOf(made);
      const log = readBuildLog(made.log, SOURCE_MOUNT);
      warnings.push(...log.warnings);
      // make says of every recipe that fails that it did. Where it failed and no word of that is left, the file that keeps what a
      // recipe prints (-Otarget) has reached the bound on files.
      const isSpeechless = made.exitCode !== 0 && log.failed.size === 0 && log.general.length === 0;
      if (outcome === "done" && isSpeechless) outcome = "output-too-big";
      for (const object of batch.objects) {
        const errors = log.failed.get(object);
        const item =
          errors === undefined || isMadeAfterAll(request, object, start)
            ? collectWithCommand(request, object)
            : undefined;
        if (item?.kind === "built") {
          built.set(object, item.built);
          continue;
        }
        if (outcome === "done" && log.toolKilled) outcome = endOfKilled(request);
        failed.push(describeFailure(object, errors ?? log.general, item?.why, made));
      }
      if (outcome !== "done") break;
    }
  }

  if (outcome === "scratch-too-big" && freeBytes(request.outDir) < FULL_DISK_BYTES) {
    throw diskFull(`${request.outDir}: no space is left for the build`);
  }
  // Those whose turn never came.
  const told = new Set(failed.map((item) => item.object));
  for (const object of request.objects) {
    if (built.has(object) || told.has(object)) continue;
    told.add(object);
    failed.push({ object, error: unplaced(`the build ended early: ${outcome}`), logTail: "" });
  }

  if (request.side === "base" && request.cache !== undefined) {
    for (const item of built.values()) {
      if (item.how === "kbuild") request.cache.keep(item, request.outDir, warningsOf(item, warnings));
    }
  }
  return { outcome, built, failed, warnings, millis: performance.now() - began };
}

/** A cgroup counts what its own bound on memory ends: a compiler that was killed although it has nothing to say was killed by the whole machine's. */
function endOfKilled({ sandbox }: BuildRequest): "out-of-memory" {
  if (sandbox.limits.startsWith("cgroup"))
    throw memoryGone("a compiler was killed, and not by the limits of the build");
  return "out-of-memory";
}

/** Objects that kbuild would build twice at the same time go one at a time, after the others. */
function splitBatches(objects: readonly string[], sourceArch: string): { objects: string[]; serial: boolean }[] {
  const twice = objects.filter((object) => isVisitedTwice(object, sourceArch));
  const rest = objects.filter((object) => !isVisitedTwice(object, sourceArch));
  // A second make call costs more than one process at a time costs a handful of objects.
  if (twice.length > 0 && rest.length < 4) return [{ objects: [...objects], serial: true }];
  return [
    { objects: rest, serial: false },
    { objects: twice, serial: true },
  ].filter((batch) => batch.objects.length > 0);
}

/**
 * Whether an object that a recipe gave up on was then built by the right one. Of a folder that kbuild reaches on two ways the first is the folder
 * above, which knows nothing of this one's flags and rules: there arch/x86/lib/inat.o lacks the table that it includes.
 */
function isMadeAfterAll({ outDir, profile }: BuildRequest, object: string, start: number): boolean {
  if (!isVisitedTwice(object, profile.sourceArch)) return false;
  const changed = lstatSync(join(outDir, object), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const saved = readBuilt(outDir, savedCommandPath(object), MAX_COMMAND_BYTES);
  if (changed < start || saved.kind !== "file") return false;
  // The folder that builds an object is among its include paths: "-I ./arch/x86/lib" up to 6.1, "-Iarch/x86/lib" since.
  const command = new TextDecoder().decode(saved.bytes).replaceAll("-I ", "-I").replaceAll("-I./", "-I");
  return command.includes(` -I${object.slice(0, object.lastIndexOf("/"))} `);
}

function endOf(run: BuildRun): BuildOutcome {
  return run.outcome === "exited" ? "done" : run.outcome;
}

function progressOf(request: BuildRequest, total: number): (line: string) => void {
  let done = 0;
  return (line) => {
    const target = /^ {2}(?:CC|AS)\s+(?:\[M\]\s+)?(\S+\.o)$/.exec(line)?.[1];
    if (target !== undefined)
      request.onProgress?.({ phase: "build", text: `${request.side}: ${++done} of ${total}: ${target}` });
  };
}

type CollectedObject = { kind: "built"; built: BuiltObject; why?: undefined } | { kind: "not-built"; why: string };

function collectWithCommand(request: BuildRequest, object: string): CollectedObject {
  const file = readBuilt(request.outDir, savedCommandPath(object), MAX_COMMAND_BYTES);
  if (file.kind !== "file") {
    return {
      kind: "not-built",
      why: file.kind === "missing" ? "kbuild left no command for it" : `its .cmd file: ${file.why}`,
    };
  }
  let saved: SavedCommand;
  try {
    saved = readSavedCommand(new TextDecoder().decode(file.bytes), savedCommandPath(object));
  } catch {
    return { kind: "not-built", why: "its .cmd file holds no command" };
  }
  const { deps, generated } = splitDeps(saved);
  return collect(request, request.outDir, { object, command: saved.compile, deps, generated }, "kbuild");
}

function collect(
  request: BuildRequest,
  outDir: string,
  made: Pick<BuiltObject, "object" | "command" | "deps" | "generated">,
  how: "kbuild" | "replay",
): CollectedObject {
  const { object, command, deps, generated } = made;
  const file = readBuilt(outDir, object, request.profile.limits.objectMebibytes << 20);
  if (file.kind !== "file") {
    return { kind: "not-built", why: file.kind === "missing" ? "the build left no such file" : file.why };
  }
  const kept = keepFile(request.collectDir, object, file.bytes);
  return { kind: "built", built: { object, file: kept, command, deps, generated, how } };
}

/**
 * Dependencies in the source tree and in the build folder, relative to each; files of the system are left out. A header that is included as
 * "../perf_event.h" is named that way in the list, and is the same file all the same.
 */
function splitDeps(saved: SavedCommand): { deps: string[]; generated: string[] } {
  const deps: string[] = [];
  const generated: string[] = [];
  const all = saved.source === undefined ? saved.deps : [saved.source, ...saved.deps];
  for (const path of new Set(all.map((name) => posix.normalize(name)))) {
    if (path.startsWith(`${SOURCE_MOUNT}/`)) deps.push(path.slice(SOURCE_MOUNT.length + 1));
    else if (path.startsWith(`${OUT_MOUNT}/`)) generated.push(path.slice(OUT_MOUNT.length + 1));
    else if (!path.startsWith("/")) generated.push(path);
  }
  return { deps, generated };
}

function describeFailure(
  object: string,
  errors: readonly Diagnostic[],
  why: string | undefined,
  run: BuildRun,
): FailedObject {
  const first = errors.find((item) => item.severity === "error") ?? errors[0];
  const early = run.outcome === "exited" ? undefined : `the build ended early: ${run.outcome}`;
  const text = early ?? why ?? "not built, and nothing printed tells why";
  const unknown = unplaced(text);
  return { object, error: first ?? unknown, logTail: logTail(run.log) };
}

function unplaced(text: string): Diagnostic {
  return { file: "", line: 0, text, via: [], severity: "error", option: undefined };
}

/** Plain characters, no component that begins with "." or "-", a ".o" at the end. */
function isObjectName(object: string): boolean {
  return (
    /^(?:[A-Za-z0-9_+][A-Za-z0-9_.+,=@-]*\/)*[A-Za-z0-9_+][A-Za-z0-9_.+,@-]*\.o$/.test(object) && object.length <= 1024
  );
}

/** The warnings that belong to an object: those in its own files. A header's warning goes with each object that includes it. */
function warningsOf(item: BuiltObject, warnings: readonly Diagnostic[]): Diagnostic[] {
  const files = new Set(item.deps);
  return warnings.filter((warning) => files.has(warning.file));
}
