import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Report } from "./progress.ts";

/** Set-up cannot go on. The message is all that the person is shown; the exit status is 2. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Shown with the latest line of output while the command runs. */
  readonly report?: Report;
}

const TAIL_LINES = 20;

const running = new Set<ChildProcess>();

/** Ends what set-up has started; for the signal handlers of the composition root. */
export function stopCommands(signal: NodeJS.Signals): void {
  for (const child of running) child.kill(signal);
}

/** Starts a child that `stopCommands` knows of. */
export function start(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** Exit status as a shell gives it: 128 + n for a child that signal n ended. */
export async function exitStatus(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}

/** Runs a command to its end and gives back its stdout; a failure carries the last lines of its output. */
export async function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = start(
    spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ["ignore", "pipe", "pipe"] }),
  );
  const tail: string[] = [];
  let stdout = "";
  const listen = (stream: NodeJS.ReadableStream, keep: boolean): void => {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      if (keep) stdout += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        options.report?.(line.trim().replace(/\s+/g, " "));
      }
    });
  };
  listen(child.stdout!, true);
  listen(child.stderr!, false);
  let status: number;
  try {
    status = await exitStatus(child);
  } catch (error) {
    throw new SetupError(`cannot start ${command}: ${(error as Error).message}`);
  }
  if (status !== 0) {
    throw new SetupError(`${command} ${args.join(" ")}: exit status ${status}\n${tail.join("\n")}`);
  }
  return stdout;
}

/** Runs a command on this process's own stdin, stdout and stderr and gives back its exit status. */
export async function runAttached(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<number> {
  const child = start(spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: "inherit" }));
  return exitStatus(child);
}
