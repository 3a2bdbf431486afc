import type { TreeFacts } from "../analyze/analyze-object.ts";
import { FormatError } from "../base/errors.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { factFiles, factsOfTexts } from "../facts/tree-facts.ts";
import type { Slot } from "../kernel/slot.ts";
import type { SourceState } from "./states.ts";

/** Few series touch these files, and a worker reviews many on one base: what was read last, by the content of all of them. */
const known = new Map<string, TreeFacts>();
const KEPT = 8;

/** The lists and formats of one state of the tree; where it has none, the built-in ones, and the report says so. */
export async function readTreeFacts(slot: Slot, { commit, listing }: SourceState): Promise<TreeFacts> {
  // Of regular files alone: what the listing lacks is not there, or a link, which says nothing.
  const present = factFiles.filter((path) => listing.files.has(path));
  const key = present.map((path) => `${path} ${listing.files.get(path)}`).join("\n");
  const facts = known.get(key) ?? (await readFacts(slot, commit, present));
  known.delete(key);
  known.set(key, facts);
  for (const old of [...known.keys()].slice(0, -KEPT)) known.delete(old);
  return facts;
}

async function readFacts(slot: Slot, commit: string, paths: readonly string[]): Promise<TreeFacts> {
  const files = await slot.tree.readFiles(commit, paths);
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
