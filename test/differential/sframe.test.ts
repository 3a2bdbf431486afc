import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import { generateC } from "../support/generated-c.ts";
import { compilePlanted } from "../support/plants.ts";
import { type Compared, compareSFrame } from "../support/sframe-dumps.ts";
import { compareWithDwarf } from "../support/sframe-dwarf.ts";

// .sframe as we read it and as objdump (version 1) or llvm-readobj (version 2) does: every header, function and row.

const folder = mkdtempSync(join(tmpdir(), "objreview-sframe-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The generated functions through `command`, at every level and shape of frame. */
function compareGenerated(command: string, flags: readonly string[], frames: readonly string[]): Compared {
  const sum: Compared = { objects: 0, functions: 0, rows: 0 };
  const input = join(folder, "input.c");
  const output = join(folder, "output.o");
  for (const level of ["-O0", "-O1", "-O2", "-Os"])
    for (const frame of frames)
      for (const seed of [1, 2]) {
        writeFileSync(input, generateC(seed, 2));
        const args = [level, frame, ...flags, "-w", "-c", "-o", output, input];
        execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
        assert.ok(compareSFrame(output, sum), args.join(" "));
      }
  return sum;
}

const shapes = ["-fomit-frame-pointer", "-fno-omit-frame-pointer", "-fstack-protector-strong"];

test("generated functions by gcc and gas: version 1 on x86-64", (t) => {
  const sum = compareGenerated("gcc", ["-Wa,--gsframe", "-fno-asynchronous-unwind-tables", "-g1"], shapes);
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.objects === 24 && sum.functions > 600 && sum.rows > 3000);
});

test("generated functions by gcc and gas: AArch64, signed return addresses too", (t) => {
  const sum = compareGenerated("aarch64-linux-gnu-gcc", ["-Wa,--gsframe"], [...shapes, "-mbranch-protection=pac-ret"]);
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.objects === 32 && sum.functions > 800 && sum.rows > 3000);
});

test("generated functions by clang 22: version 2 on x86-64", (t) => {
  const flags = ["-Wa,--allow-experimental-sframe,--gsframe", "-fno-asynchronous-unwind-tables", "-g"];
  const sum = compareGenerated("clang-22", flags, shapes);
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.objects === 24 && sum.functions > 600 && sum.rows > 3000);
});

test("objects of the kernel, compiled again with --gsframe", (t) => {
  let realigned = 0;
  const sum: Compared = { objects: 0, functions: 0, rows: 0 };
  for (const object of ["kernel/exit.o", "kernel/signal.o", "mm/slub.o", "fs/namei.o", "lib/vsprintf.o"]) {
    const path = join(folder, "kernel.o");
    writeFileSync(path, compilePlanted(object, undefined, "-Wa,--gsframe").bytes);
    assert.ok(compareSFrame(path, sum), object);
    const { bytes, without } = compareWithDwarf(path);
    t.diagnostic(`${object}: ${bytes} bytes as .debug_frame has them, ${without} functions without .sframe`);
    assert.ok(bytes > 10_000);
    realigned += without;
  }
  t.diagnostic(JSON.stringify(sum));
  // A few of mm/slub.o keep an aligned pair for cmpxchg16b on the stack.
  assert.ok(realigned > 0);
  assert.ok(sum.functions > 300 && sum.rows > 3000);
});

test("assembly of the kernel has no .sframe, flag or not", () => {
  const { bytes } = compilePlanted("arch/x86/lib/memcpy_64.o", undefined, "-Wa,--gsframe");
  assert.equal(readSFrame(openObject(bytesSource(bytes))), undefined);
});
