import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { type CheckOptions, checkCommand } from "../../src/cli/check.ts";
import { readPatchFile } from "../../src/cli/patch-files.ts";
import { openProgress } from "../../src/cli/progress.ts";

// Bad input of `objreview check`, and the files that commands read.

const dir = mkdtempSync(join(tmpdir(), "objreview-check-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const SOURCE = `static int helper(int a) { return a * 3; }
int add(int a, int b) { return helper(a) + b; }
int (*table[])(int, int) = { add };
const char *name(int n) { switch (n) { case 0: return "a"; case 1: return "bb"; case 2: return "c"; default: return ""; } }
`;

function compiled(): Buffer {
  writeFileSync(join(dir, "a.c"), SOURCE);
  execFileSync("gcc", ["-g1", "-O2", "-c", "-o", join(dir, "a.o"), join(dir, "a.c")]);
  return readFileSync(join(dir, "a.o"));
}

async function check(paths: readonly string[], options: CheckOptions = {}) {
  let [out, err] = ["", ""];
  const io = {
    out(text: string) {
      out += text;
    },
    err(text: string) {
      err += text;
    },
  };
  return { status: await checkCommand(paths, options, io), out, err };
}

test("an object cut short anywhere is one line and status 2", async () => {
  const whole = compiled();
  const clean = await check([join(dir, "a.o")]);
  assert.deepEqual([clean.status, clean.err], [0, ""]);
  let refused = 0;
  for (let cut = 0; cut < whole.length; cut += 37) {
    const path = join(dir, "cut.o");
    writeFileSync(path, whole.subarray(0, cut));
    const { status, err } = await check([path]);
    if (status === 2) refused++;
    else assert.fail(`${cut} of ${whole.length} bytes pass for an object`);
    assert.match(err, /^objreview: [^\n]*cut\.o: [^\n]*at offset 0x[0-9a-f]+[^\n]*\n$/, `${cut} bytes`);
  }
  assert.ok(refused > 20);
});

test("what is no object at all", async () => {
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const text = join(dir, "text");
  writeFileSync(text, "no object\n");
  const sparse = join(dir, "sparse");
  execFileSync("truncate", ["-s", "40G", sparse]);
  const other = join(dir, "arm.o");
  const bytes = compiled();
  bytes.writeUInt16LE(8, 18); // e_machine: MIPS
  writeFileSync(other, bytes);
  const cases: [path: string, says: RegExp][] = [
    [dir, /not a regular file/],
    [fifo, /not a regular file/],
    ["/dev/zero", /not a regular file/],
    [join(dir, "none.o"), /no such file/],
    [text, /ELF at offset 0xa: 10 bytes are no ELF file/],
    [sparse, /ELF at offset 0x0/],
    [other, /machine 8 is not known here/],
  ];
  for (const [path, says] of cases) {
    const { status, err } = await check([path]);
    assert.equal(status, 2, path);
    assert.match(err, /^objreview: [^\n]+\n$/);
    assert.match(err, says);
  }
  // One that cannot be read does not keep the others from being checked, and the whole is not called clean.
  compiled();
  const mixed = await check([text, join(dir, "a.o")], { json: true });
  assert.equal(mixed.status, 2);
  assert.deepEqual([JSON.parse(mixed.out).complete, JSON.parse(mixed.out).objects.length], [false, 1]);
});

test("a configuration or a tree that is none", async () => {
  compiled();
  const object = join(dir, "a.o");
  for (const kernelConfig of [dir, "/dev/zero", join(dir, "none"), object]) {
    await assert.rejects(check([object], { kernelConfig }), UsageError);
  }
  await assert.rejects(check([object], { tree: dir }), UsageError);
});

test("patch files: regular ones up to a limit", () => {
  const path = join(dir, "p.diff");
  writeFileSync(path, "x".repeat(3_000_000));
  assert.equal(readPatchFile(path).bytes.length, 3_000_000);
  execFileSync("truncate", ["-s", "200M", path]);
  assert.throws(
    () => readPatchFile(path),
    /p\.diff at offset 0x8000000: more than 134217728 bytes, which is no patch series/,
  );
  assert.throws(() => readPatchFile("/dev/zero"), /\/dev\/zero: not a regular file/);
});

test("progress: in a log a line when there is something new, on a terminal one line that goes at the end", () => {
  const lines: string[] = [];
  const log = openProgress({ write: (text) => lines.push(text) });
  log.line("one\u001b[31m\n");
  log.line("two");
  log.line("three");
  log.done();
  assert.deepEqual(
    lines.map((line) => line.replace(/^ *\d+\.\d s/, "T")),
    ["T  one [31m \n", "T  three\n"],
  );
  const shown: string[] = [];
  const terminal = openProgress({ isTTY: true, columns: 20, write: (text) => shown.push(text) });
  terminal.line("a line that is longer than the terminal is wide");
  terminal.done();
  assert.match(shown[0] ?? "", /^\r\u001b\[2K {2}0\.0 s {2}a line tha$/);
  assert.deepEqual(shown.slice(1), ["\r\u001b[2K"]);
});
