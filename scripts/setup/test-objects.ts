import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { isVisitedTwice } from "../../src/kernel/visited-twice.ts";
import { run } from "./command.ts";
import { ensureKernelFiles } from "./kernel-tree.ts";
import { type Report, step } from "./progress.ts";

const STAMP = ".objreview-built";

/**
 * What the tests look at, in kbuild's words: folders for breadth, single objects for the code that rules care about (user access,
 * entry, noinstr, retpolines, jump tables, alternatives, hand-written assembly).
 */
const targets: readonly string[] = [
  "tools/objtool",
  "arch/x86/lib/",
  "arch/x86/entry/",
  "lib/",
  "mm/",
  ...[
    "alternative",
    "cpu/common",
    "dumpstack",
    "head_64",
    "ibt_selftest",
    "idt",
    "irqinit",
    "nmi",
    "paravirt",
    "process",
    "process_64",
    "relocate_kernel_64",
    "signal_64",
    "traps",
  ].map((name) => `arch/x86/kernel/${name}.o`),
  "arch/x86/kernel/fpu/",
  "arch/x86/mm/fault.o",
  "arch/x86/power/hibernate_asm_64.o",
  "arch/x86/platform/efi/efi_stub_64.o",
  "arch/x86/platform/efi/efi_thunk_64.o",
  ...["async", "exit", "fork", "signal", "panic", "sys", "ptrace", "rseq", "kexec_core", "context_tracking"].map(
    (name) => `kernel/${name}.o`,
  ),
  "kernel/entry/",
  "kernel/bpf/core.o",
  "kernel/futex/",
  "kernel/locking/",
  "kernel/sched/core.o",
  "kernel/sched/build_policy.o",
  ...["exec", "namei", "read_write", "readdir", "select", "open"].map((name) => `fs/${name}.o`),
  "net/compat.o",
  "net/core/dev.o",
  "net/core/scm.o",
  "crypto/algapi.o",
];

/** The folder with the objects of an x86_64 defconfig build that the tests read. Its link `source` leads to the source files. */
export function testBuildPath(cache: string): string {
  return join(cache, "build-x86_64-defconfig-gcc");
}

async function stampText(files: string): Promise<string> {
  const compiler = await run("gcc", ["-dumpfullversion", "-dumpmachine"]);
  const makefile = await readFile(join(files, "Makefile"));
  return createHash("sha256").update(makefile).update(compiler).update(targets.join("\n")).digest("hex");
}

/**
 * kbuild, with nothing of ours in its environment. Two set-ups at a time take turns: kbuild does not expect a second make in its folder.
 * Nothing needs to be undone after an interruption: make removes the file that it was writing, and goes on where it was.
 */
async function make(build: string, files: string, args: readonly string[], report: Report): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LC_ALL: "C",
    KBUILD_BUILD_TIMESTAMP: "1970-01-01",
  };
  const command = ["make", `-j${availableParallelism()}`, "-C", files, `O=${build}`, ...args];
  await run("flock", [`${build}.lock`, ...command], { env, report });
}

/** Builds the objects once; a later call sees the stamp and does nothing. */
export async function ensureTestObjects(cache: string): Promise<string> {
  const files = await ensureKernelFiles(cache);
  const build = testBuildPath(cache);
  const stamp = join(build, STAMP);
  const wanted = await stampText(files);
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === wanted) return build;
  await mkdir(build, { recursive: true });
  await rm(stamp, { force: true });
  await step("configuration for the test objects", async (report) => {
    await make(build, files, ["x86_64_defconfig"], report);
    await make(build, files, ["prepare"], report);
  });
  await step("test objects", async (report) => {
    let objects = 0;
    const count: Report = (line) => {
      if (/^\s*(CC|AS)\b/.test(line)) report(`${++objects} objects, ${line}`);
    };
    const serial = targets.filter((target) => isVisitedTwice(target, "x86"));
    await make(
      build,
      files,
      targets.filter((target) => !serial.includes(target)),
      count,
    );
    await make(build, files, ["-j1", ...serial], count);
  });
  await writeFile(stamp, wanted);
  return build;
}
