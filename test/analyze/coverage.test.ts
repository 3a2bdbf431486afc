import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoverageItem } from "../../src/analyze/coverage.ts";
import { knownReturns } from "../../src/flow/outside.ts";
import { MOST_EVENTS } from "../../src/unwind/machine-flags.ts";
import { analyzeBytes, analyzeText } from "../support/analyzed.ts";
import { readArm64Objects } from "../support/arm64-objects.ts";

const notes = (source: string): CoverageItem[] => [...analyzeText(source).coverage.notes];

test("clean code is covered to the last byte, padding apart", () => {
  const { coverage, findings } = analyzeText(`
FUNC f
	call	elsewhere
	ret
	int3
END f
	.p2align 4, 0x90
FUNC g
	jmp	f
END g`);
  assert.deepEqual(findings, []);
  assert.deepEqual(coverage, {
    functions: 2,
    functionsAnalysed: 2,
    textBytes: 5 + 1 + 2,
    textBytesAnalysed: 5 + 1 + 2,
    notes: [],
  });
});

test("an excluded function is named, and its bytes are not called analysed", () => {
  const { coverage, findings } = analyzeText(`
FUNC excluded
	pushq	%rax
	ret
END excluded
	STACK_FRAME_NON_STANDARD excluded
FUNC f
	ret
END f`);
  assert.deepEqual(findings, []);
  assert.equal(coverage.functions, 2);
  assert.equal(coverage.functionsAnalysed, 1);
  assert.equal(coverage.textBytes - coverage.textBytesAnalysed, 2);
  assert.deepEqual(
    coverage.notes.map(({ kind, function: name }) => [kind, name]),
    [["function-excluded", "excluded"]],
  );
});

test("undecodable bytes are counted with their function", () => {
  const found = notes(`
FUNC f
	jmp	1f
	.byte	0x06, 0x0e, 0x16
1:	ret
END f`);
  assert.deepEqual(
    found.filter(({ kind }) => kind === "undecoded-bytes"),
    [{ kind: "undecoded-bytes", function: "f", why: "3 bytes that are no instructions" }],
  );
});

test("an indirect jump that nothing explains is named where the frame says that it stays in the function", () => {
  const source = (prologue: string): string => `
FUNC f
	${prologue}
	jmp	*table(,%rdi,8)
1:	leave
	ret
END f
	.data
table:	.quad	1b`;
  const found = notes(source("pushq %rbp; movq %rsp, %rbp"));
  assert.deepEqual(
    found.map(({ kind, function: name, why }) => [kind, name, why]),
    [
      ["function-not-analysed", "f", "2 bytes that no path reaches"],
      ["unresolved-jump", "f", "an indirect jump without a known table"],
    ],
  );
  // With the frame of the entry it is a tail call through a pointer: nothing is open.
  assert.deepEqual(notes("FUNC f\n\tjmp *%rax\nEND f"), []);
});

test("functions that could not be walked are named with the reason", () => {
  const found = notes(`
FUNC unsized
	ret
FUNC whole
	movl	$0x90909090, %eax
	ret
END whole
	.globl	inside
	.type	inside, @function
	.set	inside, whole + 2
	.size	inside, 2`);
  const reasons = new Map(found.map(({ function: name, kind, why }) => [name, `${kind}: ${why}`]));
  assert.equal(reasons.get("unsized"), "function-not-analysed: its symbol has no size");
  assert.equal(reasons.get("inside"), "function-not-analysed: it does not begin at an instruction");
  assert.equal(reasons.has("whole"), false);
});

test("annotations that name no instruction are told, each", () => {
  const found = notes(`
FUNC f
	movl	$1, %eax
	ret
	EXTABLE	f + 1, f + 2
	STACK_FRAME_NON_STANDARD elsewhere
	.pushsection .discard.noendbr
	.long	f + 2
	.popsection
END f`);
  assert.deepEqual(found.map(({ why }) => why).sort(), [
    ".discard.func_stack_frame_non_standard entry 0 names no instruction",
    ".discard.noendbr entry 0 names no instruction",
    "__ex_table entry 0 names no instruction",
  ]);
});

test("behind a finding code does not count as analysed", () => {
  const { coverage } = analyzeText(`
FUNC f
	subq	%rdi, %rsp
	nopl	(%rax)
	incl	%eax
	ret
END f`);
  assert.equal(coverage.textBytes, 3 + 2 + 1);
  assert.equal(coverage.textBytesAnalysed, 3);
});

test("callees that decide a verdict and are not known are named", () => {
  const source = "FUNC f\n\tcall elsewhere\nEND f\nFUNC g\n\tret\nEND g";
  assert.deepEqual(analyzeText(source).undecided, ["elsewhere"]);
  const known = analyzeText(source, { outside: knownReturns(new Map([["elsewhere", true]])) });
  assert.deepEqual(known.undecided, []);
  assert.deepEqual(known.findings, []);
  assert.deepEqual(known.neverReturning, ["f"]);
  assert.deepEqual([...known.defined].sort(), ["f", "g"]);
});

test("findings of one function beyond the bound are counted and not listed", () => {
  const many = analyzeText(`
FUNC f
	.rept	50
	movq	8(%rdi), %rsp
	.endr
	call	never_back
END f
FUNC g
	.rept	30
	je	1f
	stac
	clac
	clac
1:
	.endr
	ret
END g`);
  const listed = (name: string): number => many.findings.filter((f) => f.function === name).length;
  assert.equal(listed("f"), MOST_EVENTS);
  assert.ok(listed("g") <= MOST_EVENTS && listed("g") > 0);
  const [f, g] = many.coverage.notes
    .filter(({ kind }) => kind === "assumption")
    .sort((a, b) => (a.function! < b.function! ? -1 : 1));
  assert.equal(f?.why, `${50 - MOST_EVENTS} more of what its findings say are not listed`);
  assert.equal(g?.function, "g");
});

test("an empty object, and one of another architecture, are analysed too", () => {
  assert.deepEqual(analyzeText("").coverage, {
    functions: 0,
    functionsAnalysed: 0,
    textBytes: 0,
    textBytesAnalysed: 0,
    notes: [],
  });
  for (const { name, bytes } of readArm64Objects()) {
    const { coverage } = analyzeBytes(bytes);
    assert.ok(coverage.textBytesAnalysed <= coverage.textBytes, name);
    assert.ok(coverage.functionsAnalysed <= coverage.functions && coverage.functions > 0, name);
  }
});
