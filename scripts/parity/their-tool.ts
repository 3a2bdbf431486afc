import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../../src/base/errors.ts";
import type { KernelBuild } from "./build.ts";
import { classifyText } from "./texts.ts";

const run = promisify(execFile);

/** One warning of the tree's own tool. */
export interface TheirReport {
  /** Symbol or section that it begins with, "" for none, and the bytes behind that. */
  readonly name: string;
  readonly plus: number;
  readonly text: string;
  /** Rule of ours that it corresponds to, undefined for texts outside of this slice. */
  readonly rule: string | undefined;
  /** The tool gives up on the whole object here. */
  readonly fatal: boolean;
}

export interface TheirTool {
  readonly flags: readonly string[];
  /** @param path a copy that nobody else needs; nothing is written to it */
  run(path: string): Promise<TheirReport[]>;
}

/**
 * What the tool is run over. object: one as the compiler left it, where calls out of it cannot be judged. completed: one beside stand-ins for
 * what it calls in sections that may not be instrumented. linked: the whole of vmlinux.
 */
export type Subject = "object" | "completed" | "linked";

/** Options by the build's own configuration: reference kernel scripts/Makefile.lib, objtool-args, and scripts/Makefile.vmlinux_o. */
export function openTheirTool(build: KernelBuild, subject: Subject): TheirTool {
  const program = join(build.folder, "tools/objtool/objtool");
  if (!existsSync(program)) throw new UsageError(`${program}: no such file`);
  const flags = flagsFor(build, subject);
  return {
    flags,
    async run(path) {
      const timeout = subject === "linked" ? 600_000 : 60_000;
      let output: string;
      try {
        const done = await run(program, [...flags, path], { encoding: "utf8", timeout, maxBuffer: 1 << 26 });
        output = done.stdout + done.stderr;
      } catch (error) {
        const { stdout = "", stderr = "", signal } = error as { stdout?: string; stderr?: string; signal?: string };
        output = `${stdout}${stderr}${signal ? `\nx: warning: objtool: killed by ${signal}` : ""}`;
      }
      return parse(output);
    },
  };
}

export function flagsFor({ config, isDelayed }: KernelBuild, subject: Subject): string[] {
  const on = (...symbols: string[]): boolean => symbols.some((symbol) => config.isOn(`CONFIG_${symbol}`));
  const flag = (wanted: boolean, name: string): string[] => (wanted ? [name] : []);
  const mcount = on("FTRACE_MCOUNT_USE_OBJTOOL");
  const padding = config.values.get("CONFIG_FUNCTION_PADDING_BYTES");
  // A separate option each: 6.1 knows no list.
  const noinstr = subject !== "object" && on("NOINSTR_VALIDATION");
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
    // The ways to the first return lead through many objects.
    ...flag(
      subject === "linked" && noinstr && on("MITIGATION_UNRET_ENTRY", "MITIGATION_SRSO", "CPU_UNRET_ENTRY"),
      "--unret",
    ),
    ...flag(isDelayed || noinstr || subject === "linked", "--link"),
    "--dry-run",
  ];
}

function parse(output: string): TheirReport[] {
  const reports: TheirReport[] = [];
  for (const line of output.split("\n")) {
    const head = /^(?:[^ ]*: )?(?:warning|error): objtool: (.*)$/.exec(line);
    if (head === null) continue;
    const body = head[1] as string;
    const located = /^([^\s:]+?)(?:\(\))?\+0x([0-9a-f]+): (.*)$/.exec(body);
    const named =
      /^([\w.$]+)\(\) (.*)$/.exec(body) ?? /^([\w.$]+)\(\): (.*)$/.exec(body) ?? /^([\w.$]+): (.*)$/.exec(body);
    const text = located?.[3] ?? named?.[2] ?? body;
    const kind = classifyText(text);
    reports.push({
      name: located?.[1] ?? named?.[1] ?? "",
      plus: located === null ? 0 : Number.parseInt(located[2] as string, 16),
      text,
      rule: kind.rule,
      fatal: kind.fatal,
    });
  }
  return reports;
}
