// Where there is less to build on: no control groups, and no bubblewrap at all on a runner.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { InvariantError, UsageError } from "../../src/base/errors.ts";
import { findCgroupPlaces } from "../../src/kernel/cgroup.ts";
import { findWriteTokens } from "../../src/kernel/runner.ts";
import type { Sandbox, SandboxLimits } from "../../src/kernel/sandbox.ts";
import { openSandbox } from "../../src/kernel/sandbox.ts";
import { scratchFolder } from "./make-repository.ts";

const MIB = 1024 * 1024;
const LIMITS: SandboxLimits = {
  wallMillis: 10_000,
  memoryBytes: 64 * MIB,
  processCount: 40,
  fileBytes: 32 * MIB,
  scratchBytes: 64 * MIB,
  outputBytes: MIB,
};

function jobs(t: TestContext, sandbox: Sandbox) {
  const work = join(scratchFolder(t), "work");
  mkdirSync(work);
  const target = sandbox.mode === "runner" ? work : "/work";
  return (script: string, limit: Partial<SandboxLimits> = {}) =>
    sandbox.run({
      command: ["bash", "-c", script],
      cwd: target,
      mounts: [{ source: work, target, mode: "rw" }],
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
      limits: { ...LIMITS, ...limit },
    });
}

function findProcesses(word: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        Number(name) !== process.pid &&
        readFileSync(`/proc/${name}/cmdline`, "utf8").includes(word)
      );
    } catch {
      return false;
    }
  });
}

test("without control groups: hogs, bombs, floods and sleepers end by name all the same", async (t) => {
  const sandbox = await openSandbox({ mode: "bwrap", env: {}, cgroups: false });
  assert.equal(sandbox.limits, "prlimit");
  const cases: [string, string][] = [
    ["true", "exited"],
    ["head -c 1G /dev/zero | tail -c 1G > /dev/null", "out-of-memory"],
    ["for i in 1 2 3 4; do { head -c 30M /dev/zero | tail -c 30M | sleep 8; } & done; wait", "out-of-memory"],
    [":(){ :|:& };:; sleep 8", "too-many-processes"],
    ["for i in $(seq 100); do sleep 8 & done; wait", "too-many-processes"],
    ["yes", "output-too-big"],
    ["truncate -s 100G big", "scratch-too-big"],
    ["for i in 1 2 3 4 5 6; do head -c 20M /dev/zero > big$i; done; sleep 8", "scratch-too-big"],
  ];
  // Each in a folder of its own: one that is over its bound from the case before ends the next at the first look.
  for (const [script, outcome] of cases) assert.equal((await jobs(t, sandbox)(script)).outcome, outcome, script);
  assert.equal((await jobs(t, sandbox)("sleep 60", { wallMillis: 500 })).outcome, "timed-out");
});

test("a runner is refused, by name, to a process that holds a write token", async () => {
  for (const name of [
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "OBJREVIEW_TOKEN",
    "PRIVATE_KEY",
    "WEBHOOK_SECRET",
    "SMTP_URL",
    "SMTP_PASSWORD",
    "MY_DEPLOY_TOKEN",
  ]) {
    await assert.rejects(openSandbox({ mode: "runner", env: { HOME: "/x", [name]: "value" } }), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, new RegExp(`holds ${name};`));
      assert.ok(!error.message.includes("value"), "never the value");
      return true;
    });
  }
  assert.deepEqual(findWriteTokens({ GITHUB_TOKEN: "", GH_TOKEN: undefined, TOKENIZER: "x", PATH: "/bin" }), []);
});

test("a runner has its limits too, and says that it has a network", async (t) => {
  const sandbox = await openSandbox({ mode: "runner", env: {} });
  assert.deepEqual([sandbox.mode, sandbox.limits, sandbox.network], ["runner", "prlimit", true]);
  const job = jobs(t, sandbox);
  const plain = await job("env | cut -d= -f1 | sort | tr '\\n' ' '; echo x > f; exit 3");
  assert.deepEqual([plain.outcome, plain.exitCode], ["exited", 3]);
  assert.equal(plain.stdout, "LC_ALL OBJREVIEW_JOB PATH PWD SHLVL _ ");
  assert.equal((await job("sleep 60", { wallMillis: 500 })).outcome, "timed-out");
  assert.equal((await job("yes")).outcome, "output-too-big");
  assert.equal((await job("truncate -s 100G big")).outcome, "scratch-too-big");
  assert.equal((await job("head -c 1G /dev/zero | tail -c 1G > /dev/null")).outcome, "out-of-memory");
  assert.equal((await job("for i in $(seq 60); do sleep 8 & done; wait")).outcome, "too-many-processes");
});

test("a runner finds what left its group and its parent", async (t) => {
  const job = jobs(t, await openSandbox({ mode: "runner", env: {} }));
  const marker = `${65_000 + (process.pid % 1000)}.5`;
  const result = await job(
    `setsid bash -c 'sleep ${marker} & sleep ${marker}' > /dev/null 2>&1 < /dev/null & sleep 0.3; echo done`,
  );
  assert.equal(result.stdout, "done\n");
  assert.deepEqual(findProcesses(marker), []);
});

test("a runner cannot move paths and does not pretend to", async (t) => {
  const sandbox = await openSandbox({ mode: "runner", env: {} });
  const mounts = [{ source: scratchFolder(t), target: "/work", mode: "rw" as const }];
  await assert.rejects(sandbox.run({ command: ["true"], cwd: "/", mounts, env: {}, limits: LIMITS }), InvariantError);
});

test("places for control groups: v2 beside our own group where controllers are handed down, v1 by controller", (t) => {
  const dir = scratchFolder(t);
  const user = join(dir, "user.slice/user@1000.service/app.slice");
  mkdirSync(join(user, "term.scope"), { recursive: true });
  mkdirSync(join(dir, "memory/here"), { recursive: true });
  mkdirSync(join(dir, "pids"));
  writeFileSync(join(user, "cgroup.subtree_control"), "cpu memory pids\n");
  const v2Mount = `30 24 0:26 / ${dir} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n`;
  const v2Self = "0::/user.slice/user@1000.service/app.slice/term.scope\n";
  assert.deepEqual(findCgroupPlaces(v2Self, v2Mount), [{ kind: "cgroup v2", memoryParent: user, pidsParent: user }]);
  writeFileSync(join(user, "cgroup.subtree_control"), "cpu\n");
  assert.deepEqual(findCgroupPlaces(v2Self, v2Mount), []);
  const v1Mount = `31 24 0:27 / ${dir}/memory rw - cgroup cgroup rw,memory\n32 24 0:28 / ${dir}/pids rw - cgroup cgroup rw,pids\n`;
  assert.deepEqual(findCgroupPlaces("9:memory:/here\n8:pids:/not/here\n", v1Mount), [
    { kind: "cgroup v1", memoryParent: join(dir, "memory/here"), pidsParent: join(dir, "pids") },
  ]);
  assert.deepEqual(findCgroupPlaces("9:memory:/here\n", v1Mount), [], "both or nothing");
  assert.deepEqual(findCgroupPlaces("", ""), []);
  assert.ok(existsSync(dir));
});
