import { FormatError } from "../base/errors.ts";
import type { DiffFail, FileDiff, FileStatus, Hunk } from "./file-diff.ts";
import { readBinaryPatch, readHunks } from "./hunk-text.ts";
import { LineCursor } from "./line-cursor.ts";
import { readGitNames, readHeaderName, readTraditionalNames } from "./path-text.ts";

// Unified diffs as git writes and git-apply(1) reads them (git's documentation, diff-generate-patch). Our own reader, not jsdiff: that one drops
// the function name of hunk headers, index lines and the binary flag of "GIT binary patch", and throws at the signature of every
// format-patch mail; see docs/adr/0003-own-diff-reader.md. What git skips as text around a diff is skipped here too; what git refuses is refused.

export interface DiffOptions {
  /** For messages: "2/4", a file name. */
  readonly name?: string;
  /** Lines before the text in the mail, so that messages tell the line in the mail's body. */
  readonly linesBefore?: number;
  readonly maxFiles?: number;
  /** Hunk lines of all files together. */
  readonly maxLines?: number;
}

/** Header lines of git's extended header; anything else ends it. */
const extendedPattern =
  /^(old mode|new mode|deleted file mode|new file mode|copy from|copy to|rename from|rename to|rename old|rename new|similarity index|dissimilarity index|index) /;
/** A header line holds two quoted paths at most; octal escapes take four characters per byte. */
const MAX_HEADER_LINE = 40_000;
const hunkHeaderPattern = /^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@/;

/**
 * The files that `git apply` would see in `text` (a diff, or a mail's text from "---" on), in order. Text without any diff gives [].
 * Throws FormatError{format: "patch", section: "<name> line <n>", value: n}: hunk counts that lie, a diff without file names, a hunk without a
 * file, hunks out of order, a truncated binary patch, a bad path escape, over a limit.
 */
export function parseDiff(text: string, options: DiffOptions = {}): FileDiff[] {
  const linesBefore = options.linesBefore ?? 0;
  const fail: DiffFail = (code, message, textLine) => {
    const line = textLine + linesBefore;
    const section = options.name === undefined ? `line ${line}` : `${options.name} line ${line}`;
    return new FormatError(code, message, { format: "patch", section, value: line });
  };
  const maxFiles = options.maxFiles ?? 20_000;
  const budget = { lines: options.maxLines ?? 2_000_000 };
  const cursor = new LineCursor(text);
  const files: FileDiff[] = [];
  for (let line = cursor.line; line !== undefined; line = cursor.line) {
    const file = line.startsWith("diff --git ")
      ? readGitFile(cursor, budget, fail)
      : line.startsWith("--- ")
        ? readTraditionalFile(cursor, budget, fail)
        : undefined;
    if (file !== undefined) {
      if (files.length >= maxFiles) throw fail("over-budget", `more than ${maxFiles} files`, file.textLine);
      files.push(file);
      continue;
    }
    if (line.startsWith("@@ -") && hunkHeaderPattern.test(line.slice(0, 200))) {
      throw fail("bad-value", "hunk without a file header", cursor.number);
    }
    cursor.next();
  }
  return files;
}

interface Header {
  oldPath?: string;
  newPath?: string;
  oldMode?: string;
  newMode?: string;
  oldBlob?: string;
  newBlob?: string;
  isNew: boolean;
  isDelete: boolean;
  isRename: boolean;
  isCopy: boolean;
}

