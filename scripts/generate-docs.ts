// node scripts/generate-docs.ts [--check]: writes the tables of rules (README.md) and of known defects (docs/witnesses.md) from their registries;
// --check only says whether they are up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { knownDefects } from "../src/defects/index.ts";
import { rules } from "../src/rules/index.ts";

/** The text with `lines` between the markers of that name. */
function withTable(text: string, name: string, lines: readonly string[]): string {
  const marker = `<!-- ${name}:begin -->\n`;
  const begin = text.indexOf(marker);
  const end = text.indexOf(`<!-- ${name}:end -->\n`);
  if (begin < 0 || end < begin) throw new Error(`no markers ${name}:begin and ${name}:end`);
  return text.slice(0, begin + marker.length) + lines.map((line) => `${line}\n`).join("") + text.slice(end);
}

/** README.md with the table of all rules. */
export function withRuleTable(readme: string): string {
  const rows = rules.map((rule) => `| [${rule.id}](src/rules/${rule.id}.md) | ${rule.severity} | ${rule.summary} |`);
  return withTable(readme, "rules", ["| rule | severity | says |", "| --- | --- | --- |", ...rows]);
}

/** docs/witnesses.md with the table of all known defects. */
export function withDefectTable(page: string): string {
  const rows = knownDefects.map(({ id, summary, tool, seen, everywhere }) => {
    const versions = seen.from === seen.to ? seen.from : `${seen.from} to ${seen.to}`;
    const held = everywhere === undefined ? "" : ", held to be in every one";
    return `| [${id}](../src/defects/${id}.md) | ${tool} ${versions}${held} | ${summary} |`;
  });
  return withTable(page, "defects", ["| defect | seen in | what is wrong |", "| --- | --- | --- |", ...rows]);
}

const pages = [
  ["README.md", withRuleTable],
  ["docs/witnesses.md", withDefectTable],
] as const;

if (import.meta.main) {
  for (const [name, withTableOf] of pages) {
    const path = new URL(`../${name}`, import.meta.url);
    const text = readFileSync(path, "utf8");
    const wanted = withTableOf(text);
    if (text === wanted) continue;
    if (process.argv.includes("--check")) {
      process.stderr.write(`${name}: its table is out of date; type: node scripts/generate-docs.ts\n`);
      process.exitCode = 1;
    } else writeFileSync(path, wanted);
  }
}
