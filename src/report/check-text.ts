import { type Finding, outerPlace, type PathStep } from "../rules/finding.ts";
import { safeProse, safeText } from "./safe.ts";

/** A finding of `check`, with what only people need added. */
export interface CheckedFinding extends Omit<Finding, "path" | "otherPath"> {
  readonly path: readonly (PathStep & { readonly asm?: string })[];
  readonly otherPath?: readonly (PathStep & { readonly asm?: string })[];
  readonly asm?: string;
}

export interface CheckedObject {
  readonly path: string;
  readonly findings: readonly CheckedFinding[];
  readonly coverage: {
    readonly functions: number;
    readonly functionsAnalysed: number;
    readonly textBytes: number;
    readonly textBytesAnalysed: number;
    readonly notes: readonly { readonly kind: string; readonly function?: string; readonly why: string }[];
  };
}

/** One object as compilers print: place, severity, message, rule; the way under it. */
export function renderCheckedObject(object: CheckedObject): string {
  const lines: string[] = [];
  for (const finding of object.findings) {
    lines.push(`${where(object.path, finding)}: ${finding.severity}: ${safeProse(finding.message)} [${finding.rule}]`);
    for (const step of finding.path) lines.push(stepLine(step));
    if (finding.otherPath !== undefined && finding.otherPath.length > 0) {
      lines.push("  the other way:");
      for (const step of finding.otherPath) lines.push(stepLine(step));
    }
    for (const { witness, says } of finding.evidence) lines.push(`  ${safeText(witness)}: ${safeText(says)}`);
  }
  for (const note of object.coverage.notes) {
    const name = note.function === undefined ? "" : `${safeText(note.function)}: `;
    lines.push(`${safeText(object.path)}: not checked: ${name}${safeText(note.why)}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function where(path: string, finding: CheckedFinding): string {
  const at = `${safeText(finding.section)}+0x${finding.offset.toString(16)}`;
  if (finding.place === undefined) return `${safeText(path)}: ${at}`;
  const { file, line } = outerPlace(finding.place);
  return `${safeText(file)}:${line}: ${safeText(path)} ${at}`;
}

function stepLine(step: PathStep & { readonly asm?: string }): string {
  const line = step.place === undefined ? "" : String(outerPlace(step.place).line);
  const columns = [
    step.offset.toString(16).padStart(6),
    line.padStart(6),
    safeText(step.asm ?? "").padEnd(40),
    step.state.padEnd(14),
    step.note,
  ];
  return `  ${columns.join("  ")}`.trimEnd();
}

/** The last line: what was looked at. */
export function renderCheckSummary(objects: readonly CheckedObject[], factsSource: string): string {
  const sum = (pick: (object: CheckedObject) => number) => objects.reduce((total, object) => total + pick(object), 0);
  const findings = sum((o) => o.findings.filter((f) => f.severity !== "note").length);
  const notes = sum((o) => o.findings.filter((f) => f.severity === "note").length);
  const functions = sum((o) => o.coverage.functions);
  const analysed = sum((o) => o.coverage.functionsAnalysed);
  const bytes = sum((o) => o.coverage.textBytes);
  const bytesAnalysed = sum((o) => o.coverage.textBytesAnalysed);
  const share = bytes === 0 ? 100 : Math.floor((bytesAnalysed * 10000) / bytes) / 100;
  const found = findings === 0 ? "clean" : `${findings} ${findings === 1 ? "finding" : "findings"}`;
  const noted = notes === 0 ? "" : `, ${notes} ${notes === 1 ? "note" : "notes"}`;
  const count = `${objects.length} ${objects.length === 1 ? "object" : "objects"}`;
  return `${count}: ${found}${noted}; ${analysed} of ${functions} functions, ${share.toFixed(2)} % of the code checked; lists from ${factsSource}\n`;
}
