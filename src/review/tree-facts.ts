import type { TreeFacts } from "../analyze/analyze-object.ts";
import { FormatError } from "../base/errors.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { factFiles, factsOfTexts } from "../facts/tree-facts.ts";
import type { Slot } from "../kernel/slot.ts";

/** The lists and formats of one state of the tree; where it has none, the built-in ones, and the report says so. */
export async function readTreeFacts(slot: Slot, commit: string): Promise<TreeFacts> {
  const files = await slot.tree.readFiles(commit, factFiles);
  const decoder = new TextDecoder();
  try {
    const facts = factsOfTexts((path) => (files.has(path) ? decoder.decode(files.get(path)) : undefined));
    if (facts === undefined) return { ...builtInFacts, source: "built-in lists: the tree has no tools/objtool" };
    return { source: "tools/objtool of the tree", ...facts };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { ...builtInFacts, source: `built-in lists: ${error.message}` };
  }
}
