import assert from "node:assert/strict";
import { test } from "node:test";
import { lowerBound, NONE } from "../../src/base/table.ts";
import { KIND_INDIRECT_TAIL, KIND_TABLE_JUMP } from "../../src/flow/flow.ts";
import { ENTRY_DIFFERENCE } from "../../src/flow/table-entries.ts";
import { KIND_NOP } from "../../src/isa/insn-table.ts";
import { compile } from "../support/assemble.ts";
import { assembleFlow, type BuiltFlow, buildFlowOf } from "../support/built-flow.ts";

const targets = (b: BuiltFlow, jump: number): number[] => {
  const { from, to } = b.flow.tables.edges;
  const found: number[] = [];
  for (let e = lowerBound(from, jump, 0, from.length); e < from.length && from[e] === jump; e++) found.push(to[e]!);
  return found;
};

const jumps = (b: BuiltFlow, kind: number): number[] =>
  [...b.flow.kind.keys()].filter((insn) => b.flow.kind[insn] === kind);

const kernelFlags = [
  "-mno-red-zone",
  "-fno-asynchronous-unwind-tables",
  "-mcmodel=kernel",
  "-fno-PIE",
  "-fcf-protection=none",
];

const cases = Array.from({ length: 12 }, (_, n) => `	case ${n}: return f${n}(x);`).join("\n");
const declarations = Array.from({ length: 12 }, (_, n) => `int f${n}(int);`).join("\n");

test("gcc's switch tables: every case is reached, none is left unresolved", () => {
  const source = `${declarations}
int outer(int y, int x)
{
	int buffer[8];
	f0((int)(long)buffer);
	switch (y) {
${cases.replace(/return (f\d+\(x\));/g, "x += $1 * 3; break;")}
	}
	return x + buffer[y & 7];
}`;
  for (const optimisation of ["-O1", "-O2", "-Os"]) {
    const b = buildFlowOf(
      compile(source, [optimisation, "-fjump-tables", "-fno-stack-protector", ...kernelFlags]).bytes,
    );
    const tables = jumps(b, KIND_TABLE_JUMP);
    assert.equal(tables.length, 1, optimisation);
    assert.equal(targets(b, tables[0]!).length, 12, optimisation);
    assert.deepEqual(b.flow.unresolved, [], optimisation);
    assert.deepEqual(b.frames.events, [], optimisation);
    // Nothing of the function is left over.
    const f = b.f("outer");
    const dead = [...b.flow.kind.keys()].filter(
      (i) => b.functions.ofInsn[i] === f && b.frames.state[i] === NONE && b.flow.kind[i] !== KIND_NOP,
    );
    assert.deepEqual(dead, [], optimisation);
  }
});

test("two tables behind each other end where the next one begins", () => {
  const half = (name: string, other: number): string => `
int ${name}(int y, int x)
{
	switch (y) {
${cases}
	}
	return ${other};
}`;
  const b = buildFlowOf(
    compile(`${declarations}${half("a", 1)}${half("b", 2)}`, ["-O2", "-fjump-tables", ...kernelFlags]).bytes,
  );
  const tables = jumps(b, KIND_TABLE_JUMP);
  assert.equal(tables.length, 2);
  for (const jump of tables) {
    const family = b.functions.ofInsn[jump]!;
    const found = targets(b, jump);
    assert.equal(found.length, 12);
    assert.ok(found.every((to) => b.functions.ofInsn[to] === family));
  }
});

