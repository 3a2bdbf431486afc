import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

// What the mail daemons of the tests share: a folder each, a free port, a process that is ended with the test.

/** A folder with a short path (a Unix socket's has 107 bytes), and how to remove it. */
export function temporaryFolder(purpose: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `objreview-${purpose}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) };
}

/** A port of the loopback that nobody listens on. Somebody may come before us, so whoever starts a daemon looks whether it is up. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

export interface Daemon {
  readonly process: ChildProcess;
  /** Sends SIGTERM, and SIGKILL to the group after five seconds; back when it is gone. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** It is up when it takes connections there. */
  readonly port: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts a daemon that stays in the foreground, and waits until it is up. Its own output is in the error when it does not come up. */
export async function startDaemon(command: readonly string[], options: DaemonOptions): Promise<Daemon> {
  const [file = "", ...args] = command;
  let output = "";
  const child = spawn(file, args, {
    env: { ...options.env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid }),
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output = (output + String(chunk)).slice(-4000);
    });
  }
  const gone = new Promise<string>((done) => {
    child.once("exit", (code, signal) => done(`ended with ${code ?? signal}`));
    child.once("error", (error) => done(error.message));
  });
  const stop = async (): Promise<void> => {
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // The group is gone.
      }
    };
    signal("SIGTERM");
    const timer = setTimeout(() => signal("SIGKILL"), 5000);
    await gone;
    clearTimeout(timer);
    signal("SIGKILL");
  };
  for (let tries = 0; tries < 200; tries++) {
    const ended = await Promise.race([gone, isUp(options.port)]);
    if (typeof ended === "string") throw new Error(`${command.join(" ")}: ${ended}\n${output}`);
    if (ended) return { process: child, stop };
    await new Promise((done) => setTimeout(done, 50));
  }
  await stop();
  throw new Error(`${command.join(" ")}: not up after ten seconds\n${output}`);
}

function isUp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

/** Runs a program to its end; what it printed. An exit status but 0 throws with its standard error. */
export function runProgram(
  command: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly input?: string | Uint8Array;
    readonly cwd?: string;
    readonly uid?: number;
    readonly gid?: number;
  },
): Promise<string> {
  const [file = "", ...args] = command;
  const { input = "", ...rest } = options;
  return new Promise((done, fail) => {
    const child = execFile(
      file,
      args,
      { ...rest, env: { ...rest.env }, maxBuffer: 64 << 20, encoding: "utf8" },
      (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else fail(new Error(`${command.join(" ")}: ${error.code ?? error.signal}\n${stderr}${stdout}`));
      },
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}
