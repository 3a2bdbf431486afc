import { type Finding, outerPlace, type PathStep } from "../rules/finding.ts";
import { safeProse, safeText } from "./safe.ts";
import { asmWords, evidenceWords, offsetWords } from "./steps.ts";
import { padLeft, padRight, plural, textWidth } from "./wrap.ts";

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
  /** Findings that are not told, because a known defect of the compiler explains them. */
  readonly knownDefects: readonly { readonly defect: string; readonly compiler: string; readonly count: number }[];
}

/** One object as compilers print: place, severity, message, rule; the way under it. */
export function renderCheckedObject(object: CheckedObject): string {
  const lines: string[] = [];
  for (const finding of object.findings) {
    lines.push(`${where(object.path, finding)}: ${finding.severity}: ${safeProse(finding.message)} [${finding.rule}]`);
    const other = finding.otherPath ?? [];
    const rows = [...finding.path, ...other].map(stepCells);
    const table = alignColumns(rows).map((row) => `  ${row}`);
    finding.path.forEach((step, n) => {
      lines.push(...gapBefore(step), table[n] as string);
    });
    if (other.length > 0) lines.push("  the other way:");
    other.forEach((step, n) => {
      lines.push(...gapBefore(step), table[finding.path.length + n] as string);
    });
    const { heading, entries } = evidenceWords(finding.evidence);
    if (entries.length > 0) lines.push(`  ${heading}:`);
    lines.push(
      ...alignColumns(
        entries.map(({ witness, says }) => [safeText(witness), safeText(says)]),
        0,
      ).map((row) => `    ${row}`),
    );
  }
  for (const note of object.coverage.notes) {
    const name = note.function === undefined ? "" : `${safeText(note.function)}: `;
    const what = note.kind === "known-defect" ? "not told" : "not checked";
    lines.push(`${safeText(object.path)}: ${what}: ${name}${safeText(note.why)}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function where(path: string, finding: CheckedFinding): string {
  const at = `${safeText(finding.section)}+0x${finding.offset.toString(16)}`;
  if (finding.place === undefined) return `${safeText(path)}: ${at}`;
  const { file, line } = outerPlace(finding.place);
  return `${safeText(file)}${line === 0 ? "" : `:${line}`}: ${safeText(path)} ${at}`;
}

type Step = PathStep & { readonly asm?: string };

/** Offset, line, instruction, state, note. The line is the function's own, where inlined code is called. */
function stepCells(step: Step): string[] {
  const at = step.place === undefined ? undefined : outerPlace(step.place);
  const line = at === undefined || at.line === 0 ? "" : String(at.line);
  return [offsetWords(step), line, asmWords(step, 60), safeText(step.state), safeText(step.note)];
}

function gapBefore(step: Step): string[] {
  return step.skipped === undefined ? [] : [`  ... ${plural(step.skipped, "step")} left out`];
}

/** Cells of a table as lines; the first `numbers` columns end below each other. A column without any text takes no room. */
function alignColumns(rows: readonly (readonly string[])[], numbers = 2): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => textWidth(row[column] as string))));
  return rows.map((row) =>
    row
      .map((cell, column) => (column < numbers ? padLeft : padRight)(cell, widths[column] as number))
      .filter((_, column) => (widths[column] as number) > 0)
      .join("  ")
      .trimEnd(),
  );
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
  const checked =
    bytes === 0
      ? "no code to check"
      : `${analysed} of ${functions} functions, ${share.toFixed(2)} % of the code checked`;
  return `${count}: ${found}${noted}; ${checked}; lists from ${factsSource}\n`;
}
