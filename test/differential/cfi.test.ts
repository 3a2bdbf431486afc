import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import { openObject } from "../../src/elf/object.ts";
import { scratchFolder } from "../dwarf/objects.ts";
import { compileAgain } from "../support/compile-again.ts";
import { asReadelfSays, type DumpedFrames, llvmFrames, readelfFrames } from "../support/frame-dumps.ts";
import { generateC } from "../support/generated-c.ts";
import { compareDumps, type FrameComparison, ownFrames } from "../support/own-frames.ts";

// Every row of .debug_frame and .eh_frame of real objects, as two readers that are not ours have it: readelf, and llvm-dwarfdump where it is.
// OBJREVIEW_CFI_OBJECTS names folders of more objects, with ":" between them.

const folder = scratchFolder();
const SEED = 611;

function findTool(names: readonly string[], question: readonly string[]): string | undefined {
  return names.find((name) => {
    try {
      execFileSync(name, question, { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

const dwarfdump = findTool(["llvm-dwarfdump-22", "llvm-dwarfdump-19", "llvm-dwarfdump"], ["--version"]);
type Reader = readonly [name: string, read: (path: string) => DumpedFrames, view: (says: string) => string];
const others: readonly Reader[] = [
  ["readelf", readelfFrames, asReadelfSays],
  ...(dwarfdump === undefined
    ? []
    : [["llvm-dwarfdump", (path: string) => llvmFrames(path, dwarfdump), (says: string) => says] as const]),
];

interface Sum {
  objects: number;
  faults: string[];
  readonly by: ReadonlyMap<string, FrameComparison>;
}

function compareAll(paths: Iterable<string>): Sum {
  const by = new Map(others.map(([name]) => [name, { entries: 0, rows: 0, wrong: [] as string[] }]));
  const sum: Sum = { objects: 0, faults: [], by };
  for (const path of paths) {
    const object = openObject(bytesSource(new Uint8Array(readFileSync(path))));
    const cfis = readCfi(object);
    if (cfis.length === 0) continue;
    sum.objects++;
    for (const { faults } of cfis) sum.faults.push(...faults.map((fault) => `${path}: ${fault.message}`));
    const own = ownFrames(object, cfis);
    for (const [name, read, view] of others) compareDumps(own, read(path), view, by.get(name)!, path);
  }
  return sum;
}

function check(sum: Sum, objects: number, tell: (message: string) => void): void {
  for (const [name, { entries, rows, wrong }] of sum.by) {
    tell(`${name}: ${sum.objects} objects, ${entries} entries, ${rows} rows`);
    assert.deepEqual(wrong, [], name);
    assert.ok(rows > sum.objects);
  }
  if (dwarfdump === undefined) tell("llvm-dwarfdump is not here: compared with readelf alone");
  assert.deepEqual(sum.faults, []);
  assert.ok(sum.objects >= objects, `${sum.objects} objects, ${objects} wanted`);
}

/** Realigned frames, variable ones, exceptions' tables, and whatever else the generator makes. */
function sources(): readonly string[] {
  const realigned = `extern int other(void *, ...);
    int realigned(int n) { char b[64] __attribute__((aligned(64))); char *p = __builtin_alloca(n); return other(b) + other(p) + b[0] + p[1]; }
    int kept(int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += other(a + i) * other(a - i, n); if (s < 0) return other(0); return s + n; }`;
  return [realigned, ...[0, 1, 2].map((n) => generateC(SEED + n, 2))];
}

function compileAll(compiler: string, flagSets: readonly (readonly string[])[]): string[] {
  return sources().flatMap((source, n) =>
    flagSets.map((flags, m) => {
      const input = join(folder, `${n}.c`);
      const output = join(folder, `${compiler}-${n}-${m}.o`);
      writeFileSync(input, source);
      execFileSync(compiler, [...flags, "-w", "-c", input, "-o", output], { stdio: ["ignore", "ignore", "inherit"] });
      return output;
    }),
  );
}

const flagSets = [
  ["-O2", "-fasynchronous-unwind-tables"],
  ["-O2", "-g", "-fno-asynchronous-unwind-tables"],
  ["-Os", "-gdwarf-4", "-fno-asynchronous-unwind-tables", "-fno-omit-frame-pointer"],
  ["-O3", "-fexceptions", "-ffunction-sections"],
  ["-O0", "-gdwarf-2", "-gno-strict-dwarf"],
];

test("what gcc makes of generated C", (t) => {
  check(compareAll(compileAll("gcc", flagSets)), 20, t.diagnostic.bind(t));
});

test("what clang makes of generated C", (t) => {
  const clang = findTool(["clang-22", "clang-19", "clang"], ["--version"]);
  if (clang === undefined) return t.diagnostic("clang is not here: nothing compared");
  check(compareAll(compileAll(clang, flagSets)), 20, t.diagnostic.bind(t));
});

test("what gcc makes of it for arm64, with signed return addresses", (t) => {
  const gcc = findTool(["aarch64-linux-gnu-gcc"], ["--version"]);
  if (gcc === undefined) return t.diagnostic("aarch64-linux-gnu-gcc is not here: nothing compared");
  const signing = flagSets.map((flags) => [...flags, "-mbranch-protection=standard"]);
  check(compareAll(compileAll(gcc, [...flagSets, ...signing])), 40, t.diagnostic.bind(t));
});

test("members of the compiler's own libraries", (t) => {
  const archive = execFileSync("gcc", ["-print-file-name=libgcc.a"], { encoding: "utf8" }).trim();
  assert.ok(isAbsolute(archive), archive);
  const members = join(folder, "libgcc");
  mkdirSync(members);
  execFileSync("ar", ["x", archive], { cwd: members });
  const paths = objectsBelow(members).concat(objectsBelow(dirname(archive)));
  check(compareAll(paths), 100, t.diagnostic.bind(t));
});

test("objects of the default kernel, compiled again with debug information", (t) => {
  const objects: readonly [string, readonly string[]][] = [
    ["kernel/exit.o", ["-g1"]],
    ["kernel/fork.o", ["-gdwarf-4", "-g1"]],
    ["mm/mmap.o", ["-g1"]],
    ["lib/vsprintf.o", ["-g1", "-Os"]],
  ];
  const paths = objects.map(([object, flags]) => compileAgain(folder, object, flags));
  check(compareAll(paths), 4, t.diagnostic.bind(t));
});

const more = process.env.OBJREVIEW_CFI_OBJECTS ?? "";
if (more !== "") {
  test("objects of the folders that OBJREVIEW_CFI_OBJECTS names", (t) => {
    check(compareAll(more.split(":").flatMap(objectsBelow)), 1, t.diagnostic.bind(t));
  });
}

/** Relocatable 64-bit objects, sorted. */
function objectsBelow(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".o"))
    .sort()
    .map((name) => join(root, name))
    .filter((path) => {
      const head = readFileSync(path).subarray(0, 20);
      return head.toString("latin1", 0, 6) === "\x7fELF\x02\x01" && head[16] === 1;
    });
}
