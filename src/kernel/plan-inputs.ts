// Which source files decide how kbuild builds, apart from the C and assembly sources and headers themselves.

/** Recipes and configuration: Kconfig, Makefile, Kbuild and included make fragments, scripts, defconfigs. */
export function isBuildPlanFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (/^(Kconfig|Makefile|Kbuild|Platform)/.test(name) || name.endsWith(".mk")) return true;
  return path.startsWith("scripts/") || /^(arch\/[^/]+|kernel)\/configs\//.test(path);
}

/** Configuration alone: what `make ...config` reads. */
export function isConfigurationFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  // $(shell ...) in Kconfig runs scripts (scripts/Kconfig.include), and the host program itself lives in scripts/kconfig.
  return name.startsWith("Kconfig") || path.startsWith("scripts/") || /^(arch\/[^/]+|kernel)\/configs\//.test(path);
}

/**
 * Inputs of generated headers and of the host tools that `make prepare` builds, other than headers, which kbuild's own
 * dependency files name: bounds and offsets (Kbuild), timeconst, system call tables, cpufeature masks, objtool.
 */
export function isGeneratorInput(path: string): boolean {
  if (path === "kernel/bounds.c" || path === "kernel/time/timeconst.bc") return true;
  if (/(^|\/)(asm|rq|vdso)-offsets[^/]*\.c$/.test(path)) return true;
  if (/^arch\/[^/]+\/(tools|entry\/syscalls|boot\/tools)\//.test(path) || /\.tbl$/.test(path)) return true;
  if (/^tools\/(objtool|lib|build|scripts|include|arch|bpf\/resolve_btfids)\//.test(path)) return true;
  // include/linux/atomic/*.h is checked against scripts/atomic; cpufeatures.h feeds generated masks.
  return (
    /^include\/linux\/atomic\//.test(path) ||
    /^arch\/[^/]+\/include\/asm\/(cpufeatures|orc_types|sysreg.*)\.h$/.test(path)
  );
}

/** Headers whose mere presence decides which asm-generic wrappers are generated (scripts/Makefile.asm-headers). */
export function isWrapperName(path: string, sourceArch: string): boolean {
  return (
    path.startsWith(`arch/${sourceArch}/include/asm/`) ||
    path.startsWith(`arch/${sourceArch}/include/uapi/asm/`) ||
    path.startsWith("include/asm-generic/") ||
    path.startsWith("include/uapi/asm-generic/")
  );
}

/** What decides a prepared build folder, by content or by name. Headers that its generators include are tracked apart. */
export function preparedInput(sourceArch: string): (path: string) => "content" | "name" | undefined {
  return (path) => {
    const arch = /^arch\/([^/]+)\//.exec(path);
    // Kconfig files of all architectures are not read; scripts/ and tools/arch are shared.
    if (arch !== null && arch[1] !== sourceArch) return undefined;
    if (isBuildPlanFile(path) || isGeneratorInput(path)) return "content";
    return isWrapperName(path, sourceArch) ? "name" : undefined;
  };
}
