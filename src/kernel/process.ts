// Running other programs: the one place in the project that starts a process. Never through a shell, never with an
// inherited environment, always as a process group of its own so that what it started dies with it.

import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { ToolErrorCode } from "../base/errors.ts";
import { ToolError } from "../base/errors.ts";

export type OutputStream = "stdout" | "stderr";

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; nothing is inherited. `PATH` in it is also where the program is looked up. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string;
  /** Wall clock, after which the whole group is killed. */
  readonly timeoutMillis?: number;
  /** Sum of both streams; the group is killed at the first byte beyond. Default 256 MiB. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
  /** Called for each whole line as it arrives, without its end-of-line. */
  readonly onLine?: (line: string, stream: OutputStream) => void;
  /** What the child can read from its file descriptor 3; called once its process id is known, before it can read. */
  readonly fd3?: (processId: number) => Uint8Array | Promise<Uint8Array>;
  /** Called with the process id as soon as the child runs. */
  readonly onStart?: (processId: number) => void;
  /** Called when the child has been given all that it waits for: from then on it needs nobody. */
  readonly onFed?: (() => void) | undefined;
}

/** How a child ended: by itself, or because one of its bounds was reached and its group was killed. */
export type RunEnd = "exited" | "timed-out" | "output-too-big" | "cancelled";

export interface RunResult {
  readonly end: RunEnd;
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly millis: number;
}

const DEFAULT_MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
/** How long the pipes may stay open after the child is gone: a grandchild outside the group can hold them for ever. */
const PIPE_GRACE_MILLIS = 2000;
const STDERR_TAIL_BYTES = 4096;

/** Programs are looked up in the system's folders only, whatever the caller's own PATH says. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs `command` to its end and says how it ended. Throws ToolError("not-found" | "failed") only when it could not start. */
export async function runToEnd(command: readonly string[], options: RunOptions): Promise<RunResult> {
  const [file, ...args] = command;
  if (file === undefined) throw new ToolError("failed", "empty command", { command });
  const began = performance.now();
  if (options.signal?.aborted === true) return unstarted("cancelled");
  const child = await start(file, args, command, options);
  const processId = child.pid as number;

  let end: RunEnd = "exited";
  const stop = (reason: RunEnd): void => {
    if (end !== "exited") return;
    end = reason;
    killGroup(processId);
  };
  const out = new Collector("stdout", options.onLine);
  const err = new Collector("stderr", options.onLine);
  const maxOutputBytes = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  let outputBytes = 0;
  const listen = (stream: NodeJS.ReadableStream | null, into: Collector): Promise<void> =>
    new Promise((done) => {
      if (stream === null) return done();
      stream.on("data", (chunk: Uint8Array) => {
        outputBytes += chunk.length;
        const excess = outputBytes - maxOutputBytes;
        if (excess > 0) {
          if (excess < chunk.length && end === "exited") into.take(chunk.subarray(0, chunk.length - excess));
          stop("output-too-big");
        } else into.take(chunk);
      });
      stream.on("close", done);
      stream.on("error", () => done());
    });
  const drained = Promise.all([listen(child.stdout, out), listen(child.stderr, err)]);
  const exited = new Promise<{ code: number | null; signal: string | null }>((done) => {
    child.once("exit", (code, signal) => done({ code, signal }));
  });

  const abort = (): void => stop("cancelled");
  options.signal?.addEventListener("abort", abort, { once: true });
  const timer =
    options.timeoutMillis === undefined ? undefined : setTimeout(() => stop("timed-out"), options.timeoutMillis);
  try {
    options.onStart?.(processId);
    if (options.input !== undefined) feed(child.stdin, options.input);
    if (options.fd3 !== undefined) feed(child.stdio[3] as NodeJS.WritableStream | null, await options.fd3(processId));
    options.onFed?.();
    const { code, signal } = await exited;
    if (end !== "exited") killGroup(processId);
    const grace = new Promise<void>((done) => setTimeout(done, PIPE_GRACE_MILLIS).unref());
    await Promise.race([drained, grace]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    out.finish();
    err.finish();
    const stdoutBytes = out.bytes();
    return {
      end,
      exitCode: code,
      signal,
      stdoutBytes,
      get stdout(): string {
        return decode(stdoutBytes);
      },
      stderr: decode(err.bytes()),
      millis: performance.now() - began,
    };
  } catch (error) {
    killGroup(processId);
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
}

async function start(
  file: string,
  args: readonly string[],
  command: readonly string[],
  options: RunOptions,
): Promise<ChildProcess> {
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...options.env },
      detached: true,
      stdio: childDescriptors(options),
    });
  } catch (error) {
    // Some reasons are thrown (E2BIG, a NUL in an argument), the others come as an event.
    throw cannotStart(command, options.cwd, error as NodeJS.ErrnoException);
  }
  const failed = new Promise<NodeJS.ErrnoException>((done) => {
    child.on("error", done);
  });
  if (child.pid === undefined) throw cannotStart(command, options.cwd, await failed);
  return child;
}

