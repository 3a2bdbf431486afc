// Which source files decide how kbuild builds, apart from the C and assembly sources and headers themselves. All of a kernel's 87,000 paths are
// asked about in every review: what most of them can be told from by a few characters comes first.

/** Recipes and configuration: Kconfig, Makefile, Kbuild and included make fragments, scripts, defconfigs. */
export function isBuildPlanFile(path: string): boolean {
  const name = path.lastIndexOf("/") + 1;
  if (PLAN_NAMES.some((start) => path.startsWith(start, name)) || path.endsWith(".mk")) return true;
  return path.startsWith("scripts/") || isDefaultConfiguration(path);
}

const PLAN_NAMES = ["Makefile", "Kconfig", "Kbuild", "Platform"];

function isDefaultConfiguration(path: string): boolean {
  if (!path.startsWith("arch/")) return path.startsWith("kernel/configs/");
  const end = path.indexOf("/", 5);
  return end > 5 && path.startsWith("configs/", end + 1);
}

/**
 * Recipes that decide the compile command of every object: those at the top, in scripts/ and of the architecture itself, and whatever has a name
 * of its own (Makefile.kvm, Kbuild.platforms, x.mk), which a Makefile elsewhere may include. lib/vdso/Makefile is included under its plain name.
 */
export function isSharedRecipe(path: string, sourceArch: string): boolean {
  if (!isBuildPlanFile(path) || isConfigurationInput(path)) return false;
  const arch = /^arch\/([^/]+)\//.exec(path)?.[1];
  if (arch !== undefined && arch !== sourceArch) return false;
  const inOwnFolder = /\/(Makefile|Kbuild)$/.test(path) && path !== "lib/vdso/Makefile";
  return !inOwnFolder || path.startsWith("scripts/") || path === `arch/${arch}/Makefile`;
}

/**
 * Other recipes that may decide the command of an object in `dir`: those of the folders above it, which hand flags down, and all of its part of the
 * tree (two folders deep), whose Makefiles include each other.
 */
export function isRecipeFor(path: string, dir: string): boolean {
  if (!/\/(Makefile|Kbuild)$/.test(path)) return false;
  const part = dir.split("/").slice(0, 2).join("/");
  return path.startsWith(`${part}/`) || `${part}/`.startsWith(path.slice(0, path.lastIndexOf("/") + 1));
}

/** What decides the configuration and, apart from its values, no command. */
function isConfigurationInput(path: string): boolean {
  return path.startsWith("Kconfig", path.lastIndexOf("/") + 1) || isDefaultConfiguration(path);
}

/** Configuration alone: what `make ...config` reads. */
export function isConfigurationFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  // $(shell ...) in Kconfig runs scripts (scripts/Kconfig.include), and the host program itself lives in scripts/kconfig.
  return name.startsWith("Kconfig") || path.startsWith("scripts/") || isDefaultConfiguration(path);
}

/**
 * Inputs of generated headers and of the host tools that `make prepare` builds, other than headers, which kbuild's own
 * dependency files name: bounds and offsets (Kbuild), timeconst, system call tables, cpufeature masks, objtool.
 */
export function isGeneratorInput(path: string): boolean {
  if (path === "kernel/bounds.c" || path === "kernel/time/timeconst.bc") return true;
  if (path.endsWith(".c") && path.includes("-offsets") && /(^|\/)(asm|rq|vdso)-offsets[^/]*\.c$/.test(path))
    return true;
  if (path.endsWith(".tbl")) return true;
  if (path.startsWith("tools/"))
    return /^tools\/(objtool|lib|build|scripts|include|arch|bpf\/resolve_btfids)\//.test(path);
  // include/linux/atomic/*.h is checked against scripts/atomic; cpufeatures.h feeds generated masks.
  if (!path.startsWith("arch/")) return path.startsWith("include/linux/atomic/");
  return (
    /^arch\/[^/]+\/(tools|entry\/syscalls|boot\/tools)\//.test(path) ||
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
  const own = `arch/${sourceArch}/`;
  return (path) => {
    // Kconfig files of all architectures are not read; scripts/ and tools/arch are shared.
    if (path.startsWith("arch/") && !path.startsWith(own) && path.includes("/", 5)) return undefined;
    if (isBuildPlanFile(path) || isGeneratorInput(path)) return "content";
    return isWrapperName(path, sourceArch) ? "name" : undefined;
  };
}
