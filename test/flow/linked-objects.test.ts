import assert from "node:assert/strict";
import { test } from "node:test";
import { analyzeBytes } from "../support/analyzed.ts";
import { assembleLinked } from "../support/assemble.ts";

// Objects that were linked from several: names that meet, and bodies that lost theirs.

const analyzeLinked = (...sources: string[]) => analyzeBytes(assembleLinked(sources));
const told = (analysis: ReturnType<typeof analyzeLinked>): string[] =>
  analysis.findings.map((finding) => `${finding.function} ${finding.rule}`);

const body = (binding: "local" | "globl" | "weak", name: string, text: string): string =>
  `\t.${binding}\t${name}\n\t.type\t${name}, @function\n${name}:\n${text}\t.size\t${name}, . - ${name}\n`;

/** A function with a frame of `slots` words that its cold part runs in too. */
const withColdPart = (binding: "local" | "weak", name: string, slots: number, branch = `${name}.cold`): string =>
  [
    "\t.text\n",
    body(
      binding,
      name,
      `\tsubq $${8 * slots}, %rsp\n\ttestl %edi, %edi\n\tjne ${branch}\nback:\n\taddq $${8 * slots}, %rsp\n\tret\n`,
    ),
    '\t.section .text.unlikely, "ax"\n',
    body("local", `${name}.cold`, "\tcall elsewhere\n\tjmp back\n"),
  ].join("");

test("a cold part goes with the function of its own file", () => {
  const analysis = analyzeLinked(withColdPart("local", "probe", 1), withColdPart("local", "probe", 3));
  assert.deepEqual(told(analysis), []);
  assert.equal(analysis.coverage.functions, 2);
});

test("the cold part of a weak function that another one replaced is nobody's dead code", () => {
  const strong = body("globl", "setup", "\tmovl %edi, %eax\n\tret\n");
  assert.deepEqual(told(analyzeLinked(strong, withColdPart("weak", "setup", 1))), []);
});

test("a cold part that nothing leads to is dead code", () => {
  assert.deepEqual(told(analyzeLinked(withColdPart("local", "probe", 1, "back"))), [
    "probe.cold unreachable-instruction",
  ]);
});

test("a function that goes on in assembly which is no function returns to its caller", () => {
  const analysis = analyzeLinked(
    [
      body("local", "saves", "\tcall elsewhere\n\tjmp restore\n"),
      body("globl", "calls", "\tcall saves\n\tret\n"),
      "restore:\n\tret\n\t.size restore, . - restore\n",
    ].join(""),
  );
  // The jump is told; the code behind the call of saves() is not dead.
  assert.deepEqual(told(analysis), ["saves missing-symbol-type"]);
});

test("behind a call of what the tree lists code is dead, whatever else is wrong with the callee", () => {
  const analysis = analyzeLinked(
    body("globl", "calls", "\tcall never_back\n\tincl %edi\n\tret\n"),
    body("globl", "never_back", "\tpushq %rbx\n\tret\n"),
  );
  assert.deepEqual(
    told(analysis).filter((each) => !each.includes("listed-noreturn")),
    ["never_back return-with-modified-frame", "calls unreachable-instruction"],
  );
});

test("a callee is called what the code calls it, whatever else its place is called", () => {
  const alias = "\t.globl\tcopy\n\t.set\tcopy, __copy\n";
  const leaves = (name: string): string => body("globl", name, "\tpushq %rbx\n\tjmp copy\n");
  const calls = (name: string): string => body("globl", name, "\tstac\n\tcall copy\n\tclac\n\tret\n");
  const copy = body("globl", "__copy", "\tret\n") + alias;
  const messages = (...sources: string[]): string[] =>
    analyzeLinked(...sources)
      .findings.map((finding) => finding.message)
      .sort();
  const wanted = ["calls() calls copy() with user access open", "leaves() jumps to copy() with a modified stack frame"];
  assert.deepEqual(messages(calls("calls") + leaves("leaves")), wanted);
  assert.deepEqual(messages(copy, calls("calls") + leaves("leaves")), wanted);
});

test("code that only a jump label leads to is as dead as the jump label", () => {
  const analysis = analyzeLinked(
    body("globl", "calls", "\tcall lost\n1:\tnop\n\tret\n2:\tincl %edi\n\tret\n"),
    // include/linux/jump_label.h, struct jump_entry: code, target, key
    '\t.section __jump_table, "aw"\n\t.long calls + 5 - ., calls + 7 - .\n\t.quad key - .\n',
    body("globl", "lost", "\tpushq %rbx\n\ttestl %edi, %edi\n\tje 1f\n\tpopq %rbx\n1:\tjmp 1b\n"),
  );
  assert.deepEqual(told(analysis), ["lost stack-state-mismatch"]);
});

test("dead code that begins before the call that it is behind is told at the call", () => {
  const { findings } = analyzeLinked(
    body("globl", "spins", "1:\tjmp 1b\n"),
    body("globl", "calls", "\tjmp 2f\n1:\tincl %edi\n2:\tcall spins\n\ttestl %edi, %edi\n\tjne 1b\n\tret\n"),
  );
  assert.deepEqual(
    findings.map(({ function: name, messageKey, offset }) => [name, messageKey, offset]),
    [["calls", "after-endless-call", 6]],
  );
});
