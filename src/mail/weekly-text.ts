// The weekly digest of a tree as plain text of 76 columns: what came, what is open and since when, what was repaired, and what nobody was told and why.

import type { Verdict } from "../report/result.ts";
import { safeProse } from "../report/safe.ts";
import { plural, wrapText } from "../report/wrap.ts";
import type { Week } from "./week.ts";

/** A version of a series that was reviewed, or was not. */
export interface WeeklySeries {
  readonly title: string;
  readonly version: number;
  readonly author: string;
  /** Message-ID of what people look for in the archive. */
  readonly messageId: string;
  readonly patches: number;
  /** Came or was reviewed in this week. */
  readonly isOfWeek: boolean;
  readonly isSuperseded: boolean;
  /** Undefined: not reviewed; `why` has the reason. */
  readonly verdict: Verdict | undefined;
  readonly why: string;
  readonly findings: readonly WeeklyFinding[];
  /** Of the former version, that this one does not have any more. */
  readonly fixed: readonly WeeklyFinding[];
  /** Undefined: a mail went out. */
  readonly silent: string | undefined;
}

export interface WeeklyFinding {
  readonly severity: "error" | "warning" | "note";
  readonly rule: string;
  readonly function: string;
  readonly file: string;
  /** 0: not known. */
  readonly line: number;
  readonly message: string;
  /** Milliseconds since 1970: of the first version that had it. */
  readonly since: number;
}

export interface WeeklyInput {
  readonly name: string;
  readonly tree: string;
  readonly week: Week;
  readonly series: readonly WeeklySeries[];
  /** Where its list can be read, without a final slash. */
  readonly archive?: string | undefined;
}

const DAY = 86_400_000;
const MAX_OPEN = 40;
const MAX_LISTED = 25;
const SEVERITIES = ["error", "warning", "note"] as const;

/** Nothing worth a mail: no series, nothing open, nothing repaired. */
export function isEmptyWeek({ series }: Pick<WeeklyInput, "series">): boolean {
  return !series.some(({ isOfWeek, isSuperseded, findings }) => isOfWeek || (!isSuperseded && findings.length > 0));
}

export function weeklySubject({ name, tree, week }: WeeklyInput): string {
  return `${safeProse(name, 80)}: week to ${week.last}, ${safeProse(tree, 80)}`;
}

