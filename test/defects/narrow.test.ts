// What a known defect explains is no more than that: wrong unwind data that somebody else made is told under every compiler that has defects.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestOptions, test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { knownDefects } from "../../src/defects/index.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

const SUMS = `int elsewhere(int);

int sums(int n)
{
	int sum = 0;

	while (n--)
		sum += elsewhere(n);
	return sum;
}
`;
/** Arguments on the stack, and a word that only aligns it: what the row of a pushed argument could be taken for. */
const PUSHES = `int print(long, long, long, long, long, long, void *, long);

int sums(char *s)
{
	return print(1, 2, 3, 4, 5, 6, s + 46, *(long *)(s + 64)) + 1;
}
`;
const REALIGNED = `int use(void *, long, long, long, long, long, long, long);
int last(int);

int sums(int n, int a, int b)
{
	if (n) {
		long v[2] __attribute__((aligned(32)));
		return use(v, a, b, n, 4, 5, 6, 7) + use(v, b, a, n, 4, 5, 6, 7) + a - b;
	}
	return last(n);
}
`;
/** Two ends, of which one saved nothing. */
const EARLY = `struct s {
	void *a, *b, *c;
};
void use(void *);

void sums(struct s *s)
{
	if (!s->a)
		return;
	use(s->b);
	s->c = 0;
	s->b = 0;
}
`;
const OPTIONS = [
  ...["-O2", "-g", "-ffreestanding", "-fno-PIE", "-mno-red-zone", "-fno-stack-protector"],
  ...["-fno-asynchronous-unwind-tables", "-fcf-protection=none"],
];
const compilers = ["gcc-12", "clang-19", "clang-22"];

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "objreview-narrow-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function compile(compiler: string, source: string): string[] {
  writeFileSync(join(folder, "plant.c"), source);
  execFileSync(compiler, [...OPTIONS, "-S", "-o", "plant.s", "plant.c"], { cwd: folder });
  return readFileSync(join(folder, "plant.s"), "utf8").split("\n");
}

function judge(compiler: string, lines: readonly string[]) {
  writeFileSync(join(folder, "planted.s"), lines.join("\n"));
  execFileSync(compiler, ["-c", "-o", "planted.o", "planted.s"], { cwd: folder });
  const bytes = new Uint8Array(readFileSync(join(folder, "planted.o")));
  return analyzeObject(bytesSource(bytes), { facts: fixtureFacts, witnesses: true });
}

const isInsn = /^\t[a-z]/;
const isDirective = /^\t\.cfi_/;

/** Moves the directives behind the instruction at line `from` behind the next instruction. */
function oneLater(lines: string[], from: number): void {
  let end = from + 1;
  while (isDirective.test(lines[end]!) || /^\s*(#|\.loc|\.L)/.test(lines[end]!)) end++;
  const directives = lines.slice(from + 1, end).filter((line) => isDirective.test(line));
  assert.ok(directives.length > 0 && isInsn.test(lines[end]!), lines.slice(from, end + 1).join("\n"));
  const rest = lines.slice(from + 1, end).filter((line) => !isDirective.test(line));
  lines.splice(from + 1, end - from, ...rest, lines[end]!, ...directives);
}

function first(lines: readonly string[], what: RegExp): number {
  const at = lines.findIndex((line) => what.test(line));
  assert.notEqual(at, -1, `${what}`);
  return at;
}

interface Plant {
  readonly name: string;
  readonly source: string;
  plant(lines: string[]): void;
}

const plants: readonly Plant[] = [
  {
    name: "a wrong .cfi_offset",
    source: SUMS,
    plant(lines) {
      const at = first(lines, /^\t\.cfi_offset /);
      lines[at] = lines[at]!.replace(/-(\d+)$/, (_, offset) => `-${Number(offset) + 8}`);
    },
  },
  {
    name: "a .cfi_offset below the stack",
    source: SUMS,
    plant(lines) {
      const at = first(lines, /^\t\.cfi_offset /);
      lines[at] = lines[at]!.replace(/-\d+$/, "-256");
    },
  },
  {
    name: "the row of the last push before the call, one instruction late",
    source: SUMS,
    plant(lines) {
      const call = first(lines, /^\tcallq?\t/);
      oneLater(
        lines,
        lines.findLastIndex((line, at) => at < call && /^\t(pushq?|subq)\t/.test(line)),
      );
    },
  },
  {
    name: "the row of a push that only aligns, one instruction late",
    source: PUSHES,
    plant: (lines) => oneLater(lines, first(lines, /^\t(pushq?|subq)\t/)),
  },
  {
    name: "the row of a release of the stack, one instruction late",
    source: PUSHES,
    plant: (lines) => oneLater(lines, first(lines, /^\taddq\t\$\d+, %rsp/)),
  },
  {
    name: "a .cfi_restore of a register that is still saved",
    source: SUMS,
    plant(lines) {
      const [, register] = /^\t\.cfi_offset (%?\w+),/.exec(lines[first(lines, /^\t\.cfi_offset /)]!)!;
      lines.splice(first(lines, /^\tcallq?\t/), 0, `\t.cfi_restore ${register}`);
    },
  },
  {
    name: "a register's slot in the row of a way that never saved it",
    source: EARLY,
    plant: (lines) => lines.splice(first(lines, /^\tj[a-z]+\t/) + 1, 0, "\t.cfi_offset rbx, -16"),
  },
  {
    name: "a .cfi_restore in a realigned frame",
    source: REALIGNED,
    plant(lines) {
      const saved = lines.findLastIndex((line) => /^\t\.cfi_(offset|escape) /.test(line));
      const call = lines.findIndex((line, at) => at > saved && /^\tcallq?\tuse/.test(line));
      lines.splice(call, 0, "\t.cfi_restore rbx");
    },
  },
];

/** Skipped with its reason where that compiler is not installed. */
function withCompiler(compiler: string): TestOptions {
  const skip = spawnSync(compiler, ["--version"]).error === undefined ? false : `no ${compiler} here`;
  return { skip };
}

for (const compiler of compilers) {
  for (const { name, source, plant } of plants)
    test(`${compiler}: ${name} is told`, withCompiler(compiler), () => {
      const lines = compile(compiler, source);
      const asIs = judge(compiler, lines);
      assert.deepEqual(asIs.findings, []);
      plant(lines);
      const planted = judge(compiler, lines);
      assert.ok(planted.findings.length > 0, JSON.stringify(planted.knownDefects));
      // Whatever compiler it is said to be of.
      const muted = new Set(knownDefects.flatMap(({ shapes }) => shapes));
      for (const { shape, message } of planted.findings) assert.ok(shape !== undefined && !muted.has(shape), message);
    });
}
