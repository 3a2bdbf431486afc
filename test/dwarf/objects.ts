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
export const inlineSource = readFileSync(join(import.meta.dirname, "fixtures/inline.c"), "utf8");

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
