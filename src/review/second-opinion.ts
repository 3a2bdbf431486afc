import { basename } from "node:path";
import type { ObjectFinding } from "../analyze/analyze-object.ts";
import type { ToolReport } from "../kernel/object-tool.ts";
import { hasCheckFor, kindOfText, needsLinkedKernel } from "./tool-words.ts";

// Does the kernel's own tool see it too? A maintainer knows that tool: "it says so as well" settles an argument, and "it is silent" says
// that this one has to be looked at with one's own eyes. It is asked only where there is a finding, so a clean review costs nothing.

export interface Opinion {
  /** agrees: it reports the same of the same function. silent: it looked and did not. not-asked: it could not be asked; see `text`. */
  readonly says: "agrees" | "silent" | "not-asked";
  /** Its words where it agrees; the reason where it was not asked. */
  readonly text: string;
}

/** More objects than these are not asked about: a run takes up to a second each. */
export const MAX_ASKED = 16;

export interface OpinionQuestion {
  readonly finding: ObjectFinding;
  /** The object on the side that the finding was seen on; undefined where it is gone. */
  readonly file: string | undefined;
  /** What it says rests on what the code of another object does. */
  readonly restsOnOthers?: boolean;
  /** The object is part of a module. */
  readonly isModule?: boolean;
}

/**
 * One answer a question, in their order.
 * @param ask runs the tool over an object: what it reports, or why there is no answer
 */
export async function secondOpinions(
  questions: readonly OpinionQuestion[],
  ask: (file: string, isModule: boolean) => Promise<readonly ToolReport[] | string>,
): Promise<Opinion[]> {
  const answers = new Map<string, readonly ToolReport[] | string>();
  const opinions: Opinion[] = [];
  for (const { finding, file, isModule, restsOnOthers } of questions) {
    const without = reasonNotToAsk(finding.rule, restsOnOthers === true, file);
    if (without !== undefined || file === undefined) {
      opinions.push({ says: "not-asked", text: without ?? "" });
      continue;
    }
    let answer = answers.get(file);
    if (answer === undefined) {
      answer =
        answers.size < MAX_ASKED
          ? await ask(file, isModule === true)
          : `${basename(file)} is beyond the ${MAX_ASKED} objects that it is asked about`;
      answers.set(file, answer);
    }
    opinions.push(typeof answer === "string" ? { says: "not-asked", text: answer } : compare(finding, answer));
  }
  return opinions;
}

function reasonNotToAsk(rule: string, restsOnOthers: boolean, file: string | undefined): string | undefined {
  if (!hasCheckFor(rule)) return "it has no such check";
  if (needsLinkedKernel(rule) || restsOnOthers) return "it looks at that in the linked kernel only";
  return file === undefined ? "the object is not kept" : undefined;
}

function compare(finding: ObjectFinding, reports: readonly ToolReport[]): Opinion {
  for (const report of reports) {
    const kind = kindOfText(report.text);
    if (kind === undefined) continue;
    if (kind.rule === finding.rule && namesPlaceOf(finding, report)) return { says: "agrees", text: report.text };
    if (kind.fatal) return { says: "not-asked", text: `it gave up on the object: ${report.text}` };
  }
  return { says: "silent", text: "" };
}

/** The tool names the function, or the section where no symbol covers the place (replacements of alternatives). */
function namesPlaceOf(finding: ObjectFinding, report: ToolReport): boolean {
  return report.name === finding.function || report.name === finding.section || report.name === "";
}
