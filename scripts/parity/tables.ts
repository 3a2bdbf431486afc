import { rules } from "../../src/rules/index.ts";
import type { Verdict } from "./compare.ts";
import type { Outcome } from "./run.ts";

const columns = ["both", "other-rule", "echo", "only-theirs", "only-ours", "masked"] as const;
const noCounts = (): Record<Verdict["by"], number> => ({
  both: 0,
  "other-rule": 0,
  echo: 0,
  "only-theirs": 0,
  "only-ours": 0,
  masked: 0,
});

/** Verdicts counted by rule, one line each, with a total. */
export function ruleTable(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, Record<Verdict["by"], number>>();
  for (const outcome of outcomes) {
    for (const verdict of outcome.verdicts) {
      const row = counts.get(verdict.rule) ?? noCounts();
      row[verdict.by]++;
      counts.set(verdict.rule, row);
    }
  }
  const names = rules.map((rule) => rule.id).filter((id) => counts.has(id));
  const total = noCounts();
  const lines = [["rule", ...columns].map((cell, n) => (n === 0 ? cell.padEnd(32) : cell.padStart(12))).join("")];
  for (const name of names) {
    const row = counts.get(name) as Record<Verdict["by"], number>;
    for (const column of columns) total[column] += row[column];
    lines.push(name.padEnd(32) + columns.map((column) => String(row[column]).padStart(12)).join(""));
  }
  lines.push("total".padEnd(32) + columns.map((column) => String(total[column]).padStart(12)).join(""));
  return lines.join("\n");
}

/** Mutants by class: how many were made, and how many each tool says something about. */
export function classTable(outcomes: readonly Outcome[]): string {
  const rows = new Map<string, number[]>();
  for (const outcome of outcomes) {
    const row = rows.get(outcome.class) ?? [0, 0, 0];
    row[0] = (row[0] as number) + 1;
    if (outcome.verdicts.some((v) => v.by !== "only-ours" && v.by !== "masked")) row[1] = (row[1] as number) + 1;
    if (outcome.verdicts.some((v) => v.by !== "only-theirs")) row[2] = (row[2] as number) + 1;
    rows.set(outcome.class, row);
  }
  const lines = ["class".padEnd(32) + ["mutants", "theirs", "ours"].map((cell) => cell.padStart(12)).join("")];
  for (const [name, row] of [...rows].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
    lines.push(name.padEnd(32) + row.map((count) => String(count).padStart(12)).join(""));
  return lines.join("\n");
}

/** One verdict with the mutation that it is about. */
export function describe(outcome: Outcome, verdict: Verdict): string {
  const where = outcome.number < 0 ? "as it is" : `#${outcome.number} ${outcome.class}`;
  const what =
    outcome.number < 0
      ? ""
      : `\n    ${outcome.function} ${outcome.section}+0x${outcome.offset.toString(16)}: ${outcome.before} -> ${outcome.after}`;
  return `${outcome.object} ${where}${what}\n    ${verdict.by}: ${verdict.functions[0]} ${verdict.place} ${verdict.rule}: ${verdict.text}`;
}

export function selectVerdicts(
  outcomes: readonly Outcome[],
  by: Verdict["by"],
): { outcome: Outcome; verdict: Verdict }[] {
  return outcomes.flatMap((outcome) =>
    outcome.verdicts.filter((verdict) => verdict.by === by).map((verdict) => ({ outcome, verdict })),
  );
}
