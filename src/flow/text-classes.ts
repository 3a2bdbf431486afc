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
