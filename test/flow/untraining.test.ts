import assert from "node:assert/strict";
import { test } from "node:test";
import { nothingOutside, type Outside, type Untraining } from "../../src/flow/outside.ts";
import { findEarlyBranches } from "../../src/flow/untraining.ts";
import { assembleFlow } from "../support/built-flow.ts";

function early(source: string, outside: Outside = nothingOutside) {
  const b = assembleFlow(source);
  const found = findEarlyBranches(b.flow, b.returns, outside);
  return found.map(({ insn, kind, way }) => {
    assert.equal(way.at(-1), insn);
    return `${b.nameOf(b.functions.ofInsn[insn]!)} ${kind}`;
  });
}

const callsOutside = `
FUNC enters
	VALIDATE_UNRET_BEGIN
	call	elsewhere
	ret
END enters`;

const untraining = (answer: Untraining | undefined): Outside => ({
  ...nothingOutside,
  untraining: (symbol) => (symbol === "elsewhere" ? answer : undefined),
});

test("a callee in another object: its facts decide, and without any nothing is said", () => {
  assert.deepEqual(early(callsOutside), []);
  assert.deepEqual(early(callsOutside, untraining("untrains")), []);
  assert.deepEqual(early(callsOutside, untraining("neither")), []);
  assert.deepEqual(early(callsOutside, untraining("returns-first")), ["enters returns-first"]);
  assert.deepEqual(early(callsOutside, untraining("branches-first")), ["enters branches-first"]);
});

test("a weak callee that another object overrides is judged by that one", () => {
  const source = `
FUNC enters
	VALIDATE_UNRET_BEGIN
	call	elsewhere
	ret
END enters
	.weak	elsewhere
	.type	elsewhere, @function
elsewhere:
	ret
END elsewhere`;
  assert.deepEqual(early(source), ["elsewhere returns-first"]);
  const overridden: Outside = { ...untraining("untrains"), isOverridden: () => true };
  assert.deepEqual(early(source, overridden), []);
});

test("every way counts: branches, alternatives and fixups", () => {
  const untrained = (body: string): string[] => early(`FUNC enters\n\tVALIDATE_UNRET_BEGIN\n${body}\nEND enters`);
  const rest = "\tVALIDATE_UNRET_END\n\tret\n";
  assert.deepEqual(untrained(rest), []);
  assert.deepEqual(untrained(`\tje 1f\n${rest}1:\tret`), ["enters returns-first"]);
  assert.deepEqual(untrained(`2:\tmovl (%rdi), %eax\n${rest}1:\tret\n\tEXTABLE 2b, 1b`), ["enters returns-first"]);
  assert.deepEqual(untrained(`\tALTERNATIVE "nop; nop", "jmp *%rax"\n${rest}`), [" branches-first"]);
  assert.deepEqual(untrained(`\tjmp *%rax\n${rest}`), ["enters branches-first"]);
});

test("a section that ends before the untraining ends a way, too", () => {
  const ends = (body: string): string[] => early(`FUNC enters\n\tVALIDATE_UNRET_BEGIN\n${body}\nEND enters`);
  assert.deepEqual(ends("\tnop"), ["enters runs-off"]);
  // A trap stands behind what never goes on. Somebody led control to this one.
  assert.deepEqual(ends("\tnop\n\tint3"), ["enters runs-off"]);
  assert.deepEqual(ends("\tVALIDATE_UNRET_END"), []);
});

test("a dead end, another context and a call that comes back all end a way", () => {
  const untrained = (body: string): string[] => early(`FUNC enters\n\tVALIDATE_UNRET_BEGIN\n${body}\nEND enters`);
  assert.deepEqual(untrained("\tud2\n\tret"), []);
  assert.deepEqual(untrained("\tcall untrains\n\tret\nEND enters\nFUNC untrains\n\tVALIDATE_UNRET_END\n\tret"), []);
  // A no-op without the annotation is none.
  assert.deepEqual(untrained("\tnop\n\tret"), ["enters returns-first"]);
});
