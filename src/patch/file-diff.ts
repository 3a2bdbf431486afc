import type { FormatError, FormatErrorCode } from "../base/errors.ts";

// What a diff is, once read (diff.ts).

export type LineKind = " " | "+" | "-";

export interface DiffLine {
  readonly kind: LineKind;
  /** Without prefix character and line feed; a CR at its end is content. */
  readonly text: string;
  /** 1-based line of the old side; 0 where the line is not on it. */
  readonly oldLine: number;
  /** 1-based line of the new side; 0 where the line is not on it. */
  readonly newLine: number;
}

export interface Hunk {
  /** As in the mail: "@@ -1818,7 +1818,6 @@ SYSCALL_DEFINE5(waitid, int, which,". */
  readonly header: string;
  /** What stands behind the second "@@", trimmed. */
  readonly section: string;
  /** 1-based. With a count of 0 it is the line before the gap, as in the header. */
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
  readonly lines: readonly DiffLine[];
  /** "\ No newline at end of file" stands under the last line of that side. */
  readonly oldMissesNewline: boolean;
  readonly newMissesNewline: boolean;
  /** 1-based line of the header in the text that was parsed. */
  readonly textLine: number;
}

/** "mode": nothing but the mode changed. A rename or copy may carry hunks. A file that became a symlink is two entries, as in git. */
export type FileStatus = "added" | "deleted" | "modified" | "renamed" | "copied" | "mode";

export interface FileDiff {
  readonly status: FileStatus;
  /** Path from the top of the tree; undefined for an added file. */
  readonly oldPath: string | undefined;
  /** Undefined for a deleted file. */
  readonly newPath: string | undefined;
  /** The new path, or the old one of a deleted file. */
  readonly path: string;
  /** Six octal digits, "100644"; undefined where the diff does not say or the side does not exist. */
  readonly oldMode: string | undefined;
  readonly newMode: string | undefined;
  /** Blob ids of the index line, abbreviated as in the mail. */
  readonly oldBlob: string | undefined;
  readonly newBlob: string | undefined;
  readonly isBinary: boolean;
  /** Either side is a symlink (mode 120000). */
  readonly isSymlink: boolean;
  /** Either side is a submodule (mode 160000). */
  readonly isSubmodule: boolean;
  readonly hunks: readonly Hunk[];
  /** 1-based line at which the file's diff begins in the text that was parsed. */
  readonly textLine: number;
}

/** Makes the error for a line of the text that is being read. */
export type DiffFail = (code: FormatErrorCode, message: string, textLine: number) => FormatError;
