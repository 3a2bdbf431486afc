import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ToolError } from "../../src/base/errors.ts";
import { readSecretFile } from "../../src/mail/secret-file.ts";

test("a secret is the one line of a file that not everybody may read; errors hold nothing of it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "objreview-word-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "password");
  const read = (text: string): string => {
    writeFileSync(path, text, { mode: 0o600 });
    return readSecretFile(path, "the password file");
  };
  assert.equal(read("correct horse\n"), "correct horse");
  assert.equal(read("correct horse\r\n"), "correct horse");
  assert.equal(read(" kept as it is "), " kept as it is ");
  const refused = (run: () => unknown, words: RegExp) =>
    assert.throws(
      run,
      (error: unknown) =>
        error instanceof ToolError && words.test(error.message) && !JSON.stringify(error).includes("secret"),
    );
  for (const text of ["", "\n", "secret\nmore\n", "sec\0ret"]) refused(() => read(text), /does not hold one line/);
  refused(() => read("secret".repeat(1000)), /too long/);
  read("secret");
  chmodSync(path, 0o644);
  refused(() => readSecretFile(path, "x"), /^x \S+: everybody may read it/);
  rmSync(path);
  refused(() => readSecretFile(path, "x"), /: ENOENT$/);
});