/** One "diff --git" file. */
function readGitFile(cursor: LineCursor, budget: { lines: number }, fail: DiffFail): FileDiff {
  const textLine = cursor.number;
  const first = cursor.line as string;
  if (first.length > MAX_HEADER_LINE) throw fail("bad-value", "diff line too long", textLine);
  const header: Header = { isNew: false, isDelete: false, isRename: false, isCopy: false };
  cursor.next();
  const sameName = readGitNames(first.slice("diff --git ".length), textLine, fail);
  let headerLines = 0;
  let sawNames = false;
  for (let line = cursor.line; line !== undefined; line = cursor.line) {
    if (line.length > MAX_HEADER_LINE) throw fail("bad-value", "header line too long", cursor.number);
    const isName = line.startsWith("--- ") || line.startsWith("+++ ");
    if (!isName && !extendedPattern.test(line)) break;
    // git would take some of them and forget names over it.
    if (sawNames && !isName) throw fail("bad-value", "extended header line behind the file names", cursor.number);
    sawNames ||= isName;
    readHeaderLine(line, header, sameName, cursor.number, fail);
    headerLines++;
    cursor.next();
  }
  // git goes on as if the line were text, but keeps its names and mixes them into the next file. No real diff needs that.
  if (headerLines === 0) throw fail("bad-value", "diff line without a header below it", textLine);
  if (header.oldPath === undefined && header.newPath === undefined) {
    if (sameName === undefined) throw fail("bad-value", "diff header does not say which file", textLine);
    if (!header.isNew) header.oldPath = sameName;
    if (!header.isDelete) header.newPath = sameName;
  }
  if ((header.oldPath === undefined && !header.isNew) || (header.newPath === undefined && !header.isDelete)) {
    throw fail("bad-value", "diff header names one side only", textLine);
  }
  const isBinary = readBinaryPatch(cursor, fail);
  const hunks = isBinary ? [] : readHunks(cursor, budget, fail);
  const file = finishFile(header, isBinary, hunks, textLine);
  const changesMetadata =
    header.isNew || header.isDelete || header.isRename || header.isCopy || modesDiffer(header.oldMode, header.newMode);
  if (hunks.length === 0 && !isBinary && !changesMetadata) throw fail("truncated", `${file.path}: no hunk`, textLine);
  checkSides(file, fail);
  return file;
}

function modesDiffer(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && right !== undefined && left !== right;
}

/** `sameName` is the name that the diff line gives both sides; a new or deleted file goes by it. */
function readHeaderLine(
  line: string,
  header: Header,
  sameName: string | undefined,
  textLine: number,
  fail: DiffFail,
): void {
  const rest = (prefix: string): string => line.slice(prefix.length);
  if (line.startsWith("--- ") || line.startsWith("+++ ")) {
    const isOld = line.startsWith("---");
    const name = readHeaderName(line.slice(4), { stripFirst: true, endsAtTab: true }, textLine, fail);
    // Without its "new file" or "deleted file" line git reads /dev/null as a file "dev/null".
    const isMissing = isOld ? header.isNew : header.isDelete;
    if (isMissing !== (name === undefined)) {
      throw fail("bad-value", `/dev/null and the file mode lines contradict each other`, textLine);
    }
    if (name === undefined) return;
    setPath(header, isOld ? "oldPath" : "newPath", name, textLine, fail);
  } else if (line.startsWith("rename ") || line.startsWith("copy ")) {
    const [, verb, side, path] = /^(rename|copy) (from|to|old|new) (.*)$/.exec(line) ?? [];
    const name = readHeaderName(path ?? "", { stripFirst: false, endsAtTab: false }, textLine, fail);
    if (verb === "rename") header.isRename = true;
    else header.isCopy = true;
    setPath(header, side === "from" || side === "old" ? "oldPath" : "newPath", name ?? "", textLine, fail);
  } else if (line.startsWith("old mode ")) header.oldMode = readMode(rest("old mode "), textLine, fail);
  else if (line.startsWith("new mode ")) header.newMode = readMode(rest("new mode "), textLine, fail);
  else if (line.startsWith("new file mode ")) {
    header.isNew = true;
    if (sameName !== undefined) setPath(header, "newPath", sameName, textLine, fail);
    header.newMode = readMode(rest("new file mode "), textLine, fail);
  } else if (line.startsWith("deleted file mode ")) {
    header.isDelete = true;
    if (sameName !== undefined) setPath(header, "oldPath", sameName, textLine, fail);
    header.oldMode = readMode(rest("deleted file mode "), textLine, fail);
  } else if (line.startsWith("index ")) {
    const match = /^index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]+))?\s*$/.exec(line);
    if (match === null) return;
    header.oldBlob = match[1] as string;
    header.newBlob = match[2] as string;
    if (match[3] === undefined) return;
    const mode = readMode(match[3], textLine, fail);
    header.oldMode ??= mode;
    header.newMode ??= mode;
  }
}