test("a computed goto over a table in C, loaded first and jumped through a thunk", () => {
  const source = `
int run(const unsigned char *program, int value)
{
	static const void *const table[] __attribute__((section(".data.rel.ro.c_jump_table"))) = {
		&&add, &&twice, &&stop,
	};
	goto *table[*program++];
add:	value += 1; goto *table[*program++];
twice:	value *= 2; goto *table[*program++];
stop:	return value;
}`;
  for (const thunk of ["-mindirect-branch=keep", "-mindirect-branch=thunk-extern"]) {
    const b = buildFlowOf(compile(source, ["-O2", thunk, ...kernelFlags]).bytes);
    const tables = jumps(b, KIND_TABLE_JUMP);
    assert.ok(tables.length >= 1, thunk);
    for (const jump of tables) assert.equal(targets(b, jump).length, 3, thunk);
    assert.deepEqual(b.flow.unresolved, [], thunk);
  }
});

test("what is no jump table stays unresolved: function pointers, writable data, another function's labels", () => {
  const b = assembleFlow(`
FUNC by_pointers
	jmp	*pointers(,%rdi,8)
END by_pointers
FUNC by_data
	jmp	*data(,%rdi,8)
inside:	ret
END by_data
FUNC by_others
	jmp	*others(,%rdi,8)
END by_others
	.section .rodata
	.balign	8
pointers:
	.quad	by_data, by_others
others:	.quad	inside
	.data
data:	.quad	inside`);
  for (const symbol of ["by_pointers", "by_data", "by_others"]) {
    assert.equal(b.flow.kind[b.at(symbol)], KIND_INDIRECT_TAIL, symbol);
  }
  assert.equal(b.flow.unresolved.length, 3);
});

test("a table ends at a gap, at a foreign entry and at the end of its section", () => {
  const b = assembleFlow(`
FUNC gap
	jmp	*table_gap(,%rdi,8)
gap_1:	ret
gap_2:	ret
gap_3:	ret
END gap
FUNC end
	jmp	*table_end(,%rdi,8)
end_1:	ret
END end
	.section .rodata
	.balign	8
table_gap:
	.quad	gap_2, gap_1, gap_2, 0, gap_3
	.section .rodata.end, "a"
	.balign	8
table_end:
	.quad	end_1`);
  assert.deepEqual(targets(b, b.at("gap")), [b.at("gap_1"), b.at("gap_2")]);
  assert.deepEqual(targets(b, b.at("end")), [b.at("end_1")]);
});

test("each jump takes the table that it names, else the last one named before it", () => {
  const b = assembleFlow(`
FUNC two
	movq	table_a(,%rdi,8), %rax
	jmp	*%rax
a:	movq	table_b(,%rdi,8), %rax
	jmp	*%rax
b_1:	jmp	*table_a(,%rsi,8)
b_2:	ret
END two
	.section .rodata
	.balign	8
table_a: .quad	a, b_1
table_b: .quad	b_1, b_2`);
  assert.deepEqual(targets(b, b.at("two", 1)), [b.at("a"), b.at("b_1")]);
  assert.deepEqual(targets(b, b.at("a", 1)), [b.at("b_1"), b.at("b_2")]);
  assert.deepEqual(targets(b, b.at("b_1")), [b.at("a"), b.at("b_1")]);
});

test("an array of the source that has a name is a jump table only where its section says so", () => {
  for (const [section, kind] of [
    [".rodata", KIND_INDIRECT_TAIL],
    [".data.rel.ro.c_jump_table", KIND_TABLE_JUMP],
  ] as const) {
    const b = assembleFlow(`
FUNC named
	jmp	*labels(,%rdi,8)
goal:	ret
END named
	.section ${section}, "aw"
	.type	labels, @object
labels:	.quad	goal, goal
	.size	labels, . - labels`);
    assert.equal(b.flow.kind[b.at("named")], kind, section);
  }
});

