import assert from "node:assert/strict";
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ToolError } from "../../src/base/errors.ts";
import { collectFile } from "../../src/kernel/collect-file.ts";
import { runOk, SYSTEM_PATH } from "../../src/kernel/process.ts";
import { scratchFolder } from "./make-repository.ts";

function code(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ToolError, String(error));
    return error.code;
  }
  return "no error";
}

test("regular files of a job's folder, links refused wherever they are", async (t) => {
  const dir = scratchFolder(t);
  const outside = join(dir, "secret");
  mkdirSync(outside);
  writeFileSync(join(outside, "key"), "secret");
  const work = join(dir, "work");
  mkdirSync(join(work, "a/b"), { recursive: true });
  writeFileSync(join(work, "a/b/good.o"), "object");
  linkSync(join(work, "a/b/good.o"), join(work, "hard.o"));
  writeFileSync(join(work, "empty"), "");
  symlinkSync(join(outside, "key"), join(work, "link"));
  symlinkSync(outside, join(work, "folder-link"));
  symlinkSync("b", join(work, "a/inner-link"));
  symlinkSync("loop", join(work, "loop"));
  writeFileSync(join(work, "big"), "");
  truncateSync(join(work, "big"), 100 * 1024 ** 3);
  const env = { PATH: SYSTEM_PATH };
  await runOk(["mkfifo", join(work, "pipe")], { env });
  const text = (path: string) => new TextDecoder().decode(collectFile(work, path, 1000));
  assert.equal(text("a/b/good.o"), "object");
  assert.equal(text("hard.o"), "object");
  assert.equal(text("empty"), "");
  for (const path of [
    "link",
    "folder-link/key",
    "a/inner-link/good.o",
    "loop",
    "pipe",
    "a",
    "a/b/good.o/x",
    "../secret/key",
    "/etc/passwd",
    "a//b",
    "./empty",
    "",
    "a/../empty",
    "nul\0",
  ]) {
    assert.equal(
      code(() => collectFile(work, path, 1000)),
      "failed",
      path,
    );
  }
  assert.equal(
    code(() => collectFile(work, "a/none.o", 1000)),
    "not-found",
  );
  assert.equal(
    code(() => collectFile(work, "big", 1000)),
    "output-too-big",
  );
  assert.equal(
    code(() => collectFile(work, "a/b/good.o", 5)),
    "output-too-big",
  );
  assert.equal(collectFile(work, "a/b/good.o", 6).length, 6);
});

test("devices are refused and not read", (t) => {
  assert.equal(
    code(() => collectFile("/dev", "zero", 1000)),
    "failed",
  );
  assert.ok(scratchFolder(t));
});
