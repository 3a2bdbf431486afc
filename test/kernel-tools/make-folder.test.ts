import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeFolder } from "../../src/kernel/make-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "objreview-make-folder-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("a folder is made with those above it, and one that is there is left alone", () => {
  const path = join(folder, "a", "b", "c");
  makeFolder(path);
  makeFolder(path);
  assert.ok(statSync(path).isDirectory());
});

test("where no folder can be made that is an error, at once", () => {
  writeFileSync(join(folder, "file"), "");
  assert.throws(() => makeFolder(join(folder, "file", "below")), { code: "ENOTDIR" });
  // Node's own recursive mkdir never comes back from here.
  assert.throws(() => makeFolder("/proc/objreview"), { code: "ENOENT" });
});
