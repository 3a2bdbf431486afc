// Unified diffs as far as the fake needs them, read without the code that it tests.

export interface DiffFile {
  readonly path: string;
  readonly previousPath: string | undefined;
  readonly blob: string;
  readonly status: "added" | "removed" | "modified" | "renamed";
  readonly additions: number;
  readonly deletions: number;
  /** From the first "@@" on; undefined without lines. */
  readonly patch: string | undefined;
  readonly hunks: readonly DiffHunk[];
}

export interface DiffHunk {
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
  /** With its "@@" line. */
  readonly text: string;
  /** Line numbers that a comment may stand on. */
  readonly left: ReadonlySet<number>;
  readonly right: ReadonlySet<number>;
}

export function readDiff(diff: string): DiffFile[] {
  return diff
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith("diff --git "))
    .map(readFile);
}

function readFile(part: string): DiffFile {
  const start = part.search(/^@@ /m);
  const head = start < 0 ? part : part.slice(0, start);
  const patch = start < 0 ? undefined : part.slice(start).replace(/\n$/, "");
  const field = (pattern: RegExp): string | undefined => pattern.exec(head)?.[1];
  const names = /^diff --git a\/(.*) b\/(.*)$/m.exec(head)!;
  const from = field(/^rename from (.*)$/m);
  const lines = patch?.split("\n") ?? [];
  return {
    path: field(/^rename to (.*)$/m) ?? names[2]!,
    previousPath: from,
    blob: field(/^index [0-9a-f]+\.\.([0-9a-f]+)/m) ?? "",
    status: /^new file/m.test(head)
      ? "added"
      : /^deleted file/m.test(head)
        ? "removed"
        : from !== undefined
          ? "renamed"
          : "modified",
    additions: lines.filter((line) => line.startsWith("+")).length,
    deletions: lines.filter((line) => line.startsWith("-")).length,
    patch,
    hunks: patch === undefined ? [] : patch.split(/^(?=@@ )/m).map(readHunk),
  };
}

function readHunk(text: string): DiffHunk {
  const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text)!;
  const [oldStart, oldCount, newStart, newCount] = [1, 2, 3, 4].map((n) => Number(match[n] ?? 1)) as [
    number,
    number,
    number,
    number,
  ];
  const left = new Set<number>();
  const right = new Set<number>();
  let [oldLine, newLine] = [oldStart, newStart];
  for (const line of text.split("\n").slice(1)) {
    // Context has a number on both sides, and a comment may name either.
    if (line.startsWith("-")) left.add(oldLine++);
    else if (line.startsWith("+")) right.add(newLine++);
    else if (line.startsWith(" ") || line === "") {
      left.add(oldLine++);
      right.add(newLine++);
    }
  }
  return { oldStart, oldCount, newStart, newCount, text, left, right };
}

/** The hunk that a line of a side is in. */
export function hunkOf(file: DiffFile, side: "LEFT" | "RIGHT", line: number): DiffHunk | undefined {
  return file.hunks.find((hunk) => (side === "LEFT" ? hunk.left : hunk.right).has(line));
}

/** Where a line of the old text is in the new one, by a diff without context; undefined where it was changed. */
export function followLine(diff: string, line: number): number | undefined {
  let shift = 0;
  for (const { oldStart, oldCount, newCount } of readDiff(diff).flatMap((file) => file.hunks)) {
    // A hunk of no old lines says behind which line it adds.
    if (oldCount === 0 ? line <= oldStart : line < oldStart) break;
    if (oldCount > 0 && line < oldStart + oldCount) return undefined;
    shift += newCount - oldCount;
  }
  return line + shift;
}
