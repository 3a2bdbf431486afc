// Defects of the unwind data, planted into what a real compiler made: each is found, named right and placed on its line.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

const SOURCE = `int elsewhere(int);

int sums(int n)
{
	int sum = 0;

	while (n--)
		sum += elsewhere(n);
	return sum;
}
`;
const OPTIONS = ["-O2", "-g", "-ffreestanding", "-fno-PIE", "-fno-asynchronous-unwind-tables", "-fcf-protection=none"];

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "objreview-plant-"));
  writeFileSync(join(folder, "plant.c"), SOURCE);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function compile(): string[] {
  execFileSync("gcc", [...OPTIONS, "-S", "-o", "plant.s", "plant.c"], { cwd: folder });
  return readFileSync(join(folder, "plant.s"), "utf8").split("\n");
}

function assemble(lines: readonly string[], ...options: string[]): Uint8Array {
  writeFileSync(join(folder, "planted.s"), lines.join("\n"));
  execFileSync("gcc", ["-c", ...options, "-o", "planted.o", "planted.s"], { cwd: folder });
  return new Uint8Array(readFileSync(join(folder, "planted.o")));
}

function judge(bytes: Uint8Array, witnesses = true): string[] {
  const { findings } = analyzeObject(bytesSource(bytes), {
    facts: fixtureFacts,
    witnesses,
    stripPrefixes: [`${folder}/`],
  });
  return findings.map((f) => {
    const witnesses = f.evidence.map(({ witness }) => witness).join(" ");
    return `${f.severity} ${f.rule} ${f.messageKey} ${f.function} ${f.place?.file}:${f.place?.line} [${witnesses}] ${f.message}`;
  });
}

/** The line of the source in whose code a line of the assembly stands. */
function lineAt(lines: readonly string[], at: number): number {
  for (let i = at; i >= 0; i--) {
    const found = /^\t\.loc \d+ (\d+) /.exec(lines[i]!);
    if (found !== null) return Number(found[1]);
  }
  throw new Error("no line");
}

function next(lines: readonly string[], from: number, what: RegExp): number {
  const at = lines.findIndex((line, i) => i > from && what.test(line));
  assert.ok(at > from, `${what}`);
  return at;
}

const isInsn = /^\t[a-z]/;

test("what the compiler wrote is right", () => {
  assert.deepEqual(judge(assemble(compile(), "-Wa,--gsframe")), []);
});

test("nobody is heard where nobody asked", () => {
  const lines = compile().map((line) => line.replace(/^(\t\.cfi_offset \d+), -\d+$/, "$1, -8"));
  assert.notDeepEqual(judge(assemble(lines)), []);
  assert.deepEqual(judge(assemble(lines), false), []);
});

test("what has no unwind data is said once", () => {
  const { coverage } = analyzeObject(
    bytesSource(assemble([...compile(), "\t.text", "\t.type bare, @function", "bare:\tret", "\t.size bare, . - bare"])),
    {
      facts: fixtureFacts,
      witnesses: true,
    },
  );
  const said = coverage.notes.filter(({ why }) => why.includes("no row"));
  assert.deepEqual(said, [{ kind: "assumption", why: "debug_frame has no row for 1 function of this object" }]);
});

test("a wrong .cfi_offset", () => {
  const lines = compile();
  const at = next(lines, 0, /^\t\.cfi_offset /);
  const [, register, offset] = /^\t\.cfi_offset (\d+), (-\d+)$/.exec(lines[at]!)!;
  lines[at] = `\t.cfi_offset ${register}, ${Number(offset) - 8}`;
  const found = judge(assemble(lines));
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(
    found[0]!,
    /^warning unwind-data-disagrees wrong sums plant\.c:\d+ \[instructions debug_frame\] .* wrong of r\w+$/,
  );
});

for (const direction of ["early", "late"] as const)
  test(`a frame row one instruction too ${direction}`, () => {
    const lines = compile();
    const call = next(lines, 0, /^\tcall\t/);
    // The last row before the call has no other instruction of the prologue behind it.
    const row = lines.findLastIndex((line, i) => i < call && /^\t\.cfi_def_cfa_offset /.test(line));
    const before = lines.findLastIndex((line, i) => i < row && isInsn.test(line));
    const behind = next(lines, row, isInsn);
    let end = row + 1;
    while (/^\t\.cfi_offset /.test(lines[end]!)) end++;
    const isEarly = direction === "early";
    const line = lineAt(lines, isEarly ? before : behind);
    const moved = lines.splice(row, end - row);
    lines.splice(isEarly ? before : behind + 1 - moved.length, 0, ...moved);
    const found = judge(assemble(lines, "-Wa,--gsframe"));
    const [severity, key] = isEarly ? ["warning", "wrong"] : ["note", "late"];
    assert.equal(found.length, 1, found.join("\n"));
    const head = `${severity} unwind-data-disagrees ${key} sums plant.c:${line} [instructions debug_frame sframe]`;
    assert.ok(found[0]!.startsWith(head), `${found[0]} is not ${head}`);
    assert.match(found[0]!, /CFA$/);
  });

test("an .sframe entry with a wrong base", () => {
  const bytes = assemble(compile(), "-Wa,--gsframe");
  const object = openObject(bytesSource(bytes));
  const start = Buffer.from(bytes).indexOf(object.bytes(object.findSection(".sframe")));
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  // Version 1 of binutils 2.40: a header of 28 bytes; the first entry has one word, and its start, its info and its words take a byte each.
  assert.equal(view.getUint16(0, true), 0xdee2);
  const second = 28 + view.getUint32(24, true) + 3;
  assert.equal(view.getUint8(second + 1) & 1, 1, "it is told by the stack pointer");
  view.setUint8(second + 1, view.getUint8(second + 1) & ~1);
  const found = judge(bytes);
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(
    found[0]!,
    /^warning unwind-data-disagrees wrong sums plant\.c:4 \[instructions sframe\] .* wrong of CFA$/,
  );
});
