import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fastImportStream, kernelVersion, readTar, type TarMember } from "../../scripts/setup/tar-to-git.ts";

const scratch = mkdtempSync(join(tmpdir(), "objreview-tar-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const long = `${"deep/".repeat(30)}a-file-with-a-name.c`;
const top = join(scratch, "linux-source");
mkdirSync(join(top, "deep/".repeat(30)), { recursive: true });
writeFileSync(
  join(top, "Makefile"),
  "# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\nNAME = Baby\n",
);
writeFileSync(join(top, long), "int x;\n");
writeFileSync(join(top, "script.sh"), "#!/bin/sh\n", { mode: 0o755 });
writeFileSync(join(top, "empty"), "");
writeFileSync(join(top, "block"), "x".repeat(512));
symlinkSync("script.sh", join(top, "link"));

function archive(...format: string[]): Uint8Array {
  const path = join(scratch, "linux.tar");
  const fixed = ["--mtime=@1700000000", "--sort=name", "--owner=0", "--group=0"];
  execFileSync("tar", ["-C", scratch, ...fixed, ...format, "-cf", path, "linux-source"]);
  return readFileSync(path);
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function members(bytes: Uint8Array, chunk = 1000): Promise<TarMember[]> {
  const found: TarMember[] = [];
  for await (const each of readTar(inChunks(bytes, chunk), 1)) found.push({ ...each, data: each.data.slice() });
  return found;
}

for (const format of ["gnu", "posix", "ustar"]) {
  test(`reads what tar --format=${format} writes`, async () => {
    const bytes = archive(`--format=${format}`);
    for (const chunk of [1, 511, 512, 65536]) {
      if (chunk === 1 && bytes.length > 200_000) continue;
      const found = await members(bytes, chunk);
      assert.deepEqual(
        found.map((each) => [each.path, each.mode, each.data.length]).sort(),
        [
          ["Makefile", "100644", 77],
          ["block", "100644", 512],
          ["empty", "100644", 0],
          ["link", "120000", 9],
          ["script.sh", "100755", 10],
          [long, "100644", 7],
        ].sort(),
      );
    }
  });
}

test("an archive that was cut short or damaged is refused", async () => {
  const bytes = archive("--format=gnu");
  const firstFile = bytes.indexOf(0x23); // the "#" that the Makefile or the script starts with
  await assert.rejects(members(bytes.subarray(0, firstFile + 3)), /ends/);
  const damaged = bytes.slice();
  damaged[0] = damaged[0]! ^ 1;
  await assert.rejects(members(damaged), /checksum/);
});

test("the stream makes the same commit and tag every time", async () => {
  const bytes = archive("--format=gnu");
  const commits: string[] = [];
  for (const name of ["one.git", "two.git"]) {
    const repository = join(scratch, name);
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
    const importer = spawn("git", ["--git-dir", repository, "fast-import", "--quiet"], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    const ended = new Promise((resolve) => importer.on("close", resolve));
    for await (const part of fastImportStream(readTar(inChunks(bytes, 4096), 1), "Linux, packaged\n", () => {})) {
      importer.stdin.write(Uint8Array.from(part));
    }
    importer.stdin.end();
    assert.equal(await ended, 0);
    const git = (...args: string[]): string =>
      execFileSync("git", ["--git-dir", repository, ...args], { encoding: "utf8" }).trim();
    commits.push(git("rev-parse", "v6.12.117"));
    assert.equal(git("log", "-1", "--format=%ct %s", "main"), "1700000000 Linux, packaged");
    assert.equal(git("show", `main:${long}`), "int x;");
    assert.equal(
      git("ls-tree", "main", "link", "script.sh").replace(/\s+\S{40}\s+/g, " "),
      "120000 blob link\n100755 blob script.sh",
    );
  }
  assert.equal(commits[0], commits[1]);
});

test("the version is the one that the Makefile names", () => {
  assert.equal(kernelVersion("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\n"), "v6.12-rc3");
  assert.throws(() => kernelVersion("all:\n"), /names no version/);
});
