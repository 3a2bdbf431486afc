import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readBuilt } from "./collect.ts";
import type { SandboxedRun } from "./kbuild.ts";
import { requireSuccess, runInBuild, runMake } from "./kbuild.ts";
import { withMountedFile } from "./mounted-file.ts";

// What kbuild would build in a directory, and with which flags, as make itself evaluates the tree's Makefiles: plan.mk is run in
// the environment that the top Makefile exports. Evaluating one directory takes some 50 ms, the top Makefile 0.5 to 1 s; its
// environment is asked for once a side.

export interface DirectoryPlan {
  readonly dir: string;
  /** The Kbuild or Makefile that was read, or undefined where the directory has none. */
  readonly file: string | undefined;
  /** Lists as written there: "fork.o" or "sched/", relative to the directory. */
  readonly objY: readonly string[];
  readonly objM: readonly string[];
  readonly lib: readonly string[];
  /** In obj- or lib-: named by the file, off in this configuration. */
  readonly off: readonly string[];
  /** Part of a composite object -> the composites, "core.o" -> ["netfilter.o"]. */
  readonly partsY: ReadonlyMap<string, readonly string[]>;
  readonly partsM: ReadonlyMap<string, readonly string[]>;
  /** Directories that are visited and not linked. */
  readonly visited: readonly string[];
  /** Targets of rules of their own: vdso parts, boot code, generated files. */
  readonly other: readonly string[];
  readonly hostPrograms: readonly string[];
  /** Directories whose lib.a is linked into vmlinux. */
  readonly linkedLibraries: readonly string[];
  /** Object path -> compiler and assembler flags. */
  readonly flags: ReadonlyMap<string, string>;
}

/** What the top Makefile exports to the Makefiles below it. */
export type MakeEnvironment = ReadonlyMap<string, string>;

const PLAN_MOUNT = "/objreview/plan.mk";
/** Ours, or of this one process: not handed on. */
const OWN_VARIABLES =
  /^(MAKEFLAGS|MFLAGS|MAKELEVEL|MAKEOVERRIDES|MAKE_TERM\w*|PWD|OLDPWD|SHLVL|_|O|KBUILD_RUN_COMMAND)$/;

/** Runs the top Makefile of the side and reads what it exports. Throws ToolError where it does not evaluate. */
export async function readMakeEnvironment(run: SandboxedRun): Promise<MakeEnvironment> {
  // run-command (Makefile, 5.14 and later) is kbuild's own target for running a command in its environment.
  const args = ["-s", "run-command", "KBUILD_RUN_COMMAND=echo @environment; env"];
  const made = await runMake(run, args);
  requireSuccess(made, ["make", ...args], "evaluating the top Makefile");
  const environment = new Map<string, string>();
  for (const line of made.log.slice(made.log.indexOf("@environment\n") + 13).split("\n")) {
    const equals = line.indexOf("=");
    const name = line.slice(0, equals);
    if (equals > 0 && /^\w+$/.test(name) && !OWN_VARIABLES.test(name)) environment.set(name, line.slice(equals + 1));
  }
  return environment;
}

/** Evaluates `dirs`, each by a make of its own. A directory whose Makefile fails has an empty plan with `file` undefined. */
export async function planDirectories(
  run: SandboxedRun,
  environment: MakeEnvironment,
  dirs: readonly string[],
): Promise<Map<string, DirectoryPlan>> {
  const plans = new Map<string, DirectoryPlan>();
  if (dirs.length === 0) return plans;
  const style = hasAbsoluteSrc(run.folders.sourceDir) ? "absolute" : "relative";
  const exported = [...environment].map(([name, value]) => `${name}=${value}`);
  const text = readFileSync(new URL("./plan.mk", import.meta.url), "utf8");
  const log = await withMountedFile(text, PLAN_MOUNT, async (mount) => {
    const loop =
      'for dir in $OBJREVIEW_DIRS; do echo "@dir $dir"; ' +
      `make -rR --no-print-directory -f ${PLAN_MOUNT} "obj=$dir" src-style=${style} need-builtin=1 need-modorder=1 ` +
      "KBUILD_BUILTIN=1 KBUILD_MODULES=1 objtool=true plan 2>&1; done; exit 0";
    const safe = dirs.filter((dir) => /^[\w./+-]+$/.test(dir));
    const command = ["/usr/bin/env", ...exported, `OBJREVIEW_DIRS=${safe.join(" ")}`, "/bin/sh", "-c", loop];
    const made = await runInBuild({ ...run, mounts: [...(run.mounts ?? []), mount] }, command);
    requireSuccess(made, ["make", "-f", "plan.mk"], "evaluating Kbuild files");
    return made.log;
  });
  for (const part of log.split(/^@dir /m).slice(1)) {
    const end = part.indexOf("\n");
    const dir = part.slice(0, end);
    plans.set(dir, readDirectoryPlan(dir, part.slice(end + 1)));
  }
  return plans;
}

/** Reads what plan.mk printed for one directory. */
export function readDirectoryPlan(dir: string, text: string): DirectoryPlan {
  const facts = new Map<string, string[]>();
  const flags = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^@([a-z-]+) ?(.*)$/.exec(line);
    if (match === null) continue;
    if (match[1] === "flags") {
      const blank = match[2]!.indexOf(" ");
      flags.set(
        match[2]!.slice(0, blank),
        match[2]!
          .slice(blank + 1)
          .replace(/\s+/g, " ")
          .trim(),
      );
    } else {
      facts.set(
        match[1]!,
        match[2]!.split(/\s+/).filter((word) => word !== ""),
      );
    }
  }
  const list = (key: string): string[] => [...new Set(facts.get(key) ?? [])];
  return {
    dir,
    file: list("file")[0]?.replace(/^\.\//, ""),
    objY: list("obj-y"),
    objM: list("obj-m"),
    lib: list("lib-y"),
    off: list("obj-off"),
    partsY: readParts(list("parts-y")),
    partsM: readParts(list("parts-m")),
    visited: list("subdir"),
    other: list("other"),
    hostPrograms: list("host"),
    linkedLibraries: list("libs"),
    flags,
  };
}

function readParts(pairs: readonly string[]): Map<string, string[]> {
  const parts = new Map<string, string[]>();
  for (const pair of pairs) {
    const colon = pair.indexOf(":");
    const part = pair.slice(colon + 1);
    const list = parts.get(part);
    if (list === undefined) parts.set(part, [pair.slice(0, colon)]);
    else list.push(pair.slice(0, colon));
  }
  return parts;
}

/** From 6.10 on scripts/Makefile.build gives $(src) the source tree's path in front. */
function hasAbsoluteSrc(sourceDir: string): boolean {
  const file = readBuilt(sourceDir, join("scripts", "Makefile.build"), 1 << 20);
  return file.kind === "file" && /^src := \$\((if|srcroot|srctree)/m.test(new TextDecoder().decode(file.bytes));
}
