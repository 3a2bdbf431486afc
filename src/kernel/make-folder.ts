import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder, and those above it that are not there. mkdirSync with `recursive` never ends where the system makes no folder and says
 * ENOENT of one whose parent is there: below /proc, for one.
 * @throws the error of mkdir
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  for (const each of missing.reverse()) makeOne(each);
}

function makeOne(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else was first.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
