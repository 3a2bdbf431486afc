// Building is running someone else's code. What a job may see is an allow-list of mounts, what it may use is bounded, and
// how it ended is one of a few names. Two ways: bubblewrap, and the bare throw-away machine of a CI runner.

import { lchownSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { InvariantError, ToolError } from "../base/errors.ts";
import { bwrapCommand, JOB_USER_ID } from "./bwrap.ts";
import type { CgroupPlace } from "./cgroup.ts";
import { Cgroup, findCgroupPlaces, sweepCgroups } from "./cgroup.ts";
import { runOk, SYSTEM_PATH } from "./process.ts";
import { openRunner } from "./runner.ts";
import { supervise } from "./supervise.ts";

/** A host folder or file, seen inside the sandbox at `target`. */
export interface BindMount {
  readonly source: string;
  readonly target: string;
  readonly mode: "ro" | "rw";
}

/** An empty folder in memory, bounded by `sizeBytes`, gone with the job. */
export interface TmpfsMount {
  readonly target: string;
  readonly mode: "tmpfs";
  readonly sizeBytes: number;
}

/** Mounts are made in the order given, so a later one may lie inside an earlier one. */
export type Mount = BindMount | TmpfsMount;

export interface SandboxLimits {
  readonly wallMillis: number;
  /** All processes of the job together (cgroup, or the watched sum of what is resident), temporary files in memory included. */
  readonly memoryBytes: number;
  readonly processCount: number;
  /** The largest single file that the job may write. */
  readonly fileBytes: number;
  /** What the `rw` mounts may hold in all, each entry counted as at least 4 KiB. */
  readonly scratchBytes: number;
  /** Standard output and standard error together. */
  readonly outputBytes: number;
}

export interface SandboxJob {
  readonly command: readonly string[];
  /** A path inside the sandbox. */
  readonly cwd: string;
  readonly mounts: readonly Mount[];
  /** The whole environment inside. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Called when the job is on its way: whoever starts it may block from then on without holding it up. */
  readonly onRunning?: (() => void) | undefined;
}

export type SandboxOutcome =
  | "exited"
  | "timed-out"
  | "out-of-memory"
  | "too-many-processes"
  | "output-too-big"
  | "scratch-too-big"
  | "cancelled"
  | "killed";

export interface SandboxResult {
  readonly outcome: SandboxOutcome;
  /** null unless the outcome is "exited". */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly millis: number;
}

export interface Sandbox {
  readonly mode: "bwrap" | "runner";
  /** What bounds memory and processes: "cgroup v2", "cgroup v1" or "prlimit". */
  readonly limits: string;
  readonly network: boolean;
  run(job: SandboxJob): Promise<SandboxResult>;
  /** Hands files that the caller wrote into a `rw` folder over to the user the jobs run as. Needed only after writing into a
   * folder that a job has used before; the first use of a folder does it by itself. Nothing happens unless run as root. */
  adopt(path: string): Promise<void>;
}

export interface OpenSandboxOptions {
  readonly mode: "bwrap" | "runner";
  /** The environment of this process, as the composition root read it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** false: memory and processes are bounded by prlimit and looked at from outside even where a cgroup could be had. */
  readonly cgroups?: boolean;
}

/** Throws ToolError or UsageError when the mode asked for cannot be had: there is no silent step down. */
export async function openSandbox(options: OpenSandboxOptions): Promise<Sandbox> {
  return options.mode === "runner" ? openRunner(options.env) : openBwrap(options.cgroups ?? true);
}

const INSTALL_BWRAP = "apt-get install bubblewrap";
/** What bwrap itself, which has nobody's secrets to lose, runs with. */
const HOST_ENV = { PATH: SYSTEM_PATH, LC_ALL: "C" };
const PROBE_LIMITS: SandboxLimits = {
  wallMillis: 20_000,
  memoryBytes: 256 * 1024 * 1024,
  processCount: 64,
  fileBytes: 1024 * 1024,
  scratchBytes: 1024 * 1024,
  outputBytes: 65_536,
};

async function openBwrap(cgroups: boolean): Promise<Sandbox> {
  const asRoot = process.getuid?.() === 0;
  const adopt = asRoot ? giveToJobUser : async () => {};
  const runIn = async (job: SandboxJob, place: CgroupPlace | undefined): Promise<SandboxResult> => {
    for (const mount of job.mounts) if (mount.mode === "rw") await takeIntoUse(mount.source, asRoot);
    const cgroup = place === undefined ? undefined : new Cgroup(place, job.limits);
    try {
      const { command, argumentBytes } = bwrapCommand(job, {
        asRoot,
        ...(cgroup === undefined ? { addressSpaceBytes: job.limits.memoryBytes } : {}),
      });
      return await supervise(job, {
        command,
        env: HOST_ENV,
        argumentBytes,
        ...(cgroup === undefined ? {} : { cgroup }),
      });
    } finally {
      cgroup?.remove();
    }
  };
  // Each way is tried out once, whole; what cannot be done here shows now and not in the middle of a review.
  const probe: SandboxJob = {
    command: ["true"],
    cwd: "/",
    mounts: [],
    env: { PATH: SYSTEM_PATH },
    limits: PROBE_LIMITS,
  };
  const places = !cgroups
    ? []
    : findCgroupPlaces(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
  for (const place of places) {
    try {
      sweepCgroups(place);
      const { outcome, exitCode } = await runIn(probe, place);
      if (outcome !== "exited" || exitCode !== 0) continue;
      return { mode: "bwrap", limits: place.kind, network: false, run: (job) => runIn(job, place), adopt };
    } catch (error) {
      if (isMissing(error)) throw missingBwrap(error);
      // This group cannot be used; the next may, and without any there are the limits of the process.
    }
  }
  try {
    const { outcome, exitCode, stderr } = await runIn(probe, undefined);
    if (outcome !== "exited" || exitCode !== 0) {
      throw new ToolError("failed", `bubblewrap cannot make a sandbox here: ${stderr.trim() || outcome}`, {
        command: ["bwrap"],
      });
    }
  } catch (error) {
    throw isMissing(error) ? missingBwrap(error) : error;
  }
  return { mode: "bwrap", limits: "prlimit", network: false, run: (job) => runIn(job, undefined), adopt };
}

function isMissing(error: unknown): boolean {
  return error instanceof ToolError && error.code === "not-found" && error.command[0] === "bwrap";
}

function missingBwrap(cause: unknown): ToolError {
  const message = `bubblewrap is not installed, and builds are not run without it: ${INSTALL_BWRAP}`;
  return new ToolError("not-found", message, { command: ["bwrap"], cause });
}

/** As root the jobs run as another user, who must own the folders that they write to. */
async function takeIntoUse(folder: string, asRoot: boolean): Promise<void> {
  const kind = lstatSync(folder, { throwIfNoEntry: false });
  if (kind?.isDirectory() !== true)
    throw new ToolError("failed", `${folder}: no such folder to mount`, { command: ["bwrap"] });
  if (!asRoot || kind.uid === JOB_USER_ID) return;
  // A folder that is ours and empty was made for this job a moment ago: no program has to be started to give it away.
  if (kind.uid === 0 && readdirSync(folder).length === 0) {
    requireOwnFolder(folder);
    lchownSync(folder, JOB_USER_ID, JOB_USER_ID);
  } else await giveToJobUser(folder);
}

async function giveToJobUser(path: string): Promise<void> {
  requireOwnFolder(path);
  // chown(1) -R goes by file descriptors and does not follow links: nothing that a job put there leads it elsewhere.
  const owner = `${JOB_USER_ID}:${JOB_USER_ID}`;
  await runOk(["chown", "-R", "-h", "-P", owner, "--", path], { env: HOST_ENV });
}

function requireOwnFolder(path: string): void {
  if (resolve(path).split("/").length < 4) throw new InvariantError(`${path} is too near the root to be given away`);
}
