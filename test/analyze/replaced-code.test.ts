import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { STT_FILE } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { isLinkedObject } from "../../src/flow/linked-object.ts";
import { analyzeBytes, analyzeText } from "../support/analyzed.ts";
import { assembleLinked, stripped } from "../support/assemble.ts";
import { findKernelObjects } from "../support/kernel-objects.ts";
import { fixtureFolder } from "../support/rule-fixtures.ts";

/** Coverage of what ld -r makes of these files. */
function linked(...sources: string[]) {
  return analyzeBytes(assembleLinked(sources.map((source) => `\t.include "${fixtureFolder}/macros.inc"\n${source}`)))
    .coverage;
}

const strong = "FUNC f\n\tret\nEND f";
// 2 + 1 bytes, an alternative that jumps to 2 + 2 bytes of their own section, and a cold part of 1 + 2 bytes.
const weak = `
	.weak	f
	.type	f, @function
f:	jmp	f.cold
1:	nopl	(%rax,%rax)
2:	incl	%eax
3:	ret
	.size	f, . - f
	.pushsection .altinstr_aux, "ax"
4:	incl	%eax
	jmp	3b
	.popsection
	.pushsection .altinstr_replacement, "ax"
5:	jmp	4b
6:	.popsection
	.pushsection .altinstructions, "a"
	.long	1b - ., 5b - .
	.short	1, 0
	.byte	2b - 1b, 6b - 5b
	.popsection
	.section .text.unlikely, "ax"
	.type	f.cold, @function
f.cold:	jmp	1b
	.size	f.cold, . - f.cold
	.text
`;

test("what a link leaves of a weak function that was replaced is no code, with all that only it leads to", () => {
  const { textBytes, textBytesAnalysed, notes } = linked(strong, weak);
  assert.equal(textBytes, 1);
  assert.equal(textBytesAnalysed, 1);
  assert.equal(notes.length, 1);
  assert.equal(notes[0]?.kind, "function-excluded");
  assert.match(notes[0]?.why ?? "", /^\d+ bytes without a name, left of functions/);
});

test("without the symbols of source files a link shows by local symbols of one name", () => {
  const local = (name: string): string => `\t.type ${name}, @function\n${name}:\tret\n\t.size ${name}, . - ${name}\n`;
  const source = (text: string): string => `\t.include "${fixtureFolder}/macros.inc"\n${text}`;
  const both = (one: string, other: string): Uint8Array =>
    stripped(assembleLinked([source(`${strong}\n${local(one)}`), source(`${weak}\n${local(other)}`)]));
  const [object, single] = [both("once", "once"), both("once", "twice")].map((bytes) => openObject(bytesSource(bytes)));
  assert.ok(![...(object?.symbols.type ?? [])].includes(STT_FILE), "strip takes them away");
  assert.deepEqual([isLinkedObject(object!), isLinkedObject(single!)], [true, false]);
  const { textBytes, textBytesAnalysed, notes } = analyzeBytes(both("once", "once")).coverage;
  assert.deepEqual([textBytes, textBytesAnalysed, notes.length], [3, 3, 1]);
  assert.match(notes[0]?.why ?? "", /^\d+ bytes without a name, left of functions/);
  const unknown = analyzeBytes(both("once", "twice")).coverage;
  assert.ok(unknown.textBytesAnalysed < unknown.textBytes, "nothing says that it is a link: it is code, and is told");
});

test("no object of one source has two local symbols of a name, as the compiler left it or stripped", () => {
  const paths = findKernelObjects(100).filter((_, i, all) => i % Math.ceil(all.length / 200) === 0);
  const linkedOnes = paths.filter((path) => isLinkedObject(openObject(bytesSource(readFileSync(path)))));
  assert.deepEqual(linkedOnes, []);
  for (const path of paths.slice(0, 20))
    assert.equal(isLinkedObject(openObject(bytesSource(stripped(readFileSync(path))))), false, path);
});

test("the compiler's own label on the padding in front of it names nothing", () => {
  const source = (text: string): string => `\t.include "${fixtureFolder}/macros.inc"\n${text}`;
  const keepLocalLabels = ["-Wa,-L"];
  const object = assembleLinked([source(strong), source(`.Ltmp0:\n\t.nops 16\n${weak}`)], keepLocalLabels);
  const { textBytes, textBytesAnalysed } = analyzeBytes(object).coverage;
  assert.ok(openObject(bytesSource(object)).symbolName.includes(".Ltmp0"));
  assert.equal(textBytes, 1);
  assert.equal(textBytesAnalysed, 1);
});

test("where the weak function is the only one, all of it is counted", () => {
  const { textBytes, textBytesAnalysed, notes } = linked("FUNC g\n\tret\nEND g", weak);
  assert.ok(textBytes > 10);
  assert.equal(textBytesAnalysed, textBytes);
  assert.deepEqual(notes, []);
});

test("code without a name in an object of one source is not taken for a rest: it is told", () => {
  const { textBytes, textBytesAnalysed, notes } = analyzeText(`${strong}\n\tincl %eax\n\tret`).coverage;
  assert.equal(textBytes - textBytesAnalysed, 2 + 1);
  assert.deepEqual(notes, [{ kind: "function-not-analysed", why: "3 bytes of .text that no path reaches" }]);
});

test("in a linked one neither is code behind a label, which names what follows it", () => {
  const { textBytes, textBytesAnalysed, notes } = linked(strong, "label:\n\tincl %eax\n\tret");
  assert.equal(textBytes - textBytesAnalysed, 2 + 1);
  assert.deepEqual(notes, [{ kind: "function-not-analysed", why: "3 bytes of .text that no path reaches" }]);
});

test("the replacement of an alternative that is not followed is code, and is told", () => {
  const ignored = `
FUNC g
1:	nopl	(%rax)
2:	ret
END g
	.pushsection .altinstr_replacement, "ax"
5:	incl	%eax
6:	.popsection
	.pushsection .altinstructions, "a"
	.long	1b - ., 5b - .
	.short	1, 0
	.byte	2b - 1b, 6b - 5b
	.popsection
	.pushsection .discard.ignore_alts, "a"
	.long	1b
	.popsection`;
  const { textBytes, textBytesAnalysed, notes } = linked(strong, ignored);
  assert.equal(textBytes - textBytesAnalysed, 2);
  assert.deepEqual(notes, [
    { kind: "function-not-analysed", why: "2 bytes of .altinstr_replacement that no path reaches" },
  ]);
});

test("the mark behind the jump of a static-call trampoline is no code; a trap that nothing reaches elsewhere is", () => {
  const source = (name: string): string => `
FUNC ${name}
	jmp	elsewhere
	.byte	0x0f, 0xb9, 0xcc
END ${name}`;
  const trampoline = analyzeText(source("__SCT__key")).coverage;
  assert.equal(trampoline.textBytesAnalysed, trampoline.textBytes);
  assert.deepEqual(trampoline.notes, []);
  const other = analyzeText(source("other")).coverage;
  assert.equal(other.textBytes - other.textBytesAnalysed, 3);
  assert.deepEqual(other.notes, [
    { kind: "function-not-analysed", function: "other", why: "3 bytes that no path reaches" },
  ]);
});
