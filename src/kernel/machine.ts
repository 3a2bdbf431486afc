// Which failures are the machine's, and neither a patch's nor ours: another try later may come to a verdict.

import { MachineError, ToolError } from "../base/errors.ts";

const DISK = "the disk of the machine that reviews is full";
const MEMORY = "the machine that reviews has no memory left";
const SANDBOX = "the machine that reviews cannot make a sandbox for the build";

/** errno names of Node.js, errno(3) */
const ERRNO: Readonly<Record<string, string>> = {
  ENOSPC: DISK,
  EDQUOT: DISK,
  ENOMEM: MEMORY,
  EMFILE: "the machine that reviews has too many files open",
  ENFILE: "the machine that reviews has too many files open",
  EAGAIN: "the machine that reviews has too many processes",
  EIO: "the disk of the machine that reviews cannot be read or written",
  EROFS: "the disk of the machine that reviews cannot be read or written",
};

/** What git, bwrap and the C library print (strerror(3); git, wrapper.c). */
const PRINTED: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|Disk quota exceeded/, DISK],
  [/Cannot allocate memory|[Oo]ut of memory/, MEMORY],
];

/** The plain sentence for anybody, without a path of the machine and without a full stop; undefined: it is no failure of the machine. */
export function machineReason(error: unknown): string | undefined {
  if (error instanceof MachineError) return error.reason;
  if (error instanceof ToolError) {
    if (error.code === "cancelled") return undefined;
    const printed = PRINTED.find(([words]) => words.test(error.stderrTail) || words.test(error.message));
    if (printed !== undefined) return printed[1];
    if (error.command[0] === "bwrap" || error.message.startsWith(SANDBOX_STOPPED)) return SANDBOX;
    if (error.code === "killed") return "a program of the review was killed on the machine that reviews";
    return machineReason(error.cause);
  }
  return error instanceof Error ? ERRNO[(error as NodeJS.ErrnoException).code ?? ""] : undefined;
}

/** What supervise says of a sandbox that did not start. */
export const SANDBOX_STOPPED = "the sandbox could not start";

/** @param detail for the operator: what and where */
export function diskFull(detail: string): MachineError {
  return new MachineError(detail, DISK);
}

/** @param detail for the operator: what and where */
export function memoryGone(detail: string): MachineError {
  return new MachineError(detail, MEMORY);
}
