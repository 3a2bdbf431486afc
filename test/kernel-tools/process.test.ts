import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ToolError } from "../../src/base/errors.ts";
import { run, runOk, runToEnd, SYSTEM_PATH } from "../../src/kernel/process.ts";

const env = { PATH: SYSTEM_PATH };
const scratch = mkdtempSync(join(tmpdir(), "objreview-process-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

function toolError(code: string) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ToolError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

function isAlive(processId: number): boolean {
  try {
    // A zombie that nobody has waited for yet is dead for our purpose.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${processId}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("returns exit code and both streams", async () => {
  const result = await run(["bash", "-c", "echo out; echo err >&2; exit 3"], { env });
  assert.equal(result.exitCode, 3);
  assert.equal(result.stdout, "out\n");
  assert.equal(result.stderr, "err\n");
  assert.ok(result.millis > 0);
});

test("output bytes come back as they are", async () => {
  const result = await run(["head", "-c", "300000", "/dev/urandom"], { env });
  assert.equal(result.stdoutBytes.length, 300000);
});

test("input reaches the child, also one that does not read it", async () => {
  const input = "x".repeat(1_000_000);
  assert.equal((await runOk(["wc", "-c"], { env, input })).stdout.trim(), "1000000");
  assert.equal((await runOk(["true"], { env, input })).exitCode, 0);
});

test("the environment is what was given and nothing else", async () => {
  process.env.OBJREVIEW_TEST_SECRET = "hunter2";
  try {
    assert.equal((await runOk(["env"], { env: { PATH: SYSTEM_PATH, A: "1" } })).stdout, `PATH=${SYSTEM_PATH}\nA=1\n`);
  } finally {
    delete process.env.OBJREVIEW_TEST_SECRET;
  }
});

test("arguments are never words of a shell", async () => {
  assert.equal((await runOk(["printf", "%s|", "a b", "$HOME", "; id", "*"], { env })).stdout, "a b|$HOME|; id|*|");
});

test("a program that is not there is not-found, and a folder that is not there is told apart", async () => {
  await assert.rejects(run(["objreview-no-such-program"], { env }), toolError("not-found"));
  await assert.rejects(run(["true"], { env, cwd: join(scratch, "missing") }), (error: unknown) => {
    toolError("failed")(error);
    assert.match((error as Error).message, /missing does not exist/);
    return true;
  });
});

test("runOk turns a non-zero exit into an error that carries the end of stderr", async () => {
  await assert.rejects(runOk(["bash", "-c", "echo first >&2; echo last >&2; exit 2"], { env }), (error: unknown) => {
    toolError("failed")(error);
    assert.equal((error as ToolError).exitCode, 2);
    assert.match((error as ToolError).message, /exited with 2: last$/);
    assert.match((error as ToolError).stderrTail, /first\nlast/);
    return true;
  });
});

test("a time limit kills the whole group", async () => {
  const pidFile = join(scratch, "grandchild");
  const began = performance.now();
  await assert.rejects(
    run(["bash", "-c", `sleep 60 & echo $! > ${pidFile}; wait`], { env, timeoutMillis: 300 }),
    toolError("timed-out"),
  );
  assert.ok(performance.now() - began < 5000);
  await sleep(100);
  assert.equal(isAlive(Number(readFileSync(pidFile, "utf8"))), false);
});

test("output beyond the bound kills the group and keeps what was within it", async () => {
  await assert.rejects(run(["yes"], { env, maxOutputBytes: 10_000 }), toolError("output-too-big"));
  const result = await runToEnd(["yes"], { env, maxOutputBytes: 10_000 });
  assert.equal(result.end, "output-too-big");
  assert.equal(result.stdoutBytes.length, 10_000);
});

test("an abort cancels, before and after the start", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(run(["sleep", "60"], { env, signal: controller.signal }), toolError("cancelled"));
  await assert.rejects(run(["sleep", "60"], { env, signal: controller.signal }), toolError("cancelled"));
});

test("a signal from elsewhere is killed", async () => {
  await assert.rejects(run(["bash", "-c", "kill -9 $$"], { env }), toolError("killed"));
});

test("a grandchild that leaves the group and keeps the pipe open does not hang us", async () => {
  const began = performance.now();
  const result = await run(["bash", "-c", "setsid sleep 30 & echo done"], { env });
  assert.equal(result.stdout, "done\n");
  assert.ok(performance.now() - began < 10_000);
});

test("lines arrive whole, from both streams, with the last one unfinished", async () => {
  const lines: string[] = [];
  await run(
    ["bash", "-c", "printf 'a'; sleep 0.1; printf 'b\\nc\\n'; echo e >&2; printf '\\303'; sleep 0.1; printf '\\244'"],
    {
      env,
      onLine: (line, stream) => lines.push(`${stream}:${line}`),
    },
  );
  assert.deepEqual(
    lines.filter((line) => line.startsWith("stdout")),
    ["stdout:ab", "stdout:c", "stdout:ä"],
  );
  assert.ok(lines.includes("stderr:e"));
});

test("file descriptor 3 delivers bytes once the process id is known", async () => {
  const seen: number[] = [];
  const result = await run(["bash", "-c", "echo $$; cat <&3"], {
    env,
    fd3: (processId) => {
      seen.push(processId);
      return new TextEncoder().encode("through three");
    },
  });
  assert.equal(result.stdout, `${seen[0]}\nthrough three`);
});
