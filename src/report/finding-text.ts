// One finding as plain text: headline, place, the way there in source lines with the state beside them, the instructions,
// what follows from it and what the witnesses say. Shared by the mail digest and the terminal form.

import { outerPlace } from "../rules/finding.ts";
import { faultSentence } from "./fault-text.ts";
import { fixDiff, fixPlace, fixWords } from "./fix-text.ts";
import type { ReviewFinding, ReviewResult, ReviewStep } from "./result.ts";
import { safeProse } from "./safe.ts";
import { messageOf, patchNumber, profilesOfFinding, transientWords } from "./sentences.ts";
import { asmWords, evidenceWords, offsetWords, toolWords } from "./steps.ts";
import { clip, clipStart, padLeft, padRight, plural, TEXT_WIDTH, textWidth, wrapText } from "./wrap.ts";

/** Instructions shown for one finding, both ways together. */
export const MAX_INSTRUCTIONS = 12;
/** Of them, for the other way of a two-sided finding. */
const MAX_OTHER = 5;
const MAX_SOURCE_ROWS = 12;
const MAX_WITNESSES = 6;
const MAX_RELATED = 4;

// Notes that only say what the mnemonic says.
const PLAIN_NOTES = new Set([
  "entry",
  "branch",
  "call",
  "jump",
  "return",
  "push",
  "pop",
  "here",
  "fixup",
  "stac",
  "clac",
  "",
]);

/** Colours of the terminal form; the digest's leave the text alone. */
export interface Paint {
  readonly strong: (text: string) => string;
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly note: (text: string) => string;
  readonly good: (text: string) => string;
  readonly dim: (text: string) => string;
}

const same = (text: string) => text;
export const NO_PAINT: Paint = { strong: same, error: same, warning: same, note: same, good: same, dim: same };

/** "fs/peek.c:220", with what is known of it. */
export function placeWords(finding: ReviewFinding): string {
  if (finding.file === "") return `${safeProse(finding.object, 120)}, no line information`;
  const file = safeProse(finding.file, 120);
  if (finding.line === 0) return `${file}, no line`;
  const nearest =
    !finding.onDiff && finding.diffLine !== undefined ? ` (nearest line of the patch: ${finding.diffLine})` : "";
  return `${file}:${finding.line}${nearest}`;
}

/** A row of the way to a finding: source lines where there are any, one per run of steps on the same line. */
export interface PathRow {
  /** "220", or "uaccess.h:60" for a line of another file, or "-". */
  readonly line: string;
  readonly code: string;
  readonly note: string;
  readonly state: string;
  /** Steps left out before this row. */
  readonly skipped: number;
  /** The finding is here. */
  readonly isSite: boolean;
}

function lineLabel(step: ReviewStep, file: string): string {
  // The code beside it is the function's own line, where what was inlined is called.
  const at = step.place === undefined ? undefined : outerPlace(step.place);
  if (at === undefined || at.line === 0) return "-";
  if (at.file === file) return String(at.line);
  const name = at.file.slice(at.file.lastIndexOf("/") + 1);
  return `${clipStart(safeProse(name, 60), 14)}:${at.line}`;
}

/** The rows of a path; empty where no step has a source line. */
export function pathRows(path: readonly ReviewStep[], file: string): PathRow[] {
  if (!path.some((step) => step.place !== undefined && step.place.line > 0)) return [];
  const rows: { label: string; code: string; notes: Set<string>; state: string; skipped: number }[] = [];
  for (const step of path) {
    const label = lineLabel(step, file);
    const code = safeProse((step.code ?? asmWords(step, 160)).replaceAll(/\s+/g, " "), 160);
    const last = rows[rows.length - 1];
    const row =
      last !== undefined && last.label === label && label !== "-" && step.skipped === undefined
        ? last
        : { label, code, notes: new Set<string>(), state: "", skipped: step.skipped ?? 0 };
    if (row !== last) rows.push(row);
    if (step.note !== "") row.notes.add(safeProse(step.note, 60));
    // A line of C says by itself what its instructions are for; a line of assembly is one of them.
    if (step.folded !== undefined && file.endsWith(".S")) row.notes.add(`after ${safeProse(step.folded, 40)}`);
    row.state = safeProse(step.state, 120);
  }
  return rows.map((row, i) => {
    const note = noteOf([...row.notes]);
    // The mark says "here", and a line of assembly its own mnemonic.
    const isSaid = note === "here" || row.code.startsWith(note);
    return {
      line: row.label,
      code: row.code,
      note: isSaid ? "" : note,
      state: row.state,
      skipped: row.skipped,
      isSite: i === rows.length - 1,
    };
  });
}

