import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../../src/base/errors.ts";
import { objectToolFlags, readToolOutput, type ToolReport, type ToolSubject } from "../../src/kernel/object-tool.ts";
import { classifyText } from "../../src/review/tool-words.ts";
import type { KernelBuild } from "./build.ts";

const run = promisify(execFile);

/** One warning of the tree's own tool. */
export interface TheirReport extends ToolReport {
  /** Rule of ours that it corresponds to, undefined for texts outside of this slice. */
  readonly rule: string | undefined;
  /** The tool gives up on the whole object here. */
  readonly fatal: boolean;
}

export interface TheirTool {
  readonly flags: readonly string[];
  /** @param path a copy that nobody else needs; nothing is written to it */
  run(path: string, isModule?: boolean): Promise<TheirReport[]>;
}

export type Subject = ToolSubject;

/** Options by the build's own configuration: reference kernel scripts/Makefile.lib, objtool-args, and scripts/Makefile.vmlinux_o. */
export function openTheirTool(build: KernelBuild, subject: Subject): TheirTool {
  const program = join(build.folder, "tools/objtool/objtool");
  if (!existsSync(program)) throw new UsageError(`${program}: no such file`);
  const flags = flagsFor(build, subject);
  return {
    flags,
    async run(path, isModule = false) {
      const timeout = subject === "linked" ? 600_000 : 60_000;
      let output: string;
      try {
        const done = await run(program, [...flags, ...(isModule ? ["--module"] : []), path], {
          encoding: "utf8",
          timeout,
          maxBuffer: 1 << 26,
        });
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
  return objectToolFlags(config, isDelayed, subject);
}

/** Texts that no list knows: told at the end of a run, which is no good one with them. */
export const unknownTexts = new Set<string>();

function classify(text: string): ReturnType<typeof classifyText> {
  try {
    return classifyText(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    unknownTexts.add(text);
    return { rule: undefined, fatal: true };
  }
}

/** What is said again and again of one place is there once: a damaged table of 639,132 equal reports has been seen. */
function parse(output: string): TheirReport[] {
  const reports = new Map<string, TheirReport>();
  for (const report of readToolOutput(output)) {
    const key = `${report.name} ${report.plus} ${report.text}`;
    if (!reports.has(key)) reports.set(key, { ...report, ...classify(report.text) });
  }
  return [...reports.values()];
}
