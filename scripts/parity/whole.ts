import { readFileSync } from "node:fs";
import { type AnalyzeOptions, analyzeObject } from "../../src/analyze/analyze-object.ts";
import type { Coverage } from "../../src/analyze/coverage.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import type { KernelBuild } from "./build.ts";
import { compare, sayOurs, sayTheirs, type Verdict } from "./compare.ts";
import { openModel } from "./object-model.ts";
import { linkWhole } from "./raw.ts";
import type { Outcome } from "./run.ts";
import { openTheirTool } from "./their-tool.ts";

export interface Whole {
  readonly outcome: Outcome;
  /** The linked object, which both tools read. */
  readonly path: string;
  readonly flags: readonly string[];
  readonly theirMilliseconds: number;
  readonly coverage: Coverage;
}

/** Both tools over vmlinux.o, linked again as it was before theirs went over it, one after the other. */
export async function compareWhole(build: KernelBuild, analyze: AnalyzeOptions, scratch: string): Promise<Whole> {
  const path = linkWhole(build, scratch);
  const tool = openTheirTool(build, "linked");
  const begun = performance.now();
  const reports = await tool.run(path);
  const theirMilliseconds = performance.now() - begun;
  const bytes = readFileSync(path);
  const started = performance.now();
  const analysis = analyzeObject(bytesSource(bytes), analyze);
  const ourMilliseconds = performance.now() - started;
  let verdicts: Verdict[] = [];
  if (reports.length > 0 || analysis.findings.length > 0) {
    const model = openModel("vmlinux.o", bytes);
    verdicts = compare(model, sayTheirs(model, reports), sayOurs(model, analysis.findings), reports);
  }
  const nothing = { class: "clean", function: "", section: "", offset: 0, before: "", after: "" };
  return {
    path,
    flags: tool.flags,
    theirMilliseconds,
    coverage: analysis.coverage,
    outcome: {
      ...nothing,
      number: -1,
      object: "vmlinux.o",
      verdicts,
      theirTexts: reports.map((report) => `${report.name}+0x${report.plus.toString(16)}: ${report.text}`),
      leftOut: 0,
      ourMilliseconds,
      ourFindings: analysis.findings.length,
    },
  };
}