/** Lines end in "\n", at most 76 code points wide but for addresses. */
export function renderWeekly(input: WeeklyInput): string {
  const { series, week, tree } = input;
  const ofWeek = series.filter(({ isOfWeek }) => isOfWeek);
  const lines = [
    ...wrapText(`${safeProse(tree, 80)}, ${week.first} to ${week.last}: ${summary(ofWeek)}`),
    ...section("Open findings, the oldest first", openLines(input)),
    ...section("Repaired by a newer version", fixedLines(ofWeek)),
    ...section(
      "Does not build",
      ofWeek.flatMap((each) => (each.verdict === "broken" ? told(each, each.why) : [])),
    ),
    ...section("No verdict", noVerdictLines(ofWeek)),
    ...section("Not mailed", silentLines(ofWeek)),
    "",
    "Known findings of the tree itself are not in here; a finding is open until",
    "a newer version of its series does not have it.",
  ];
  return `${lines.join("\n")}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, "", ...lines];
}

function summary(series: readonly WeeklySeries[]): string {
  if (series.length === 0) return "no series came.";
  const patches = series.reduce((sum, each) => sum + each.patches, 0);
  const count = (verdict: Verdict) => series.filter((each) => each.verdict === verdict).length;
  const isKnown = (verdict: Verdict | undefined) =>
    verdict === "clean" || verdict === "findings" || verdict === "broken";
  const known = [
    [count("clean"), "with nothing new"],
    [count("findings"), "with findings"],
    [count("broken"), "that did not build"],
    [series.filter(({ verdict }) => !isKnown(verdict)).length, "without a verdict"],
  ] as const;
  const words = known.filter(([many]) => many > 0).map(([many, what]) => `${many} ${what}`);
  return `${plural(series.length, "series", "series")} of ${plural(patches, "patch", "patches")}: ${words.join(", ")}.`;
}

interface Open {
  readonly finding: WeeklyFinding;
  readonly series: WeeklySeries;
}

function openLines({ series, week, archive }: WeeklyInput): string[] {
  const open = series
    .filter(({ isSuperseded }) => !isSuperseded)
    .flatMap((each) => each.findings.map((finding): Open => ({ finding, series: each })))
    .sort(
      (a, b) =>
        a.finding.since - b.finding.since ||
        SEVERITIES.indexOf(a.finding.severity) - SEVERITIES.indexOf(b.finding.severity) ||
        (a.finding.message < b.finding.message ? -1 : 1),
    );
  const shown = open
    .slice(0, MAX_OPEN)
    .flatMap(({ finding, series: of }, i) => [
      ...(i === 0 ? [] : [""]),
      ...findingLines(finding, ageWords(week.end - finding.since)),
      ...wrapText(seriesWords(of), { first: "    " }),
      ...(archive === undefined ? [] : [`    ${archive}/${of.messageId}/`]),
      ...(of.silent === undefined ? [] : wrapText(`not mailed: ${safeProse(of.silent, 200)}`, { first: "    " })),
    ]);
  return [...shown, ...moreThan(open.length, MAX_OPEN)];
}

function findingLines(finding: WeeklyFinding, age: string): string[] {
  const place =
    finding.file === "" ? "" : `${safeProse(finding.file, 200)}${finding.line === 0 ? "" : `:${finding.line}`}, `;
  return [
    ...wrapText(`${finding.severity}: ${safeProse(finding.message, 300)}`, { first: "  ", rest: "    " }),
    ...wrapText(`${place}${safeProse(finding.rule, 80)}${age === "" ? "" : `, ${age}`}`, { first: "    " }),
  ];
}

function fixedLines(series: readonly WeeklySeries[]): string[] {
  const all = series.flatMap((each) => each.fixed.map((finding): Open => ({ finding, series: each })));
  const shown = all
    .slice(0, MAX_LISTED)
    .flatMap(({ finding, series: of }) => [
      ...findingLines(finding, ""),
      ...wrapText(`gone in ${seriesWords(of)}`, { first: "    " }),
    ]);
  return [...shown, ...moreThan(all.length, MAX_LISTED)];
}

function noVerdictLines(series: readonly WeeklySeries[]): string[] {
  const without = series.filter(
    ({ verdict, isSuperseded }) =>
      !isSuperseded && verdict !== "clean" && verdict !== "findings" && verdict !== "broken",
  );
  return [
    ...without.slice(0, MAX_LISTED).flatMap((each) => told(each, each.why)),
    ...moreThan(without.length, MAX_LISTED),
  ];
}

/** Reasons with how often; clean ones are no silence that anybody asks about. */
function silentLines(series: readonly WeeklySeries[]): string[] {
  const reasons = new Map<string, number>();
  for (const { silent, verdict } of series) {
    if (silent === undefined || (verdict !== "findings" && verdict !== "broken")) continue;
    reasons.set(silent, (reasons.get(silent) ?? 0) + 1);
  }
  const sorted = [...reasons].sort(([, a], [, b]) => b - a).slice(0, MAX_LISTED);
  return sorted.flatMap(([reason, count]) =>
    wrapText(`${count} with something to say: ${safeProse(reason, 300)}`, { first: "  ", rest: "    " }),
  );
}

function told(series: WeeklySeries, why: string): string[] {
  return wrapText(`${seriesWords(series)}${why === "" ? "" : `: ${safeProse(why, 300)}`}`, {
    first: "  ",
    rest: "    ",
  });
}

function seriesWords({ title, version, author }: WeeklySeries): string {
  return `"${safeProse(title, 200)}"${version === 1 ? "" : ` v${version}`} by ${safeProse(author, 100)}`;
}

function ageWords(millis: number): string {
  const days = Math.floor(millis / DAY);
  return days < 1 ? "new this day" : `open for ${plural(days, "day")}`;
}

function moreThan(all: number, max: number): string[] {
  return all > max ? ["", `  and ${all - max} more`] : [];
}
