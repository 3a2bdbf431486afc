import assert from "node:assert/strict";
import { test } from "node:test";
import { analyzeObject, type ObjectAnalysis, type ObjectFinding } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { builtInFacts } from "../../src/facts/built-in.ts";
import { KernelIndex } from "../../src/facts/kernel-index.ts";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { inPart } from "../../src/review/series-kernel.ts";
import { readChecks } from "../../src/rules/checks.ts";
import { CALLEE_LOSES_REGISTER } from "../../src/rules/finding.ts";
import { analyzeText } from "../support/analyzed.ts";
import { assembleLinked } from "../support/assemble.ts";

const known: Outside = {
  ...nothingOutside,
  isFunction: (symbol) => (symbol.startsWith("f") ? true : symbol.startsWith("label") ? false : undefined),
  landing: () => "pad",
};

const jump = (to: string): string => `FUNC leaves\n\ttestl %edi, %edi\n\tjz ${to}\n\tret\nEND leaves\n`;

test("a jump into the middle of a function of another object is told where it is known to be one", () => {
  const said = (to: string, outside?: Outside): string[] =>
    analyzeText(jump(to), outside === undefined ? {} : { outside }).findings.map((finding) => finding.message);
  assert.deepEqual(said("f+2", known), ["leaves() jumps into the middle of f()"]);
  assert.deepEqual(said("f", known), []);
  assert.deepEqual(said("f+4", known), [], "behind its landing pad");
  assert.deepEqual(said("f+4", { ...known, landing: () => "none" }), ["leaves() jumps into the middle of f()"]);
  assert.deepEqual(said("label+2", known), []);
  assert.deepEqual(said("unknown+2", known), []);
  assert.deepEqual(said("f+2"), [], "nothing is known");
});

test("a call of a function that does not keep a register is a broken contract of the caller that relies on it", () => {
  const RBX = 1 << 3;
  const outside: Outside = { ...nothingOutside, clobbers: (symbol) => (symbol === "put_user" ? RBX : undefined) };
  const contracts = (body: string): readonly ObjectFinding[] =>
    analyzeText(`FUNC caller\n${body}END caller\n`, { outside, forComparison: true }).comparison!.contracts;
  assert.deepEqual(contracts("\tpushq %rbx\n\tcall put_user\n\tpopq %rbx\n\tret\n"), []);
  assert.deepEqual(contracts("\tcall another\n\tret\n"), [], "nothing is known");
  const [found, ...more] = contracts("\tnop\n\tcall put_user\n\tret\n");
  assert.deepEqual(more, []);
  assert.equal(found!.message, "caller() does not give back %rbx, which it did before");
  assert.deepEqual(found!.related, [{ function: "put_user", says: CALLEE_LOSES_REGISTER }]);
  assert.deepEqual(
    found!.path.map(({ note }) => note),
    ["entry", "put_user() loses %rbx", "here"],
  );
});

test("a function that is too large to be followed for the registers that it keeps is named in coverage", () => {
  const large = "FUNC large\n\tmovl %edi, %ebx\n.rept 200010\n\tnop\n.endr\n\tret\nEND large\n";
  const { coverage, comparison } = analyzeText(large, { forComparison: true });
  assert.deepEqual(comparison!.contracts, []);
  assert.deepEqual(coverage.notes, [
    {
      kind: "assumption",
      function: "large",
      why: "it is too large to be followed for the registers that it has to keep",
    },
  ]);
});

test("what nobody knows is told by what could know it", () => {
  const source = "FUNC takes\n\tleaq _text(%rip), %rax\n\tret\nEND takes\n.data\n\t.quad _text\n";
  const checks = readChecks(new Map([["CONFIG_X86_KERNEL_IBT", "y"]]), "a test");
  const linked = assembleLinked(
    ["a", "b"].map((name) => `\t.globl ${name}\n\t.data\n${name}:\t.quad _text\n\t.text\n\tnop\n`),
  );
  const told = (analysis: ObjectAnalysis): string[] =>
    analysis.coverage.notes.filter(({ kind }) => kind === "assumption").map(({ why }) => why);
  const whole = KernelIndex.build([], { isListedNoreturn: () => false }).outsideFor("new.o");
  assert.match(told(analyzeText(source, { checks }))[0] ?? "", /: that takes an index of the whole kernel$/);
  assert.match(
    told(analyzeText(source, { checks, outside: whole }))[0] ?? "",
    /^addresses of what no object of its link defines/,
  );
  assert.match(
    told(analyzeText(source, { checks, outside: inPart(whole) }))[0] ?? "",
    /takes an index of the whole kernel$/,
  );
  assert.match(
    told(analyzeObject(bytesSource(linked), { facts: builtInFacts, checks }))[0] ?? "",
    /^addresses of what this linked object does not define/,
  );
});
