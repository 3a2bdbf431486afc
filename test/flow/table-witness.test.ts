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

function compare(annotations: string, code = CODE) {
  const b = assembleFlow(code + annotations);
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

/** Labels that the jump of CODE goes to. */
function goesTo(annotations: string, code = CODE): string[] {
  const b = assembleFlow(code + annotations);
  const labels = ["first", "second", "third", "fourth", "yes", "no"];
  return b.after("jump").map((insn) => labels.find((label) => b.at(label) === insn) ?? "elsewhere");
}

const ALL = ["first", "second", "third", "fourth"];
/** The index is below four by a mask, and nothing is compared. */
const MASKED = CODE.replace("\tcmpl\t$3, %edi\n\tja\tfourth\n", "\tandl\t$3, %edi\n");

test("what the comparison before the jump lets through is followed, however few entries are said", () => {
  for (const said of [0, 1, 3, 4]) assert.deepEqual(goesTo(`${SIZES}\t.quad table, ${said}, small, 2`), ALL, `${said}`);
  const { flow } = assembleFlow(`${CODE}${SIZES}\t.quad table, 3, small, 2`);
  assert.deepEqual(
    flow.tables.tables.map(({ count, boundedBy }) => `${count} ${boundedBy}`),
    ["4 compare", "2 sizes"],
  );
});

test("without a comparison a table goes on as far as its function's entries that no other table claims", () => {
  const short = `${SIZES}\t.quad table, 3, small, 2`;
  assert.deepEqual(goesTo(short, MASKED), ALL);
  assert.deepEqual(compare(short, MASKED), { said: 2, agreeing: 1, words: ["goes-on chooses said 3 seen 4"] });
  // The fourth is said to be another table's, or an instruction names it as one, or it lies in an array of the source.
  const three = ALL.slice(0, 3);
  assert.deepEqual(goesTo(`${SIZES}\t.quad table, 3, table + 24, 1, small, 2`, MASKED), three);
  assert.deepEqual(goesTo(short, MASKED.replace("second:\tret", "second:\tjmp\t*table+24(,%rsi,8)")), three);
  const named = "\n\t.type array, @object\n\t.set array, table + 24\n\t.size array, 8\n";
  assert.deepEqual(goesTo(short, MASKED + named), three);
});

test("a jump that no table is found for claims nothing: the compiler would say its table", () => {
  const open = MASKED.replace("second:\tret", "second:\tpushq\t%rax\n\tjmp\t*%rcx")
    .replace("third:\tret", "third:\tjmp\t*more(,%rdi,8)")
    .replace("unused:", "more:\t.quad\tfirst\nunused:");
  assert.equal(assembleFlow(open).flow.unresolved.length, 1);
  const short = `${SIZES}\t.quad table, 3, more, 1, small, 2`;
  assert.deepEqual(goesTo(short, open), ALL);
  assert.deepEqual(compare(short, open).words, ["goes-on chooses said 3 seen 4"]);
});

test("a comparison that lets less through than is said is of something else, and one that lets as much through bears it out", () => {
  const lets = (last: number): string => CODE.replace("cmpl\t$3", `cmpl\t$${last}`);
  const said = (count: number): string => `${SIZES}\t.quad table, ${count}, small, 2`;
  assert.deepEqual(goesTo(said(4), lets(2)), ALL);
  assert.deepEqual(compare(said(4), lets(2)).words, []);
  assert.deepEqual(goesTo(said(3), lets(2)), ALL.slice(0, 3));
  assert.deepEqual(compare(said(3), lets(2)).words, []);
  assert.deepEqual(goesTo(said(3), lets(1)), ALL);
  assert.deepEqual(compare(said(3), lets(1)).words, ["goes-on chooses said 3 seen 4"]);
});

test("a comparison before code that the jump is not run into from bounds nothing", () => {
  // As clang 22 makes hsw_dip_data_reg() of Linux 6.12: the jump is branched to, and what stands before it is another switch and its return.
  const short = `${SIZES}\t.quad table, 3, small, 2`;
  for (const ends of ["ret", "ud2", "jmp\tfirst"]) {
    const guarded = `\tcmpl\t$3, %edi\n\tjbe\tjump\n\tcmpl\t$1, %esi\n\tja\tfirst\n\tjmp\t*next(,%rsi,8)\n\t${ends}\n`;
    const code = MASKED.replace("\tandl\t$3, %edi\n", guarded).replace("small:", "next:\t.quad\tfirst, second\nsmall:");
    assert.deepEqual(goesTo(short.replace("small", "next, 2, small"), code), ALL, ends);
  }
});

test("a table that several jumps go through ends where the furthest of their comparisons does", () => {
  const twice = MASKED.replace("second:\tret", "second:\tcmpl\t$3, %esi\n\tja\tfourth\n\tjmp\t*table(,%rsi,8)");
  const short = `${SIZES}\t.quad table, 3, small, 2`;
  assert.deepEqual(goesTo(short, twice), ALL);
  assert.deepEqual(compare(short, twice).words, ["too-short chooses said 3 seen 4"]);
});

/** A table of the same function right behind the first. */
const SECOND = CODE.replace("second:\tret", "second:\tcmpl\t$1, %esi\n\tja\tfourth\n\tjmp\t*next(,%rsi,8)")
  .replace("fourth:\tret", "fourth:\tret\nfifth:\tret")
  .replace("small:", "next:\t.quad\tfourth, fifth\nsmall:");

test("a table that is said too long ends where another begins, the same function's or the next one's", () => {
  const words = (said: number): string[] => [`too-long chooses said ${said} seen 4`];
  for (const said of [5, 6, 100]) {
    const long = `${SIZES}\t.quad table, ${said}, small, 2`;
    assert.deepEqual(goesTo(long), ALL, `${said}`);
    assert.deepEqual(compare(long).words, words(said));
    const both = `${SIZES}\t.quad table, ${said}, next, 2, small, 2`;
    assert.deepEqual(goesTo(both, SECOND), ALL, `${said}`);
    assert.deepEqual(compare(both, SECOND).words, words(said));
  }
});

test("a table that is said too long ends where another is said, though no jump is seen to go through that one", () => {
  const unseen = SECOND.replace("jmp\t*next(,%rsi,8)", "ret");
  const long = `${SIZES}\t.quad table, 5, next, 2, small, 2`;
  assert.deepEqual(goesTo(long, unseen), ALL);
  assert.deepEqual(compare(long, unseen).words, ["too-long chooses said 5 seen 4", "no-jump chooses said 2"]);
  // A size that claims what lies inside the table is not believed against the comparison.
  const inside = `${SIZES}\t.quad table, 4, table + 8, 1, small, 2`;
  assert.deepEqual(goesTo(inside), ALL);
  assert.deepEqual(compare(inside).words, ["no-jump chooses said 1"]);
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
  assert.deepEqual(found, { said: 2, agreeing: 1, words: ["not-said other seen 2", "no-jump other said 2"] });
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
