// One test per promise, with the real bubblewrap. Where it is missing these tests fail and say how to get it.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { InvariantError, ToolError } from "../../src/base/errors.ts";
import { run, SYSTEM_PATH } from "../../src/kernel/process.ts";
import type { Mount, Sandbox, SandboxJob, SandboxLimits, SandboxResult } from "../../src/kernel/sandbox.ts";
import { openSandbox } from "../../src/kernel/sandbox.ts";
import { scratchFolder } from "./make-repository.ts";

const MIB = 1024 * 1024;
const LIMITS: SandboxLimits = {
  wallMillis: 20_000,
  memoryBytes: 256 * MIB,
  processCount: 64,
  fileBytes: 64 * MIB,
  scratchBytes: 128 * MIB,
  outputBytes: MIB,
};

let sandbox: Sandbox;
before(async () => {
  sandbox = await openSandbox({ mode: "bwrap", env: process.env });
});

interface Job {
  readonly work: string;
  run(
    script: string,
    change?: Partial<SandboxJob> & { limit?: Partial<SandboxLimits>; more?: readonly Mount[] },
  ): Promise<SandboxResult>;
}

function setUp(t: TestContext): Job {
  const dir = scratchFolder(t, "objreview-sandbox-");
  const work = join(dir, "work");
  mkdirSync(work);
  return {
    work,
    run: (script, change = {}) => {
      const { limit, more, ...rest } = change;
      const mounts: Mount[] = [{ source: work, target: "/work", mode: "rw" }, ...(more ?? [])];
      const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
      return sandbox.run({
        command: ["bash", "-c", script],
        cwd: "/work",
        mounts,
        env,
        limits: { ...LIMITS, ...limit },
        ...rest,
      });
    },
  };
}

async function within(millis: number, job: Promise<SandboxResult>): Promise<SandboxResult> {
  const began = performance.now();
  const result = await job;
  const took = performance.now() - began;
  assert.ok(took < millis, `took ${Math.round(took)} ms`);
  return result;
}

/** Processes on this machine whose command line has `word` in it; not in a sandbox's view of them. */
function findProcesses(word: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(word);
    } catch {
      return false;
    }
  });
}

test("says how it runs", () => {
  assert.equal(sandbox.mode, "bwrap");
  assert.equal(sandbox.network, false);
  assert.match(sandbox.limits, /^(?:cgroup v2|cgroup v1|prlimit)$/);
});

test("a job runs, sees its mounts, and its result can be used outside", async (t) => {
  const { work, run: job } = setUp(t);
  const input = scratchFolder(t);
  writeFileSync(join(input, "in.txt"), "input\n");
  if (process.getuid?.() === 0) {
    await assert.rejects(
      job("true", { more: [{ source: input, target: "/in", mode: "ro" }] }),
      /make it readable to others/,
    );
  }
  chmodSync(input, 0o755);
  const result = await job("cat /in/in.txt | tee out.txt; mkdir -p sub; echo s > sub/s; pwd; exit 7", {
    more: [{ source: input, target: "/in", mode: "ro" }],
  });
  assert.deepEqual([result.outcome, result.exitCode, result.stdout], ["exited", 7, "input\n/work\n"]);
  assert.equal(readFileSync(join(work, "out.txt"), "utf8"), "input\n");
  writeFileSync(join(work, "sub/from-outside"), "x");
  rmSync(join(work, "sub"), { recursive: true });
  assert.ok(result.millis > 0);
});

test("what the caller writes into a used folder can be changed by the next job once it is adopted", async (t) => {
  const { work, run: job } = setUp(t);
  await job("true");
  writeFileSync(join(work, "config"), "old\n");
  await sandbox.adopt(work);
  assert.equal((await job("echo new >> config && cat config")).stdout, "old\nnew\n");
});

test("a compiler works: headers, linker, its temporary files", async (t) => {
  const { run: job } = setUp(t);
  const result = await job(
    "printf '#include <stdio.h>\\nint main(void){puts(\"built\");}' > a.c && gcc -O2 a.c -o a && ./a",
  );
  assert.deepEqual([result.outcome, result.stdout, result.stderr], ["exited", "built\n", ""]);
});

