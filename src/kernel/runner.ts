// The weak mode: no sandbox but the machine itself, a CI runner that is thrown away afterwards. Accepted only where nothing of
// worth can be stolen: the process must hold no token that can write.

import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { InvariantError, UsageError } from "../base/errors.ts";
import { limitCommand } from "./bwrap.ts";
import type { Sandbox, SandboxJob, SandboxResult } from "./sandbox.ts";
import { supervise } from "./supervise.ts";

const TOKEN_NAMES = new Set([
  ...[
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "OBJREVIEW_TOKEN",
    "PRIVATE_KEY",
    "WEBHOOK_SECRET",
  ],
  ...[
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_CACHE_TOKEN",
    "INPUT_TOKEN",
    "NPM_TOKEN",
    "NODE_AUTH_TOKEN",
  ],
  ...["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK"],
]);
const TOKEN_PATTERNS = [/^SMTP_/, /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PRIVATE_KEY|CREDENTIALS)$/];

/** Names of the variables that hold something a build must not get at. */
export function findWriteTokens(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => env[name] !== undefined && env[name] !== "")
    .filter((name) => TOKEN_NAMES.has(name) || TOKEN_PATTERNS.some((pattern) => pattern.test(name)))
    .sort();
}

/** Throws UsageError, naming them, when the process holds write tokens. */
export function openRunner(env: Readonly<Record<string, string | undefined>>): Sandbox {
  const tokens = findWriteTokens(env);
  if (tokens.length > 0) {
    throw new UsageError(
      `--sandbox=runner is refused: the environment holds ${tokens.join(", ")}; unset it or use --sandbox=bwrap`,
    );
  }
  return { mode: "runner", limits: "prlimit", network: true, run: runJob, adopt: async () => {} };
}

/** The variable by which processes are found again that left their group and their parent. */
const MARK = "OBJREVIEW_JOB";
const STRAY_ROUNDS = 20;

async function runJob(job: SandboxJob): Promise<SandboxResult> {
  for (const mount of job.mounts) {
    if (mount.mode !== "tmpfs" && mount.source !== mount.target) {
      throw new InvariantError(`a runner cannot show ${mount.source} as ${mount.target}: there are no mounts`);
    }
  }
  const mark = `${MARK}=${randomUUID()}`;
  const findStrays = (): number[] => findMarked(mark);
  try {
    return await supervise(job, {
      command: [...limitCommand(job.limits, job.limits.memoryBytes), ...job.command],
      cwd: job.cwd,
      env: { ...job.env, [MARK]: mark.slice(MARK.length + 1) },
      findStrays,
    });
  } finally {
    for (let round = 0; round < STRAY_ROUNDS; round += 1) {
      const left = findStrays();
      if (left.length === 0) break;
      for (const processId of left) kill(processId);
      await new Promise((done) => setTimeout(done, 10));
    }
  }
}

function findMarked(mark: string): number[] {
  const needle = `\0${mark}\0`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => `\0${readText(`/proc/${name}/environ`)}`.includes(needle))
    .map(Number);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function kill(processId: number): void {
  try {
    process.kill(processId, "SIGKILL");
  } catch {
    // It is gone.
  }
}