/** Of the notes of one line those that say more than a mnemonic would, else the first that says where one is, else the last. */
function noteOf(notes: readonly string[]): string {
  const telling = notes.filter((note) => !PLAIN_NOTES.has(note));
  if (telling.length === 0 && notes.includes("entry")) return "entry";
  return telling.length > 0 ? telling.join(", ") : (notes[notes.length - 1] ?? "");
}

/** "..." in front of what follows steps that were left out. */
function afterGap(skipped: number, width: number, line: string, what: string): string[] {
  return skipped === 0 ? [line] : [`  ${padLeft("...", width)}  (${plural(skipped, what)} left out)`, line];
}

/** The first and the last of a long list, and how many are missing between them. */
function middleCut<T>(items: readonly T[], max: number): { head: readonly T[]; tail: readonly T[]; missing: number } {
  if (items.length <= max) return { head: items, tail: [], missing: 0 };
  const head = Math.ceil(max / 3);
  return { head: items.slice(0, head), tail: items.slice(items.length - (max - head)), missing: items.length - max };
}

function sourceTable(path: readonly ReviewStep[], file: string, paint: Paint): string[] {
  const rows = pathRows(path, file);
  if (rows.length === 0) return [];
  const widest = (cell: (row: PathRow) => string, max: number) =>
    Math.min(max, Math.max(0, ...rows.map((row) => textWidth(cell(row)))));
  const lineWidth = widest((row) => row.line, 20);
  const noteWidth = widest((row) => row.note, 18);
  const stateWidth = widest((row) => row.state, 22);
  const codeWidth = widest((row) => row.code, TEXT_WIDTH - 2 - lineWidth - 2 - 2 - noteWidth - 2 - stateWidth - 5);
  const cut = middleCut(rows, MAX_SOURCE_ROWS);
  const lineOf = (row: PathRow) => {
    const text = [
      padLeft(clip(row.line, lineWidth), lineWidth),
      padRight(clip(row.code, codeWidth), codeWidth),
      padRight(clip(row.note, noteWidth), noteWidth),
      padRight(clip(row.state, stateWidth), stateWidth),
    ].join("  ");
    const line = row.isSite ? `  ${paint.strong(`${text}  <--`)}` : `  ${text}`.trimEnd();
    return afterGap(row.skipped, lineWidth, line, "step");
  };
  const gap = cut.missing === 0 ? [] : [paint.dim(`  ${padLeft("...", lineWidth)}  (${cut.missing} lines left out)`)];
  return [...cut.head.flatMap(lineOf), ...gap, ...cut.tail.flatMap(lineOf)];
}

function instructionTable(steps: readonly ReviewStep[], withState: boolean, max: number): string[] {
  const shown = steps.filter((step) => step.asm !== undefined && step.asm !== "");
  if (shown.length === 0) return [];
  const offsetWidth = Math.max(...shown.map((step) => offsetWords(step).length));
  const asmOf = (step: ReviewStep) => asmWords(step, 100);
  const asmWidth = Math.min(34, Math.max(...shown.map((step) => textWidth(asmOf(step)))));
  const stateWidth = Math.min(22, Math.max(...shown.map((step) => textWidth(safeProse(step.state, 120)))));
  const cut = middleCut(shown, max);
  const lineOf = (step: ReviewStep) => {
    const note = PLAIN_NOTES.has(step.note) ? "" : `(${safeProse(step.note, 40)})`;
    const state = withState ? `${padRight(clip(safeProse(step.state, 120), stateWidth), stateWidth)}  ` : "";
    const here = withState && step === shown[shown.length - 1] ? "  <--" : "";
    const text = `  ${padLeft(offsetWords(step), offsetWidth)}  ${padRight(asmOf(step), asmWidth)}  ${state}${note}`;
    return afterGap(step.skipped ?? 0, offsetWidth, `${text.trimEnd()}${here}`, "step");
  };
  const gap = cut.missing === 0 ? [] : [`  ${padLeft("...", offsetWidth)}  (${cut.missing} instructions left out)`];
  return [...cut.head.flatMap(lineOf), ...gap, ...cut.tail.flatMap(lineOf)];
}

function isAssembly(finding: ReviewFinding): boolean {
  return finding.file.endsWith(".S");
}

function wayLines(finding: ReviewFinding, paint: Paint): string[] {
  const ways = [finding.path, ...(finding.otherPath === undefined ? [] : [finding.otherPath])].filter(
    (way) => way.length > 0,
  );
  const titles = ways.length > 1 ? ["  One way:", "  The other way:"] : [];
  const lines: string[] = [];
  ways.forEach((way, i) => {
    const source = sourceTable(way, finding.file, paint);
    // Where the source is the assembly, and where there is none, one table says it all.
    const budget = i === 0 ? MAX_INSTRUCTIONS - Math.min(ways[1]?.length ?? 0, MAX_OTHER) : MAX_OTHER;
    const instructions =
      source.length > 0 && isAssembly(finding) ? [] : instructionTable(way, source.length === 0, budget);
    if (source.length + instructions.length === 0) return;
    lines.push("", ...(titles[i] === undefined ? [] : [paint.dim(titles[i])]), ...source);
    if (source.length > 0 && instructions.length > 0) lines.push("");
    lines.push(...instructions);
  });
  return lines;
}

