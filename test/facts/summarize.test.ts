import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { KernelIndex } from "../../src/facts/kernel-index.ts";
import type { ObjectFacts } from "../../src/facts/object-facts.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { assembleText } from "../support/analyzed.ts";

function factsOf(source: string): ObjectFacts {
  return summarize(bytesSource(assembleText(source)));
}

function buildIndex(sources: Readonly<Record<string, string>>): KernelIndex {
  const objects = new Map(Object.entries(sources).map(([path, source]) => [path, factsOf(source)]));
  return KernelIndex.build([{ unit: "vmlinux", objects }], { isListedNoreturn: () => false });
}

const outsideOf = (sources: Readonly<Record<string, string>>) => buildIndex(sources).outsideFor("new.o");

const untrain = `9100:\tnop
	.pushsection .discard.retpoline_safe, "a"
	.long 9100b
	.popsection
`;

test("landing pads are found at symbols, behind them, and nowhere else", () => {
  const outside = outsideOf({
    "a.o": `
FUNC padded
	endbr64
	ret
	endbr64
END padded
FUNC bare
	ret
END bare
	.globl exempt
exempt:
	ret
	.pushsection .discard.noendbr, "a"
	.long exempt
	.popsection
	.globl inside
	.set inside, exempt_long + 1
exempt_long:
	movl $0x12345678, %eax
	.data
	.globl variable
variable:
	.quad 0
`,
  });
  assert.equal(outside.landing("padded", 0), "pad");
  assert.equal(outside.landing("padded", 4), "none");
  assert.equal(outside.landing("padded", 5), "pad");
  assert.equal(outside.landing("padded", 2), "data", "inside of an instruction");
  assert.equal(outside.landing("padded", 1000), undefined, "behind the section's end");
  assert.equal(outside.landing("padded", -1), undefined, "before its begin");
  assert.equal(outside.landing("bare", 0), "none");
  assert.equal(outside.landing("exempt", 0), "exempt");
  assert.equal(outside.landing("inside", 0), "data");
  assert.equal(outside.landing("variable", 0), "data");
  assert.equal(outside.landing("nowhere", 0), undefined);
  assert.equal(outside.isFunction("padded"), true);
  assert.equal(outside.isFunction("exempt"), false);
  assert.equal(outside.isFunction("variable"), false);
});

test("the end of a function with a pad only bounds it", () => {
  const outside = outsideOf({
    "a.o": `
FUNC padded
	endbr64
	ret
END padded
	.globl behind
behind:
	ret
FUNC next
	ret
END next
`,
  });
  assert.equal(outside.landing("behind", 0), "bound");
  assert.equal(outside.landing("padded", 5), "bound");
  assert.equal(outside.landing("next", 0), "none");
});

test("assembly that begins where a function with a pad ends bounds nothing: it has a size of its own", () => {
  const outside = outsideOf({
    "a.o": `
FUNC padded
	endbr64
	ret
END padded
	.globl entry
entry:
	nop
	ret
	.size entry, . - entry
`,
  });
  assert.equal(outside.landing("entry", 0), "none");
  assert.equal(outside.landing("padded", 5), "none");
});

test("code where nothing may be instrumented is known by its section", () => {
  const outside = outsideOf({
    "a.o": `
	.section .noinstr.text, "ax"
FUNC quiet
	ret
END quiet
	.section .text.other, "ax"
FUNC loud
	ret
END loud
`,
  });
  assert.equal(outside.isNoinstr("quiet"), true);
  assert.equal(outside.isNoinstr("loud"), false);
  assert.equal(outside.isNoinstr("nowhere"), undefined);
});

test("what comes first on the ways through a function goes over calls into other objects", () => {
  const outside = outsideOf({
    "a.o": `
FUNC direct
	${untrain}
	ret
END direct
FUNC over_call
	call in_other
	ret
END over_call
FUNC one_way_returns
	testl %eax, %eax
	jz 1f
	call in_other
1:	ret
END one_way_returns
FUNC indirect
	call *%rax
	ret
END indirect
FUNC trapped
	ud2
END trapped
FUNC into_the_dark
	call nobody
	ret
END into_the_dark
`,
    "b.o": `
	.globl in_other
in_other:
	call deeper
	ret
deeper:
	${untrain}
	ret
`,
  });
  assert.equal(outside.untraining("direct"), "untrains");
  assert.equal(outside.untraining("in_other"), "untrains", "entry code is no function");
  assert.equal(outside.untraining("over_call"), "untrains");
  assert.equal(outside.untraining("one_way_returns"), "returns-first");
  assert.equal(outside.untraining("indirect"), "branches-first");
  assert.equal(outside.untraining("trapped"), "neither");
  assert.equal(outside.untraining("into_the_dark"), undefined);
});

test("uses are told by how, and addresses by where they are held", () => {
  const index = buildIndex({
    "user.o": `
FUNC caller
	call f
	jmp g
END caller
FUNC taker
	leaq f+4(%rip), %rax
	leaq f+4(%rip), %rcx
	ret
END taker
	.data
	.type table, @object
	.size table, 16
table:
	.quad 0, f
`,
    "owner.o": "FUNC f\n\tret\nEND f\nFUNC g\n\tret\nEND g\n",
  });
  assert.deepEqual(index.outsideFor("owner.o").addressUses("f"), [
    { object: "user.o", section: ".text", offset: 13, holder: "taker", addend: 4, isCode: true },
    { object: "user.o", section: ".data", offset: 8, holder: "table", addend: 0, isCode: false },
  ]);
  assert.deepEqual(index.outsideFor("owner.o").addressUses("g"), []);
  assert.deepEqual(index.outsideFor("user.o").addressUses("f"), [], "its own ones an object knows");
  assert.deepEqual(index.users("vmlinux", ["g"]), ["user.o"]);
});

