import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { withRuleTable } from "../../scripts/generate-docs.ts";
import { rules } from "../../src/rules/index.ts";
import { readRepositoryFile, repositoryFiles } from "../support/repository.ts";

const shared = new Set([
  "index.ts",
  "rule.ts",
  "finding.ts",
  "ways.ts",
  "checks.ts",
  "frame-records.ts",
  "sites.ts",
  "bare-addresses.ts",
  "instrumented-callees.ts",
  "unwind-data.ts",
  "unwind-data-shape.ts",
  "unwind-data-words.ts",
]);
const inRules = repositoryFiles()
  .filter((name) => posix.dirname(name) === "src/rules")
  .map((name) => posix.basename(name));

test("registry, files and pages agree", () => {
  const ids = rules.map((rule) => rule.id).sort();
  assert.equal(new Set(ids).size, ids.length);
  const files = inRules.filter((name) => name.endsWith(".ts") && !shared.has(name)).map((name) => name.slice(0, -3));
  assert.deepEqual(files.sort(), ids);
  assert.deepEqual(
    inRules
      .filter((name) => name.endsWith(".md"))
      .map((name) => name.slice(0, -3))
      .sort(),
    ids,
  );
});

test("a rule's page begins with its id and its summary", () => {
  for (const rule of rules) {
    const page = readRepositoryFile(`src/rules/${rule.id}.md`);
    assert.ok(page.startsWith(`# ${rule.id}\n`), rule.id);
    assert.ok(page.replace(/\s+/g, " ").includes(rule.summary), `${rule.id}: its summary is not on its page`);
  }
});

test("the README's table of rules is the registry", () => {
  const readme = readRepositoryFile("README.md");
  assert.equal(withRuleTable(readme), readme, "type: node scripts/generate-docs.ts");
});