function witnessLines(finding: ReviewFinding): string[] {
  if (finding.evidence.length === 0) return [];
  const { heading, entries } = evidenceWords(finding.evidence);
  const shown = entries.slice(0, MAX_WITNESSES);
  const width = Math.min(26, Math.max(...shown.map((entry) => textWidth(safeProse(entry.witness, 40)))));
  const lines = shown.flatMap((entry) => {
    const name = padRight(clip(safeProse(entry.witness, 40), width), width);
    return wrapText(safeProse(entry.says), { first: `    ${name}  ` });
  });
  const more = entries.length - shown.length;
  return ["", `  ${heading}:`, ...lines, ...(more > 0 ? [`    and ${more} more`] : [])];
}

function relatedLines(finding: ReviewFinding): string[] {
  const lines = finding.related.slice(0, MAX_RELATED).flatMap((entry) => {
    const place = entry.place === undefined ? "" : ` (${safeProse(entry.place.file, 120)}:${entry.place.line})`;
    return wrapText(`${safeProse(entry.function, 120)}()${place}: ${safeProse(entry.says)}`, { first: "  See also " });
  });
  const more = finding.related.length - MAX_RELATED;
  return lines.length === 0 ? [] : ["", ...lines, ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** What a headline says besides. */
export interface HeadlineOptions {
  /** The number of the first bad patch, where no heading above says it. */
  readonly namesPatch?: boolean;
  /** Its id, for commands. */
  readonly namesId?: boolean;
}

/** "error: __do_sys_peek() returns with user access open" and its place: two or three lines. */
export function findingHeadline(
  finding: ReviewFinding,
  result: ReviewResult,
  paint: Paint = NO_PAINT,
  { namesPatch = false, namesId = false }: HeadlineOptions = {},
): string[] {
  const label = `${finding.severity}: `;
  const indent = " ".repeat(label.length);
  const message = wrapText(messageOf(finding), { first: label });
  message[0] = paint[finding.severity](label.trimEnd()) + paint.strong(message[0]!.slice(label.length - 1));
  const patch = finding.patch;
  const from = namesPatch && patch !== undefined ? `, from ${patchNumber(patch.number, result)}` : "";
  const id = namesId ? ` (${safeProse(finding.id, 20)})` : "";
  const place = `${placeWords(finding)}, ${safeProse(finding.rule, 60)}${id}${from}`;
  const lines = [...message, ...wrapText(place, { first: indent })];
  for (const frame of finding.place?.inlineStack.slice(0, 3) ?? []) {
    const words = `inlined from ${safeProse(frame.function, 80)}(), called at ${safeProse(frame.file, 120)}:${frame.line}`;
    lines.push(...wrapText(words, { first: indent }));
  }
  const status = [
    finding.class === "worsened" ? "was there before, and is worse now" : undefined,
    transientWords(finding, result),
    profilesOfFinding(finding, result.profiles),
  ];
  for (const words of status) if (words !== undefined) lines.push(...wrapText(words, { first: indent }));
  return lines;
}

function fixLines({ fix }: ReviewFinding): string[] {
  if (fix === undefined) return [];
  const diff = fixDiff(fix).map((line) => {
    const text = line.slice(1).replaceAll("\t", "        ");
    const indent = /^ {0,40}/.exec(text)![0];
    return clip(`    ${line.charAt(0)}${indent}${safeProse(text, 160)}`, TEXT_WIDTH).trimEnd();
  });
  const place = clip(`    ${fixPlace(fix)}`, TEXT_WIDTH);
  return ["", ...wrapText(`${fixWords(fix)}:`, { first: "  " }), "", place, ...diff];
}

/** The whole finding, without the hunk that it is quoted under. */
export function findingLines(
  finding: ReviewFinding,
  result: ReviewResult,
  paint: Paint = NO_PAINT,
  options: HeadlineOptions = {},
): string[] {
  const consequence = safeProse(finding.consequence);
  const tool = toolWords(finding);
  const whose = faultSentence(finding);
  return [
    ...findingHeadline(finding, result, paint, options),
    ...wayLines(finding, paint),
    ...(consequence === "" ? [] : ["", ...wrapText(consequence, { first: "  " })]),
    ...(tool === undefined ? [] : wrapText(tool, { first: "  " })),
    ...(whose === undefined ? [] : wrapText(whose, { first: "  " })),
    ...witnessLines(finding),
    ...relatedLines(finding),
    ...fixLines(finding),
  ];
}
