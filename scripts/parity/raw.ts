import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../src/base/errors.ts";
import type { KernelBuild } from "./build.ts";

// Objects as they were before the tree's own tool went over them. It adds sections and writes over little else: jumps at jump labels that
// their key's bit 1 asks it to make no-ops (which both tools take for no-ops whatever stands there), and calls of hooks in uninstrumented
// code (with KCOV). It passes over an object that has its sections already.

const added = [
  ".orc_unwind",
  ".orc_unwind_ip",
  ".orc_header",
  ".static_call_sites",
  ".retpoline_sites",
  ".return_sites",
].concat([".ibt_endbr_seal", ".call_sites", ".cfi_sites", "__mcount_loc"]);

/** ELF of x86-64. */
export function isObject(path: string): boolean {
  if (!existsSync(path)) return false;
  const bytes = readFileSync(path);
  return bytes.length > 64 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[18] === 62;
}

/** The object's bytes without what the tool has added. */
export function rawBytes(build: KernelBuild, path: string, scratch: string): Uint8Array {
  const bytes = readFileSync(path);
  // Written for every object with code by --orc, and for others only with --rethunk and the like.
  if (![".orc_unwind", ".return_sites", ".retpoline_sites", ".static_call_sites"].some((name) => bytes.includes(name)))
    return bytes;
  const copy = join(scratch, "raw.o");
  // --mcount makes __mcount_loc, unless the compiler has (reference kernel Makefile, CC_USING_RECORD_MCOUNT).
  const mine = build.config.isOn("CONFIG_FTRACE_MCOUNT_USE_OBJTOOL")
    ? added
    : added.filter((name) => name !== "__mcount_loc");
  execFileSync("objcopy", [...mine.flatMap((name) => ["-R", name]), path, copy]);
  const raw = readFileSync(copy);
  unlinkSync(copy);
  return raw;
}

/** The linker command of vmlinux.o as the build has saved it: the part before the tool's. */
function linkCommand(build: KernelBuild): string {
  const saved = join(build.folder, ".vmlinux.o.cmd");
  const text = existsSync(saved) ? readFileSync(saved, "utf8") : "";
  const line = /^(?:savedcmd|cmd)_vmlinux\.o := (.*)$/m.exec(text)?.[1];
  if (line === undefined) throw new UsageError(`${saved}: no command for vmlinux.o; build it by make vmlinux_o`);
  return (line.split(" ; ")[0] as string).replace(/ -Map=\S+/, "");
}

/** Program that links this build's objects, with the options that name the machine. */
export function linkerOf(build: KernelBuild): readonly string[] {
  if (!existsSync(join(build.folder, ".vmlinux.o.cmd"))) return ["ld", "-m", "elf_x86_64"];
  const words = linkCommand(build).split(/\s+/);
  const emulation = words.indexOf("-m");
  return [words[0] as string, ...(emulation < 0 ? [] : words.slice(emulation, emulation + 2))];
}

/** Links vmlinux.o anew, without the tool. Returns its path, in `scratch`. */
export function linkWhole(build: KernelBuild, scratch: string): string {
  const path = join(scratch, "vmlinux.o");
  const command = linkCommand(build).replace(/ -o vmlinux\.o(?= |$)/, () => ` -o '${path}'`);
  if (!command.includes(path)) throw new UsageError(`no output file in the saved command of vmlinux.o: ${command}`);
  execFileSync("sh", ["-c", command], { cwd: build.folder });
  if (!build.isDelayed)
    execFileSync("objcopy", [...added.filter((name) => name !== "__mcount_loc").flatMap((name) => ["-R", name]), path]);
  return path;
}
