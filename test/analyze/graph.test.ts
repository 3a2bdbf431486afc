import assert from "node:assert/strict";
import { test } from "node:test";
import { analyzeObject, type ObjectFinding, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import type { FunctionGraph, GraphBlock } from "../../src/analyze/graph.ts";
import { type ByteSource, bytesSource } from "../../src/base/bytes.ts";
import { assemble, compile } from "../support/assemble.ts";

const facts: TreeFacts = { source: "test", noreturn: new Set(["panic"]), accessSafe: new Set() };

function onlyFinding(body: string, rule: string): ObjectFinding {
  const source = `.text\n.globl f\n.type f, @function\nf:\n${body}\n.size f, .-f\n`;
  const { findings } = analyzeObject(bytesSource(assemble(source).bytes), { facts });
  assert.deepEqual(
    findings.map((finding) => finding.rule),
    [rule],
  );
  return findings[0] as ObjectFinding;
}

function graphOf(finding: ObjectFinding): FunctionGraph {
  const graph = finding.graph();
  assert.ok(graph !== undefined);
  return graph;
}

const column = (graph: FunctionGraph): GraphBlock[] =>
  graph.blocks.filter((block) => block.onPath || block.onOtherPath || block.isSite);
const beside = (graph: FunctionGraph): GraphBlock[] => graph.blocks.filter((block) => !column(graph).includes(block));

/** `count` branches in a row, each to a block of its own. */
function branches(count: number): { way: string; targets: string } {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    way: numbers.map((i) => `  cmp $${i}, %edi\n  je .Lcase${i}`).join("\n"),
    targets: numbers.map((i) => `.Lcase${i}:\n  mov $${i}, %eax\n  jmp .Lout`).join("\n"),
  };
}

test("a long way is folded where nothing changes, and what lies far from it is counted", () => {
  const { way, targets } = branches(30);
  const body = `${way}\n  push %rbx\n  test %esi, %esi\n  je .Lcase0\n  ret\n${targets}\n.Lout: ret`;
  const source = `.text\n.globl f\n.type f, @function\nf:\n${body}\n.size f, .-f\n`;
  const { findings } = analyzeObject(bytesSource(assemble(source).bytes), { facts });
  const finding = findings.find((each) => each.rule === "return-with-modified-frame");
  assert.ok(finding !== undefined);
  const graph = graphOf(finding);
  const shown = column(graph);
  assert.ok(shown.length <= 7, `${shown.length} blocks in the column`);
  const folds = shown.filter((block) => block.foldedBlocks > 0);
  assert.equal(folds.length, 1);
  assert.ok((folds[0]?.foldedBlocks ?? 0) >= 25);
  assert.equal(folds[0]?.stateIn, "CFA=rsp+8");
  assert.equal(folds[0]?.instructions.length, 0);
  // Where the state changes, it is told: on the block and on the instruction.
  const change = shown.filter((block) => block.stateOut !== undefined);
  assert.deepEqual(
    change.map((block) => [
      block.stateIn,
      block.stateOut,
      block.instructions.filter((i) => i.state !== undefined).length,
    ]),
    [["CFA=rsp+8", "CFA=rsp+16", 1]],
  );
  assert.equal(shown.at(-1)?.isSite, true);
  assert.equal(shown.at(-1)?.stateIn, "CFA=rsp+16");
  // Of the 30 cases only those beside drawn blocks are drawn, and nothing is counted twice.
  assert.ok(beside(graph).length <= 6, `${beside(graph).length} beside`);
  const stands = graph.blocks.reduce((sum, block) => sum + Math.max(1, block.foldedBlocks), 0);
  assert.ok(graph.omittedBlocks > 20 && stands + graph.omittedBlocks <= 30 + 30 + 4);
  // The column hangs together from top to bottom.
  const ids = shown.map((block) => block.id);
  for (let n = 1; n < ids.length; n++) {
    assert.ok(graph.edges.some((e) => e.onPath && e.from === ids[n - 1] && e.to === ids[n]));
  }
});

