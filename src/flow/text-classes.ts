import { ALTERNATIVES_12, type KernelFormats } from "./formats.ts";

// What the name of a section says of the code in it. include/linux/compiler_types.h (__noinstr_section), include/asm-generic/vmlinux.lds.h
// (NOINSTR_TEXT, ENTRY_TEXT, CPUIDLE_TEXT), arch/x86/kernel/vmlinux.lds.S (.text..__x86.*).

/** Nothing here may be instrumented: it runs where tracing, breakpoints and sanitizers do not work. */
export function isNoinstrSection(name: string): boolean {
  return (
    name === ".noinstr.text" ||
    name === ".entry.text" ||
    name === ".cpuidle.text" ||
    name.startsWith(".text..__x86.") ||
    // up to 6.3
    name.startsWith(".text.__x86.")
  );
}

/** The section of idle loops must not be instrumented since 6.3: "objtool/idle: Validate __cpuidle code as noinstr". */
const IDLE_SECTION = ".cpuidle.text";

/** The same by the kernel's version, which the formats of its annotations tell; by the newest one's where nothing does. */
export function isNoinstrSectionOf(formats: KernelFormats | undefined, name: string): boolean {
  return isNoinstrSection(name) && (name !== IDLE_SECTION || formats?.alternatives.size !== ALTERNATIVES_12.size);
}
