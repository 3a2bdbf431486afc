import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// A build folder as kbuild leaves one, of a source tree of one file: what `whose-fault` goes by, without a kernel.

export interface SmallBuild {
  readonly sourceDir: string;
  readonly outDir: string;
  /** "lib/f.o" */
  readonly object: string;
}

/** The flags of the kernel that decide what frames look like. */
export const KERNEL_FLAGS = [
  ...["-std=gnu11", "-fno-PIE", "-mno-red-zone", "-mcmodel=kernel", "-mno-sse", "-m64", "-fno-common"],
  ...["-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fno-stack-protector", "-fomit-frame-pointer"],
];

/** Compiles `source` with `program` and `flags`, and saves the command as kbuild does. The tree stands below `dir`. */
export function makeSmallBuild(dir: string, source: string, program: string, flags: readonly string[]): SmallBuild {
  const [sourceDir, outDir] = [join(dir, "linux"), join(dir, "out")];
  for (const folder of [`${sourceDir}/lib`, `${sourceDir}/include`, `${sourceDir}/tools/objtool`, `${outDir}/lib`])
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(join(sourceDir, "tools/objtool/check.c"), "/* no lists */\n");
  writeFileSync(join(sourceDir, "include/f.h"), "extern int last(int);\n");
  writeFileSync(join(sourceDir, "lib/f.c"), `#include "f.h"\n${source}`);
  writeFileSync(join(outDir, ".config"), "CONFIG_X86_64=y\n");
  const include = `-I${sourceDir}/include`;
  const words = [...KERNEL_FLAGS, ...flags, "-Wall", include, `-DKBUILD_BASENAME='"f"'`];
  const command = `${program} -Wp,-MMD,lib/.f.o.d ${words.join(" ")} -c -o lib/f.o ${sourceDir}/lib/f.c`;
  execFileSync("/bin/sh", ["-c", command], { cwd: outDir, stdio: "pipe" });
  const saved = [
    `savedcmd_lib/f.o := ${command} ; ./tools/objtool/objtool --orc lib/f.o`,
    "",
    `source_lib/f.o := ${sourceDir}/lib/f.c`,
    "",
    "deps_lib/f.o := \\",
    `  ${sourceDir}/include/f.h \\`,
    "",
  ];
  writeFileSync(join(outDir, "lib/.f.o.cmd"), saved.join("\n"));
  return { sourceDir, outDir, object: "lib/f.o" };
}

/** docs/witnesses.md, "gcc 12.2 gives a register back too early". */
export const GCC_DEFECT = `
extern int use(void *, long, long, long, long, long, long, long);

int f(int n, int a, int b)
{
	if (n) {
		long v[2] __attribute__((aligned(32)));
		return use(v, a, b, n, 4, 5, 6, 7) + use(v, b, a, n, 4, 5, 6, 7) + a - b;
	}
	return last(n);
}
`;
