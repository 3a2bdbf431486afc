import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { withDefectTable } from "../../scripts/generate-docs.ts";
import { compareVersions } from "../../src/defects/compiler.ts";
import { isSeenIn, knownDefects } from "../../src/defects/index.ts";
import { rules } from "../../src/rules/index.ts";
import { readRepositoryFile, repositoryFiles } from "../support/repository.ts";

const shared = new Set(["index.ts", "defect.ts", "compiler.ts"]);
const inDefects = repositoryFiles()
  .filter((name) => posix.dirname(name) === "src/defects")
  .map((name) => posix.basename(name));
const HEADINGS = ["What is wrong", "Reproducer", "Instructions", "At run time", "Upstream", "Versions tried"];

test("registry, files and pages agree", () => {
  const ids = knownDefects.map(({ id }) => id).sort();
  assert.equal(new Set(ids).size, ids.length);
  const stems = (ending: string) =>
    inDefects.filter((name) => name.endsWith(ending) && !shared.has(name)).map((name) => name.slice(0, -3));
  assert.deepEqual(stems(".ts").sort(), ids);
  assert.deepEqual(stems(".md").sort(), ids);
});

for (const defect of knownDefects)
  test(`the page of ${defect.id} says what its data says`, () => {
    const page = readRepositoryFile(`src/defects/${defect.id}.md`);
    assert.ok(page.startsWith(`# ${defect.id}\n\n${defect.summary}\n`));
    assert.deepEqual(
      [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading),
      HEADINGS,
    );
    const tried = [...page.matchAll(/^- (\w+) (\d[\w.]*) .*: there$/gm)].map(([, tool, version]) => {
      assert.equal(tool, defect.tool);
      return version as string;
    });
    tried.sort(compareVersions);
    assert.deepEqual([tried[0], tried.at(-1)], [defect.seen.from, defect.seen.to], "the versions in which it was seen");
    for (const version of tried) assert.ok(isSeenIn(defect, { family: defect.tool, version }));
    assert.match(page, /<--/, "the wrong row is marked");
    assert.ok(rules.some(({ id }) => id === defect.rule));
    assert.ok(defect.shapes.length > 0);
  });

test("no two defects of a tool have a shape in common", () => {
  const seen = new Set<string>();
  for (const { tool, rule, shapes } of knownDefects)
    for (const shape of shapes) {
      const key = `${tool} ${rule} ${shape}`;
      assert.ok(!seen.has(key), key);
      seen.add(key);
    }
});

test("the table of known defects is the registry", () => {
  const page = readRepositoryFile("docs/witnesses.md");
  assert.equal(withDefectTable(page), page, "type: node scripts/generate-docs.ts");
});