test("code that gives way to another object's takes no address", () => {
  const body = "FUNC w\n\tleaq f(%rip), %rax\n\tret\nEND w\n";
  const sources = { "weak.o": `.weak w\n${body}`, "owner.o": "FUNC f\n\tret\nEND f\n" };
  assert.equal(buildIndex(sources).outsideFor("owner.o").addressUses("f")?.length, 1);
  const replaced = buildIndex({ ...sources, "strong.o": "FUNC w\n\tret\nEND w\n" });
  assert.deepEqual(replaced.outsideFor("owner.o").addressUses("f"), []);
});

test("slots hold what the table is made with, what is stored to it, and what it is copied from", () => {
  const table = (name: string, functions: string, section = ".section .rodata"): string => `
	${section}
	.type ${name}, @object
	.size ${name}, 16
${name}:	.quad ${functions}
	.text
`;
  const outside = outsideOf({
    "table.o": `.globl pv_ops\n${table("pv_ops", "first, second", ".data")}`,
    "copied.o": `
	.section .noinstr.text, "ax"
	.type quiet, @function
quiet:	ret
	.size quiet, 1
	.type loud, @function
	.text
loud:	ret
	.size loud, 1
${table("ours", "quiet, loud")}
${table("not_ours", "third, third")}
${table("written", "third, third", ".data")}
FUNC setup
	movq $0, written(%rip)
	movq ours(%rip), %rax
	movq %rax, pv_ops(%rip)
	ret
END setup
FUNC other_setup
	movq not_ours(%rip), %rax
	ret
END other_setup
`,
    "stored.o": "FUNC store\n\tmovq $fourth, pv_ops+8(%rip)\n\tcall *pv_ops(%rip)\n\tret\nEND store\n",
    "caller.o": `${table("unrelated", "third, third")}FUNC call\n\tcall *pv_ops(%rip)\n\tret\nEND call\n`,
  });
  assert.deepEqual([...outside.slotTargets("pv_ops", 0)!].sort(), ["copied.o:quiet", "first"]);
  assert.deepEqual([...outside.slotTargets("pv_ops", 1)!].sort(), ["copied.o:loud", "fourth", "second"]);
  assert.equal(outside.slotTargets("pv_ops", 2), undefined);
  assert.equal(outside.isNoinstr("copied.o:quiet"), true);
  assert.equal(outside.isNoinstr("copied.o:loud"), false);
});

test("a changed object changes the answers about others, and nothing in the index that it is made from", () => {
  const jump = (name: string, to: string): string => `FUNC ${name}\n\tjmp ${to}\nEND ${name}\n`;
  const before = buildIndex({ "a.o": jump("a", "b"), "b.o": jump("b", "c"), "c.o": "FUNC c\n\tret\nEND c\n" });
  const after = before.replace("c.o", factsOf("FUNC c\n\tud2\nEND c\n"));
  assert.equal(before.outsideFor("x.o").neverReturns("a"), false);
  assert.equal(after.outsideFor("x.o").neverReturns("a"), true);
  const without = after.replace("c.o", undefined);
  assert.equal(without.outsideFor("x.o").neverReturns("a"), undefined);
  assert.deepEqual(without.users("vmlinux", ["c"]), ["b.o"]);
  const added = without.replace("d.o", factsOf(`${jump("c", "e")}FUNC e\n\tret\nEND e\n`));
  assert.equal(added.outsideFor("x.o").neverReturns("a"), false);
  assert.deepEqual(added.unitsOf("d.o"), ["vmlinux"]);
  assert.deepEqual(added.replace("a.o", undefined).users("vmlinux", ["b"]), []);
});

test("a module sees its own definitions, then those of vmlinux; vmlinux sees no module", () => {
  const dead = "FUNC f\n\tud2\nEND f\n";
  const alive = "FUNC f\n\tret\nEND f\n";
  const units = [
    { unit: "one", objects: new Map([["one.o", factsOf(`${alive}FUNC only_one\n\tret\nEND only_one\n`)]]) },
    { unit: "two", objects: new Map([["two.o", factsOf("FUNC calls\n\tjmp f\nEND calls\n")]]) },
    { unit: "vmlinux", objects: new Map([["main.o", factsOf(dead)]]) },
  ];
  const index = KernelIndex.build(units, { isListedNoreturn: () => false });
  assert.equal(index.outsideFor("new.o", "one").neverReturns("f"), false);
  assert.equal(index.outsideFor("new.o", "two").neverReturns("f"), true);
  assert.equal(index.outsideFor("new.o", "two").neverReturns("calls"), true);
  assert.equal(index.outsideFor("main.o").neverReturns("only_one"), undefined);
  const changed = index.replace("main.o", factsOf(alive));
  assert.equal(changed.outsideFor("new.o", "two").neverReturns("calls"), false);
});
