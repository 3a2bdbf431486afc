// Building is running someone else's code. What a job may see is an allow-list of mounts, what it may use is bounded, and
// how it ended is one of a few names. Two ways: bubblewrap, and the bare throw-away machine of a CI runner.

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
}

/** Throws ToolError or UsageError when the mode asked for cannot be had: there is no silent step down. */
export async function openSandbox(_options: OpenSandboxOptions): Promise<Sandbox> {
  throw new Error("under construction");
}
