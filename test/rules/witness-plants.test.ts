// Defects of the unwind data, planted into what a real compiler made: each is found, named right and placed on its line.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { analyzeObject, type ObjectAnalysis, type ObjectFinding } from "../../src/analyze/analyze-object.ts";
import { brokenContracts } from "../../src/analyze/compare.ts";
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
});
after(() => rmSync(folder, { recursive: true, force: true }));

function compile(source = SOURCE): string[] {
  writeFileSync(join(folder, "plant.c"), source);
  execFileSync("gcc", [...OPTIONS, "-S", "-o", "plant.s", "plant.c"], { cwd: folder });
  return readFileSync(join(folder, "plant.s"), "utf8").split("\n");
}

function assemble(lines: readonly string[], ...options: string[]): Uint8Array {
  writeFileSync(join(folder, "planted.s"), lines.join("\n"));
  execFileSync("gcc", ["-c", ...options, "-o", "planted.o", "planted.s"], { cwd: folder });
  return new Uint8Array(readFileSync(join(folder, "planted.o")));
}

function analyze(bytes: Uint8Array, witnesses = true): ObjectAnalysis {
  return analyzeObject(bytesSource(bytes), {
    facts: fixtureFacts,
    witnesses,
    forComparison: true,
    stripPrefixes: [`${folder}/`],
  });
}

function told(findings: readonly ObjectFinding[]): string[] {
  return findings.map((f) => {
    const witnesses = f.evidence.map(({ witness }) => witness).join(" ");
    return `${f.severity} ${f.rule} ${f.messageKey} ${f.function} ${f.place?.file}:${f.place?.line} [${witnesses}] ${f.message}`;
  });
}

function judge(bytes: Uint8Array, witnesses = true): string[] {
  return told(analyze(bytes, witnesses).findings);
}

/** What is told where the object comes from `base`, and then from `head`. */
function compare(base: readonly string[], head: readonly string[]): string[] {
  const before = { object: "plant.o", analysis: analyze(assemble(base, "-Wa,--gsframe")) };
  const after = { object: "plant.o", analysis: analyze(assemble(head, "-Wa,--gsframe")) };
  assert.deepEqual(told(before.analysis.findings), []);
  const broken = brokenContracts([before], [after]).map(({ finding }) => finding);
  return told([...after.analysis.findings, ...broken]);
}

/** Line of a text, from 1, that holds `what`. */
function lineOf(text: string, what: string): number {
  const line = text.split("\n").findIndex((each) => each.includes(what)) + 1;
  assert.ok(line > 0, what);
  return line;
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
  const line = lineAt(lines, at);
  const [, register, offset] = /^\t\.cfi_offset (\d+), (-\d+)$/.exec(lines[at]!)!;
  lines[at] = `\t.cfi_offset ${register}, ${Number(offset) - 8}`;
  const found = judge(assemble(lines));
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(
    found[0]!,
    new RegExp(
      `^warning unwind-data-disagrees wrong sums plant\\.c:${line} \\[instructions debug_frame\\] .* \\.debug_frame says that r\\w+ is at CFA-\\d+; the instructions saved it at CFA-\\d+$`,
    ),
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
    assert.match(
      found[0]!,
      isEarly
        ? /says that the CFA is rsp\+\d+; it is rsp\+\d+$/
        : /still says that the CFA is rsp\+\d+; it is rsp\+\d+ by then$/,
    );
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
    /^warning unwind-data-disagrees wrong sums plant\.c:4 \[instructions sframe\] .* \.sframe says that the CFA is rbp\+\d+; it is rsp\+\d+/,
  );
});

test("a .cfi_adjust_cfa_offset in inline assembly", () => {
  const plant = (text: string): string =>
    SOURCE.replace("\tint sum = 0;\n", `\tint sum = 0;\n\n\tasm volatile("${text}");\n`);
  const head = plant("pushfq; .cfi_adjust_cfa_offset 8; popq %rax");
  const found = compare(compile(plant("pushfq; popq %rax")), compile(head));
  assert.deepEqual(found, [
    `warning frame-change-untold default sums plant.c:${lineOf(head, "asm")} [instructions debug_frame sframe] sums() changes CFA without telling the unwind data, and calls`,
  ]);
});

const TABLE = `int elsewhere(int);

int runs(int code)
{
	switch (code) {
	case 0: return elsewhere(3);
	case 1: return elsewhere(code + 1) + 1;
	case 2: return elsewhere(8) * 5;
	case 3: return elsewhere(code) - 7;
	case 4: return elsewhere(1) ^ 2;
	case 5: return elsewhere(9) | 64;
	default: return 0;
	}
}
`;

for (const [missing, expected] of [
  [0, []],
  [1, ["jump-table-disagrees too-short runs plant.c:5"]],
  [-1, ["jump-table-disagrees too-long runs plant.c:5"]],
] as const)
  test(`a table with ${missing === 0 ? "all its entries" : `one entry too ${missing > 0 ? "few" : "many"}`}`, () => {
    const lines = compile(TABLE);
    const jump = next(lines, 0, /^\tjmp\t\*\.L\d+\(/);
    const label = /\.L\d+/.exec(lines[jump]!)![0];
    let end = next(lines, 0, new RegExp(`^\\${label}:$`)) + 1;
    let entries = 0;
    for (; /^\t\.quad\t\.L/.test(lines[end]!); end++) entries++;
    assert.equal(entries, 6);
    const said = ['\t.section .llvm_jump_table_sizes, "o", @progbits, .text', `\t.quad ${label}, ${entries - missing}`];
    const found = judge(assemble([...lines, ...said]));
    assert.equal(lineAt(lines, jump), 5);
    assert.deepEqual(
      found.map((each) => each.split(" ").slice(1, 5).join(" ")),
      expected,
    );
  });

test("a function that is declared noreturn and returns", () => {
  const body = (text: string): string => `void gives_up(void) __attribute__((noreturn));

asm(".text\\n"
    ".globl gives_up\\n"
    ".type gives_up, @function\\n"
    "gives_up:\\n\\t"
    "${text}\\n"
    ".size gives_up, . - gives_up");

int elsewhere(int);

int tries(int n)
{
	if (n < 0)
		gives_up();
	return elsewhere(n) + 1;
}
`;
  const found = compare(compile(body("1: jmp 1b")), compile(body("ret")));
  assert.deepEqual(found, [
    "error falls-through after-call tries plant.c:15 [] tries() runs past its end when gives_up() returns: nothing says that it never does, and the tree's noreturn list lacks it",
    "error declared-noreturn-returns default gives_up plant.c:1 [debug information] gives_up() returns, and is declared to never return",
  ]);
});
