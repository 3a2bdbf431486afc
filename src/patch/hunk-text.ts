import type { DiffFail, DiffLine, Hunk } from "./file-diff.ts";
import type { LineCursor } from "./line-cursor.ts";

// The body of a file's diff: hunks, or a binary patch.

const hunkPattern = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/s;
/** Line numbers above this are no line numbers. */
const MAX_LINE_NUMBER = 2 ** 31 - 1;
/** Some hosts ask for a longer hunk section than git writes (80 bytes); what is longer is cut. */
const MAX_SECTION = 400;

/** Hunks from the cursor on, as long as they follow each other. */
export function readHunks(cursor: LineCursor, budget: { lines: number }, fail: DiffFail): Hunk[] {
  const hunks: Hunk[] = [];
  let oldEnd = 0;
  let newEnd = 0;
  while (cursor.line?.startsWith("@@ -") === true) {
    const hunk = readHunk(cursor, budget, fail);
    // With a count of 0 the start is the line before the gap.
    const oldFirst = hunk.oldCount === 0 ? hunk.oldStart + 1 : hunk.oldStart;
    const newFirst = hunk.newCount === 0 ? hunk.newStart + 1 : hunk.newStart;
    if (oldFirst < oldEnd || newFirst < newEnd) {
      throw fail("bad-value", "hunks overlap or are out of order", hunk.textLine);
    }
    oldEnd = oldFirst + hunk.oldCount;
    newEnd = newFirst + hunk.newCount;
    hunks.push(hunk);
  }
  return hunks;
}

function readHunk(cursor: LineCursor, budget: { lines: number }, fail: DiffFail): Hunk {
  const textLine = cursor.number;
  const header = (cursor.line as string).slice(0, MAX_SECTION).replace(/\r$/, "");
  const match = hunkPattern.exec(header);
  if (match === null) throw fail("bad-value", "hunk header that is none", textLine);
  const [oldStart, oldCount, newStart, newCount] = [match[1], match[2] ?? "1", match[3], match[4] ?? "1"].map(
    Number,
  ) as [number, number, number, number];
  if (oldStart + oldCount > MAX_LINE_NUMBER || newStart + newCount > MAX_LINE_NUMBER) {
    throw fail("out-of-range", "hunk header with a line number out of range", textLine);
  }
  if ((oldStart === 0 && oldCount > 0) || (newStart === 0 && newCount > 0)) {
    throw fail("bad-value", "hunk header with lines at line 0", textLine);
  }
  cursor.next();
  const lines: DiffLine[] = [];
  let oldLine = oldCount === 0 ? oldStart + 1 : oldStart;
  let newLine = newCount === 0 ? newStart + 1 : newStart;
  const oldEnd = oldLine + oldCount;
  const newEnd = newLine + newCount;
  let oldMissesNewline = false;
  let newMissesNewline = false;
  let last = "";
  for (;;) {
    const line = cursor.line;
    if (line?.startsWith("\\ ") === true && last !== "") {
      if (last !== "+") oldMissesNewline = true;
      if (last !== "-") newMissesNewline = true;
      last = "";
      cursor.next();
      continue;
    }
    if (oldLine === oldEnd && newLine === newEnd) break;
    if (line === undefined) throw shortHunk("the text ends", textLine, fail, oldEnd - oldLine, newEnd - newLine);
    // Mailers strip the blank of an empty context line; git takes such a line for one.
    const kind = line === "" || line === "\r" ? " " : line[0];
    if (--budget.lines < 0) throw fail("over-budget", "too many hunk lines in one patch", cursor.number);
    if (kind === " " && oldLine < oldEnd && newLine < newEnd) {
      lines.push({ kind, text: line === "\r" ? "\r" : line.slice(1), oldLine: oldLine++, newLine: newLine++ });
    } else if (kind === "-" && oldLine < oldEnd) {
      lines.push({ kind, text: line.slice(1), oldLine: oldLine++, newLine: 0 });
    } else if (kind === "+" && newLine < newEnd) {
      lines.push({ kind, text: line.slice(1), oldLine: 0, newLine: newLine++ });
    } else {
      throw shortHunk(
        `line ${cursor.number - textLine} of it does not fit`,
        textLine,
        fail,
        oldEnd - oldLine,
        newEnd - newLine,
      );
    }
    last = kind as string;
    cursor.next();
  }
  // git skips what follows as text; more lines of a hunk than its header counts are a damaged patch. "--" begins a signature or a header.
  const next = cursor.line;
  if (next !== undefined && (/^-(?!-)/.test(next) || /^\+(?!\+\+ )/.test(next))) {
    throw fail("bad-value", "hunk has more lines than its header counts", textLine);
  }
  const section = (match[5] as string).trim();
  return {
    header,
    section,
    oldStart,
    oldCount,
    newStart,
    newCount,
    lines,
    oldMissesNewline,
    newMissesNewline,
    textLine,
  };
}

function shortHunk(where: string, textLine: number, fail: DiffFail, oldLeft: number, newLeft: number) {
  return fail(
    "truncated",
    `hunk differs from its counts: ${where}, ${oldLeft} old and ${newLeft} new lines are missing`,
    textLine,
  );
}

const binaryNotePattern = /^(?:Binary files|Files) .* differ\s*$/;
/** One length character and base85 groups of five (git's base85 alphabet). */
const binaryLinePattern = /^[A-Za-z](?:[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{5})+\r?$/;

/** Skips a "GIT binary patch" or a "Binary files differ" note; false where there is none. */
export function readBinaryPatch(cursor: LineCursor, fail: DiffFail): boolean {
  const line = cursor.line;
  if (line === undefined) return false;
  if (line.trimEnd() !== "GIT binary patch") {
    if (!binaryNotePattern.test(line.slice(0, 20_000))) return false;
    cursor.next();
    return true;
  }
  const textLine = cursor.number;
  cursor.next();
  let parts = 0;
  while (/^(?:literal|delta) \d+\r?$/.test(cursor.line?.slice(0, 40) ?? "")) {
    cursor.next();
    while (cursor.line !== undefined && cursor.line.length < 80 && binaryLinePattern.test(cursor.line)) cursor.next();
    if (cursor.line !== undefined && cursor.line.trim() !== "") {
      throw fail("bad-value", "binary patch with a line that is no base85", cursor.number);
    }
    if (cursor.line === undefined) throw fail("truncated", "binary patch without its end", textLine);
    cursor.next();
    parts++;
  }
  if (parts === 0) throw fail("truncated", "binary patch without data", textLine);
  return true;
}
