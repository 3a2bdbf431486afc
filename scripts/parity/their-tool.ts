import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../../src/base/errors.ts";
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

/** Options by the build's own configuration: reference kernel scripts/Makefile.lib, objtool-args. */
export function openTheirTool(build: string): TheirTool {
  const program = join(build, "tools/objtool/objtool");
  const configFile = join(build, ".config");
  for (const path of [program, configFile]) if (!existsSync(path)) throw new UsageError(`${path}: no such file`);
  const config = new Map(
    [...readFileSync(configFile, "utf8").matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map((m) => [
      m[1] as string,
      m[2] as string,
    ]),
  );
  const on = (key: string): boolean => config.get(`CONFIG_${key}`) === "y";
  const hacks = [
    on("HAVE_JUMP_LABEL_HACK") ? "jump_label" : "",
    on("HAVE_NOINSTR_HACK") ? "noinstr" : "",
    on("MITIGATION_CALL_DEPTH_TRACKING") ? "skylake" : "",
  ].filter((hack) => hack !== "");
  const padding = config.get("CONFIG_FUNCTION_PADDING_BYTES");
  const flags = [
    hacks.length > 0 ? `--hacks=${hacks.join()}` : "",
    on("X86_KERNEL_IBT") ? "--ibt" : "",
    on("UNWINDER_ORC") ? "--orc" : "",
    on("MITIGATION_RETPOLINE") ? "--retpoline" : "",
    on("MITIGATION_RETHUNK") ? "--rethunk" : "",
    on("MITIGATION_SLS") ? "--sls" : "",
    on("UNWINDER_FRAME_POINTER") ? "--stackval" : "",
    on("HAVE_STATIC_CALL_INLINE") ? "--static-call" : "",
    on("HAVE_UACCESS_VALIDATION") ? "--uaccess" : "",
    on("GCOV_KERNEL") || on("KCOV") ? "--no-unreachable" : "",
    on("PREFIX_SYMBOLS") && padding !== undefined ? `--prefix=${padding}` : "",
    "--link",
    "--dry-run",
  ].filter((flag) => flag !== "");
  return {
    flags,
    async run(path) {
      let output: string;
      try {
        const done = await run(program, [...flags, path], { encoding: "utf8", timeout: 60_000, maxBuffer: 1 << 24 });
        output = done.stdout + done.stderr;
      } catch (error) {
        const { stdout = "", stderr = "", signal } = error as { stdout?: string; stderr?: string; signal?: string };
        output = `${stdout}${stderr}${signal ? `\nx: warning: objtool: killed by ${signal}` : ""}`;
      }
      return parse(output);
    },
  };
}

function parse(output: string): TheirReport[] {
  const reports: TheirReport[] = [];
  for (const line of output.split("\n")) {
    const head = /^(?:[^ ]*: warning: |error: )objtool: (.*)$/.exec(line);
    if (head === null) continue;
    const body = head[1] as string;
    const located = /^([^\s:]+?)\+0x([0-9a-f]+): (.*)$/.exec(body);
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
