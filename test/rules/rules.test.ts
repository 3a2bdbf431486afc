import assert from "node:assert/strict";
import { test } from "node:test";
import { rules } from "../../src/rules/index.ts";
import { readRepositoryFile } from "../support/repository.ts";
import {
  checkFixture,
  expectedLines,
  findingLines,
  fixtureFiles,
  fixtureRules,
  hasCompiler,
  optimisations,
  readFixture,
} from "../support/rule-fixtures.ts";

const headings = [
  "What it reports",
  "Why it matters",
  "Smallest example",
  "How it is decided",
  "Known misses and false alarms",
  "How to silence",
];

const page = (id: string): string => readRepositoryFile(`src/rules/${id}.md`);

const asmBlocks = (text: string): string[] => [...text.matchAll(/^```asm\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);

const ids = rules.map((rule) => rule.id).sort();

test("every rule has its fixtures, and every fixture its rule", () => {
  assert.deepEqual(fixtureRules(), ids);
  for (const id of ids) {
    const files = fixtureFiles(id);
    for (const wanted of ["bad.S", "expected.txt", "good.S"]) assert.ok(files.includes(wanted), `${id}/${wanted}`);
    for (const file of files)
      assert.match(file, /^(expected\.txt|settings\.json|(bad|good)(-\d)?\.[Sc])$/, `${id}/${file}`);
    if (files.includes("bad.c")) assert.ok(files.includes("good.c"), `${id}: bad.c without good.c`);
  }
});

test("every rule's page has the summary first, the fixed headings, and the fixtures as its example", () => {
  for (const rule of rules) {
    const text = page(rule.id);
    const lines = text.split("\n");
    assert.equal(lines[0], `# ${rule.id}`);
    assert.equal(lines[1], "");
    assert.equal(lines[2], rule.summary, rule.id);
    const found = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(found, headings, rule.id);
    assert.deepEqual(asmBlocks(text), [readFixture(rule.id, "bad.S"), readFixture(rule.id, "good.S")], rule.id);
    for (const part of text.split(/^## .*$/m).slice(1)) assert.ok(part.trim().length > 40, `${rule.id}: empty part`);
  }
});

test("every message of every rule is produced by a fixture", () => {
  for (const rule of rules) {
    const produced = new Set(
      readFixture(rule.id, "expected.txt")
        .split("\n")
        .map((line) => line.split(" "))
        .filter(([, id]) => id === rule.id)
        .map(([, , key]) => key),
    );
    assert.deepEqual([...produced].sort(), Object.keys(rule.messages).sort(), rule.id);
  }
});

// The oldest clang that knows every option that a kernel is built with (-fsanitize=kcfi); Debian 12 has it.
const CLANG = "clang-16";
const compilers = ["gcc", CLANG];

test("gcc and clang are there to build the fixtures", () => {
  for (const compiler of compilers)
    assert.ok(hasCompiler(compiler), `${compiler} is not installed: apt-get install ${compiler}`);
});

for (const id of ids) {
  test(`${id}: one finding for each defect, none for the repaired code`, () => {
    for (const file of fixtureFiles(id).filter((name) => /\.S$/.test(name))) {
      for (const compiler of compilers) {
        const analysis = checkFixture(id, file, compiler);
        // clang's assembler counts the lines of repeated text in its own way.
        const words = (line: string) => (compiler === "gcc" ? line : line.replace(/:\d+$/, ""));
        const expected = expectedLines(id, file).map(words);
        assert.deepEqual(findingLines(analysis).map(words), expected, `${file}, assembled by ${compiler}`);
        assert.equal(file.startsWith("bad"), analysis.findings.length > 0, file);
      }
    }
    for (const file of fixtureFiles(id).filter((name) => /\.c$/.test(name))) {
      for (const compiler of compilers) {
        for (const optimisation of optimisations) {
          const analysis = checkFixture(id, file, compiler, optimisation);
          const how = `${file}, ${compiler} ${optimisation}`;
          if (file.startsWith("good")) assert.deepEqual(findingLines(analysis), [], how);
          // Another compiler lays out the same defect in its own way: there only the functions count.
          else if (compiler === "gcc")
            assert.deepEqual(findingLines(analysis), expectedLines(id, file, optimisation), how);
          else assert.ok(analysis.findings.length > 0, how);
        }
      }
    }
  });
}

test("a finding carries what its rule says, and a way that ends at its instruction", () => {
  for (const rule of rules) {
    for (const finding of checkFixture(rule.id, "bad.S", "gcc").findings) {
      const message = rule.messages[finding.messageKey]!;
      assert.equal(finding.severity, message.severity ?? rule.severity);
      assert.doesNotMatch(finding.message, /[{}]|\.$/, rule.id);
      assert.match(finding.fingerprint, /^[0-9a-f]{28}$/);
      if (finding.path.length > 0) {
        assert.match(finding.path[finding.path.length - 1]!.note, /here$/, rule.id);
      }
    }
  }
});
