import { clangPoppedRegisters } from "./clang-popped-registers.ts";
import { clangRowBehindHoistedRelease } from "./clang-row-behind-hoisted-release.ts";
import { clangRowBehindPushedArgument } from "./clang-row-behind-pushed-argument.ts";
import { clangRowOfJoinedReturns } from "./clang-row-of-joined-returns.ts";
import { type Compiler, compareVersions } from "./compiler.ts";
import type { KnownDefect } from "./defect.ts";
import { gasSframeCfaRegister } from "./gas-sframe-cfa-register.ts";
import { gccGasSframeRestore } from "./gcc-gas-sframe-restore.ts";
import { gccRealignedRestore } from "./gcc-realigned-restore.ts";

/** Every known defect, by tool and name. */
export const knownDefects: readonly KnownDefect[] = [
  clangPoppedRegisters,
  clangRowBehindHoistedRelease,
  clangRowBehindPushedArgument,
  clangRowOfJoinedReturns,
  gasSframeCfaRegister,
  gccGasSframeRestore,
  gccRealignedRestore,
];

/** It was seen in that version of the tool, or in an earlier and in a later one. */
export function isSeenIn({ tool, seen }: KnownDefect, { family, version }: Compiler): boolean {
  return family === tool && compareVersions(seen.from, version) <= 0 && compareVersions(version, seen.to) <= 0;
}

/** The defect of that compiler that a rule's finding of that shape shows; undefined where nobody knows one. */
export function findDefect(compiler: Compiler, rule: string, shape: string): KnownDefect | undefined {
  return knownDefects.find(
    (defect) =>
      defect.rule === rule &&
      defect.tool === compiler.family &&
      (defect.everywhere !== undefined || isSeenIn(defect, compiler)) &&
      defect.shapes.includes(shape),
  );
}
