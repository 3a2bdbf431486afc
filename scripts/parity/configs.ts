import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../src/base/errors.ts";
import { isVisitedTwice } from "../../src/kernel/visited-twice.ts";

// Builds of some objects under other configurations than the default one: fragments over x86_64 defconfig, in configs/NAME.config. Their
// `#:` lines say what make is given, and what is built besides the folders below.

const fragments = fileURLToPath(new URL("configs/", import.meta.url));

/** Code of every kind that checks look at: assembly, entries, user access, locks, alternatives, and the run of ordinary code. */
const targets = [
  "arch/x86/entry/",
  "arch/x86/lib/",
  "mm/",
  "lib/",
  "kernel/locking/",
  "kernel/entry/",
  "kernel/futex/",
].concat(
  ["traps", "nmi", "irqinit", "process_64", "signal_64", "ftrace_64", "paravirt", "alternative", "kprobes/core"].map(
    (name) => `arch/x86/kernel/${name}.o`,
  ),
  [
    "arch/x86/kernel/fpu/",
    "arch/x86/mm/fault.o",
    "kernel/exit.o",
    "kernel/fork.o",
    "kernel/sched/",
    "kernel/bpf/core.o",
  ],
);

interface Wanted {
  readonly make: readonly string[];
  readonly targets: readonly string[];
}

export function configNames(): string[] {
  return readdirSync(fragments)
    .filter((name) => name.endsWith(".config"))
    .map((name) => name.replace(/\.config$/, ""));
}

function readWanted(text: string): Wanted {
  const words = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^#: ${key} (.*)$`, "gm"))].flatMap((match) => (match[1] as string).split(/\s+/));
  return { make: words("make"), targets: [...targets, ...words("targets")] };
}

/**
 * Prepares `folder` for the configuration `name` of the source in `tree`, and builds the chosen objects; what is there already is kept.
 * Slow: a few minutes.
 * @param only targets of make that are built instead of all
 * @throws UsageError for an unknown name, or when the configuration does not come out as the fragment asks
 */
export function buildConfig(
  name: string,
  tree: string,
  folder: string,
  say: (text: string) => void,
  only?: readonly string[],
): void {
  const path = join(fragments, `${name}.config`);
  if (!existsSync(path)) throw new UsageError(`--config ${name}: there are ${configNames().join(", ")}`);
  const text = readFileSync(path, "utf8");
  const wanted = readWanted(text);
  mkdirSync(folder, { recursive: true });
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: "C", KBUILD_BUILD_TIMESTAMP: "1970-01-01" };
  const make = (args: readonly string[]): void => {
    execFileSync("make", ["-C", tree, `O=${folder}`, ...wanted.make, ...args], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
  };
  if (!existsSync(join(folder, ".config"))) {
    say(`configuration ${name}`);
    make(["x86_64_defconfig"]);
    // A later line wins: the same as scripts/kconfig/merge_config.sh without its checks, which come below.
    writeFileSync(join(folder, ".config"), `${readFileSync(join(folder, ".config"), "utf8")}\n${text}`);
    make(["olddefconfig"]);
  }
  const config = readFileSync(join(folder, ".config"), "utf8").split("\n");
  const missing = text.split("\n").filter((line) => line.startsWith("CONFIG_") && !config.includes(line));
  if (missing.length > 0) say(`not as asked for: ${missing.join(" ")}`);
  say("preparing");
  make(["prepare", "tools/objtool"]);
  const there = (only ?? wanted.targets).filter(
    (target) =>
      existsSync(join(tree, target)) ||
      existsSync(join(tree, target.replace(/\.o$/, ".c"))) ||
      existsSync(join(tree, target.replace(/\.o$/, ".S"))),
  );
  say(`building ${there.length} targets`);
  // make goes on over what this configuration cannot build.
  const serial = there.filter((target) => isVisitedTwice(target, "x86"));
  const rest = there.filter((target) => !serial.includes(target));
  for (const group of [rest, ...serial.map((target) => [target])]) {
    // Without a target make would build all of them.
    if (group.length === 0) continue;
    try {
      make(["-k", "-j1", ...group]);
    } catch {
      say(`not all of ${group.length > 3 ? `${group.length} targets` : group.join(" ")} could be built`);
    }
  }
}
