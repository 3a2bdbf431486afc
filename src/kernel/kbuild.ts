import { ToolError } from "../base/errors.ts";
import type { Profile } from "./profile.ts";
import type { BindMount, Mount, Sandbox, SandboxLimits, SandboxResult } from "./sandbox.ts";

// One call of the kernel's own make, or of another program at the same place, inside the sandbox. Base and head are mounted
// at the same two paths, so that saved commands, `__FILE__`, debug paths and compile-cache keys agree between the sides.

export const SOURCE_MOUNT = "/objreview/src";
export const OUT_MOUNT = "/objreview/out";
const CCACHE_MOUNT = "/objreview/ccache";

/** Bytes in /tmp of a build: gcc's temporary assembly files. */
const TMP_BYTES = 1 << 30;

export interface BuildFolders {
  /** A clean source tree; mounted read-only. */
  readonly sourceDir: string;
  /** kbuild's O= folder; mounted read-write. */
  readonly outDir: string;
}

/** ccache: "rw" for base builds, which are trusted, "ro" for head builds, which may write no result that others read. */
export interface CompileCache {
  readonly dir: string;
  readonly mode: "ro" | "rw";
}

export interface BuildProgress {
  readonly phase: "configure" | "prepare" | "build" | "replay" | "collect";
  /** One line for people. */
  readonly text: string;
}

export interface SandboxedRun {
  readonly folders: BuildFolders;
  readonly profile: Profile;
  readonly sandbox: Sandbox;
  readonly compileCache?: CompileCache | undefined;
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  /** Called when the run is on its way. */
  readonly onRunning?: (() => void) | undefined;
  /** The build folder is mounted read-only. */
  readonly readsOnly?: boolean;
  /** More to mount, after source and build folder. */
  readonly mounts?: readonly Mount[];
}

/** The end of a run, with standard output and standard error in one text, in the order they were written. */
export interface BuildRun {
  readonly outcome: SandboxResult["outcome"];
  readonly exitCode: number | null;
  readonly log: string;
  readonly millis: number;
}

/** Variables that go on make's command line and so reach every sub-make. */
export function makeVariables(profile: Profile, compileCache: CompileCache | undefined): string[] {
  const { compiler } = profile;
  const cc = `${compiler.crossPrefix}${compiler.command}`;
  const variables = [`ARCH=${profile.kernelArch}`];
  if (compiler.llvm !== "") variables.push(`LLVM=${compiler.llvm}`);
  if (compiler.crossPrefix !== "") variables.push(`CROSS_COMPILE=${compiler.crossPrefix}`);
  variables.push(`CC=${compileCache === undefined ? "" : "ccache "}${cc}`);
  if (profile.cFlags.length > 0) variables.push(`KCFLAGS=${profile.cFlags.join(" ")}`);
  if (profile.asmFlags.length > 0) variables.push(`KAFLAGS=${profile.asmFlags.join(" ")}`);
  variables.push(...profile.makeVariables);
  // Objects are judged as the compiler wrote them: scripts/Makefile.lib calls $(objtool) at the end of the compile command of
  // every object outside delay mode, and of one-object modules inside it.
  variables.push("objtool=true");
  return variables;
}

/** The whole environment of a build: nothing of ours goes in, and nothing that changes from run to run. */
export function buildEnvironment(compileCache: CompileCache | undefined): Record<string, string> {
  const env: Record<string, string> = {
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    HOME: "/nonexistent",
    TMPDIR: "/tmp",
    LC_ALL: "C",
    TZ: "UTC",
    // Kept out of the objects: init/version.o and the like stamp the build (scripts/mkcompile_h, init/version-timestamp.c).
    KBUILD_BUILD_TIMESTAMP: "Thu Jan  1 00:00:00 UTC 1970",
    KBUILD_BUILD_USER: "objreview",
    KBUILD_BUILD_HOST: "objreview",
    KBUILD_BUILD_VERSION: "1",
    // scripts/setlocalversion would ask git, whose folder is not mounted.
    LOCALVERSION: "",
    GIT_DIR: "/nonexistent",
  };
  if (compileCache !== undefined) {
    Object.assign(env, {
      CCACHE_DIR: CCACHE_MOUNT,
      CCACHE_TEMPDIR: "/tmp/ccache",
      // Both sides build at the same paths, so the working folder may be part of the key; contents decide, never times.
      CCACHE_COMPILERCHECK: "content",
      CCACHE_NOINODECACHE: "1",
      CCACHE_SLOPPINESS: "",
      CCACHE_MAXSIZE: "5G",
    });
    if (compileCache.mode === "ro") Object.assign(env, { CCACHE_READONLY: "1", CCACHE_NOSTATS: "1" });
  }
  return env;
}

