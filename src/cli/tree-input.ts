import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TreeFacts } from "../analyze/analyze-object.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import { factsOfTexts } from "../facts/tree-facts.ts";
import { type KernelConfig, readKernelConfig } from "../kernel/kernel-config.ts";
import { readRegularText } from "./regular-file.ts";

// What commands about single objects are told of the kernel that they come from.

const MAX_TEXT_BYTES = 16 << 20;

/** A checked-out kernel tree. Throws UsageError where there is none. */
export function readTree(tree: string): TreeFacts {
  const facts = factsOfTexts((path) => {
    const file = join(tree, path);
    return existsSync(file) ? readRegularText(file, MAX_TEXT_BYTES) : undefined;
  });
  if (facts === undefined)
    throw new UsageError(
      `--tree ${tree}: no source tree of a kernel with objtool, as there is no tools/objtool/check.c in it`,
    );
  return { source: "tools/objtool of the tree", ...facts };
}

/** What is wrong with the object file `path`, for people. Throws again what is no fault of an input. */
export function inputError(path: string, error: unknown): string {
  if (error instanceof FormatError) return `${path}: ${error.message}`;
  if (error instanceof UsageError) return error.message;
  throw error;
}

/** A kernel configuration file. Throws UsageError for a file that is none. */
export function readConfig(path: string): KernelConfig {
  const config = readKernelConfig(readRegularText(path, MAX_TEXT_BYTES));
  if (config.values.size === 0) throw new UsageError(`${path}: no line of it sets a CONFIG_ symbol`);
  return config;
}
