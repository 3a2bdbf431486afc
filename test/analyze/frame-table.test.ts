import assert from "node:assert/strict";
import { test } from "node:test";
import { analyzeObject, type ObjectFinding, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import { type FrameExcerpt, partOf, WitnessTable } from "../../src/analyze/frame-table.ts";
import { witnessesOfObject } from "../../src/analyze/witnesses-of-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { assemble } from "../support/assemble.ts";

const facts: TreeFacts = { source: "test", noreturn: new Set(), accessSafe: new Set() };

/** `body` between a prologue and an epilogue that say what they do. */
function source(body: string): string {
  return `.text
.globl f
.type f, @function
f:	.cfi_startproc
	push %rbx
	.cfi_def_cfa_offset 16
	.cfi_offset %rbx, -16
${body}
	pop %rbx
	.cfi_def_cfa_offset 8
	.cfi_restore %rbx
	ret
	.cfi_endproc
.size f, .-f
`;
}

/** A push that the directives hide, behind calls and pushes that they tell of. */
const HIDDEN = "\tcall g\n\tpush %rax\n\tcall g\n\tpop %rax\n\tcall g";
const TOLD = "\tpush %rax\n\t.cfi_adjust_cfa_offset 8\n\tcall g\n\tpop %rax\n\t.cfi_adjust_cfa_offset -8";

function findingsOf(text: string): readonly ObjectFinding[] {
  const bytes = bytesSource(assemble(text).bytes);
  const { findings, comparison } = analyzeObject(bytes, { facts, witnesses: true, forComparison: true });
  return [...findings, ...(comparison?.contracts ?? [])];
}

function onlyFrames(text: string, rule: string): FrameExcerpt {
  const found = findingsOf(text).filter((finding) => finding.rule === rule);
  assert.equal(found.length, 1, `${rule}: ${found.length}`);
  const frames = found[0]!.frames();
  assert.ok(frames !== undefined);
  return frames;
}

test("a finding's table: rows of the function, what each says, and what the instructions contradict", () => {
  const { rows, ...frames } = onlyFrames(source(HIDDEN), "frame-change-untold");
  assert.deepEqual(frames, {
    function: "f",
    section: ".text",
    witnesses: ["instructions", "eh_frame"],
    omittedRows: 0,
    differingRows: 1,
  });
  const entry = "CFA=rsp+8, ra at CFA-8";
  const saved = "CFA=rsp+16, rbx at CFA-16, ra at CFA-8";
  const pushed = "CFA=rsp+24, rbx at CFA-16, ra at CFA-8";
  const said = rows.map(({ says, isSite, skipped }) => [...says.map(({ frame }) => frame), isSite, skipped]);
  assert.deepEqual(said, [
    [entry, entry, false, undefined],
    [saved, saved, false, undefined],
    [pushed, saved, true, undefined],
    [saved, saved, false, undefined],
    [entry, entry, false, undefined],
  ]);
  assert.deepEqual(
    rows.map(({ says }) => says.map(({ wrong }) => wrong)),
    [0, 1, 2, 3, 4].map((n) => [[], n === 2 ? ["CFA"] : []]),
  );
  // Each range ends where the next one begins, and its first instruction begins it.
  rows.forEach(({ start, end, insn }, n) => {
    assert.equal(insn, start);
    if (n + 1 < rows.length) assert.equal(rows[n + 1]!.start, end);
  });
});

test("a register that only one of them lists is said by the other too, where it speaks of it", () => {
  const late =
    "\tpush %r12\n\t.cfi_def_cfa_offset 24\n\tcall g\n\t.cfi_offset %r12, -24\n\tcall g\n\tpop %r12\n\t.cfi_def_cfa_offset 16\n\t.cfi_restore %r12";
  const bytes = bytesSource(assemble(source(late)).bytes);
  const seen = witnessesOfObject(bytes, { facts });
  const table = new WitnessTable(seen);
  const rows = table.rows(partOf(seen.flow, 0)).map((row) => table.words(row));
  assert.deepEqual(rows[2], [
    "CFA=rsp+24, rbx at CFA-16, r12 at CFA-24, ra at CFA-8",
    "CFA=rsp+24, rbx at CFA-16, r12 unchanged, ra at CFA-8",
  ]);
});

test("a long function is shown around its findings, and the rest is counted", () => {
  const text = source(`${`${TOLD}\n`.repeat(60)}${HIDDEN}\n${`${TOLD}\n`.repeat(60)}`);
  const { rows, omittedRows, differingRows } = onlyFrames(text, "frame-change-untold");
  const total = rows.reduce((sum, { skipped }) => sum + 1 + (skipped ?? 0), omittedRows);
  assert.equal(total, 1 + 1 + 60 * 2 + 2 + 60 * 2 + 1);
  assert.equal(differingRows, 1);
  const site = rows.findIndex(({ isSite }) => isSite);
  // Rows 1 to 117 are left out: the site is row 122.
  assert.deepEqual([rows.length, site, rows[0]!.start, rows[1]!.skipped], [10, 5, 0, 117]);
  assert.ok(omittedRows > 100);
});

test("however much is wrong, the table has an end, and what is nearest to the finding is in it", () => {
  const wrong = "\tpush %rax\n\tcall g\n\tpop %rax\n\tcall g\n";
  const text = source(
    `${wrong.repeat(50)}\t.cfi_adjust_cfa_offset 8\n\tcall g\n\t.cfi_adjust_cfa_offset -8\n${wrong.repeat(50)}`,
  );
  const { rows, differingRows } = onlyFrames(text, "unwind-data-disagrees");
  assert.ok(differingRows > 100);
  assert.ok(rows.length <= 24 && rows.length > 15, String(rows.length));
  const site = rows.findIndex(({ isSite }) => isSite);
  assert.ok(site > 5 && site < rows.length - 5);
  assert.deepEqual(rows[site]!.says[1]!.wrong, ["CFA"]);
});

test("findings of other rules have none, nor has anything without witnesses", () => {
  const text = ".text\n.globl f\n.type f, @function\nf:\n\tpush %rbx\n\tret\n.size f, .-f\n";
  const [finding] = findingsOf(text);
  assert.equal(finding?.rule, "return-with-modified-frame");
  assert.equal(finding?.frames(), undefined);
});

test("what lies below the stack pointer is told apart: clang's rows keep it up to the return", () => {
  const text = source("\tcall g").replace("\t.cfi_restore %rbx\n", "");
  const seen = witnessesOfObject(bytesSource(assemble(text).bytes), { facts });
  const rows = new WitnessTable(seen).rows(partOf(seen.flow, 0));
  assert.deepEqual(
    rows.filter(({ differs }) => differs).map(({ wrong, onlyBelowStack }) => [wrong[1], onlyBelowStack]),
    [[["rbx"], true]],
  );
});