/** The environment and make's command line in one text: where it differs, a saved command is of no use. */
export function commandIdentity(profile: Profile, compileCache: CompileCache | undefined): string {
  const cache = compileCache === undefined ? undefined : ({ dir: "", mode: "ro" } as const);
  return JSON.stringify([makeVariables(profile, cache), buildEnvironment(cache)]);
}

/** Runs make in the build folder. `args` are goals and further options. */
export async function runMake(run: SandboxedRun, args: readonly string[]): Promise<BuildRun> {
  return runInBuild(run, [
    "make",
    "-C",
    SOURCE_MOUNT,
    `O=${OUT_MOUNT}`,
    ...makeVariables(run.profile, run.compileCache),
    ...args,
  ]);
}

/** Runs any command in the build folder, at the place and in the environment of kbuild. */
export async function runInBuild(run: SandboxedRun, command: readonly string[]): Promise<BuildRun> {
  const mounts: Mount[] = [
    { target: "/tmp", mode: "tmpfs", sizeBytes: TMP_BYTES },
    { source: run.folders.sourceDir, target: SOURCE_MOUNT, mode: "ro" },
    { source: run.folders.outDir, target: OUT_MOUNT, mode: run.readsOnly === true ? "ro" : "rw" },
  ];
  if (run.compileCache !== undefined) {
    const cache: BindMount = { source: run.compileCache.dir, target: CCACHE_MOUNT, mode: run.compileCache.mode };
    mounts.push(cache);
  }
  mounts.push(...(run.mounts ?? []));
  const { onLine } = run;
  const result = await run.sandbox.run({
    // One stream, so that a diagnostic stands between the lines of its own recipe.
    command: ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", ...command],
    cwd: OUT_MOUNT,
    mounts,
    env: buildEnvironment(run.compileCache),
    limits: buildLimits(run.profile, run.seconds),
    ...(run.signal === undefined ? {} : { signal: run.signal }),
    ...(onLine === undefined ? {} : { onLine: (line: string) => onLine(line) }),
    onRunning: run.onRunning,
  });
  return {
    outcome: result.outcome,
    exitCode: result.exitCode,
    log: result.stderr === "" ? result.stdout : `${result.stdout}\n${result.stderr}`,
    millis: result.millis,
  };
}

/** Throws ToolError with the log's tail unless the run exited with 0. */
export function requireSuccess(run: BuildRun, command: readonly string[], what: string): void {
  if (run.outcome === "exited" && run.exitCode === 0) return;
  const how = run.outcome === "exited" ? `exit status ${run.exitCode}` : run.outcome;
  const code = run.outcome === "exited" ? "failed" : toolErrorCode(run.outcome);
  throw new ToolError(code, `${what}: ${how}`, {
    command,
    exitCode: run.exitCode,
    stderrTail: run.log.trimEnd().split("\n").slice(-12).join("\n"),
  });
}

function toolErrorCode(outcome: SandboxResult["outcome"]): "timed-out" | "output-too-big" | "cancelled" | "killed" {
  if (outcome === "timed-out" || outcome === "output-too-big" || outcome === "cancelled") return outcome;
  return "killed";
}

function buildLimits(profile: Profile, wallSeconds: number): SandboxLimits {
  const mebibyte = 1024 * 1024;
  return {
    wallMillis: wallSeconds * 1000,
    memoryBytes: profile.limits.memoryMebibytes * mebibyte,
    processCount: profile.limits.processes,
    fileBytes: profile.limits.fileMebibytes * mebibyte,
    scratchBytes: profile.limits.folderMebibytes * mebibyte,
    outputBytes: profile.limits.logMebibytes * mebibyte,
  };
}
