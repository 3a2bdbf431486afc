import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { freeBytes, requireSpace } from "../../src/kernel/disk-space.ts";

test("work that does not fit on the disk is refused with both figures, before it begins", () => {
  const folder = join(tmpdir(), "not", "made", "yet");
  const free = freeBytes(folder);
  assert.ok(free > 0);
  requireSpace(folder, 1, "a file");
  assert.throws(
    () => requireSpace(folder, 2 ** 62, "a work tree"),
    (error) =>
      error instanceof UsageError &&
      /^a work tree takes \d+\.0 GB in .*yet, and [\d.]+ GB are free there$/.test(error.message),
  );
});
