import assert from "node:assert/strict";
import { test } from "node:test";
import { asmEdits, hardAsmEdits } from "../../scripts/sound-edits/asm-edits.ts";
import { cEdits } from "../../scripts/sound-edits/c-edits.ts";
import { Draw } from "../../scripts/sound-edits/draw.ts";
import { hardEdits } from "../../scripts/sound-edits/hard-edits.ts";
import { treeEdits } from "../../scripts/sound-edits/tree-edits.ts";

// What the drawer makes of small texts, and what it leaves alone because the edit would not be sound there.

const draw = (...functions: string[]): Draw => new Draw(1, functions.length === 0 ? undefined : new Set(functions));
const changed = (before: string, after: string | undefined): string[] => {
  const old = before.split("\n");
  return (after ?? "").split("\n").filter((line) => !old.includes(line));
};

const saves = (body: string): string => `SYM_FUNC_START(one)
	push %rbx
	push %r12
${body}	pop %r12
	pop %rbx
	RET
SYM_FUNC_END(one)
`;

test("two pushes change places with all of their pops", () => {
  const after = hardAsmEdits["asm-swap-pushes"]!(saves("\tcall two\n"), draw())?.text;
  assert.match(after ?? "", /push %r12\n\tpush %rbx\n\tcall two\n\tpop %rbx\n\tpop %r12/);
});

test("pushes stay where one of the slots is addressed, or a pop is missing", () => {
  const edit = hardAsmEdits["asm-swap-pushes"]!;
  assert.equal(edit(saves("\tmov 8(%rsp), %rax\n"), draw()), undefined);
  assert.equal(edit(saves("\tpop %rbx\n"), draw()), undefined);
});

test("moves are reordered only where neither sees the other, and only in the functions asked for", () => {
  const text = (a: string, b: string): string =>
    `SYM_FUNC_START(one)\n\tadd $1, %rcx\n\t${a}\n\t${b}\n\tRET\nSYM_FUNC_END(one)\n`;
  const edit = asmEdits["asm-reorder"]!;
  const free = text("mov %rax, %rdx", "mov $1, %edi");
  assert.match(edit(free, draw())?.text ?? "", /mov \$1, %edi\n\tmov %rax, %rdx/);
  assert.notEqual(edit(free, draw("one")), undefined);
  assert.equal(edit(free, draw("two")), undefined);
  assert.equal(edit(text("mov %rax, %rdx", "mov $1, %eax"), draw()), undefined);
  assert.equal(edit(text("mov %rax, (%rdx)", "mov (%rcx), %edi"), draw()), undefined);
  assert.equal(edit(text("mov %rax, %rsp", "mov $1, %edi"), draw()), undefined);
});

const copy = `int copy(int __user *to, int value)
{
	int err;

	err = check(value);
	if (put_user(value, to))
		return -EFAULT;
	return err;
}
`;

test("a user access block closes access on both ways out", () => {
  const after = hardEdits["access-block"]!(copy, draw())?.text;
  assert.deepEqual(changed(copy, after), [
    "\tif (!user_write_access_begin(to, sizeof(*(to))))",
    "\tunsafe_put_user(value, to, efault_open);",
    "\tuser_write_access_end();",
    "efault_open:",
    "\tuser_write_access_end();",
    "\treturn -EFAULT;",
  ]);
  // An expression may call, which is not sound inside.
  assert.equal(hardEdits["access-block"]!(copy.replace("put_user(value", "put_user(check(value)"), draw()), undefined);
});

test("no call is added behind an opening of user access", () => {
  const open = copy.replace("err = check(value);", "if (!user_access_begin(to, 4))\n\t\treturn -EFAULT;");
  assert.match(
    hardEdits["warn-once"]!(open, draw())?.text ?? "",
    /int err;\n\n\tWARN_ON_ONCE\(!to\);\n\n\tif \(!user_access_begin/,
  );
  assert.equal(hardEdits["warn-once"]!(`static ${open}`, draw()), undefined);
  assert.equal(hardEdits["error-message"]!(open, draw()), undefined);
});

test("an if is turned around with its whole branches", () => {
  const before = "void f(int a)\n{\n\tif (a) {\n\t\tg();\n\t} else {\n\t\th();\n\t\ti();\n\t}\n}\n";
  const after = hardEdits["invert-if"]!(before, draw())?.text;
  assert.equal(after, "void f(int a)\n{\n\tif (!(a)) {\n\t\th();\n\t\ti();\n\t} else {\n\t\tg();\n\t}\n}\n");
  assert.equal(hardEdits["invert-if"]!(before.replace("} else {", "} else if (b) {"), draw()), undefined);
});

test("a file is renamed with its rule; one that other rules name is not", () => {
  const tree = (makefile: string) => ({
    read: (path: string) => (path === "lib/Makefile" ? makefile : path === "lib/one.c" ? "int a;\n" : undefined),
    mentioning: () => [],
    users: () => [],
    sources: () => [],
  });
  const edit = treeEdits["rename-file"]!;
  const done = edit("lib/one.c", tree("obj-y += one.o two.o\n"), draw());
  assert.deepEqual(
    [...(done?.files ?? [])],
    [
      ["lib/one.c", undefined],
      ["lib/one_again.c", "int a;\n"],
      ["lib/Makefile", "obj-y += one_again.o two.o\n"],
    ],
  );
  assert.deepEqual(done?.objects, ["lib/one_again.o"]);
  assert.equal(edit("lib/one.c", tree("obj-y += one.o\nCFLAGS_one.o += -O3\n"), draw()), undefined);
});

test("a local variable that is called as a tag or a field keeps its name", () => {
  const text = (type: string, name: string): string => `void f(void)\n{\n\t${type} *${name};\n\n\tg(${name});\n}\n`;
  const edit = cEdits["rename-local"]!;
  assert.match(edit(text("struct page", "first"), draw())?.text ?? "", /struct page \*my_first;\n\n\tg\(my_first\);/);
  assert.equal(edit(text("struct page", "page"), draw()), undefined);
  assert.equal(
    edit(`struct s {\n\tint first;\n};\nint h = s->first;\n${text("struct page", "first")}`, draw()),
    undefined,
  );
});
