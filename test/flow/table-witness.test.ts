import assert from "node:assert/strict";
import { test } from "node:test";
import { compareTables, type TableDisagreement } from "../../src/flow/table-witness.ts";
import { assembleFlow } from "../support/built-flow.ts";

const SIZES = '\t.section .llvm_jump_table_sizes, "o", @progbits, .text\n';
const PAIRS = '\t.section .discard.tablejump_annotate, "", @progbits\n';

/** A switch of four over a table of absolute addresses, and one of two behind it, in the same section. */
const CODE = `
FUNC chooses
	cmpl	$3, %edi
	ja	fourth
jump:	jmp	*table(,%rdi,8)
first:	ret
second:	ret
third:	ret
fourth:	ret
END chooses
FUNC other
	cmpl	$1, %edi
	ja	no
	jmp	*small(,%rdi,8)
yes:	ret
no:	ret
END other
	.section .rodata
	.balign	8
table:	.quad	first, second, third, fourth
small:	.quad	yes, no
unused:	.quad	yes, no
	.quad	7
`;

function compare(annotations: string) {
  const b = assembleFlow(CODE + annotations);
  const { said, agreeing, disagreements } = compareTables(b.code, b.functions, b.flow.tables);
  const words = (each: TableDisagreement): string => {
    const counts = [..."said seen".split(" ")].flatMap((key) =>
      key in each ? [`${key} ${(each as unknown as Record<string, number>)[key]}`] : [],
    );
    const f = "jump" in each ? b.functions.ofInsn[each.jump]! : each.function;
    return [each.kind, f < 0 ? "" : b.nameOf(f), ...counts].join(" ").trim();
  };
  return { said, agreeing, words: disagreements.map(words) };
}

test("what agrees is counted", () => {
  const both = `${SIZES}	.quad table, 4, small, 2`;
  assert.deepEqual(compare(both), { said: 2, agreeing: 2, words: [] });
});

test("nothing is said of an object without annotations", () => {
  assert.deepEqual(compare(""), { said: 0, agreeing: 0, words: [] });
});

test("a table one entry short contradicts the comparison before its jump", () => {
  const short = `${SIZES}	.quad table, 3, small, 2`;
  assert.deepEqual(compare(short), { said: 2, agreeing: 1, words: ["too-short chooses said 3 seen 4"] });
});

test("a comparison that lets through what is another table's is of something else", () => {
  // The last of the four would be the first of a table that the compiler says begins there.
  const cut = `${SIZES}	.quad table, 3, table + 24, 1, small, 2`;
  assert.deepEqual(compare(cut).words, ["no-jump chooses said 1"]);
});

test("a table is longer than its entries", () => {
  // unused: two entries and a word that is no address.
  const long = `${SIZES}	.quad table, 4, small, 5`;
  assert.deepEqual(compare(long), { said: 2, agreeing: 1, words: ["too-long other said 5 seen 4"] });
});

test("an entry of a case that clang takes to be impossible leads behind the function", () => {
  const code = CODE.replace(".quad	first, second, third, fourth", ".quad	first, behind, third, fourth").replace(
    "END chooses",
    "END chooses\nbehind:	nop",
  );
  const b = assembleFlow(`${code}${SIZES}	.quad table, 4, small, 2`);
  const found = compareTables(b.code, b.functions, b.flow.tables);
  assert.deepEqual([found.agreeing, found.disagreements], [2, []]);
  assert.deepEqual(b.after("jump"), [b.at("first"), b.at("third"), b.at("fourth")]);
  // Where nobody says how long the table is, it may end there.
  assert.deepEqual(assembleFlow(code).after("jump"), [b.at("first")]);
});

test("a table that no jump goes through, and one that is not said", () => {
  const found = compare(`${SIZES}	.quad table, 4, unused, 2`);
  assert.deepEqual(found, { said: 2, agreeing: 1, words: ["not-said other seen 4", "no-jump other said 2"] });
});

test("pairs of jump and table", () => {
  assert.deepEqual(compare(`${PAIRS}	.quad jump, table`), { said: 1, agreeing: 1, words: [] });
  assert.deepEqual(compare(`${PAIRS}	.quad jump, small`), { said: 1, agreeing: 0, words: ["other-table chooses"] });
  assert.deepEqual(compare(`${PAIRS}	.quad first, small`), { said: 1, agreeing: 0, words: ["other-table chooses"] });
});

test("sections that are cut, empty or without relocations say nothing", () => {
  for (const section of [SIZES, PAIRS])
    for (const body of ["", "	.quad 1, 2", "	.quad 3", "	.byte 1", "	.quad table"])
      assert.doesNotThrow(() => compare(`${section}${body}`), body);
});
