// A password or token in a file of its own, on its one line. It is read when it is used: it may be changed while the service runs.

import { readFileSync, statSync } from "node:fs";
import { ToolError } from "../base/errors.ts";

const MAX_BYTES = 4096;

/** @param what names it in errors, which hold nothing of the file. Throws ToolError. */
export function readSecretFile(path: string, what: string): string {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ToolError("failed", `${what} ${path}: ${why}`, { command: ["read", path], cause });
  };
  let text = "";
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o007) !== 0) refuse("everybody may read it; take that away (chmod 600)");
    if (size > MAX_BYTES) refuse("it is too long to be one");
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof ToolError) throw error;
    refuse((error as NodeJS.ErrnoException).code ?? "it cannot be read", error);
  }
  const secret = text.replace(/\r?\n$/, "");
  return secret === "" || /[\r\n\0]/.test(secret) ? refuse("it does not hold one line") : secret;
}
