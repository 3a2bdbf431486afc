// Writes src/facts/built-in-lists.json from a kernel tree: node scripts/generate-built-in-lists.ts TREE VERSION
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readNoreturnList, readUaccessSafeList } from "../src/facts/tree-lists.ts";

const [tree, version] = process.argv.slice(2);
if (tree === undefined || version === undefined) {
  process.stderr.write("usage: node scripts/generate-built-in-lists.ts TREE VERSION\n");
  process.exit(2);
}
const lists = {
  version,
  source: "tools/objtool/noreturns.h and tools/objtool/check.c",
  noreturn: readNoreturnList(readFileSync(join(tree, "tools/objtool/noreturns.h"), "utf8")),
  accessSafe: readUaccessSafeList(readFileSync(join(tree, "tools/objtool/check.c"), "utf8")),
};
writeFileSync(new URL("../src/facts/built-in-lists.json", import.meta.url), `${JSON.stringify(lists, undefined, 1)}\n`);
