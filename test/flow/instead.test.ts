import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import { INSTEAD_ALTERNATIVE, INSTEAD_FIXUP, INSTEAD_JUMP_LABEL } from "../../src/flow/instead.ts";
import { KIND_JUMP, KIND_NOP } from "../../src/isa/insn-table.ts";
import { analyzeText } from "../support/analyzed.ts";
import { assembleFlow, type BuiltFlow, rowOf } from "../support/built-flow.ts";
import { treeFormats } from "../support/formats.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

const edges = (b: BuiltFlow): [from: number, to: number, kind: number][] =>
  Array.from({ length: b.flow.instead.edges.length }, (_, row) => {
    const { from, to, kind } = rowOf(b.flow.instead.edges, row);
    return [from!, to!, kind!];
  });

/** An original of two no-ops and a replacement of `code`, with the entry written by hand. */
const alternative = (entry: string, code: string): string => `
FUNC patched
	nop
	nop
behind:	ret
END patched
	.section .altinstr_replacement, "ax"
variant:
	${code}
variant_end:
	.section .altinstructions, "a"
	.long	patched - ., variant - .
	${entry}`;

test("entries of 14 bytes (6.3 and later) and of 12 bytes (before)", () => {
  for (const [size, entry] of [
    [14, ".word 77, 0\n.byte 2, variant_end - variant"],
    [12, ".word 77\n.byte 2, variant_end - variant"],
  ] as const) {
    const b = assembleFlow(alternative(entry, "pushq %rax; popq %rax"));
    assert.equal(b.flow.instead.alternatives.length, 1, String(size));
    assert.deepEqual(rowOf(b.flow.instead.alternatives, 0), {
      from: b.at("patched"),
      to: b.at("behind"),
      replacement: b.at("variant"),
      replacementEnd: b.at("variant", 2),
      replaces: 0,
      feature: 77,
      originalSize: 2,
    });
    assert.deepEqual(edges(b), [[b.at("patched"), b.at("variant"), INSTEAD_ALTERNATIVE]]);
    assert.deepEqual([...b.flow.instead.replacementOf.keys()], [b.at("variant"), b.at("variant", 1)]);
    // The replacement goes on behind the original, and belongs to its function.
    assert.deepEqual(b.after("variant", 1), [b.at("behind")]);
    assert.equal(b.frame("variant", 1), "CFA=rsp+16");
  }
});

test("both sizes of entry fit: the longer one is the one that is read", () => {
  // 6 entries of 14 bytes are 7 of 12; the relocations tell.
  const b = assembleFlow(`
FUNC patched
	.rept	6
	ALTERNATIVE "nop", "cmc"
	.endr
	ret
END patched`);
  assert.equal(b.flow.instead.alternatives.length, 6);
  assert.deepEqual(b.flow.instead.dangling, []);
});

test("an empty replacement goes straight behind the original", () => {
  const b = assembleFlow(alternative(".word 77, 0\n.byte 2, 0", ""));
  assert.deepEqual(edges(b), [[b.at("patched"), b.at("behind"), INSTEAD_ALTERNATIVE]]);
  assert.equal(b.flow.instead.alternatives.replacement[0], NONE);
});

test("nested alternatives are one group, as long as the longest", () => {
  const b = assembleFlow(`
FUNC patched
	nop
	nop
	nop
behind:	ret
END patched
	.section .altinstr_replacement, "ax"
first:	cmc
second:	cmc
	cmc
	.section .altinstructions, "a"
	.long	patched - ., first - .
	.word	1, 0
	.byte	2, 1
	.long	patched - ., second - .
	.word	2, 0
	.byte	3, 2`);
  assert.deepEqual([...b.flow.instead.alternatives.to], [b.at("behind"), b.at("behind")]);
  assert.deepEqual(b.after("first"), [b.at("behind")]);
  assert.deepEqual(b.after("second", 1), [b.at("behind")]);
  assert.equal(edges(b).length, 2);
});

test("jumps out of a replacement: to its end, by relocation, and to another function", () => {
  const b = assembleFlow(`
FUNC patched
	ALTERNATIVE "nopl 0(%rax,%rax,1)", "testl %edi, %edi; je 9004f; nop"
behind:	ret
END patched
FUNC leaves
	ALTERNATIVE "nopl 0(%rax,%rax,1)", "jmp elsewhere"
	ALTERNATIVE "nopl 0(%rax,%rax,1)", "jmp .Lfar"
	ret
.Lfar:
far:	nop
	ret
END leaves`);
  const { alternatives } = b.flow.instead;
  const first = alternatives.replacement[0]!;
  assert.equal(b.flow.target.at(first + 1), b.at("behind"));
  assert.deepEqual(b.flow.faults, []);
  assert.equal(b.flow.target.at(alternatives.replacement[2]!), b.at("far"));
  assert.equal(b.flow.target.at(alternatives.replacement[1]!), NONE);
  assert.deepEqual(b.frames.events, []);
});

test("a replacement with user-access instructions takes the place of its original", () => {
  const b = assembleFlow(`
FUNC patched
	ALTERNATIVE "nopl (%rax)", "stac"
	ALTERNATIVE "nopl (%rax)", "clac"
by_feature:
	ALTERNATIVE "nop", "cmc", 9*32+20
	ret
END patched`);
  assert.deepEqual(
    [...b.flow.instead.skipped].sort(),
    [b.at("patched"), b.at("patched", 1), b.at("by_feature")].sort(),
  );
  assert.equal(b.frame("by_feature"), "CFA=rsp+8");
  assert.deepEqual(b.flags.events, []);
});

