import assert from "node:assert/strict";
import { test } from "node:test";
import { brokenContracts, compareFindings } from "../../src/analyze/compare.ts";
import { analyzeText, balanced, comparison, located, unbalanced } from "../support/analyzed.ts";

const RULE = "return-with-modified-frame";
/** Opens user access and returns on two ways, each with its own cause. */
const openTwice = (name: string): string => `
FUNC ${name}
	testl	%edi, %edi
	je	1f
	stac
	movl	%esi, (%rdi)
	ret
1:	stac
	movl	%esi, 4(%rdi)
	ret
END ${name}
`;
const openOnce = (name: string): string => openTwice(name).replace("ret\n1:", "clac\n\tret\n1:");

test("new, fixed and unchanged", () => {
  assert.deepEqual(comparison({ "a.o": balanced("f") }, { "a.o": unbalanced("f") }), [`new a.o f ${RULE}`]);
  assert.deepEqual(comparison({ "a.o": unbalanced("f") }, { "a.o": balanced("f") }), [`fixed a.o f ${RULE}`]);
  assert.deepEqual(comparison({ "a.o": unbalanced("f") }, { "a.o": unbalanced("f") }), [`unchanged a.o f ${RULE}`]);
  assert.deepEqual(comparison({ "a.o": balanced("f") }, { "a.o": balanced("f") }), []);
  assert.deepEqual(
    comparison({ "a.o": unbalanced("f") + balanced("g") }, { "a.o": balanced("f") + unbalanced("g", "incl %edi") }),
    [`fixed a.o f ${RULE}`, `new a.o g ${RULE}`],
  );
});

test("equal findings count: one more in a function that had one is worsened, one less is fixed", () => {
  const rule = "uaccess-return-open";
  assert.deepEqual(comparison({ "a.o": openOnce("f") }, { "a.o": openTwice("f") }), [
    `unchanged a.o f ${rule}`,
    `worsened a.o f ${rule}`,
  ]);
  assert.deepEqual(comparison({ "a.o": openTwice("f") }, { "a.o": openOnce("f") }), [
    `fixed a.o f ${rule}`,
    `unchanged a.o f ${rule}`,
  ]);
});

test("a higher severity of the same finding is worsened", () => {
  const base = located({ "a.o": unbalanced("f") });
  const milder = base.map((l) => ({ ...l, finding: { ...l.finding, severity: "warning" as const } }));
  assert.deepEqual(
    compareFindings(milder, base).map((c) => c.class),
    ["worsened"],
  );
  assert.deepEqual(
    compareFindings(base, milder).map((c) => c.class),
    ["unchanged"],
  );
});

test("a function that moved to another object is the same one", () => {
  assert.deepEqual(comparison({ "a.o": unbalanced("f"), "b.o": "" }, { "a.o": "", "b.o": unbalanced("f") }), [
    `unchanged b.o f ${RULE}`,
  ]);
  // Where both objects have one of that name, each is compared with its own.
  const [first] = compareFindings(
    located({ "a.o": unbalanced("f"), "b.o": unbalanced("f", "incl %edi") }),
    located({ "b.o": unbalanced("f", "incl %edi") }),
  ).filter((c) => c.class === "unchanged");
  assert.equal(first?.before?.object, "b.o");
});

test("a function that was renamed is known by what it does", () => {
  assert.deepEqual(comparison({ "a.o": unbalanced("old_name") }, { "a.o": unbalanced("new_name") }), [
    `unchanged a.o new_name ${RULE}`,
  ]);
  assert.deepEqual(comparison({ "a.o": unbalanced("old_name") }, { "a.o": unbalanced("new_name", "call elsewhere") }), [
    `fixed a.o old_name ${RULE}`,
    `new a.o new_name ${RULE}`,
  ]);
});

