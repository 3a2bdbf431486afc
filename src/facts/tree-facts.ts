import type { KernelFormats } from "../flow/formats.ts";
import { formatHeaders, readTreeFormats } from "./tree-formats.ts";
import { readNoreturnList, readUaccessSafeList } from "./tree-lists.ts";

const CHECK = "tools/objtool/check.c";
const NORETURNS = "tools/objtool/noreturns.h";

/** Files of a tree that `factsOfTexts` asks for. Not every version has all of them. */
export const factFiles: readonly string[] = [CHECK, NORETURNS, ...Object.values(formatHeaders).flat()];

/** What a kernel tree says that decides verdicts: its object tool's lists, and the formats that its headers define. */
export interface TreeTexts {
  readonly noreturn: ReadonlySet<string>;
  readonly accessSafe: ReadonlySet<string>;
  /** Absent for a tree without those headers. */
  readonly formats?: KernelFormats;
}

/**
 * @param read text of a file of the tree; undefined where the version has none
 * @returns undefined when it has no object tool
 */
export function factsOfTexts(read: (path: string) => string | undefined): TreeTexts | undefined {
  const check = read(CHECK);
  if (check === undefined) return undefined;
  const formats = readTreeFormats(read);
  return {
    // Up to 6.3 the list stood in check.c.
    noreturn: new Set(readNoreturnList(read(NORETURNS) ?? check)),
    accessSafe: new Set(readUaccessSafeList(check)),
    ...(formats === undefined ? {} : { formats }),
  };
}
