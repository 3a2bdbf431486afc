import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { type Clobbers, findLostRegisters } from "../../src/unwind/kept-registers.ts";
import { assembleText } from "../support/analyzed.ts";
import { buildFlowOf } from "../support/built-flow.ts";
import { cpuMillis } from "../support/cpu-time.ts";

/** "function register +insns of the write", for the functions of one assembly text; of a call also the callee. */
function lost(body: string, clobbers?: Clobbers): string[] {
  const built = buildFlowOf(assembleText(body));
  const { flow, returns, frames, code } = built;
  return findLostRegisters(flow, returns, frames, clobbers).lost.map(({ owner, register, at, callee, exit, way }) => {
    assert.equal(way[0], at);
    assert.equal(way.at(-1), exit);
    return `${built.nameOf(owner)} ${code.arch.registers.name[register]} +${at - (flow.functions.table.firstInsn[owner] as number)}${callee === NONE ? "" : ` by ${code.object.symbolName[callee]}`}`;
  });
}

const f = (...lines: string[]): string => `FUNC f\n${lines.map((line) => `\t${line}\n`).join("")}END f\n`;

test("a register that is written without having been saved is lost, whatever the width", () => {
  assert.deepEqual(lost(f("nop", "movl %edi, %ebx", "ret")), ["f rbx +1"]);
  assert.deepEqual(lost(f("movb $1, %bpl", "ret")), ["f rbp +0"]);
  assert.deepEqual(lost(f("xorl %r15d, %r15d", "popcnt %rdi, %r12", "ret")), ["f r12 +1", "f r15 +0"]);
  assert.deepEqual(lost(f("cpuid", "ret")), ["f rbx +0"]);
  assert.deepEqual(lost(f("movl %edi, %eax", "xorl %r11d, %r11d", "ret")), []);
});

test("saved and restored by push, by store, by a copy", () => {
  assert.deepEqual(lost(f("pushq %rbx", "movl %edi, %ebx", "popq %rbx", "ret")), []);
  assert.deepEqual(
    lost(f("subq $8, %rsp", "movq %rbx, (%rsp)", "incl %ebx", "movq (%rsp), %rbx", "addq $8, %rsp", "ret")),
    [],
  );
  assert.deepEqual(lost(f("movq %rbx, %r8", "cpuid", "movq %r8, %rbx", "ret")), []);
  assert.deepEqual(lost(f("pushq %rbp", "movq %rsp, %rbp", "leave", "ret")), []);
  // Calls keep no copy in a register of their own.
  assert.deepEqual(lost(f("movq %rbx, %r8", "incl %ebx", "call elsewhere", "movq %r8, %rbx", "ret")), ["f rbx +1"]);
  assert.deepEqual(lost(f("movq %rbx, %r8", "incl %ebx", "movl $1, %r8d", "movq %r8, %rbx", "ret")), ["f rbx +1"]);
  // Memory that is no stack slot gives back what was put there.
  assert.deepEqual(lost(f("movq %rbx, (%rdi)", "incl %ebx", "movq (%rdi), %rbx", "ret")), []);
  assert.deepEqual(lost(f("incl %ebx", "movq (%rdi), %rbx", "ret")), ["f rbx +0"]);
});

test("saved too late", () => {
  assert.deepEqual(lost(f("incl %ebx", "pushq %rbx", "popq %rbx", "ret")), ["f rbx +0"]);
});

test("on one way out only, and over a jump to another function", () => {
  assert.deepEqual(lost(f("testl %edi, %edi", "je 1f", "incl %ebx", "1: ret")), ["f rbx +2"]);
  assert.deepEqual(lost(f("incl %r13d", "jmp elsewhere")), ["f r13 +0"]);
  assert.deepEqual(lost(f("incl %r13d", "call never_back")), []);
  assert.deepEqual(lost(f("incl %ebx", "1: jmp 1b")), []);
  // Put back on one of two ways.
  assert.deepEqual(lost(f("movq %rbx, %rax", "incl %ebx", "testl %edi, %edi", "je 1f", "movq %rax, %rbx", "1: ret")), [
    "f rbx +1",
  ]);
});

test("a register that still lies in its slot is told as a modified frame, not here", () => {
  assert.deepEqual(lost(f("pushq %rbx", "incl %ebx", "ret")), []);
});

test("of a function beyond the budget nothing is said", () => {
  assert.deepEqual(lost(f("incl %ebx", ".rept 210000", "nop", ".endr", "ret")), []);
});

test("a long chain of branches costs no more than its length", () => {
  const lines: string[] = ["movq %rbx, %r8", "incl %ebx"];
  for (let i = 0; i < 20_000; i++) lines.push(`testl %edi, %edi; je 1f; incl %eax; 1:`);
  lines.push("movq %r8, %rbx", "ret");
  const started = cpuMillis();
  assert.deepEqual(lost(f(...lines)), []);
  assert.ok(cpuMillis() - started < 20_000);
});

test("a callee that does not keep a register loses it for callers that have not saved it", () => {
  const RBX = 1 << 3;
  const clobbers: Clobbers = (symbol) => (symbol === "loses" ? RBX : symbol === "keeps" ? 0 : undefined);
  assert.deepEqual(lost(f("nop", "call loses", "ret"), clobbers), ["f rbx +1 by loses"]);
  assert.deepEqual(lost(f("nop", "jmp loses"), clobbers), ["f rbx +1 by loses"]);
  assert.deepEqual(lost(f("pushq %rbx", "call loses", "popq %rbx", "ret"), clobbers), []);
  assert.deepEqual(lost(f("call keeps", "call nowhere", "jmp keeps"), clobbers), []);
  assert.deepEqual(lost(f("call loses", "ud2"), clobbers), [], "it never comes back to anybody");
});

test("... also one of this object, and over functions in between", () => {
  const loses = "FUNC loses\n\tmovl %edi, %r12d\n\tret\nEND loses\n";
  const between = "FUNC between\n\tnop\n\tjmp loses\nEND between\n";
  assert.deepEqual(lost(f("call between", "ret") + between + loses), [
    "f r12 +0 by between",
    "between r12 +1 by loses",
    "loses r12 +0",
  ]);
  assert.deepEqual(lost(f("pushq %r12", "call between", "popq %r12", "ret") + between + loses), [
    "between r12 +1 by loses",
    "loses r12 +0",
  ]);
});

test("a function that is too large is named", () => {
  const built = buildFlowOf(assembleText(f("movl %edi, %ebx", ".rept 200010", "nop", ".endr", "ret")));
  const { lost: found, unfinished } = findLostRegisters(built.flow, built.returns, built.frames);
  assert.deepEqual(found, []);
  assert.deepEqual(unfinished.map(built.nameOf), ["f"]);
});