test("tables of differences, as -fPIE makes them: by gcc, directly and through a thunk", () => {
  const source = `${declarations}
int outer(int y, int x)
{
	switch (y) {
${cases.replace(/return (f\d+\(x\));/g, "x += $1 * 3; break;")}
	}
	return x;
}`;
  for (const optimisation of ["-O1", "-O2", "-Os"]) {
    for (const thunk of ["-mindirect-branch=keep", "-mindirect-branch=thunk-extern"]) {
      const how = `${optimisation} ${thunk}`;
      const flags = [optimisation, thunk, "-fPIE", "-fjump-tables", "-fcf-protection=none", "-mno-red-zone"];
      const b = buildFlowOf(compile(source, flags).bytes);
      assert.deepEqual(b.flow.unresolved, [], how);
      assert.equal(b.flow.tables.tables.length, 1, how);
      const [table] = b.flow.tables.tables;
      assert.deepEqual(
        [table!.place.entrySize, table!.count, table!.boundedBy],
        [ENTRY_DIFFERENCE, 12, "compare"],
        how,
      );
      assert.equal(targets(b, table!.jump).length, 12, how);
      const f = b.f("outer");
      const dead = [...b.flow.kind.keys()].filter(
        (i) => b.functions.ofInsn[i] === f && b.frames.state[i] === NONE && b.flow.kind[i] !== KIND_NOP,
      );
      assert.deepEqual(dead, [], how);
    }
  }
});

test("a difference counts from the table's begin", () => {
  const b = assembleFlow(`
FUNC chooses
	leaq	table(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	addq	%rdx, %rax
	jmp	*%rax
first:	ret
second:	ret
third:	ret
END chooses
	.section .rodata
	.balign	4
table:	.long	third - table, first - table, third - table, 7, second - table`);
  const [table] = b.flow.tables.tables;
  assert.deepEqual([table!.count, table!.boundedBy], [3, "no-entry"]);
  assert.deepEqual(targets(b, b.at("chooses", 3)), [b.at("first"), b.at("third")]);
});

test("what ended a table is said", () => {
  const bounds = (rows: string, before = "", behind = ""): string[] => {
    const b = assembleFlow(`
FUNC chooses
${before}
	jmp	*table(,%rdi,8)
first:	ret
second:	ret
END chooses
	.section .data.rel.ro.c_jump_table, "aw"
	.balign	8
table:	.quad	${rows}
${behind}`);
    return b.flow.tables.tables.map(({ count, boundedBy }) => `${count} ${boundedBy}`);
  };
  assert.deepEqual(bounds("first, second"), ["2 section-end"]);
  assert.deepEqual(bounds("first, second, 0"), ["2 no-entry"]);
  assert.deepEqual(bounds("first, second, chooses"), ["2 foreign-entry"]);
  assert.deepEqual(bounds("first, second", "\tcmpl $1, %edi\n\tja second"), ["2 compare"]);
  assert.deepEqual(bounds("first, second", "\tcmpq $300, %rdi\n\tja second"), ["2 section-end"]);
  const array = "\t.type table, @object\n\t.size table, 16";
  assert.deepEqual(bounds("first, second", "", array), ["2 symbol"]);
  const sizes = '\t.section .llvm_jump_table_sizes, "o", @progbits, .text\n\t.quad table, ';
  assert.deepEqual(bounds("first, second", "", `${sizes}2`), ["2 sizes"]);
  assert.deepEqual(bounds("first, second, 0", "", `${sizes}1`), ["2 no-entry"]);
  assert.deepEqual(bounds("first, second", "\tcmpl $1, %edi\n\tja second", `${sizes}1`), ["2 compare"]);
});

test("a jump through a pointer does not take the table that another jump loads from", () => {
  const b = assembleFlow(`
FUNC both
	testl	%esi, %esi
	je	1f
before:	jmp	*%rcx
1:	movq	table(,%rdi,8), %rax
chooses: jmp	*%rax
first:	ret
second:	jmp	*%rcx
END both
	.section .rodata
	.balign	8
table:	.quad	first, second`);
  assert.deepEqual(
    b.flow.tables.tables.map(({ jump }) => jump),
    [b.at("chooses")],
  );
  for (const symbol of ["before", "second"]) assert.equal(b.flow.kind[b.at(symbol)], KIND_INDIRECT_TAIL, symbol);
});