test("no network: no interface but lo, a server on this machine's loopback is out of reach", async (t) => {
  const { run: job } = setUp(t);
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.end("secret");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const connect = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3`;
  // The same line outside does get through: it is the sandbox that stops it.
  assert.equal((await run(["bash", "-c", connect], { env: { PATH: SYSTEM_PATH } })).stdout, "secret");
  const inside = await job(connect);
  assert.notEqual(inside.exitCode, 0);
  assert.equal(inside.stdout, "");
  assert.equal(connections, 1);
  const interfaces = await job("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
  assert.equal(interfaces.stdout, "lo\n");
  const away = await job("timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'");
  assert.match(away.stderr, /Network is unreachable/);
});

test("no reading of the home folder, of keys, of accounts", async (t) => {
  const { run: job } = setUp(t);
  const planted = join(homedir(), `.objreview-planted-${process.pid}`);
  writeFileSync(planted, "planted secret");
  t.after(() => rmSync(planted, { force: true }));
  const result = await job(
    `cat ${planted}; cat /etc/passwd /etc/shadow /etc/hostname; ls ${homedir()} /root /home /etc/ssh /var /run /sys /mnt /opt ${tmpdir()}`,
  );
  assert.equal(result.stdout.replaceAll(`${tmpdir()}:`, "").trim(), "");
  assert.deepEqual(
    (await job("ls -A /")).stdout.split("\n").filter((name) => name !== "" && !/^(?:bin|sbin|lib\w*)$/.test(name)),
    [...["dev", "etc", "proc", "tmp", "usr", "work"]],
  );
  assert.match((await job("ls -A /etc")).stdout, /^(?:alternatives\n)?(?:ld\.so\.cache\n)?$/);
});

test("no reading of the environment's secrets, neither inherited nor through /proc", async (t) => {
  const { run: job } = setUp(t);
  process.env.OBJREVIEW_TEST_SECRET = "planted-in-env";
  t.after(() => delete process.env.OBJREVIEW_TEST_SECRET);
  const result = await job("env | sort; cat /proc/*/environ /proc/self/task/*/environ | tr '\\0' '\\n'");
  assert.ok(!result.stdout.includes("planted-in-env"));
  assert.deepEqual(
    result.stdout
      .split("\n")
      .slice(0, 5)
      .map((line) => line.split("=")[0]),
    ["LC_ALL", "PATH", "PWD", "SHLVL", "_"],
  );
  const processes = await job("ls /proc | grep -c '^[0-9]*$'");
  assert.ok(Number(processes.stdout) < 10, "only its own processes");
});

test("a descriptor that this process inherited does not reach the job", async (t) => {
  const { run: job } = setUp(t);
  // `ls` itself has 3 open for the listing.
  assert.equal((await job("ls /proc/self/fd")).stdout.replace(/^\d{2,}\n/gm, ""), "0\n1\n2\n3\n");
  const others = (await job("readlink /proc/self/fd/* || true")).stdout;
  for (const line of others.split("\n")) assert.match(line, /^$|^\/dev\/null$|^(?:pipe|socket):|^\/proc\//);
});

test("no write outside of scratch", async (t) => {
  const { run: job } = setUp(t);
  const readOnly = scratchFolder(t);
  chmodSync(readOnly, 0o777);
  writeFileSync(join(readOnly, "file"), "as it was");
  chmodSync(join(readOnly, "file"), 0o666);
  const places = [
    "/x",
    "/usr/x",
    "/usr/bin/x",
    "/etc/x",
    "/dev/x",
    "/dev/shm/x",
    "/ro/x",
    "/ro/file",
    "/bin/x",
    "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger",
    "/proc/self/oom_score_adj_x",
  ];
  const script = places
    .map((place) => `{ echo written > ${place}; } 2>/dev/null && echo "${place} was written"`)
    .join("\n");
  const result = await job(
    `${script}\nmkdir /newdir 2>/dev/null && echo made; chmod 777 /ro/file 2>/dev/null && echo chmod; mount -t tmpfs none /work 2>/dev/null && echo mount; umount /ro 2>/dev/null && echo umount; true`,
    {
      more: [{ source: readOnly, target: "/ro", mode: "ro" }],
    },
  );
  assert.equal(result.stdout, "");
  assert.equal(readFileSync(join(readOnly, "file"), "utf8"), "as it was");
});

test("temporary files go to memory that is bounded", async (t) => {
  const { run: job } = setUp(t);
  const result = await job("head -c 8M /dev/zero > /tmp/big", {
    more: [{ target: "/tmp", mode: "tmpfs", sizeBytes: 4 * MIB }],
  });
  assert.equal(result.outcome, "scratch-too-big");
  assert.equal((await job("echo x > /tmp/x && cat /tmp/x")).stdout, "x\n");
});

test("the job is nobody: no root, no capabilities, no way to more", async (t) => {
  const { work, run: job } = setUp(t);
  const result = await job("id -u; grep -E '^(Cap|NoNewPrivs|Groups)' /proc/self/status; touch made; hostname");
  assert.match(result.stdout, /^65534\n/);
  assert.match(result.stdout, /^NoNewPrivs:\t1$/m);
  for (const capability of ["Inh", "Prm", "Eff", "Bnd", "Amb"])
    assert.match(result.stdout, new RegExp(`^Cap${capability}:\t0+$`, "m"));
  assert.match(result.stdout, /^objreview$/m);
  if (process.getuid?.() === 0)
    assert.notEqual(statSync(join(work, "made")).uid, 0, "as root the job is another user outside");
});

test("no new user namespaces", async (t) => {
  const { run: job } = setUp(t);
  const result = await job(
    "unshare -U true && echo made; unshare -Ur id && echo root; bwrap --unshare-user --ro-bind / / true && echo nested",
  );
  assert.equal(result.stdout, "");
});

test("nothing outside can be signalled or traced", async (t) => {
  const { run: job } = setUp(t);
  const marker = `${61_000 + (process.pid % 1000)}.25`;
  const controller = new AbortController();
  t.after(() => controller.abort());
  const bystander = run(["sleep", marker], { env: { PATH: SYSTEM_PATH }, signal: controller.signal }).catch(() => {});
  await sleep(100);
  const [victim] = findProcesses(marker);
  assert.ok(victim);
  const result = await job(`kill -9 ${victim} && echo killed; cat /proc/${victim}/cmdline; kill -9 -1; true`);
  assert.ok(!result.stdout.includes("killed") && !result.stdout.includes(marker));
  assert.deepEqual(findProcesses(marker), [victim]);
  controller.abort();
  await bystander;
});

test("an endless build ends in timed-out: asleep, busy, deaf to signals", async (t) => {
  const { run: job } = setUp(t);
  for (const script of ["sleep 600", "while :; do :; done", "trap '' TERM INT HUP; while :; do sleep 1; done"]) {
    const result = await within(8000, job(script, { limit: { wallMillis: 700 } }));
    assert.deepEqual([result.outcome, result.exitCode], ["timed-out", null], script);
  }
});

test("a memory hog ends in out-of-memory, also as many small ones and in temporary files", async (t) => {
  const { run: job } = setUp(t);
  const limit = { memoryBytes: 64 * MIB };
  const one = await within(15_000, job("head -c 1G /dev/zero | tail -c 1G > /dev/null", { limit }));
  assert.equal(one.outcome, "out-of-memory");
  const many = await within(
    15_000,
    job("for i in 1 2 3 4 5 6; do head -c 40M /dev/zero | tail -c 40M | sleep 20 & done; wait", { limit }),
  );
  assert.equal(many.outcome, "out-of-memory");
  assert.equal((await job("head -c 20M /dev/zero | tail -c 20M | wc -c", { limit })).stdout, `${20 * MIB}\n`);
});

test("huge output ends in output-too-big and keeps what was within the bound", async (t) => {
  const { run: job } = setUp(t);
  for (const script of ["yes", "yes >&2", "head -c 2M /dev/zero"]) {
    const result = await within(5000, job(script));
    assert.equal(result.outcome, "output-too-big", script);
    assert.equal(result.stdout.length + result.stderr.length, LIMITS.outputBytes);
  }
});

test("a fork bomb ends in too-many-processes", async (t) => {
  const { run: job } = setUp(t);
  for (const script of [":(){ :|:& };:; sleep 10", "for i in $(seq 500); do sleep 30 & done; wait"]) {
    const result = await within(10_000, job(script));
    assert.equal(result.outcome, "too-many-processes", script);
  }
});

test("a 100 GB file ends in scratch-too-big: sparse, written, and out of sight below make", async (t) => {
  const { work, run: job } = setUp(t);
  for (const script of [
    "truncate -s 100G big",
    "dd if=/dev/zero of=big bs=1M count=102400",
    "printf 'all:\\n\\tdd if=/dev/zero of=big bs=1M\\n' > Makefile; make",
  ]) {
    const result = await within(15_000, job(script));
    assert.equal(result.outcome, "scratch-too-big", script);
    const big = join(work, "big");
    assert.ok(!existsSync(big) || statSync(big).size <= LIMITS.fileBytes);
  }
});

test("many files of allowed size, and a million empty ones, end in scratch-too-big", async (t) => {
  const { work, run: job } = setUp(t);
  const large = await within(20_000, job("i=0; while :; do i=$((i+1)); head -c 16M /dev/zero > big$i; done"));
  assert.equal(large.outcome, "scratch-too-big");
  rmSync(work, { recursive: true });
  mkdirSync(work);
  const small = await within(
    30_000,
    job("i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); : > f$i; done", {
      limit: { wallMillis: 30_000, scratchBytes: 32 * MIB },
    }),
  );
  assert.equal(small.outcome, "scratch-too-big");
});

test("what a job leaves running is killed: in the background, in another session, forked twice", async (t) => {
  const { run: job } = setUp(t);
  const marker = `${62_000 + (process.pid % 1000)}.5`;
  const scripts = [
    `sleep ${marker} &`,
    `setsid sleep ${marker} &`,
    `(setsid bash -c '(trap "" HUP TERM; sleep ${marker} &) &' &) & sleep 0.2`,
  ];
  for (const script of scripts) {
    const result = await within(5000, job(`${script}\necho done`));
    assert.deepEqual([result.outcome, result.exitCode], ["exited", 0], script);
    assert.deepEqual(findProcesses(marker), [], script);
  }
  const timedOut = await job(`setsid sleep ${marker} & sleep 60`, { limit: { wallMillis: 500 } });
  assert.equal(timedOut.outcome, "timed-out");
  await sleep(100);
  assert.deepEqual(findProcesses(marker), []);
});

test("an abort cancels and kills", async (t) => {
  const { run: job } = setUp(t);
  const marker = `${63_000 + (process.pid % 1000)}.75`;
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 300);
  const result = await within(5000, job(`setsid sleep ${marker} & sleep 60`, { signal: controller.signal }));
  assert.deepEqual([result.outcome, result.exitCode], ["cancelled", null]);
  await sleep(100);
  assert.deepEqual(findProcesses(marker), []);
  assert.equal((await job("true", { signal: controller.signal })).outcome, "cancelled");
});

test("kill -9 of the reviewer kills the job", async (t) => {
  const { work } = setUp(t);
  const marker = `${64_000 + (process.pid % 1000)}.125`;
  const source = `
    const { openSandbox } = await import(${JSON.stringify(new URL("../../src/kernel/sandbox.ts", import.meta.url).href)});
    const sandbox = await openSandbox({ mode: "bwrap", env: {} });
    setTimeout(() => process.kill(process.pid, "SIGKILL"), 500);
    await sandbox.run({ command: ["bash", "-c", "setsid sleep ${marker} & sleep ${marker}"], cwd: "/work", env: { PATH: "/usr/bin" },
      mounts: [{ source: ${JSON.stringify(work)}, target: "/work", mode: "rw" }], limits: ${JSON.stringify(LIMITS)} });`;
  await assert.rejects(
    run([process.execPath, "--input-type=module", "-e", source], { env: { PATH: SYSTEM_PATH }, timeoutMillis: 20_000 }),
    /SIGKILL/,
  );
  await sleep(300);
  assert.deepEqual(findProcesses(marker), []);
});

test("lines arrive while the job runs", async (t) => {
  const { run: job } = setUp(t);
  const lines: string[] = [];
  await job("echo one; echo two >&2; echo three", { onLine: (line, stream) => lines.push(`${stream} ${line}`) });
  assert.deepEqual(lines.sort(), ["stderr two", "stdout one", "stdout three"]);
});

test("what cannot be set up is an error and not a result", async (t) => {
  const { work, run: job } = setUp(t);
  const failed = (pattern: RegExp) => (error: unknown) => error instanceof ToolError && pattern.test(error.message);
  await assert.rejects(
    job("true", { more: [{ source: join(work, "none"), target: "/none", mode: "ro" }] }),
    (error) => error instanceof ToolError || error instanceof InvariantError,
  );
  await assert.rejects(job("true", { command: ["objreview-no-such-program"] }), failed(/could not start/));
  await assert.rejects(job("true", { cwd: "/nowhere" }), failed(/could not start/));
  for (const target of ["/", "/usr", "/usr/x", "/proc/x", "/work/../etc", "relative", "/etc/passwd"]) {
    await assert.rejects(job("true", { more: [{ target, mode: "tmpfs", sizeBytes: MIB }] }), InvariantError, target);
  }
});

test("a link in place of a mount's source is refused", async (t) => {
  const { run: job } = setUp(t);
  const dir = scratchFolder(t);
  await run(["ln", "-s", "/etc", join(dir, "link")], { env: { PATH: SYSTEM_PATH } });
  await assert.rejects(
    job("true", { more: [{ source: join(dir, "link"), target: "/link", mode: "ro" }] }),
    /symbolic link/,
  );
});

test("jobs run side by side without seeing each other", async (t) => {
  const one = setUp(t);
  const two = setUp(t);
  const [first, second] = await Promise.all([
    one.run("echo 1 > f; sleep 0.3; ls; ls /proc | grep -c '^[0-9]'"),
    two.run("sleep 0.1; ls; kill -9 -1; true"),
  ]);
  assert.match(first.stdout, /^f\n\d\n$/);
  assert.equal(second.stdout, "");
});
