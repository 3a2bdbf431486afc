import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { patchId } from "../../src/mail/patch-id.ts";
import { findPrerequisite } from "../../src/mail/prerequisites.ts";
import { seededRandom } from "../support/random.ts";
import { setMailStage } from "./running.ts";
import { seriesMails, TRAFFIC } from "./traffic.ts";

const env = { PATH: process.env.PATH, HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
const git = (args: readonly string[], input: string | Buffer = "", cwd = "/") =>
  execFileSync("git", args, { env, cwd, input, maxBuffer: 1 << 26 });
const gitPatchId = (patch: Buffer) => git(["patch-id", "--stable"], patch).toString().split(" ")[0];

/** What stands behind the commit message, as the facts of a mail are made of. */
function diffOf(mail: Buffer): Uint8Array {
  return mail.subarray(mail.indexOf("\n---\n") + 1);
}

test("the same as git patch-id --stable, for patches with all that diffs have", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "objreview-patch-id-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  git(["init", "-q", "--bare", folder]);
  const random = seededRandom(11);
  const words = [
    "int a;",
    "\treturn 0;",
    "-- x",
    "++ y",
    "@@ -1 +1 @@",
    "",
    "caf\u00e9 \u4e2d",
    "diff --git a/x b/x",
    "\f",
    "x\r",
  ];
  const text = () => Array.from({ length: random() % 30 }, () => words[random() % words.length]).join("\n");
  const lines = ["reset refs/heads/main", ""];
  const files = new Map<string, string>();
  for (let n = 0; n < 60; n++) {
    const body: string[] = [];
    for (let change = 1 + (random() % 4); change > 0; change--) {
      const path = `dir ${random() % 3}/f${random() % 6}.c`;
      const known = [...files.keys()];
      const kind = random() % 8;
      if (kind === 0 && known.length > 0) {
        const old = known[random() % known.length]!;
        body.push(`D "${old}"`);
        files.delete(old);
      } else if (kind === 1 && known.length > 0) {
        const [old, name] = [known[random() % known.length]!, `moved ${n}.${change}.c`];
        body.push(`R "${old}" "${name}"`);
        files.set(name, files.get(old)!);
        files.delete(old);
      } else {
        const old = files.get(path);
        const next = old === undefined || kind < 4 ? text() : `${old}${random() % 2 === 0 ? "\n" : ""}${text()}`;
        files.set(path, next);
        body.push(`M ${kind === 7 ? "100755" : "100644"} inline "${path}"`, `data ${Buffer.byteLength(next)}`, next);
      }
    }
    lines.push("commit refs/heads/main", "committer A <a@example.org> 1700000000 +0000", "data 1", "c", ...body, "");
  }
  git(["fast-import", "--quiet"], lines.join("\n"), folder);
  const commits = git(["rev-list", "main"], "", folder).toString().trim().split("\n");
  assert.equal(commits.length, 60);
  let compared = 0;
  for (const commit of commits) {
    for (const options of [[], ["-M"], ["--no-renames", "-U1"]]) {
      const mail = git(["format-patch", "--stdout", "-1", ...options, commit], "", folder);
      const expected = gitPatchId(mail);
      if (expected === "") continue;
      assert.equal(patchId(diffOf(mail)), expected, mail.toString());
      compared++;
    }
  }
  assert.ok(compared > 120, `only ${compared} were compared`);
});

test("what is no diff, or binary, has none", () => {
  for (const text of ["", "hello\n", "--- \n+++ \n", "diff --git a/x b/x\nBinary files a/x and b/x differ\n"]) {
    assert.equal(patchId(new TextEncoder().encode(text)), undefined, text);
  }
  const started = performance.now();
  patchId(Buffer.alloc(20 << 20, "diff --git a/x b/x\n"));
  assert.ok(performance.now() - started < 5000);
});

test("prerequisites are found among the mails by each of their names", async (t) => {
  const stage = await setMailStage(t);
  stage.arrive(...TRAFFIC);
  await stage.settle();
  const { room } = stage;
  const find = (kind: "patch-id" | "change-id" | "message-id" | "base-commit", value: string) =>
    findPrerequisite(room, { kind, value });
  const delta = (version: number) => [1, 2].map((n) => `delta-v${version}-${n}@example.org`);
  const change = "20261101-delta-0123456789ab";
  assert.deepEqual(await find("change-id", change), delta(3));
  assert.deepEqual(await find("change-id", `${change}:v2`), delta(2));
  assert.equal(await find("change-id", `${change}:v4`), undefined);
  assert.equal(await find("change-id", "20261101-nothing-0123456789ab"), undefined);
  const alpha = [1, 2, 3].map((n) => `alpha-v2-${n}@example.org`);
  assert.deepEqual(await find("message-id", "alpha-v2-0@example.org"), alpha);
  assert.deepEqual(await find("message-id", "alpha-v2-2@example.org"), alpha);
  assert.equal(await find("message-id", "reply-1@example.org"), undefined);
  assert.equal(await find("message-id", "nobody@example.org"), undefined);
  const [, second] = seriesMails({
    key: "alpha",
    version: 2,
    lines: ["int x;", "int fixed;"],
    minute: 0,
    hasCover: false,
  });
  const id = gitPatchId(Buffer.from(second!));
  assert.deepEqual(await find("patch-id", id!), ["alpha-v2-2@example.org"]);
  assert.equal(await find("patch-id", id!.slice(1)), undefined);
  assert.equal(await find("base-commit", "0".repeat(40)), undefined);
});
