import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { execa } from "execa";
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

const running = new Set<{ kill(signal: NodeJS.Signals): boolean }>();

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
  const child = execa(command, [...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    extendEnv: false,
    stdin: "ignore",
    all: true,
    reject: false,
    stripFinalNewline: false,
  });
  running.add(child);
  const tail: string[] = [];
  for await (const line of child.iterable({ from: "all" })) {
    if (line.trim() === "") continue;
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    options.report?.(line.trim().replace(/\s+/g, " "));
  }
  const { failed, exitCode, signal, stdout, originalMessage } = await child;
  running.delete(child);
  if (!failed) return stdout;
  if (exitCode === undefined && signal === undefined)
    throw new SetupError(`cannot start ${command}: ${originalMessage}`);
  const status = exitCode ?? 128 + constants.signals[signal as NodeJS.Signals];
  throw new SetupError(`${command} ${args.join(" ")}: exit status ${status}\n${tail.join("\n")}`);
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
