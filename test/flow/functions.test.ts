import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import {
  FUNCTION_LOCAL,
  FUNCTION_PREFIX,
  FUNCTION_WEAK,
  FUNCTION_WITHOUT_SIZE,
  sameFamily,
} from "../../src/flow/functions.ts";
import { assembleFlow } from "../support/built-flow.ts";

test("aliases are one function, named by the strongest symbol", () => {
  const b = assembleFlow(`
	.weak	weak_alias
	.type	weak_alias, @function
	.type	local_alias, @function
local_alias:
weak_alias:
FUNC whole
	ret
END whole
	.size	weak_alias, . - weak_alias
	.size	local_alias, . - local_alias`);
  assert.equal(b.functions.table.length, 1);
  for (const name of ["local_alias", "weak_alias", "whole"]) assert.equal(b.f(name), 0);
  assert.equal(b.nameOf(0), "whole");
  assert.equal(b.functions.table.flags[0], 0);
});

test("a prefix symbol never names the function that it stands at", () => {
  const b = assembleFlow(`
	.type	__pfx_whole, @function
__pfx_whole:
	nop
	.size	__pfx_whole, . - __pfx_whole
FUNC whole
	ret
END whole`);
  assert.equal(b.functions.table.flags[b.f("__pfx_whole")]! & FUNCTION_PREFIX, FUNCTION_PREFIX);
  assert.equal(b.nameOf(b.functions.ofInsn[b.at("whole")]!), "whole");
  // It runs into its function by contract.
  assert.deepEqual(b.frames.events, []);
});

test("cold parts belong to their parent, also numbered and in another section", () => {
  const b = assembleFlow(`
FUNC parent
	testl	%edi, %edi
	je	parent.cold
	ret
END parent
FUNC other
	jmp	other.cold.7
END other
	.section .text.unlikely, "ax"
	.type	parent.cold, @function
parent.cold:
	ret
	.size	parent.cold, . - parent.cold
	.type	other.cold.7, @function
other.cold.7:
	ret
	.size	other.cold.7, . - other.cold.7
	.type	orphan.cold, @function
orphan.cold:
	ret
	.size	orphan.cold, . - orphan.cold`);
  const { table } = b.functions;
  assert.equal(table.parent[b.f("parent.cold")], b.f("parent"));
  assert.equal(table.parent[b.f("other.cold.7")], b.f("other"));
  assert.equal(table.parent[b.f("orphan.cold")], b.f("orphan.cold"));
  assert.ok(sameFamily(table, b.f("parent"), b.f("parent.cold")));
  assert.ok(!sameFamily(table, b.f("parent"), b.f("other")));
  // The jump to a cold part is no tail call: it stays in its function.
  assert.deepEqual(b.after("other"), [b.at("other.cold.7")]);
  assert.deepEqual(b.frames.events, []);
});

test("an instruction belongs to the innermost function that covers it", () => {
  const b = assembleFlow(`
FUNC outer
	nop
FUNC inner
	incl	%edi
END inner
behind:	nop
	ret
END outer
loose:	nop`);
  const owner = (symbol: string): string => b.nameOf(b.functions.ofInsn[b.at(symbol)]!);
  assert.equal(owner("outer"), "outer");
  assert.equal(owner("inner"), "inner");
  assert.equal(owner("behind"), "outer");
  assert.equal(owner("loose"), "");
});

test("functions that overlap without nesting end where they say", () => {
  const b = assembleFlow(`
FUNC first
	nop
FUNC second
both:	incl	%edi
END first
tail:	ret
END second`);
  const owner = (symbol: string): string => b.nameOf(b.functions.ofInsn[b.at(symbol)]!);
  assert.equal(owner("first"), "first");
  assert.equal(owner("both"), "second");
  assert.equal(owner("tail"), "second");
});

test("a function without a size is named and covers nothing", () => {
  const b = assembleFlow(`
FUNC unsized
	ret
FUNC sized
	ret
END sized`);
  const unsized = b.f("unsized");
  assert.equal(b.functions.table.flags[unsized]! & FUNCTION_WITHOUT_SIZE, FUNCTION_WITHOUT_SIZE);
  assert.equal(b.functions.ofInsn[b.at("unsized")], NONE);
  assert.equal(b.functions.ofInsn[b.at("sized")], b.f("sized"));
});

test("a size that runs over the section's end is cut", () => {
  const b = assembleFlow(`
FUNC long
	nop
	ret
	.size	long, 1000`);
  assert.equal(b.functions.table.end[b.f("long")], 2);
  assert.equal(b.functions.ofInsn[b.at("long", 1)], b.f("long"));
});

test("a function that begins inside an instruction has no first one", () => {
  const b = assembleFlow(`
FUNC whole
	movl	$0x90909090, %eax
	ret
END whole
	.globl	inside
	.type	inside, @function
	.set	inside, whole + 2
	.size	inside, 2`);
  assert.equal(b.functions.table.firstInsn[b.f("inside")], NONE);
});

test("binding is kept, and labels are found whatever they are", () => {
  const b = assembleFlow(`
	.weak	weak_one
	.type	weak_one, @function
weak_one:
	ret
	.size	weak_one, . - weak_one
	.type	local_one, @function
local_one:
	nop
label:	ret
	.size	local_one, . - local_one`);
  const { table } = b.functions;
  assert.equal(table.flags[b.f("weak_one")], FUNCTION_WEAK);
  assert.equal(table.flags[b.f("local_one")], FUNCTION_LOCAL);
  const section = table.section[b.f("local_one")]!;
  assert.equal(b.code.object.symbolName[b.functions.labelAt(section, 2)], "label");
  assert.equal(b.functions.labelAt(section, 3), NONE);
});

test("functions are sorted by section, start, and larger first", () => {
  const b = assembleFlow(`
FUNC late
	.type	small, @function
small:	nop
	.size	small, . - small
	ret
END late
	.section .text.more, "ax"
FUNC more
	ret
END more`);
  assert.deepEqual(
    Array.from({ length: b.functions.table.length }, (_, f) => b.nameOf(f)),
    ["late", "small", "more"],
  );
});
