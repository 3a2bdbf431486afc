// node scripts/generate-docs.ts [--check]: writes the rule table of README.md from the registry; --check only says whether it is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { rules } from "../src/rules/index.ts";

const BEGIN = "<!-- rules:begin -->\n";
const END = "<!-- rules:end -->";

/** The README with the table of all rules between its markers. */
export function withRuleTable(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("README.md lacks the rules:begin and rules:end markers");
  const rows = rules.map((rule) => `| [${rule.id}](src/rules/${rule.id}.md) | ${rule.severity} | ${rule.summary} |\n`);
  const table = `| rule | severity | says |\n| --- | --- | --- |\n${rows.join("")}`;
  return readme.slice(0, begin + BEGIN.length) + table + readme.slice(end);
}

if (import.meta.main) {
  const path = new URL("../README.md", import.meta.url);
  const readme = readFileSync(path, "utf8");
  const wanted = withRuleTable(readme);
  if (readme !== wanted && process.argv.includes("--check")) {
    process.stderr.write("README.md: the rule table is out of date; type: node scripts/generate-docs.ts\n");
    process.exitCode = 1;
  } else if (readme !== wanted) writeFileSync(path, wanted);
}