test("about user access, each block of the way says whether it is open, and the others say nothing", () => {
  const finding = onlyFinding(
    "  push %rbx\n  test %rdi, %rdi\n  je 1f\n  stac\n  mov %esi, (%rdi)\n  test %esi, %esi\n  jne 1f\n  clac\n  pop %rbx\n  ret\n1: pop %rbx\n  ret",
    "uaccess-return-open",
  );
  const graph = graphOf(finding);
  assert.deepEqual(
    column(graph).map((block) => [block.stateIn, block.stateOut]),
    [
      ["AC=0", undefined],
      ["AC=0", "AC=1"],
      ["AC=1", undefined],
    ],
  );
  assert.deepEqual([...new Set(beside(graph).map((block) => block.stateIn))], [""]);
  assert.deepEqual(
    finding.path.map((step) => step.state),
    ["AC=0", "AC=1", "AC=1", "AC=1"],
  );
});

test("about the direction flag, too", () => {
  const finding = onlyFinding("  mov %rdi, %rax\n  std\n  rep movsb\n  ret", "direction-flag-return");
  assert.deepEqual(
    column(graphOf(finding)).map((block) => block.stateIn),
    ["DF=0"],
  );
  assert.deepEqual(
    finding.path.map((step) => step.state),
    ["DF=0", "DF=1", "DF=1"],
  );
});

test("two ways are told apart from where they part", () => {
  const finding = onlyFinding(
    "  push %rbx\n  test %edi, %edi\n  je 1f\n  push %rax\n  mov %rsi, %rbx\n1: mov %rdx, %rax\n  pop %rbx\n  ret",
    "stack-state-mismatch",
  );
  const graph = graphOf(finding);
  const [both, one, site, ...rest] = column(graph);
  assert.equal(rest.length, 0);
  assert.ok(both?.onPath && both.onOtherPath && site?.onPath && site.onOtherPath && site.isSite);
  assert.notEqual(one?.onPath, one?.onOtherPath);
  assert.deepEqual([site?.stateIn, site?.otherStateIn].sort(), ["CFA=rsp+16", "CFA=rsp+24"]);
  assert.equal(graph.edges.filter((edge) => edge.onPath !== edge.onOtherPath).length, 3);
  const other = finding.otherPath ?? [];
  assert.equal(other[0]?.note, "the ways part");
  assert.ok(finding.path.some((step) => step.note === "the ways part" && step.offset === other[0]?.offset));
  assert.ok(finding.path.length + other.length <= 12);
});

test("a prologue is one step, and what is pushed and popped on the way is none", () => {
  const pushes = ["%r15", "%r14", "%r13", "%r12", "%rbx"].map((r) => `  push ${r}`).join("\n");
  const finding = onlyFinding(
    `  nop\n${pushes}\n  sub $40, %rsp\n  push $1\n  push $2\n  call g\n  add $16, %rsp\n  ret`,
    "return-with-modified-frame",
  );
  assert.deepEqual(
    finding.path.map((step) => [step.folded, step.note, step.state]),
    [
      [undefined, "entry", "CFA=rsp+8"],
      ["5 pushes", "", "CFA=rsp+88"],
      [undefined, "here", "CFA=rsp+88"],
    ],
  );
});

test("registers that stay saved are told where the frame's place does not change", () => {
  const finding = onlyFinding(
    "  push %rbp\n  mov %rsp, %rbp\n  push %r14\n  push %r13\n  push %rbx\n  leave\n  ret",
    "return-with-modified-frame",
  );
  assert.deepEqual(
    finding.path.map((step) => [step.offset, step.folded, step.state]),
    [
      [0, undefined, "CFA=rsp+16"],
      [1, undefined, "CFA=rbp+16"],
      [8, "2 pushes", "CFA=rbp+16"],
      [9, undefined, "CFA=rsp+8"],
      [10, undefined, "CFA=rsp+8"],
    ],
  );
});

