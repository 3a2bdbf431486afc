import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

/**
 * Compares `text` with the golden file; with UPDATE_GOLDEN=1 in the environment, writes it instead. A difference in a
 * golden file is to be read line by line before it is committed.
 */
export function assertGolden(file: URL, text: string): void {
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"));
}
