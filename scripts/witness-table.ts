// node scripts/witness-table.ts BUILD TREE [--witness KIND]... [--objects FILE] [--name TEXT] [--examples]
// Every member of the build's vmlinux.a, or every compiled object of a build that has none, or those that FILE lists: what each witness says
// against the instructions, at each of them. Prints Markdown: agreement in percent by register, and what differs, by reason. Exit status 1 when a
// difference has no reason.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { FormatError } from "../src/base/errors.ts";
import { factsOfTexts } from "../src/facts/tree-facts.ts";
import { memberObjects } from "./parity/objects.ts";
import { describeSums } from "./witness-table/markdown.ts";
import { addObject, newSums } from "./witness-table/sums.ts";

const { values, positionals } = parseArgs({
  options: {
    witness: { type: "string", multiple: true, default: [] },
    objects: { type: "string" },
    name: { type: "string" },
    examples: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [build, tree] = positionals;
if (build === undefined || tree === undefined) throw new Error("a build folder and its tree are wanted");
const texts = factsOfTexts((path) =>
  existsSync(join(tree, path)) ? readFileSync(join(tree, path), "utf8") : undefined,
);
if (texts === undefined) throw new Error(`${tree} has no object tool`);
const facts = { source: "the tree", ...texts };

const sums = newSums();
const objects =
  values.objects === undefined ? memberObjects(build) : readFileSync(values.objects, "utf8").trim().split("\n");
for (const member of objects) {
  try {
    addObject(sums, build, member, facts, values.witness);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    sums.unread.push(`${member}: ${error.message}`);
  }
}
console.log(describeSums(values.name ?? basename(build), sums, values.examples));
if ([...sums.witnesses.values()].some(({ unexplained }) => unexplained.size > 0)) process.exitCode = 1;
