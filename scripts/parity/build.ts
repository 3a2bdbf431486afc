import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TreeFacts } from "../../src/analyze/analyze-object.ts";
import { UsageError } from "../../src/base/errors.ts";
import { factsOfTexts } from "../../src/facts/tree-facts.ts";
import { type KernelConfig, readKernelConfig } from "../../src/kernel/kernel-config.ts";
import { type Checks, readChecks } from "../../src/rules/checks.ts";

/** A kernel build folder and the source it was made from. */
export interface KernelBuild {
  readonly folder: string;
  readonly tree: string;
  readonly config: KernelConfig;
  readonly checks: Checks;
  readonly facts: TreeFacts;
  /** The tree's tool runs over linked objects only (reference kernel scripts/Makefile.lib, delay-objtool): objects are as compiled. */
  readonly isDelayed: boolean;
}

/** @throws UsageError for a folder that is no kernel build, or whose source is not found */
export function openBuild(folder: string, treeGiven?: string): KernelBuild {
  const configFile = join(folder, ".config");
  if (!existsSync(configFile)) throw new UsageError(`${configFile}: no such file`);
  const tree = resolve(treeGiven ?? join(folder, "source"));
  const check = join(tree, "tools/objtool/check.c");
  if (!existsSync(check)) throw new UsageError(`${tree}: no kernel source; name it by --tree`);
  const facts = factsOfTexts((path) =>
    existsSync(join(tree, path)) ? readFileSync(join(tree, path), "utf8") : undefined,
  );
  if (facts === undefined) throw new UsageError(`${check}: cannot be read`);
  const config = readKernelConfig(readFileSync(configFile, "utf8"));
  return {
    folder,
    tree,
    config,
    checks: readChecks(config.values, ".config of the build"),
    facts: { source: "lists of the tree", ...facts },
    isDelayed: ["LTO_CLANG", "X86_KERNEL_IBT", "KLP_BUILD"].some((symbol) => config.isOn(`CONFIG_${symbol}`)),
  };
}