/**
 * Runs `command` and returns what it printed, whatever its exit status.
 * Throws ToolError: not-found, timed-out, output-too-big, cancelled, or killed (by a signal that was not ours).
 */
export async function run(command: readonly string[], options: RunOptions): Promise<RunResult> {
  const result = await runToEnd(command, options);
  const name = command[0];
  const detail = { command, exitCode: result.exitCode, stderrTail: stderrTail(result.stderr) };
  switch (result.end) {
    case "timed-out":
      throw new ToolError("timed-out", `${name} did not end within ${options.timeoutMillis} ms`, detail);
    case "output-too-big":
      throw new ToolError("output-too-big", `${name} printed more than was allowed`, detail);
    case "cancelled":
      throw new ToolError("cancelled", `${name} was cancelled`, detail);
  }
  if (result.signal !== null) throw new ToolError("killed", `${name} was killed by ${result.signal}`, detail);
  return result;
}

/** As `run`, and a non-zero exit status is ToolError("failed") with the end of its standard error. */
export async function runOk(command: readonly string[], options: RunOptions): Promise<RunResult> {
  const result = await run(command, options);
  if (result.exitCode !== 0) {
    const tail = stderrTail(result.stderr);
    const reason = tail.trim().split("\n").at(-1) ?? "";
    throw new ToolError("failed", `${command[0]} exited with ${result.exitCode}${reason === "" ? "" : `: ${reason}`}`, {
      command,
      exitCode: result.exitCode,
      stderrTail: tail,
    });
  }
  return result;
}

/** Kills a process group that `run` started. A group that is gone already is fine. */
export function killGroup(processId: number): void {
  try {
    process.kill(-processId, "SIGKILL");
  } catch {
    // ESRCH: it ended in the meantime.
  }
}

/**
 * Pipes for what we talk through. Descriptors that we inherited without close-on-exec (a CI runner's, a shell's) would pass
 * into the child, and an open folder is a way out of any sandbox: they are covered with /dev/null.
 */
function childDescriptors(options: RunOptions): ("ignore" | "pipe" | number)[] {
  const above: ("ignore" | "pipe" | number)[] = options.fd3 === undefined ? [] : ["pipe"];
  inherited ??= findInherited();
  for (const descriptor of inherited) {
    const index = descriptor - 3;
    while (above.length < index) above.push("ignore");
    if (above[index] === undefined || above[index] === "ignore") above[index] = devNull();
  }
  return [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe", ...above];
}

let inherited: readonly number[] | undefined;
let devNullDescriptor: number | undefined;

function devNull(): number {
  devNullDescriptor ??= openSync("/dev/null", "r+");
  return devNullDescriptor;
}

/** Descriptors above 2 that a child would get: proc_pid_fdinfo(5), `flags` in octal without O_CLOEXEC (02000000). */
function findInherited(): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc/self/fd")) {
    if (Number(name) <= 2) continue;
    try {
      const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"))?.[1] ?? "0";
      if ((Number.parseInt(flags, 8) & 0o2000000) === 0) found.push(Number(name));
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return found;
}

/** Keeps the bytes of one stream, and hands its lines on. */
class Collector {
  readonly #stream: OutputStream;
  readonly #onLine: RunOptions["onLine"];
  readonly #chunks: Uint8Array[] = [];
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(stream: OutputStream, onLine: RunOptions["onLine"]) {
    this.#stream = stream;
    this.#onLine = onLine;
  }

  take(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    if (this.#onLine === undefined) return;
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#onLine(line, this.#stream);
  }

  finish(): void {
    this.#rest += this.#decoder.decode();
    if (this.#rest !== "") this.#onLine?.(this.#rest, this.#stream);
    this.#rest = "";
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }
}

function feed(stream: NodeJS.WritableStream | null, bytes: Uint8Array | string): void {
  // A child that ends without reading all of it is not an error of ours.
  stream?.on("error", () => {});
  stream?.end(bytes);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function stderrTail(stderr: string): string {
  return stderr.length > STDERR_TAIL_BYTES ? stderr.slice(-STDERR_TAIL_BYTES) : stderr;
}

function unstarted(end: RunEnd): RunResult {
  return { end, exitCode: null, signal: null, stdout: "", stderr: "", stdoutBytes: new Uint8Array(0), millis: 0 };
}

function cannotStart(
  command: readonly string[],
  cwd: string | undefined,
  failure: { readonly code?: string | undefined },
): ToolError {
  const cwdMissing = cwd !== undefined && statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true;
  const code: ToolErrorCode = failure.code === "ENOENT" && !cwdMissing ? "not-found" : "failed";
  const reason = cwdMissing
    ? `the folder ${cwd} does not exist`
    : code === "not-found"
      ? "is not installed"
      : failure.code;
  return new ToolError(code, `${command[0]}: ${reason}`, { command, cause: failure });
}
