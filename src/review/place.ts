import type { ObjectFinding } from "../analyze/analyze-object.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import { findFile, isOnDiff, lineInPatch, nearestDiffLine, quoteHunk } from "../patch/hunks.ts";

// Where a finding is shown: on the line of the diff where the reviewer is looking, or the nearest one in the same function.

export interface Placed {
  readonly file: string;
  /** 0: the compiler gave no line. */
  readonly line: number;
  readonly onDiff: boolean;
  readonly diffLine?: number;
  readonly hunk?: { header: string; lines: string[]; after: number };
}

export interface PlaceQuestion {
  readonly finding: ObjectFinding;
  /** Source of the object, for findings without line information. */
  readonly source: string;
  /** Difference from the base to the state that the finding was seen in. */
  readonly diff: readonly FileDiff[];
  /** Files of each patch, in order. */
  readonly patches: readonly (readonly FileDiff[])[];
  /** 0-based index of the patch that brought it, undefined where that is not known. */
  readonly patch: number | undefined;
  /** 0-based index of the last patch of the state that it was seen in. */
  readonly state: number;
}

export function placeFinding(question: PlaceQuestion): Placed {
  const { finding, diff } = question;
  const frames = framesOf(finding);
  if (frames.length === 0) return { file: question.source, line: 0, onDiff: false };
  const inside = frames.find((frame) => isInDiff(diff, frame));
  const touched = frames.find((frame) => findFile(diff, frame.file) !== undefined);
  const { file, line } = inside ?? touched ?? (frames[0] as Frame);
  const fileDiff = findFile(diff, file);
  const onDiff = fileDiff !== undefined && isOnDiff(fileDiff, line);
  let diffLine: number | undefined;
  if (fileDiff !== undefined && !onDiff) {
    const own = finding.functionLines();
    const range = own !== undefined && own.file === file ? own : { from: line, to: line };
    diffLine = nearestDiffLine(fileDiff, line, Math.min(range.from, line) - LEAD, Math.max(range.to, line) + 1)?.line;
  }
  const hunk = quote(question, file, onDiff ? line : (diffLine ?? line), line);
  return {
    file,
    line,
    onDiff,
    ...(diffLine === undefined ? {} : { diffLine }),
    ...(hunk === undefined ? {} : { hunk }),
  };
}

/** A function's name, return type and locals stand above the first line that made code. */
const LEAD = 6;

interface Frame {
  readonly file: string;
  readonly line: number;
}

/** Outermost first: the function itself, then what was inlined into it. */
function framesOf(finding: ObjectFinding): Frame[] {
  const { place } = finding;
  if (place === undefined) return [];
  const frames = [
    { file: place.file, line: place.line },
    ...place.inlineStack.map(({ file, line }) => ({ file, line })),
  ];
  return frames.reverse().filter((frame) => frame.line > 0);
}

function isInDiff(diff: readonly FileDiff[], frame: Frame): boolean {
  const file = findFile(diff, frame.file);
  return file !== undefined && isOnDiff(file, frame.line);
}

/** The hunk of the patch that brought it, around the line that it is placed on. */
function quote(question: PlaceQuestion, path: string, shown: number, line: number): Placed["hunk"] {
  const { patches, patch, state } = question;
  if (patch === undefined) return undefined;
  const seen = patches.slice(0, state + 1);
  for (const candidate of [shown, line]) {
    const own = lineInPatch(seen, patch, { path, line: candidate });
    if (own === undefined) continue;
    const file = findFile(patches[patch] as readonly FileDiff[], own.path);
    if (file === undefined) continue;
    const exact = quoteHunk(file, own.line);
    if (exact !== undefined) return exact;
    const lines = question.finding.functionLines();
    const near = nearestDiffLine(file, own.line, (lines?.from ?? own.line) - LEAD, (lines?.to ?? own.line) + 1);
    if (near !== undefined) return quoteHunk(file, near.line);
  }
  return undefined;
}
