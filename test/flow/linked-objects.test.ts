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
  assert.deepEqual(told(analysis), []);
});
