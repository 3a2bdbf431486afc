import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

/** Compares with test/golden/<name>. Written only with OBJREVIEW_UPDATE_GOLDEN=1, and never silently. */
export function assertGolden(name: string, actual: string): void {
  const file = new URL(`../golden/${name}`, import.meta.url);
  if (process.env.OBJREVIEW_UPDATE_GOLDEN === "1") {
    mkdirSync(new URL(".", file), { recursive: true });
    writeFileSync(file, actual);
    process.stderr.write(`golden text rewritten: test/golden/${name}\n`);
    return;
  }
  assert.equal(actual, readFileSync(file, "utf8"), `test/golden/${name}; OBJREVIEW_UPDATE_GOLDEN=1 rewrites it`);
}
