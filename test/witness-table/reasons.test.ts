import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ReasonId } from "../../scripts/witness-table/reasons.ts";
import { addObject, newSums, type WitnessSum } from "../../scripts/witness-table/sums.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

// Each reason on code that shows it, and on code beside it that does not. What clang does is given as assembly, marked as clang's; where a clang is
// installed, it has to do the same of the C that the documentation names.

const folder = mkdtempSync(join(tmpdir(), "objreview-reasons-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function sumOf(source: string, suffix: string, command: string, flags: readonly string[]): WitnessSum {
  const input = join(folder, `input${suffix}`);
  writeFileSync(input, source);
  execFileSync(command, [...flags, "-w", "-c", "-o", join(folder, "output.o"), input], { stdio: "pipe" });
  const sums = newSums();
  addObject(sums, folder, "output.o", fixtureFacts, ["debug_frame"]);
  return sums.witnesses.get("debug_frame")!;
}

/** "reason: claims, predicted and not there" of each, and what is unexplained */
function told({ reasons, unexplained }: WitnessSum): string[] {
  return [
    ...[...reasons].map(([id, { claims, notThere }]) => `${id}: ${claims}, ${notThere} not there`),
    ...[...unexplained].map(([key, { claims }]) => `${key}: ${claims}`),
  ];
}

function assembled(body: string, compiler: "gcc" | "clang"): string[] {
  const mark = compiler === "clang" ? '.ident "clang version 22"' : "";
  const source = `\t.cfi_sections .debug_frame\n\t.text\n\t${mark}\n\t.globl f\n\t.type f, @function\nf:\n\t.cfi_startproc\n${body}\n\t.cfi_endproc\n\t.size f, . - f\n`;
  return told(sumOf(source, ".s", "gcc", []));
}

const pushRbx = "\tpush %rbx\n\t.cfi_def_cfa_offset 16\n\t.cfi_offset rbx, -16\n\tmov %rdi, %rbx\n";

test("flags that are pushed and popped, and a frame that is counted from rbp", () => {
  assert.deepEqual(assembled("\tpushf\n\tpop %rax\n\tret", "gcc"), ["flags-push: 1, 0 not there"]);
  const framed =
    "\tpush %rbp\n\t.cfi_def_cfa_offset 16\n\t.cfi_offset rbp, -16\n\tmov %rsp, %rbp\n\t.cfi_def_cfa_register rbp";
  const end = "\tpop %rbp\n\t.cfi_restore rbp\n\t.cfi_def_cfa rsp, 8\n\tret";
  assert.deepEqual(assembled(`${framed}\n\tpushf\n\tpop %rax\n${end}`, "gcc"), []);
});

test("a push that no rule knows is unexplained", () => {
  assert.deepEqual(assembled("\tpush %rdi\n\tpop %rax\n\tret", "gcc"), ["CFA cfa-offset (wrong): 1"]);
});

test("an iretq to the next instruction", () => {
  const body =
    "\tmov %ss, %eax\n\tpush %rax\n\tpush %rsp\n\taddq $8, (%rsp)\n\tpushf\n\tmov %cs, %eax\n\tpush %rax\n\tpush $1f\n\tiretq\n1:\tpop %rdx\n\tret";
  // The pop behind it is no part of it.
  const [reason, ...others] = assembled(body.replace("\tpop %rdx\n", ""), "gcc");
  assert.equal(reason, "iret-to-self: 7, 0 not there");
  assert.deepEqual(others, []);
});

test("a switch of stacks", () => {
  const change = "\tmov %rsp, (%rdi)\n\tmov %rdi, %rsp\n\tcall g\n\tpop %rsp\n";
  const body = `${pushRbx}${change}\tpop %rbx\n\t.cfi_restore rbx\n\t.cfi_def_cfa_offset 8\n\tret`;
  assert.deepEqual(assembled(body, "gcc"), ["stack-switch: 2, 0 not there"]);
});

test("clang keeps the rules of popped registers; gcc does not, and is not expected to", () => {
  const body = `${pushRbx}\tcall g\n\tpop %rbx\n\t.cfi_def_cfa_offset 8\n\tret`;
  assert.deepEqual(assembled(body, "clang"), ["popped-slot: 1, 0 not there"]);
  assert.deepEqual(assembled(body, "gcc"), ["rbx below-stack (wrong): 1"]);
});

test("an epilogue that another way joins: the return is predicted, and both outcomes are counted", () => {
  const shared = (restore: string) =>
    `\ttest %rdi, %rdi\n\tje 1f\n${pushRbx}\tcall g\n\tpop %rbx\n\t.cfi_def_cfa_offset 8\n${restore}1:\tret`;
  assert.deepEqual(assembled(shared(""), "clang"), ["shared-return: 1, 0 not there"]);
  assert.deepEqual(assembled(shared("\t.cfi_restore rbx\n"), "clang"), ["shared-return: 0, 1 not there"]);
});

test("a release that was moved up, and one of arguments", () => {
  const end = "\tpop %rbx\n\t.cfi_def_cfa_offset 8\n";
  const ways = (depth: number) =>
    `\ttest %rdi, %rdi\n\tje 1f\n\t.cfi_def_cfa_offset 16\n${end}\tjmp h\n\t.cfi_def_cfa_offset ${depth}\n1:\n\t.cfi_def_cfa_offset 16\n${end}\tret`;
  const room = "\tsub $8, %rsp\n\t.cfi_def_cfa_offset 24\n\tcall g\n\tmov (%rbx), %rdi\n\tadd $8, %rsp\n";
  assert.deepEqual(assembled(`${pushRbx}${room}${ways(24)}`, "clang"), [
    "hoisted-release: 2, 0 not there",
    "popped-slot: 2, 0 not there",
  ]);
  const argument = "\tpush %r10\n\t.cfi_def_cfa_offset 24\n\tcall g\n\tmov %rbx, %rdi\n\tadd $8, %rsp\n";
  assert.deepEqual(assembled(`${pushRbx}${argument}\t.cfi_def_cfa_offset 16\n${ways(16)}`, "clang"), [
    "popped-slot: 2, 0 not there",
  ]);
});

test("a push of an argument whose row stands behind the next instruction", () => {
  const body = (between: string) =>
    `${pushRbx}\tpush %rbx\n${between}\t.cfi_adjust_cfa_offset 8\n\tcall g\n\tadd $8, %rsp\n\t.cfi_adjust_cfa_offset -8\n\tpop %rbx\n\t.cfi_def_cfa_offset 8\n\tret`;
  assert.deepEqual(assembled(body("\txor %ebx, %ebx\n"), "clang"), [
    "late-push: 1, 0 not there",
    "popped-slot: 1, 0 not there",
  ]);
  assert.deepEqual(assembled(body("\txor %esi, %esi\n"), "clang"), [
    "popped-slot: 1, 0 not there",
    "CFA cfa-offset (wrong): 1",
  ]);
});

const kernelFlags = [
  "-O2",
  "-g",
  "-mno-red-zone",
  "-fno-asynchronous-unwind-tables",
  "-fcf-protection=none",
  "-fno-stack-protector",
];

/** C that docs/witnesses.md names -> what shows it, and where it is. */
const reproducers: readonly [ReasonId, string][] = [
  [
    "shared-return",
    `struct s { void *a, *b, *c; };
void g(void *);
void f(struct s *p) { if (!p->a) return; g(p->b); p->c = 0; p->b = 0; }`,
  ],
  [
    "hoisted-release",
    `struct s { void *x; };
void g(void);
void notify(void *);
void f(struct s *p) { volatile long v = 0; g(); if (p->x) notify(p->x); }`,
  ],
];

for (const compiler of ["clang-22", "clang-19"]) {
  test(`what ${compiler} makes of the documented C`, (t) => {
    try {
      execFileSync(compiler, ["--version"], { stdio: "ignore" });
    } catch {
      return t.diagnostic(`${compiler} is not here: nothing compared`);
    }
    for (const [reason, source] of reproducers) {
      const sum = sumOf(source, ".c", compiler, [...kernelFlags, "-mstack-alignment=8"]);
      assert.ok((sum.reasons.get(reason)?.claims ?? 0) > 0, reason);
      assert.deepEqual([...sum.unexplained.keys()], [], reason);
    }
  });
}

test("gcc 12 gives a register of a realigned frame back at the first of two pops", (t) => {
  const version = execFileSync("gcc", ["-dumpversion"], { encoding: "utf8" }).trim();
  if (!version.startsWith("12")) return t.diagnostic(`gcc ${version}: nothing compared`);
  const source = `extern int use(void *, long, long, long, long, long, long, long);
extern int last(int);
int f(int n, int a, int b) {
	if (n) { long v[2] __attribute__((aligned(32))); return use(v, a, b, n, 4, 5, 6, 7) + use(v, b, a, n, 4, 5, 6, 7) + a - b; }
	return last(n);
}`;
  assert.deepEqual(told(sumOf(source, ".c", "gcc", kernelFlags)), ["early-restore: 5, 0 not there"]);
});
