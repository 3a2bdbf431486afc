import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { feedCode } from "../../src/analyze/code-key.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { assembleText } from "../support/analyzed.ts";
import { compile } from "../support/assemble.ts";

function key(bytes: Uint8Array): string {
  const hash = createHash("sha256");
  feedCode(bytesSource(bytes), (chunk) => hash.update(chunk));
  return hash.digest("hex");
}

/** A function with a WARN() in the layout of CONFIG_DEBUG_BUGVERBOSE. */
const warning = (line: number, instruction = "incl %edi", flags = 2305): string => `
FUNC warns
	${instruction}
1:	ud2
	ANNOTATE_REACHABLE
	call	elsewhere
	ret
END warns
	.section .rodata.str1.1, "aMS", @progbits, 1
2:	.string	"kernel/some.c"
	.section __bug_table, "aw"
	.long	1b - ., 2b - .
	.word	${line}, ${flags}`;

const keyOf = (source: string): string => key(assembleText(source));

test("a warning on another line is the same code; another instruction, flag, callee or alignment is not", () => {
  const before = keyOf(warning(100));
  assert.equal(keyOf(warning(100)), before);
  assert.equal(keyOf(warning(177)), before);
  const changed = [
    warning(100, "incl %esi"),
    warning(100, "nop; incl %edi"),
    warning(100, "incl %edi", 2307),
    warning(100).replace("elsewhere", "elsewhat"),
    warning(100).replace("some.c", "same.c"),
    warning(100).replace(/warns/g, "warned"),
    warning(100).replace("FUNC warns", ".p2align 4\nFUNC warns\n.p2align 3"),
    `${warning(100)}\n\t.section .rodata.more, "a"\n\t.byte 1`,
  ];
  for (const source of changed) assert.notEqual(keyOf(source), before, source);
  assert.equal(new Set(changed.map(keyOf)).size, changed.length);
});

test("comments, lines and debug sections of C do not count, code does", () => {
  const source = "int elsewhere(int);\nint f(int x)\n{\n\treturn elsewhere(x) + 1;\n}\n";
  const args = ["-O2", "-fno-asynchronous-unwind-tables"];
  const of = (text: string, ...more: string[]): string => key(compile(text, [...args, ...more]).bytes);
  const before = of(source, "-g");
  assert.equal(of(`/* moved down */\n\n\n${source}`, "-g"), before);
  assert.equal(of(source.replace("int x", "int y").replace("(x)", "(y)"), "-g"), before);
  assert.equal(of(source), before);
  assert.notEqual(of(source.replace("+ 1", "+ 2"), "-g"), before);
  assert.notEqual(of(source.replace("int f", "static int g(int z) { return z; }\nint f"), "-g", "-O0"), before);
});

test("counters in names do not count, what the names stand for does", () => {
  const named = (counter: number, line: number, first = "one", second = "two"): string => `
FUNC start
	leaq	again.${counter}(%rip), %rdi
	leaq	again.${counter + 1}(%rip), %rsi
	ret
END start
	.section .initcall4.init, "a"
__initcall__kmod_some__${counter}_${line}_start4:
	.long	start - .
	.section .discard.addressable, "aw"
__UNIQUE_ID___addressable_start${counter + 3}.0:
	.quad	start
	.section .data, "aw"
again.${counter}:
	.asciz	"${first}"
again.${counter + 1}:
	.asciz	"${second}"`;
  const before = keyOf(named(10, 484));
  assert.equal(keyOf(named(15, 490)), before);
  assert.notEqual(keyOf(named(10, 484, "two", "one")), before);
  const swapped = named(10, 484)
    .replace("again.10(", "again.x(")
    .replace("again.11(", "again.10(")
    .replace("again.x(", "again.11(");
  assert.notEqual(keyOf(swapped), before);
  assert.notEqual(keyOf(named(10, 484).replaceAll("__initcall__kmod_some", "__initcall__kmod_other")), before);
  // What others can name is a name.
  assert.notEqual(
    keyOf(`${named(10, 484)}\n.globl table.1\ntable.1:`),
    keyOf(`${named(10, 484)}\n.globl table.2\ntable.2:`),
  );
});

test("entries of 16 bytes (6.19 and later), and entries without a line", () => {
  const late = (line: number, flags = 2305): string =>
    `${warning(line).slice(0, warning(line).indexOf("\t.section __bug_table"))}
	.section __bug_table, "aw"
	.rept	3
	.long	1b - ., 2b - ., 2b - .
	.word	${line}, ${flags}
	.endr`;
  assert.equal(keyOf(late(100)), keyOf(late(177)));
  assert.notEqual(keyOf(late(100)), keyOf(late(100, 2307)));
  // Without CONFIG_DEBUG_BUGVERBOSE there is no file and no line: whatever changes is code.
  const short = (flags: number): string => `
FUNC warns
1:	ud2
	ret
END warns
	.section __bug_table, "aw"
	.rept	6
	.long	1b - .
	.word	${flags}, 0
	.endr`;
  assert.notEqual(keyOf(short(2305)), keyOf(short(2307)));
});

test("input that is no object is refused", () => {
  assert.throws(() => key(new Uint8Array(64)), FormatError);
  const bytes = assembleText(warning(1));
  assert.throws(() => key(bytes.subarray(0, bytes.length >> 1)), FormatError);
});
