// Runs one sandboxed command to its end and gives that end a name: watches what it uses while it runs, kills it at the first
// bound it reaches, and reads the counters once more when it ended by itself.

import { ToolError } from "../base/errors.ts";
import type { Cgroup } from "./cgroup.ts";
import { findDescendants, measureProcesses, ScratchWatch } from "./limits.ts";
import { SANDBOX_STOPPED } from "./machine.ts";
import type { RunResult } from "./process.ts";
import { killGroup, runToEnd } from "./process.ts";
import type { SandboxJob, SandboxOutcome, SandboxResult } from "./sandbox.ts";

export interface Supervised {
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Bytes for file descriptor 3, which the command reads before anything else. */
  readonly argumentBytes?: Uint8Array;
  /** Bounds and counts the job as a whole; without one its processes are looked at. */
  readonly cgroup?: Cgroup;
  /** Processes that are the job's though no longer below it in the process tree. */
  readonly findStrays?: () => number[];
}

const POLL_MILLIS = 200;
/** 128 + SIGXFSZ: what a command returns that wrote past RLIMIT_FSIZE, as seen by prlimit and bwrap. */
const EXIT_FILE_TOO_BIG = 153;
/** What strerror(3) and strsignal(3) say in the C locale: the only trace when the process that hit the bound is a compiler
 * below make. Only looked at when the command failed anyway. */
const SCRATCH_MESSAGE = /File size limit exceeded|File too large|No space left on device/;
const MEMORY_MESSAGE = /[Cc]annot allocate memory|[Oo]ut of memory|memory exhausted|bad_alloc|MemoryError/;
const FORK_MESSAGE = /fork\b.*(?:Resource temporarily unavailable|retry)|[Cc]annot fork/;
/** Set-up failed before the job's command ran. */
const SETUP_MESSAGE = /^(?:bwrap|setpriv|prlimit): .*/;

export async function supervise(job: SandboxJob, what: Supervised): Promise<SandboxResult> {
  const { limits } = job;
  const scratch = new ScratchWatch(
    job.mounts.flatMap((mount) => (mount.mode === "rw" ? [mount.source] : [])),
    limits.scratchBytes,
  );
  let reached: SandboxOutcome | undefined;
  let processId = 0;
  const stop = (outcome: SandboxOutcome): void => {
    reached ??= outcome;
    killGroup(processId);
  };
  const look = async (): Promise<void> => {
    const hit =
      what.cgroup === undefined ? lookAtProcesses(processId, job, what.findStrays) : lookAtCounters(what.cgroup);
    if (hit !== undefined) stop(hit);
    else if (await scratch.isTooBig()) stop("scratch-too-big");
  };
  const ended = new AbortController();
  const watch = async (): Promise<void> => {
    while (reached === undefined) {
      await pause(POLL_MILLIS, ended.signal);
      if (ended.signal.aborted) return;
      await look();
    }
  };
  let watched: Promise<void> = Promise.resolve();
  try {
    const result = await runToEnd(what.command, {
      env: what.env,
      timeoutMillis: limits.wallMillis,
      maxOutputBytes: limits.outputBytes,
      ...(what.cwd === undefined ? {} : { cwd: what.cwd }),
      ...(job.signal === undefined ? {} : { signal: job.signal }),
      ...(job.onLine === undefined ? {} : { onLine: job.onLine }),
      onFed: job.onRunning,
      onStart: (id) => {
        processId = id;
        what.cgroup?.join(id);
        watched = watch();
        // A rejection is looked at below; it must not count as unhandled until then.
        watched.catch(() => {});
      },
      ...(what.argumentBytes === undefined ? {} : { fd3: () => what.argumentBytes! }),
    });
    ended.abort();
    await watched;
    const failed = result.exitCode !== 0;
    let outcome: SandboxOutcome = reached ?? result.end;
    if (outcome === "exited" && what.cgroup !== undefined) outcome = lookAtCounters(what.cgroup) ?? outcome;
    if (outcome === "exited" && failed) outcome = readFailure(result, what);
    const exitCode = outcome === "exited" ? result.exitCode : null;
    return { outcome, exitCode, stdout: result.stdout, stderr: result.stderr, millis: result.millis };
  } finally {
    ended.abort();
  }
}

function lookAtCounters(cgroup: Cgroup): SandboxOutcome | undefined {
  const { outOfMemoryKills, refusedForks } = cgroup.events();
  if (outOfMemoryKills > 0) return "out-of-memory";
  if (refusedForks > 0) return "too-many-processes";
  return undefined;
}

function lookAtProcesses(
  root: number,
  job: SandboxJob,
  findStrays: (() => number[]) | undefined,
): SandboxOutcome | undefined {
  const use = measureProcesses([...new Set([...findDescendants(root), ...(findStrays?.() ?? [])])]);
  if (use.processCount >= job.limits.processCount) return "too-many-processes";
  if (use.memoryBytes > job.limits.memoryBytes) return "out-of-memory";
  return undefined;
}

function readFailure({ exitCode, signal, stderr }: RunResult, what: Supervised): SandboxOutcome {
  if (signal === "SIGXFSZ") return "scratch-too-big";
  if (exitCode === null) return "killed";
  const setup = stderr.match(SETUP_MESSAGE);
  if (setup !== null && (exitCode === 1 || exitCode === 126 || exitCode === 127)) {
    const code = exitCode === 127 ? "not-found" : "failed";
    throw new ToolError(code, `${SANDBOX_STOPPED}: ${setup[0]}`, {
      command: what.command,
      exitCode,
      stderrTail: stderr,
    });
  }
  if (exitCode === EXIT_FILE_TOO_BIG || SCRATCH_MESSAGE.test(stderr)) return "scratch-too-big";
  // With a cgroup the counters are the witness, and they have said no.
  if (what.cgroup === undefined && MEMORY_MESSAGE.test(stderr)) return "out-of-memory";
  if (what.cgroup === undefined && FORK_MESSAGE.test(stderr)) return "too-many-processes";
  return "exited";
}

/** Resolves after a time, or at once when the signal is given. */
function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      done();
    };
    const timer = setTimeout(finish, millis);
    signal.addEventListener("abort", finish, { once: true });
    if (signal.aborted) finish();
  });
}
