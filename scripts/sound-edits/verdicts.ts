import { dirname } from "node:path";
import type { ReviewResult } from "../../src/report/result.ts";
import type { ManifestEntry } from "./write-patch.ts";

export interface EditResult {
  readonly patch: string;
  /** Of the patch, so that a redrawn one is not taken for the old one. */
  readonly digest: string;
  readonly kind: string;
  readonly file: string;
  /** "clean", the review's verdict where it is another one, or "not-seen": an object of the edit was not analysed. */
  readonly verdict: string;
  /** Objects that were judged, and how many of them have the same code as before. */
  readonly objects: number;
  readonly identical: number;
  readonly functions: number;
  /** Findings that base and head have in common. */
  readonly old: readonly string[];
  /** What of its objects the head's coverage says was not analysed or not decided. */
  readonly unknown: readonly string[];
  readonly complaints: readonly string[];
  /** Of the review, divided by the edits that shared it. */
  readonly seconds: number;
}

/** What a review of this edit, alone or in a series, says of it. */
export function verdictOf(
  entry: ManifestEntry,
  result: ReviewResult,
): Pick<EditResult, "verdict" | "objects" | "identical" | "functions" | "old" | "unknown" | "complaints"> {
  const own = result.objects.filter((each) => entry.objects.includes(each.path));
  const judged = own.filter((each) => each.state === "analysed" || each.state === "identical" || each.state === "new");
  const unseen = entry.objects.filter((path) => !judged.some((each) => each.path === path));
  const told = result.findings.filter((each) => each.class === "new" || each.class === "worsened");
  const complaints = [
    ...told.map((each) => `${each.class} ${each.rule}: ${each.file}:${each.line}: ${each.message}`),
    ...unseen.map((path) => {
      const note = result.coverage.notes.find((each) => each.object === path);
      return `${path} was not analysed${note === undefined ? "" : `: ${note.why}`}`;
    }),
    ...(result.broken === undefined ? [] : [`${result.broken.file}:${result.broken.line}: ${result.broken.error}`]),
    ...(result.reason === undefined ? [] : [result.reason]),
  ];
  return {
    verdict: result.verdict === "clean" && unseen.length > 0 ? "not-seen" : result.verdict,
    objects: judged.length,
    identical: judged.filter((each) => each.state === "identical").length,
    functions: judged.reduce((sum, each) => sum + each.functions, 0),
    old: result.findings
      .filter((each) => each.class === "unchanged" && entry.objects.includes(each.object))
      .map((each) => `${each.rule} ${each.function}() ${each.file}:${each.line}`),
    unknown: result.coverage.notes
      .filter((each) => entry.objects.includes(each.object) && !notUnknown.has(each.kind))
      .map((each) => `${each.kind} ${each.object} ${each.function ?? ""}: ${each.why}`),
    complaints,
  };
}

/** Notes that are no gap in what was looked at. */
const notUnknown = new Set(["assumption", "function-excluded"]);

/** Counts by kind and over all, as Markdown. */
export function printTable(results: readonly EditResult[], title: string): void {
  const rows: (readonly (string | number)[])[] = [];
  const row = (name: string, of: readonly EditResult[]): void => {
    const sum = (pick: (each: EditResult) => number): number => of.reduce((total, each) => total + pick(each), 0);
    rows.push([
      name,
      of.length,
      of.filter((each) => each.verdict === "clean").length,
      new Set(of.map((each) => each.file)).size,
      sum((each) => each.objects),
      sum((each) => each.objects - each.identical),
      sum((each) => each.functions),
      sum((each) => each.seconds).toFixed(0),
    ]);
  };
  for (const kind of [...new Set(results.map((each) => each.kind))].sort())
    row(
      kind,
      results.filter((each) => each.kind === kind),
    );
  row("all", results);
  const head = ["kind", "edits", "clean", "files", "objects", "with other code", "functions", "seconds"];
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((each) => String(each[i]).length)));
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]!) : String(cell).padStart(widths[i]!))).join(" | ")} |\n`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |\n`;
  process.stdout.write(`\n${title}\n\n${line(head)}${rule}${rows.map(line).join("")}`);
  const files = new Set(results.map((each) => each.file));
  const folders = new Set([...files].map((each) => dirname(each)));
  const notC = results.filter((each) => !each.file.endsWith(".c")).length;
  const findings = results.filter((each) => each.verdict !== "clean").length;
  const old = new Set(results.flatMap((each) => each.old));
  process.stdout.write(
    `\n${results.length} edits of ${files.size} files in ${folders.size} folders, ${notC} of assembly or headers: ${findings} not clean; ` +
      `${old.size} findings that base and head have in common\n`,
  );
  for (const each of [...old].sort()) process.stdout.write(`  ${each}\n`);
  const unknown = new Set(results.flatMap((each) => each.unknown));
  process.stdout.write(`${unknown.size} gaps in what was looked at\n`);
  for (const each of [...unknown].sort()) process.stdout.write(`  ${each}\n`);
}