function setPath(header: Header, side: "oldPath" | "newPath", path: string, textLine: number, fail: DiffFail): void {
  if (path === "") throw fail("bad-value", "empty file name", textLine);
  const before = header[side];
  if (before !== undefined && before !== path)
    throw fail("bad-value", `two names for one side: ${before}, ${path}`, textLine);
  header[side] = path;
}

function readMode(text: string, textLine: number, fail: DiffFail): string {
  const mode = text.trim();
  if (!/^[0-7]{1,7}$/.test(mode)) throw fail("bad-value", `file mode "${mode.slice(0, 20)}"`, textLine);
  return mode.padStart(6, "0");
}

/** "--- old", "+++ new", "@@ -": a diff of diff(1), as quilt writes it. Undefined where the three do not follow each other. */
function readTraditionalFile(cursor: LineCursor, budget: { lines: number }, fail: DiffFail): FileDiff | undefined {
  const start = cursor.mark();
  const textLine = cursor.number;
  const oldLine = cursor.line as string;
  cursor.next();
  const newLine = cursor.line;
  cursor.next();
  if (newLine?.startsWith("+++ ") !== true || cursor.line?.startsWith("@@ -") !== true) {
    cursor.reset(start);
    return undefined;
  }
  if (oldLine.length > MAX_HEADER_LINE || newLine.length > MAX_HEADER_LINE) {
    throw fail("bad-value", "header line too long", textLine);
  }
  const names = readTraditionalNames(oldLine.slice(4), newLine.slice(4), textLine, fail);
  const header: Header = { ...names, isRename: false, isCopy: false };
  const file = finishFile(header, false, readHunks(cursor, budget, fail), textLine);
  checkSides(file, fail);
  return file;
}

function finishFile(header: Header, isBinary: boolean, hunks: readonly Hunk[], textLine: number): FileDiff {
  const { isNew, isDelete } = header;
  const onlyMode = hunks.length === 0 && !isBinary && modesDiffer(header.oldMode, header.newMode);
  const status: FileStatus = isNew
    ? "added"
    : isDelete
      ? "deleted"
      : header.isRename
        ? "renamed"
        : header.isCopy
          ? "copied"
          : onlyMode
            ? "mode"
            : "modified";
  const oldPath = isNew ? undefined : header.oldPath;
  const newPath = isDelete ? undefined : header.newPath;
  const modes = [header.oldMode, header.newMode];
  return {
    status,
    oldPath,
    newPath,
    path: newPath ?? (oldPath as string),
    oldMode: isNew ? undefined : header.oldMode,
    newMode: isDelete ? undefined : (header.newMode ?? header.oldMode),
    oldBlob: header.oldBlob,
    newBlob: header.newBlob,
    isBinary,
    isSymlink: modes.includes("120000"),
    isSubmodule: modes.includes("160000"),
    hunks,
    textLine,
  };
}

/** A new file has no old lines, a deleted one no new lines: git refuses both. */
function checkSides(file: FileDiff, fail: DiffFail): void {
  const { hunks, status } = file;
  if (status === "added" && hunks.some((hunk) => hunk.oldCount > 0)) {
    throw fail("bad-value", `${file.path}: a new file with old lines`, file.textLine);
  }
  if (status === "deleted" && hunks.some((hunk) => hunk.newCount > 0)) {
    throw fail("bad-value", `${file.path}: a deleted file with new lines`, file.textLine);
  }
}
