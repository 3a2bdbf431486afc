import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesSource } from "../../src/base/bytes.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";

/** A scratch folder that goes when the test process does. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "objreview-dwarf-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Compiles `text` as `folder/name` with gcc and gives the object's path. `folder` is the compiler's working directory. */
export function compile(folder: string, name: string, text: string, flags: readonly string[]): string {
  writeFileSync(join(folder, name), text);
  const object = `${name}${flags.join("")}.o`.replaceAll("/", "_");
  execFileSync("gcc", [...flags, "-c", name, "-o", object], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  return join(folder, object);
}

export function openFile(path: string): ElfObject {
  return openObject(bytesSource(readFileSync(path)));
}

/** Inlined bodies two deep, in three sections, one function in two pieces. */
export const inlineSource = `int sink;
static inline __attribute__((always_inline)) int leaf(int *p)
{
	int v = *p;
	asm volatile("nop" : "+r"(v));
	return v + 1;
}
static inline __attribute__((always_inline)) int middle(int *p)
{
	asm volatile("" ::: "memory");
	return leaf(p) * 3;
}
__attribute__((section(".init.text"))) int init_one(int *p)
{
	return middle(p)
		+ leaf(p + 1);
}
extern void fail(int *p) __attribute__((cold));
static inline __attribute__((always_inline)) void report(int *p)
{
	fail(p);
}
int top(int *p, int n)
{
	int s = 0;
	for (int i = 0; i < n; i++) {
		if (p[i] < 0) {
			report(p + i);
			fail(p);
		}
		s += leaf(p + i);
	}
	return s;
}
__attribute__((cold)) void rare(int *p)
{
	sink = middle(p);
}
`;

/** Three sections of assembly, with a macro and a function that is marked as one and one that is not. */
export const asmSource = `	.macro twice insn
	\\insn
	\\insn
	.endm
	.text
	.globl first
	.type first, @function
first:
	push %rbx
	twice nop
	pop %rbx
	ret
	.size first, . - first
inner:
	xor %eax, %eax
	ret
	.section .noinstr.text, "ax"
	.globl second
	.type second, @function
second:
	stac
	clac
	ret
	.size second, . - second
	.section .init.text, "ax"
third:
	jmp first
`;
