// What this machine has of what a review needs, what each missing thing costs, and the command that gets it. Looking
// (probeMachine) and judging (examine) are apart, so that the judgement can be tried on machines one does not have.

import { existsSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { freeBytes } from "./disk-space.ts";
import { run, SYSTEM_PATH } from "./process.ts";
import { openSandbox } from "./sandbox.ts";
import type { StateFolder } from "./state-folder.ts";

/** What was found, without a judgement. */
export interface MachineFacts {
  /** Tool -> the first line of its `--version`; no entry where it is not installed. */
  readonly tools: ReadonlyMap<string, string>;
  /** Paths of `HEADERS` that exist. */
  readonly headers: ReadonlySet<string>;
  /** What opening the sandbox gave: how it bounds jobs, or why there is none. */
  readonly sandbox: { readonly limits: string } | { readonly error: string };
  /** Values of the switches by which systems forbid user namespaces to ordinary users; no entry where there is none. */
  readonly userNamespaceSwitches: ReadonlyMap<string, string>;
  readonly isRoot: boolean;
  readonly memoryBytes: number;
  readonly cpuCount: number;
  /** Free for us where the state and the cache are. */
  readonly freeBytes: { readonly state: number; readonly cache: number };
}

export interface DoctorCheck {
  readonly name: string;
  /** Version or value; undefined when it is missing. */
  readonly found: string | undefined;
  /** "missing": no review is possible without it. "limited": something is lost. */
  readonly state: "good" | "limited" | "missing";
  readonly neededFor: string;
  /** What its absence costs; only said when it is absent. */
  readonly cost: string;
  /** What to type to get it, where one line does. */
  readonly command?: string;
}

interface Need {
  readonly name: string;
  readonly package: string;
  readonly required: boolean;
  readonly neededFor: string;
  readonly cost: string;
}

const TOOLS: readonly Need[] = [
  { name: "git", package: "git", required: true, neededFor: "reading the tree, applying patches", cost: "no review" },
  {
    name: "make",
    package: "make",
    required: true,
    neededFor: "kbuild",
    cost: "no build, so no review; check of given objects works",
  },
  {
    name: "gcc",
    package: "gcc",
    required: true,
    neededFor: "compiling, host tools of the kernel",
    cost: "no build, so no review; check of given objects works",
  },
  {
    name: "objdump",
    package: "binutils",
    required: true,
    neededFor: "kbuild (assembler, linker), the decoder tests",
    cost: "no build, so no review",
  },
  {
    name: "readelf",
    package: "binutils",
    required: true,
    neededFor: "kbuild, the tests of the object reader",
    cost: "no build, so no review",
  },
  {
    name: "flex",
    package: "flex",
    required: true,
    neededFor: "kbuild: the configuration program",
    cost: "no configuration, so no review",
  },
  {
    name: "bison",
    package: "bison",
    required: true,
    neededFor: "kbuild: the configuration program",
    cost: "no configuration, so no review",
  },
  {
    name: "bc",
    package: "bc",
    required: true,
    neededFor: "kbuild: include/generated/timeconst.h",
    cost: "make prepare fails, so no review",
  },
  {
    name: "bwrap",
    package: "bubblewrap",
    required: true,
    neededFor: "the sandbox that patches are built in",
    cost: "no review, but on a throw-away runner with --sandbox=runner",
  },
  { name: "prlimit", package: "util-linux", required: true, neededFor: "limits of jobs", cost: "no review" },
  {
    name: "ccache",
    package: "ccache",
    required: false,
    neededFor: "the compile cache",
    cost: "base objects are compiled again for every review",
  },
  {
    name: "clang-22",
    package: "clang-22 lld-22 llvm-22",
    required: false,
    neededFor: "profiles that compile with clang",
    cost: "those profiles are left out, and the report says so",
  },
  {
    name: "aarch64-linux-gnu-gcc",
    package: "gcc-aarch64-linux-gnu",
    required: false,
    neededFor: "profiles for arm64",
    cost: "those profiles are left out, and the report says so",
  },
  {
    name: "chromium",
    package: "chromium",
    required: false,
    neededFor: "the tests that look at the HTML page",
    cost: "those tests fail; reviews do not need it",
  },
];

/** Libraries that kernel host tools are linked with. */
const HEADERS: readonly (Need & { readonly path: string })[] = [
  {
    name: "libelf headers",
    path: "/usr/include/gelf.h",
    package: "libelf-dev",
    required: true,
    neededFor: "the kernel's own object tool, which make prepare builds",
    cost: "make prepare fails, so no review",
  },
  {
    name: "OpenSSL headers",
    path: "/usr/include/openssl/opensslv.h",
    package: "libssl-dev",
    required: false,
    neededFor: "certs/extract-cert: full builds of a base, patches to certs/",
    cost: "a full build of the base stops in certs/; reviews of other files work",
  },
];

/** Debian's own, and Ubuntu's since 23.10; then the number that every kernel has. */
const USER_NAMESPACE_SWITCHES: readonly {
  readonly path: string;
  readonly forbids: string;
  readonly command: string;
}[] = [
  {
    path: "/proc/sys/kernel/unprivileged_userns_clone",
    forbids: "0",
    command: "sysctl kernel.unprivileged_userns_clone=1",
  },
  {
    path: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    forbids: "1",
    command: "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
  },
  { path: "/proc/sys/user/max_user_namespaces", forbids: "0", command: "sysctl user.max_user_namespaces=10000" },
];

const GIB = 1024 ** 3;
/** A tree (1.5 GB of files), two slots, build folders of both sides: measured on 6.12 x86_64 defconfig. */
const STATE_BYTES = 8 * GIB;
const CACHE_BYTES = 6 * GIB;
const MEMORY_BYTES = 3 * GIB;

/** Looks at this machine. Starts each tool once, for its version. */
export async function probeMachine(folders: StateFolder): Promise<MachineFacts> {
  const env = { PATH: SYSTEM_PATH, LC_ALL: "C", HOME: "/nonexistent" };
  const tools = new Map<string, string>();
  for (const { name } of TOOLS) {
    try {
      const { exitCode, stdout } = await run([name, "--version"], {
        env,
        timeoutMillis: 10_000,
        maxOutputBytes: 65_536,
      });
      tools.set(name, exitCode === 0 ? (stdout.split("\n")[0] ?? "").trim() : "version unknown");
    } catch (error) {
      // There, but not able to say its version (a wrapper that wants a display, say): not missing.
      if (!isNotFound(error)) tools.set(name, "version unknown");
    }
  }
  const switches = new Map<string, string>();
  for (const { path } of USER_NAMESPACE_SWITCHES)
    if (existsSync(path)) switches.set(path, readFileSync(path, "utf8").trim());
  return {
    tools,
    headers: new Set(HEADERS.filter(({ path }) => existsSync(path)).map(({ path }) => path)),
    sandbox: await openSandbox({ mode: "bwrap", env: {} }).then(
      ({ limits }) => ({ limits }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
    ),
    userNamespaceSwitches: switches,
    isRoot: process.getuid?.() === 0,
    memoryBytes: totalmem(),
    cpuCount: cpus().length,
    freeBytes: { state: freeBytes(folders.state), cache: freeBytes(folders.cache) },
  };
}

/** The checks in the order in which they matter. Pure. */
export function examine(facts: MachineFacts): DoctorCheck[] {
  return [
    ...TOOLS.map((need) => checkNeed(need, facts.tools.get(need.name), facts.isRoot)),
    ...HEADERS.map((need) => checkNeed(need, facts.headers.has(need.path) ? "installed" : undefined, facts.isRoot)),
    checkSandbox(facts),
    checkLimits(facts),
    checkAmount(
      "disk space for state",
      facts.freeBytes.state,
      STATE_BYTES,
      "work trees and build folders",
      "a review may stop for want of space; set OBJREVIEW_STATE to a larger disk",
    ),
    checkAmount(
      "disk space for the cache",
      facts.freeBytes.cache,
      CACHE_BYTES,
      "kernel source, compile cache, prepared builds",
      "set-up may stop for want of space; set OBJREVIEW_CACHE to a larger disk",
    ),
    checkAmount(
      "memory",
      facts.memoryBytes,
      MEMORY_BYTES,
      "two compilers at a time and the analysis",
      "large objects may end in out-of-memory, and the review in inconclusive",
    ),
    { name: "processors", found: String(facts.cpuCount), state: "good", neededFor: "compiling in parallel", cost: "" },
  ];
}

function checkNeed(need: Need, found: string | undefined, isRoot: boolean): DoctorCheck {
  const state = found !== undefined ? "good" : need.required ? "missing" : "limited";
  const install = `${isRoot ? "" : "sudo "}apt-get install ${need.package}`;
  return {
    name: need.name,
    found,
    state,
    neededFor: need.neededFor,
    cost: need.cost,
    ...(found === undefined ? { command: install } : {}),
  };
}

function checkSandbox(facts: MachineFacts): DoctorCheck {
  const common = {
    name: "namespaces",
    neededFor: "keeping a patch's build from files, network and processes",
    cost: "no review, but on a throw-away runner with --sandbox=runner",
  };
  if ("limits" in facts.sandbox)
    return { ...common, found: "a sandbox was made and a program ran in it", state: "good" };
  const off = USER_NAMESPACE_SWITCHES.find(({ path, forbids }) => facts.userNamespaceSwitches.get(path) === forbids);
  const command = facts.tools.has("bwrap") ? off?.command : undefined;
  const cost = `${facts.sandbox.error}; ${common.cost}`;
  return {
    ...common,
    cost,
    found: undefined,
    state: "missing",
    ...(command === undefined ? {} : { command: `${facts.isRoot ? "" : "sudo "}${command}` }),
  };
}

function checkLimits(facts: MachineFacts): DoctorCheck {
  const found = "limits" in facts.sandbox ? facts.sandbox.limits : undefined;
  return {
    name: "control groups",
    found,
    state: found === undefined || found === "prlimit" ? "limited" : "good",
    neededFor: "bounding the memory and processes of a job as a whole",
    cost: "limits hold per process, and the sum is looked at five times a second",
  };
}

function checkAmount(name: string, bytes: number, wanted: number, neededFor: string, cost: string): DoctorCheck {
  const found = `${(bytes / GIB).toFixed(1)} GiB`;
  return {
    name,
    found,
    state: bytes >= wanted ? "good" : "limited",
    neededFor: `${neededFor} (about ${wanted / GIB} GiB)`,
    cost,
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "not-found";
}
