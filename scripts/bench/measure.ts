import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** What one run of a command cost, with everything that it started. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system time, of all processes. */
  readonly cpuSeconds: number;
  /** The most that its processes had resident together, of samples 10 ms apart. */
  readonly peakBytes: number;
  readonly exitCode: number | null;
}

const SAMPLE_MILLIS = 10;
const PAGE_BYTES = 4096;

/**
 * Runs a command with its output thrown away. A shell around it says what its processes took (POSIX, `times`); it is not counted in memory.
 */
export async function measure(command: readonly string[], cwd?: string): Promise<Cost> {
  const began = performance.now();
  const child = spawn("sh", ["-c", '"$@" >/dev/null 2>/dev/null; code=$?; times; exit $code', "sh", ...command], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd,
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(child.pid as number));
  }, SAMPLE_MILLIS);
  const exitCode = await new Promise<number | null>((done, fail) => {
    child.on("error", fail);
    child.on("close", done);
  });
  clearInterval(sampling);
  const wallSeconds = (performance.now() - began) / 1000;
  const times = [...output.matchAll(/(\d+)m([\d.]+)s/g)].map((m) => Number(m[1]) * 60 + Number(m[2]));
  return { wallSeconds, cpuSeconds: (times[2] ?? 0) + (times[3] ?? 0), peakBytes, exitCode };
}

/**
 * Resident memory of all descendants of a process, without itself. Only they are looked at (proc(5), /proc/pid/task/tid/children): going through all
 * processes of a machine takes the processor on which the other threads of the measured one run.
 */
function residentBytes(root: number): number {
  let bytes = 0;
  const left = childrenOf(root);
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    bytes += Number(readOr(`/proc/${pid}/statm`, "0 0").split(" ")[1]) * PAGE_BYTES;
    left.push(...childrenOf(pid));
  }
  return bytes;
}

/** Of its first thread, which is the one that starts programs in all that is measured here. */
function childrenOf(pid: number): number[] {
  return readOr(`/proc/${pid}/task/${pid}/children`, "").split(" ").filter(Boolean).map(Number);
}

/** A process may be gone before it is looked at. */
function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

export const spread = (values: readonly number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
