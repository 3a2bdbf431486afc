import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

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

/** Resident memory of all descendants of a process, without itself. */
function residentBytes(root: number): number {
  const parentOf = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    // proc(5), /proc/pid/stat: the name in parentheses may hold anything, the parent is the second field behind it.
    const stat = readOr(`/proc/${name}/stat`, "");
    parentOf.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0));
  }
  let bytes = 0;
  for (const pid of parentOf.keys()) {
    let above = parentOf.get(pid);
    while (above !== undefined && above !== root && above > 1) above = parentOf.get(above);
    if (above === root) bytes += Number(readOr(`/proc/${pid}/statm`, "0 0").split(" ")[1]) * PAGE_BYTES;
  }
  return bytes;
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
