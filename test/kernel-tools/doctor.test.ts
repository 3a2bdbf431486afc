import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { DoctorCheck, MachineFacts } from "../../src/kernel/doctor.ts";
import { examine, probeMachine } from "../../src/kernel/doctor.ts";
import { scratchFolder, testState } from "./make-repository.ts";

const GIB = 1024 ** 3;
const TOOLS = [
  "git",
  "make",
  "gcc",
  "objdump",
  "readelf",
  "flex",
  "bison",
  "bc",
  "bwrap",
  "prlimit",
  "ccache",
  "clang-22",
  "aarch64-linux-gnu-gcc",
  "chromium",
];
const WHOLE: MachineFacts = {
  tools: new Map(TOOLS.map((name) => [name, `${name} 1.0`])),
  headers: new Set(["/usr/include/gelf.h", "/usr/include/openssl/opensslv.h"]),
  sandbox: { limits: "cgroup v2" },
  userNamespaceSwitches: new Map([["/proc/sys/kernel/unprivileged_userns_clone", "1"]]),
  isRoot: false,
  memoryBytes: 8 * GIB,
  cpuCount: 2,
  freeBytes: { state: 100 * GIB, cache: 100 * GIB },
};

function check(facts: MachineFacts, name: string): DoctorCheck {
  const found = examine(facts).find((one) => one.name === name);
  assert.ok(found, name);
  return found;
}

function without(tool: string): MachineFacts {
  return { ...WHOLE, tools: new Map([...WHOLE.tools].filter(([name]) => name !== tool)) };
}

test("a machine that has everything is good throughout", () => {
  assert.deepEqual(
    examine(WHOLE).filter(({ state }) => state !== "good"),
    [],
  );
});

test("each missing tool says what it costs and how to get it; only the needed ones stop a review", () => {
  const optional = new Set(["ccache", "clang-22", "aarch64-linux-gnu-gcc", "chromium"]);
  for (const tool of TOOLS) {
    const { found, state, cost, command } = check(without(tool), tool);
    assert.deepEqual([found, state], [undefined, optional.has(tool) ? "limited" : "missing"], tool);
    assert.ok(cost.length > 5, tool);
    assert.match(command ?? "", /^sudo apt-get install [a-z0-9 -]+$/);
  }
  assert.equal(check({ ...without("bwrap"), isRoot: true }, "bwrap").command, "apt-get install bubblewrap");
  assert.equal(check({ ...WHOLE, headers: new Set() }, "libelf headers").command, "sudo apt-get install libelf-dev");
  assert.equal(check({ ...WHOLE, headers: new Set() }, "OpenSSL headers").state, "limited");
});

test("namespaces that are forbidden come with the switch that forbids them", () => {
  const error = "bubblewrap cannot make a sandbox here: Operation not permitted";
  const refused = (path: string, value: string): DoctorCheck =>
    check({ ...WHOLE, sandbox: { error }, userNamespaceSwitches: new Map([[path, value]]) }, "namespaces");
  const debian = refused("/proc/sys/kernel/unprivileged_userns_clone", "0");
  assert.deepEqual([debian.state, debian.command], ["missing", "sudo sysctl kernel.unprivileged_userns_clone=1"]);
  assert.match(debian.cost, /Operation not permitted/);
  assert.match(refused("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1").command ?? "", /apparmor/);
  assert.equal(
    refused("/proc/sys/user/max_user_namespaces", "96365").command,
    undefined,
    "no advice that would not help",
  );
});

test("weaker limits, little space and little memory are limits, not stops", () => {
  assert.equal(check({ ...WHOLE, sandbox: { limits: "prlimit" } }, "control groups").state, "limited");
  assert.equal(check({ ...WHOLE, memoryBytes: GIB }, "memory").state, "limited");
  assert.deepEqual(
    [check({ ...WHOLE, freeBytes: { state: GIB, cache: 100 * GIB } }, "disk space for state")].map(
      ({ found, state }) => [found, state],
    ),
    [["1.0 GiB", "limited"]],
  );
});

test("this machine: what the tests themselves need is found, with versions", async (t) => {
  const dir = scratchFolder(t);
  const facts = await probeMachine(testState(join(dir, "not", "made", "yet")));
  assert.match(facts.tools.get("git") ?? "", /^git version 2\./);
  assert.match(facts.tools.get("gcc") ?? "", /^gcc .*\d+\.\d+/);
  assert.ok(!facts.tools.has("objreview-no-such-program"));
  assert.ok("limits" in facts.sandbox, "error" in facts.sandbox ? facts.sandbox.error : "");
  assert.ok(facts.freeBytes.state > 0 && facts.memoryBytes > 0 && facts.cpuCount > 0);
  const missing = examine(facts).filter(({ state }) => state === "missing");
  assert.deepEqual(
    missing.map(({ name, command }) => `${name}: ${command}`),
    [],
  );
});