test("never more than twelve steps, and a gap says how many are missing", () => {
  const source = Array.from(
    { length: 40 },
    (_, i) => `  sub $${8 * (i + 1)}, %rsp\n  test $${i}, %dil\n  jne .Lo${i}\n.Lo${i}:`,
  );
  const finding = onlyFinding(`  nop\n${source.join("\n")}\n  ret`, "return-with-modified-frame");
  assert.equal(finding.path.length, 12);
  const skipped = finding.path.reduce((sum, step) => sum + (step.skipped ?? 0), 0);
  assert.ok(skipped >= 30, `${skipped}`);
  assert.equal(finding.path[0]?.note, "entry");
  assert.equal(finding.path.at(-1)?.note, "here");
});

test("code that nothing reaches is drawn below what stands before it, without an edge", () => {
  const finding = onlyFinding("  mov %rdi, %rax\n  ret\n  mov %rsi, %rax\n  ret", "unreachable-instruction");
  const graph = graphOf(finding);
  assert.deepEqual(
    column(graph).map((block) => [block.isSite, block.stateIn]),
    [
      [false, "CFA=rsp+8"],
      [true, "not reached"],
    ],
  );
  assert.equal(graph.edges.length, 0);
  assert.deepEqual(
    finding.path.map((step) => step.note),
    ["goes no further", "here"],
  );
});

test("an instruction of an alternative stands at what it is patched over", () => {
  const source = `
  .text
  .globl f
  .type f, @function
f: mov %esi, %eax
661: nop
  nop
  nop
  mov %eax, (%rdi)
  ret
  .size f, .-f
  .section .altinstructions, "a"
  .long 661b - ., 771f - .
  .word 308, 0
  .byte 3, 3
  .section .altinstr_replacement, "ax"
771: stac`;
  const { findings } = analyzeObject(bytesSource(assemble(source).bytes), { facts });
  assert.deepEqual(
    findings.map((finding) => finding.rule),
    ["uaccess-return-open"],
  );
  const stac = findings[0]?.path.find((step) => step.note.includes("alternative"));
  assert.deepEqual([stac?.section, stac?.offset, stac?.insteadOf], [".altinstr_replacement", 0, 2]);
  const rows = graphOf(findings[0] as ObjectFinding).blocks.flatMap((block) => block.instructions);
  assert.deepEqual(
    rows.filter((row) => row.insteadOf !== undefined).map((row) => [row.section, row.insteadOf, row.state]),
    [[".altinstr_replacement", 2, "AC=1"]],
  );
});

test("a picture and its lines can be had when the file is closed", () => {
  const code = `int f(int x) { if (x > 3) asm volatile("std"); return x + 1; }\nint g(int x) { return f(x) * 3; }`;
  const whole = bytesSource(compile(code, ["-O2", "-g"]).bytes);
  let closed = false;
  const source: ByteSource = {
    size: whole.size,
    read(offset, length) {
      if (closed) throw new Error("read after the end");
      return whole.read(offset, length);
    },
  };
  const { findings } = analyzeObject(source, { facts });
  assert.ok(findings.length > 0);
  closed = true;
  for (const finding of findings) {
    assert.ok(graphOf(finding).blocks.some((block) => block.instructions.some((row) => row.line > 0)));
    assert.ok((finding.functionLines()?.from ?? 0) > 0);
  }
});

test("a way begins with its function, not with the hash in front of it", () => {
  const hash = ".globl __cfi_f\n.type __cfi_f, @function\n__cfi_f: mov $0x12345678, %eax\n.size __cfi_f, .-__cfi_f";
  const source = `.text\n${hash}\n.globl f\n.type f, @function\nf: push %rbx\n  ret\n.size f, .-f\n`;
  const { findings } = analyzeObject(bytesSource(assemble(source).bytes), { facts });
  assert.deepEqual(
    findings.map(({ rule, path }) => [rule, path.map(({ offset, note }) => `${offset} ${note}`)]),
    [["return-with-modified-frame", ["5 entry, push", "6 here"]]],
  );
});
