// One class per layer that can fail; `code` is what programs look at, the text is for people.

export type FormatErrorCode = "truncated" | "bad-magic" | "bad-value" | "out-of-range" | "unsupported" | "over-budget";

/** Where in the input something is wrong. `offset` is in bytes from the start of `section`, or of the file without one. */
export interface FormatErrorPlace {
  readonly format: string;
  readonly section?: string;
  readonly offset?: number;
  readonly value?: number | string;
}

/** Bad input bytes. Byte readers throw this and nothing else. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly code: FormatErrorCode;
  readonly place: FormatErrorPlace;

  constructor(code: FormatErrorCode, message: string, place: FormatErrorPlace) {
    const section = place.section === undefined ? "" : ` ${place.section}`;
    const offset = place.offset === undefined ? "" : ` at offset 0x${place.offset.toString(16)}`;
    super(`${place.format}${section}${offset}: ${message}`);
    this.code = code;
    this.place = place;
  }
}

export type ToolErrorCode = "not-found" | "failed" | "timed-out" | "killed" | "output-too-big" | "cancelled";

/** A child process that did not do what it was asked. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  readonly code: ToolErrorCode;
  readonly command: readonly string[];
  readonly exitCode: number | null;
  /** The last lines of its standard error, for people. */
  readonly stderrTail: string;

  constructor(
    code: ToolErrorCode,
    message: string,
    detail: { command: readonly string[]; exitCode?: number | null; stderrTail?: string; cause?: unknown },
  ) {
    super(message, { cause: detail.cause });
    this.code = code;
    this.command = detail.command;
    this.exitCode = detail.exitCode ?? null;
    this.stderrTail = detail.stderrTail ?? "";
  }
}

/** What the caller asked for cannot be done as asked: a missing file, a revision that does not exist. One clear line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What the machine cannot do now: its disk or memory is full, there is no sandbox. The message is for the operator. */
export class MachineError extends UsageError {
  /** For anybody: one plain sentence without a full stop and without a path. */
  readonly reason: string;

  constructor(message: string, reason: string) {
    super(message);
    this.reason = reason;
  }
}

/** A defect of objreview itself. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}