test("the compiler's names for its copies do not count", () => {
  const local = (name: string): string => unbalanced(`"${name}"`);
  for (const [before, after] of [
    ["f.constprop.0", "f.constprop.3"],
    ["f.isra.0", "f"],
    ["f", "f.part.0.isra.2"],
    ["f.cold", "f.cold.7"],
  ] as const) {
    assert.deepEqual(comparison({ "a.o": local(before) }, { "a.o": local(after) }), [`unchanged a.o ${after} ${RULE}`]);
  }
});

test("two that were renamed alike are paired one to one", () => {
  const result = comparison(
    { "a.o": unbalanced("a") + unbalanced("b") },
    { "a.o": unbalanced("c") + unbalanced("d") + unbalanced("e") },
  );
  assert.deepEqual(
    result.map((line) => line.split(" ")[0]),
    ["new", "unchanged", "unchanged"],
  );
});

test("the result keeps the order of the head, then of what is gone", () => {
  const result = compareFindings(
    located({ "a.o": unbalanced("gone", "incl %edi") + unbalanced("kept") }),
    located({ "a.o": unbalanced("kept") + unbalanced("fresh", "decl %esi; incl %edi") }),
  );
  assert.deepEqual(
    result.map((c) => `${c.class} ${c.finding.function}`),
    ["unchanged kept", "new fresh", "fixed gone"],
  );
});

const side = (objects: Readonly<Record<string, string>>) =>
  Object.entries(objects).map(([object, source]) => ({
    object,
    analysis: analyzeText(source, { forComparison: true }),
  }));
const broken = (base: Readonly<Record<string, string>>, head: Readonly<Record<string, string>>): string[] =>
  brokenContracts(side(base), side(head)).map(({ object, finding }) => `${object} ${finding.message}`);

test("a register that a function no longer keeps is a finding, one that it never kept is a fact", () => {
  const keeps = balanced("f", "movl %edi, %ebx");
  const loses = "FUNC f\n\tmovl %edi, %ebx\n\tret\nEND f\n";
  const losesTwo = "FUNC f\n\tmovl %edi, %ebx\n\tmovl %edi, %r12d\n\tret\nEND f\n";
  assert.deepEqual(broken({ "a.o": keeps }, { "a.o": loses }), [
    "a.o f() does not give back %rbx, which it did before",
  ]);
  assert.deepEqual(broken({ "a.o": loses }, { "a.o": loses }), []);
  assert.deepEqual(broken({ "a.o": loses }, { "a.o": keeps }), []);
  assert.deepEqual(broken({ "a.o": loses }, { "a.o": losesTwo }), [
    "a.o f() does not give back %r12, which it did before",
  ]);
  // The base had no such function, or did not look at it.
  assert.deepEqual(broken({ "a.o": "" }, { "a.o": loses }), []);
  assert.deepEqual(broken({ "a.o": `${keeps}STACK_FRAME_NON_STANDARD f\n` }, { "a.o": loses }), []);
  // It moved to another object on the way.
  assert.deepEqual(broken({ "a.o": keeps, "b.o": "" }, { "a.o": "", "b.o": loses }), [
    "b.o f() does not give back %rbx, which it did before",
  ]);
  assert.deepEqual(broken({ "a.o": loses, "b.o": "" }, { "a.o": "", "b.o": loses }), []);
});

test("a listed function that comes back is a finding, one that came back before is a fact", () => {
  const ends = "FUNC never_back\n1:\thlt\n\tjmp 1b\nEND never_back\n";
  // As in xen_start_kernel() of 6.12: `if (!si) return;`.
  const early = "FUNC never_back\n\ttestl %edi, %edi\n\tje 2f\n1:\thlt\n\tjmp 1b\n2:\tret\nEND never_back\n";
  const told = "a.o never_back() returns, and the tree lists it as never returning";
  assert.deepEqual(broken({ "a.o": ends }, { "a.o": early }), [told]);
  assert.deepEqual(broken({ "a.o": early }, { "a.o": early }), []);
  assert.deepEqual(broken({ "a.o": early }, { "a.o": ends }), []);
  assert.deepEqual(broken({ "a.o": "" }, { "a.o": early }), []);
  assert.deepEqual(analyzeText(early).findings, []);
});