test("an ignored alternative is not followed", () => {
  const b = assembleFlow(`
FUNC patched
	.pushsection .discard.ignore_alts
	.long	patched
	.popsection
	ALTERNATIVE "nop", "pushq %rax"
	ret
END patched`);
  assert.deepEqual(edges(b), []);
  assert.equal(b.flow.instead.replacementOf.size, 0);
  assert.deepEqual(b.frames.events, []);
});

test("from 6.14 on an annotation leaves out the variant that it stands at", () => {
  const ignore = (label: string) => `
	.pushsection .discard.annotate_insn, "M", @progbits, 8
	.long ${label} - ., 6
	.popsection`;
  const original = assembleFlow(`
FUNC patched
	${ignore("patched")}
	ALTERNATIVE "nop; nop", "pushf; popq %rax"
	ret
END patched`);
  assert.deepEqual([...original.flow.instead.skipped], [original.at("patched")]);
  assert.equal(original.flow.instead.replacementOf.size, 2);
  const replacement = assembleFlow(`
FUNC patched
	ALTERNATIVE "nop", "by: pushq %rax"
	${ignore("by")}
	ret
END patched`);
  assert.deepEqual(edges(replacement), []);
  assert.deepEqual([...replacement.flow.instead.skipped], []);
  assert.deepEqual(replacement.frames.events, []);
});

test("exception table: several fixups for one instruction, and a place inside it", () => {
  const b = assembleFlow(`
FUNC faults
	movl	%esi, (%rdi)
	ret
fix_a:	xorl	%eax, %eax
	ret
fix_b:	movl	$1, %eax
	ret
	EXTABLE	faults, fix_a
	EXTABLE	faults, fix_b
	EXTABLE	faults + 1, fix_b
END faults`);
  assert.deepEqual(edges(b), [
    [b.at("faults"), b.at("fix_a"), INSTEAD_FIXUP],
    [b.at("faults"), b.at("fix_b"), INSTEAD_FIXUP],
    [b.at("faults"), b.at("fix_b"), INSTEAD_FIXUP],
  ]);
});

test("a fixup is entered with the frame from before the faulting instruction", () => {
  const b = assembleFlow(`
FUNC faults
	pushq	%rbx
popping:
	popq	(%rdi)
	ret
fixup:	popq	%rbx
	ret
	EXTABLE	popping, fixup
END faults`);
  assert.equal(b.frame("fixup"), "CFA=rsp+16, rbx at CFA-16");
});

test("jump labels: a no-op may become a jump, and a jump a no-op", () => {
  const b = assembleFlow(`
FUNC off
	nopl	0(%rax,%rax,1)
	ret
goal_off:
	ret
	JUMP_LABEL off, goal_off
END off
FUNC on
	.byte	0xe9
	.long	goal_on - . - 4
else_on:
	ret
goal_on:
	ret
	JUMP_LABEL on, goal_on
END on`);
  const found = edges(b);
  assert.ok(found.some(([from, to]) => from === b.at("off") && to === b.at("goal_off")));
  assert.ok(found.some(([from, to]) => from === b.at("on") && to === b.at("else_on")));
  assert.ok(found.every(([, , kind]) => kind === INSTEAD_JUMP_LABEL));
  assert.equal(b.flow.kind[b.at("on")], KIND_JUMP);
  // All four returns are reached.
  for (const symbol of ["goal_off", "goal_on", "else_on"]) assert.equal(b.frame(symbol), "CFA=rsp+8", symbol);
});

test("a jump that the build turns into a no-op goes on behind itself", () => {
  const b = assembleFlow(`
FUNC hacked
	jmp	goal
else:	ret
goal:	ret
	.pushsection __jump_table, "aw"
	.long	hacked - ., goal - .
	.quad	jump_label_key + 2 - .
	.popsection
END hacked`);
  assert.equal(b.flow.kind[b.at("hacked")], KIND_NOP);
  assert.deepEqual(b.after("hacked"), [b.at("else")]);
  assert.equal(b.frame("goal"), "CFA=rsp+8");
});

test("entries that name no instruction are kept for coverage", () => {
  const b = assembleFlow(`
FUNC whole
	movl	$0x90909090, %eax
	ret
	EXTABLE	elsewhere, whole
	EXTABLE	whole, whole + 1
	JUMP_LABEL whole + 1, whole
	.pushsection .altinstructions, "a"
	.long	whole + 1 - ., whole - .
	.word	1, 0
	.byte	5, 1
	.long	whole - ., whole - .
	.word	1, 0
	.byte	3, 5
	.popsection
END whole`);
  assert.deepEqual(b.flow.instead.dangling.map(({ what }) => what).sort(), [
    ".altinstructions entry 0",
    ".altinstructions entry 1",
    "__ex_table entry 0",
    "__ex_table entry 1",
    "__jump_table entry 0",
  ]);
  assert.deepEqual(edges(b), []);
});

test("an original for user access is left out by its feature, or where the replacement begins with STAC or CLAC, as the tree does it", () => {
  const SMAP = "9*32+20";
  const told = (code: string, feature: string, forcesByFeature: boolean): string[] =>
    analyzeText(`FUNC f\n\tALTERNATIVE "nopl (%rax); nop; nop", "${code}", ${feature}\n\tret\nEND f`, {
      facts: { ...fixtureFacts, formats: treeFormats({ forcesByFeature }) },
    }).findings.map(({ rule }) => rule);
  // Between the two a word is on the stack, where the original has no-ops.
  const saves = "pushfq; nop; nop; nop; popq %rax";
  assert.deepEqual(told(saves, SMAP, true), []);
  assert.deepEqual(told(saves, SMAP, false), ["alternatives-disagree"]);
  assert.deepEqual(told(saves, "1", true), ["alternatives-disagree"]);
});
