import { isGeneratorInput } from "../kernel/plan-inputs.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import { type TouchedFile, touchedFiles } from "../patch/touched.ts";
import type { CoverageNote } from "../report/result.ts";

// Touched files that lead to no object: what they are is said, and a series of nothing else needs no build at all.

/** True where some touched file can change an object: a source, a header, a build rule, or an input of generated files. */
export function needsBuild(patches: readonly (readonly FileDiff[])[]): boolean {
  return touchedFiles(patches).some((file) => file.status !== "transient" && canChangeObjects(file));
}

function canChangeObjects({ path, kind }: TouchedFile): boolean {
  if (kind === "c" || kind === "asm" || kind === "header" || kind === "kbuild" || kind === "kconfig") return true;
  return path.startsWith("scripts/") || isGeneratorInput(path);
}

/** One note for each touched file, other than documentation, whose effect on the code was not looked for. */
export function explainWithoutObjects(patches: readonly (readonly FileDiff[])[]): CoverageNote[] {
  return touchedFiles(patches).flatMap((file): CoverageNote[] => {
    if (file.status === "transient" || file.kind === "doc") return [];
    const { path } = file;
    if (isGeneratorInput(path)) {
      const why = "it is an input of generated files; what is built from those was not looked for";
      return [{ kind: "object-not-built", object: path, why }];
    }
    if (canChangeObjects(file)) return [];
    return [{ kind: "assumption", object: path, why: whatElse(file) }];
  });
}

function whatElse({ path, kind }: TouchedFile): string {
  if (kind === "dts") return "a device tree makes no code";
  if (/\.lds(\.[Sh])?$/.test(path)) return "a linker script takes effect at the link, which is not part of a review";
  if (path.endsWith(".rs")) return "Rust is not built by the profiles here";
  if (path.startsWith("tools/")) return "the programs in tools/ are not part of the kernel";
  return "no object of the kernel is built from it";
}
