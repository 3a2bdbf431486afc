import type { DiffLine, FileDiff, Hunk } from "./file-diff.ts";

// Line numbers through a diff. All lines are 1-based. Only what hunks say is used, so a map is exact where the diff is git's own output for the
// two trees (`git diff`, `git format-patch` of the applied commit); hunk headers of a hand-edited mail can be off.

/** First line of the side that the hunk stands for; with a count of 0 the line behind the gap. */
function oldFirst(hunk: Hunk): number {
  return hunk.oldCount === 0 ? hunk.oldStart + 1 : hunk.oldStart;
}
function newFirst(hunk: Hunk): number {
  return hunk.newCount === 0 ? hunk.newStart + 1 : hunk.newStart;
}

/** Index of the last hunk that begins at or before `line` on that side; -1 before the first. */
function findHunk(hunks: readonly Hunk[], first: (hunk: Hunk) => number, line: number): number {
  let low = 0;
  let high = hunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (first(hunks[middle] as Hunk) <= line) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The new side's line stands in a hunk, as an added or a context line. */
export function isOnDiff(file: FileDiff, newLine: number): boolean {
  const hunk = file.hunks[findHunk(file.hunks, newFirst, newLine)];
  return hunk !== undefined && newLine >= newFirst(hunk) && newLine < newFirst(hunk) + hunk.newCount;
}

/** The new side's line is one that the diff adds. */
export function isAdded(file: FileDiff, newLine: number): boolean {
  return isOnDiff(file, newLine) && mapNewToOld(file, newLine) === undefined;
}

/** The old side's line of an unchanged line of the new side; undefined for an added line. */
export function mapNewToOld(file: FileDiff, newLine: number): number | undefined {
  if (newLine < 1) return undefined;
  const hunk = file.hunks[findHunk(file.hunks, newFirst, newLine)];
  if (hunk === undefined) return file.status === "added" ? undefined : newLine;
  const end = newFirst(hunk) + hunk.newCount;
  if (newLine >= end) return newLine - end + oldFirst(hunk) + hunk.oldCount;
  const line = hunk.lines.find((candidate) => candidate.newLine === newLine);
  return line === undefined || line.oldLine === 0 ? undefined : line.oldLine;
}

/** The new side's line of an unchanged line of the old side; undefined for a removed line. */
export function mapOldToNew(file: FileDiff, oldLine: number): number | undefined {
  if (oldLine < 1) return undefined;
  const hunk = file.hunks[findHunk(file.hunks, oldFirst, oldLine)];
  if (hunk === undefined) return file.status === "deleted" ? undefined : oldLine;
  const end = oldFirst(hunk) + hunk.oldCount;
  if (oldLine >= end) return file.status === "deleted" ? undefined : oldLine - end + newFirst(hunk) + hunk.newCount;
  const line = hunk.lines.find((candidate) => candidate.oldLine === oldLine);
  return line === undefined || line.newLine === 0 ? undefined : line.newLine;
}

export interface NearestLine {
  /** Line of the new side. */
  readonly line: number;
  /** The patch removes lines right before `line` and puts none in their place; `line` itself is unchanged. */
  readonly isDeletion: boolean;
}

/**
 * The line of the diff nearest to `newLine` within [from, to] (the lines of one function on the new side): an added or changed line, or the line
 * behind a pure deletion. Of two equally near ones the added line wins, then the one above. Undefined where the range has none.
 */
export function nearestDiffLine(file: FileDiff, newLine: number, from: number, to: number): NearestLine | undefined {
  let best: NearestLine | undefined;
  const offer = (line: number, isDeletion: boolean): void => {
    if (line < from || line > to) return;
    if (best !== undefined) {
      const gain = Math.abs(best.line - newLine) - Math.abs(line - newLine);
      if (gain < 0 || (gain === 0 && (!best.isDeletion || isDeletion))) return;
    }
    best = { line, isDeletion };
  };
  for (const hunk of file.hunks) {
    if (newFirst(hunk) > to) break;
    if (newFirst(hunk) + hunk.newCount < from) continue;
    let nextNew = newFirst(hunk);
    let removes = false;
    let adds = false;
    for (const line of hunk.lines) {
      if (line.kind === "-") {
        removes = true;
        continue;
      }
      if (line.kind === "+") {
        adds = true;
        offer(line.newLine, false);
      } else {
        if (removes && !adds) offer(line.newLine, true);
        removes = false;
        adds = false;
      }
      nextNew = line.newLine + 1;
    }
    if (removes && !adds) offer(nextNew, true);
  }
  return best;
}

/** The entry of one patch whose new side is `path`. A file that became a symlink has two entries; the one with a new side counts. */
export function findFile(files: readonly FileDiff[], path: string): FileDiff | undefined {
  return files.find((file) => file.newPath === path);
}

export interface LinePlace {
  readonly path: string;
  readonly line: number;
}

/**
 * Where a line of the series' tip stands on the new side of patch `index` (0-based), through the later patches and their renames. Undefined
 * where a later patch adds the line, or changes the file in a way that has no lines.
 */
export function lineInPatch(
  patches: readonly (readonly FileDiff[])[],
  index: number,
  tip: LinePlace,
): LinePlace | undefined {
  let place: LinePlace | undefined = tip;
  for (let at = patches.length - 1; at > index && place !== undefined; at--) {
    place = stepBack(patches[at] as readonly FileDiff[], place);
  }
  return place;
}

function stepBack(files: readonly FileDiff[], place: LinePlace): LinePlace | undefined {
  const file = findFile(files, place.path);
  if (file === undefined) return place;
  if (file.isBinary || file.oldPath === undefined) return undefined;
  const line = mapNewToOld(file, place.line);
  return line === undefined ? undefined : { path: file.oldPath, line };
}

/** The other way: where a line of patch `index`'s new side stands at the tip; undefined where a later patch removes it. */
export function lineAtTip(
  patches: readonly (readonly FileDiff[])[],
  index: number,
  start: LinePlace,
): LinePlace | undefined {
  let place: LinePlace | undefined = start;
  for (let at = index + 1; at < patches.length && place !== undefined; at++) {
    const current: LinePlace = place;
    const touching = (patches[at] as readonly FileDiff[]).filter((file) => file.oldPath === current.path);
    const file = touching.find((candidate) => candidate.status !== "copied");
    if (file === undefined) continue;
    const line = file.isBinary || file.newPath === undefined ? undefined : mapOldToNew(file, current.line);
    place = line === undefined ? undefined : { path: file.newPath as string, line };
  }
  return place;
}

export interface Introduction extends LinePlace {
  /** 0-based index of the patch that adds the line; path and line are those of its new side. */
  readonly patch: number;
}

/** The patch of the series that added a line of the tip; undefined for a line that the base has already. */
export function introducedBy(patches: readonly (readonly FileDiff[])[], tip: LinePlace): Introduction | undefined {
  let place: LinePlace | undefined = tip;
  for (let at = patches.length - 1; at >= 0; at--) {
    const before = stepBack(patches[at] as readonly FileDiff[], place);
    if (before === undefined) {
      const file = findFile(patches[at] as readonly FileDiff[], place.path);
      return file?.isBinary ? undefined : { patch: at, ...place };
    }
    place = before;
  }
  return undefined;
}

export interface QuotedHunk {
  /** Short enough for a quoted line of 76 columns. */
  readonly header: string;
  /** Diff lines with their prefix character. */
  readonly lines: string[];
  /** Index into `lines` of the line meant: a comment belongs behind it. */
  readonly after: number;
}

/** 76 columns less the "> " of the quote. */
const MAX_HEADER_COLUMNS = 74;
const LINES_BEFORE = 2;
const LINES_AFTER = 1;

/**
 * The hunk around a line of the new side, cut to at most `maxLines` lines: the line, the nearest change of the hunk where it is
 * close enough, and a little context. A line right behind the hunk stands for a deletion at its end. Undefined where no hunk has the line.
 */
export function quoteHunk(file: FileDiff, newLine: number, maxLines = 12): QuotedHunk | undefined {
  const hunk =
    file.hunks.find(
      (candidate) => newLine >= newFirst(candidate) && newLine < newFirst(candidate) + candidate.newCount,
    ) ?? file.hunks.find((candidate) => newLine === newFirst(candidate) + candidate.newCount);
  if (hunk === undefined || hunk.lines.length === 0) return undefined;
  const { lines } = hunk;
  const found = lines.findIndex((line) => line.newLine === newLine);
  const focus = found >= 0 ? found : lines.length - 1;
  const limit = Math.max(1, maxLines);

  let [start, end] = changeAround(lines, focus, limit);
  for (let step = 0; step < LINES_BEFORE && start > 0 && end - start < limit; step++) start--;
  for (let step = 0; step < LINES_AFTER && end < lines.length && end - start < limit; step++) end++;
  return {
    header: shortHeader(hunk.header),
    lines: lines.slice(start, end).map((line) => line.kind + line.text),
    after: focus - start,
  };
}

/** The half-open range of lines with the focus and the change nearest to it, as far as `limit` lines hold it. */
function changeAround(lines: readonly DiffLine[], focus: number, limit: number): [number, number] {
  const isChange = (index: number): boolean => lines[index] !== undefined && (lines[index] as DiffLine).kind !== " ";
  let change = -1;
  for (let distance = 0; distance < limit && change < 0; distance++) {
    if (isChange(focus - distance)) change = focus - distance;
    else if (isChange(focus + distance)) change = focus + distance;
  }
  let start = change < 0 ? focus : Math.min(focus, change);
  let end = (change < 0 ? focus : Math.max(focus, change)) + 1;
  if (change < 0) return [start, end];
  // Both ways in turn, so that a long block is cut around the focus.
  for (let grew = true; grew && end - start < limit; ) {
    grew = false;
    if (isChange(start - 1)) {
      start--;
      grew = true;
    }
    if (end - start < limit && isChange(end)) {
      end++;
      grew = true;
    }
  }
  return [start, end];
}

/** A hunk header that fits: cut behind the function's first argument, else at the edge, and "..." for the rest. */
function shortHeader(header: string): string {
  const flat = header.replace(/[\u0000-\u001f\u007f]+/g, " ").trimEnd();
  if (flat.length <= MAX_HEADER_COLUMNS) return flat;
  const section = flat.indexOf("@@", 2) + 2;
  const comma = flat.indexOf(",", section);
  if (comma > 0 && comma + 5 <= MAX_HEADER_COLUMNS) return `${flat.slice(0, comma + 1)} ...`;
  return `${flat.slice(0, MAX_HEADER_COLUMNS - 3)}...`;
}
