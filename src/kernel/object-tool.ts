import { join } from "node:path";
import { runInBuild } from "./kbuild.ts";
import type { KernelConfig } from "./kernel-config.ts";
import type { Profile } from "./profile.ts";
import type { Mount, Sandbox } from "./sandbox.ts";

// The kernel tree's own object tool, tools/objtool. It is the base's build of it that is asked, never one that a patch could have made.

/** One warning of the tool. */
export interface ToolReport {
  /** Symbol or section that it begins with, "" for none, and the bytes behind that. */
  readonly name: string;
  readonly plus: number;
  readonly text: string;
}

/**
 * What the tool is run over. object: one as the compiler left it, where calls out of it cannot be judged. completed: one beside stand-ins for
 * what it calls in sections that may not be instrumented. linked: the whole of vmlinux.
 */
export type ToolSubject = "object" | "completed" | "linked";

/**
 * Options by the build's own configuration: reference kernel scripts/Makefile.lib, objtool-args, and scripts/Makefile.vmlinux_o.
 * @param isDelayed the build runs the tool over linked objects only (CONFIG_X86_KERNEL_IBT, CONFIG_LTO_CLANG)
 */
export function objectToolFlags(config: KernelConfig, isDelayed: boolean, subject: ToolSubject): string[] {
  const on = (...symbols: string[]): boolean => symbols.some((symbol) => config.isOn(`CONFIG_${symbol}`));
  const flag = (wanted: boolean, name: string): string[] => (wanted ? [name] : []);
  const mcount = on("FTRACE_MCOUNT_USE_OBJTOOL");
  const padding = config.values.get("CONFIG_FUNCTION_PADDING_BYTES");
  const noinstr = subject !== "object" && on("NOINSTR_VALIDATION");
  // A separate option each: 6.1 knows no list.
  return [
    ...flag(on("HAVE_JUMP_LABEL_HACK"), "--hacks=jump_label"),
    ...flag(on("HAVE_NOINSTR_HACK"), "--hacks=noinstr"),
    ...flag(on("MITIGATION_CALL_DEPTH_TRACKING", "CALL_DEPTH_TRACKING"), "--hacks=skylake"),
    ...flag(on("X86_KERNEL_IBT"), "--ibt"),
    ...flag(on("FINEIBT"), "--cfi"),
    ...flag(mcount, "--mcount"),
    ...flag(mcount && on("HAVE_OBJTOOL_NOP_MCOUNT"), "--mnop"),
    ...flag(on("UNWINDER_ORC"), "--orc"),
    ...flag(on("MITIGATION_RETPOLINE", "RETPOLINE"), "--retpoline"),
    ...flag(on("MITIGATION_RETHUNK", "RETHUNK"), "--rethunk"),
    ...flag(on("MITIGATION_SLS", "SLS"), "--sls"),
    ...flag(on("STACK_VALIDATION"), "--stackval"),
    ...flag(on("HAVE_STATIC_CALL_INLINE"), "--static-call"),
    ...flag(on("HAVE_UACCESS_VALIDATION"), "--uaccess"),
    ...flag(on("GCOV_KERNEL", "KCOV"), "--no-unreachable"),
    ...flag(on("PREFIX_SYMBOLS") && padding !== undefined, `--prefix=${padding}`),
    ...flag(noinstr, "--noinstr"),
    ...flag(noinstr && on("MITIGATION_UNRET_ENTRY", "MITIGATION_SRSO", "CPU_UNRET_ENTRY"), "--unret"),
    ...flag(isDelayed || noinstr || subject === "linked", "--link"),
    "--dry-run",
  ];
}

/** The tool is run over linked objects only: an ordinary build of one object hears nothing of it. */
export function isDelayed(config: KernelConfig): boolean {
  return ["CONFIG_X86_KERNEL_IBT", "CONFIG_LTO_CLANG", "CONFIG_KLP_BUILD"].some((symbol) => config.isOn(symbol));
}

/** Warnings and errors in what the tool printed. Up to 6.1 names are followed by "()". */
export function readToolOutput(output: string): ToolReport[] {
  const reports: ToolReport[] = [];
  for (const line of output.split("\n")) {
    const body = /^(?:[^ ]*: )?(?:warning|error): objtool: (.*)$/.exec(line)?.[1];
    if (body === undefined) continue;
    const located = /^([^\s:]+?)(?:\(\))?\+0x([0-9a-f]+): (.*)$/.exec(body);
    const named =
      /^([\w.$]+)\(\) (.*)$/.exec(body) ??
      /^([\w.$]+)\(\): (.*)$/.exec(body) ??
      /^(?!static_call: )([\w.$]+): (.*)$/.exec(body);
    reports.push({
      name: located?.[1] ?? named?.[1] ?? "",
      plus: located === null ? 0 : Number.parseInt(located[2] as string, 16),
      text: located?.[3] ?? named?.[2] ?? body,
    });
  }
  return reports;
}

const OBJECT_MOUNT = "/objreview/object.o";
const SECONDS = 60;

export interface ToolQuestion {
  /** Object outside the sandbox; it is only read. */
  readonly file: string;
  /** The object is part of a module: scripts/Makefile.lib gives the tool another option then. */
  readonly isModule: boolean;
  readonly config: KernelConfig;
  /** The base's build folder, prepared: it holds the tool. */
  readonly folders: { readonly sourceDir: string; readonly outDir: string };
  readonly profile: Profile;
  readonly sandbox: Sandbox;
  readonly signal?: AbortSignal | undefined;
}

/** Runs the tool over one object in the sandbox. A string says why there is no answer. */
export async function askObjectTool(question: ToolQuestion): Promise<readonly ToolReport[] | string> {
  const { file, isModule, config, folders, profile, sandbox, signal } = question;
  const mount: Mount = { source: file, target: OBJECT_MOUNT, mode: "ro" };
  // It opens what it reads for writing, even when it writes nothing.
  const script = `cp ${OBJECT_MOUNT} /tmp/object.o && chmod u+w /tmp/object.o && exec "$@" /tmp/object.o`;
  const flags = [...objectToolFlags(config, isDelayed(config), "object"), ...(isModule ? ["--module"] : [])];
  const run = await runInBuild(
    { folders, profile, sandbox, seconds: SECONDS, signal, readsOnly: true, mounts: [mount], compileCache: undefined },
    ["/bin/sh", "-c", script, "sh", join("tools/objtool", "objtool"), ...flags],
  );
  if (run.outcome !== "exited") return `it was stopped: ${run.outcome}`;
  const reports = readToolOutput(run.log);
  // Errors make newer ones exit with 1, and those are answers too.
  if (run.exitCode !== 0 && reports.length === 0) return `exit status ${run.exitCode}: ${lastLine(run.log)}`;
  return reports;
}

function lastLine(log: string): string {
  return log.trimEnd().split("\n").at(-1)?.slice(0, 200) ?? "";
}
