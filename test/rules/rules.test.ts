import assert from "node:assert/strict";
import { test } from "node:test";
import { rules } from "../../src/rules/index.ts";
import { readRepositoryFile } from "../support/repository.ts";
import {
  checkFixture,
  expectedLines,
  findingLines,
  fixtureBuilds,
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
    for (const wanted of ["bad.S", "bad.c", "expected.txt", "good.S", "good.c"])
      assert.ok(files.includes(wanted), `${id}/${wanted}`);
    for (const file of files)
      assert.match(file, /^(expected\.txt|settings\.json|(bad|good)(-\d)?\.[Sc])$/, `${id}/${file}`);
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
  test(`${id}: one finding for each defect, none for the repaired code`, async () => {
    const builds = fixtureBuilds(id, compilers);
    const analyses = await Promise.all(builds.map((build) => checkFixture(id, build)));
    const told = new Set<string>();
    builds.forEach((build, n) => {
      const { file, compiler, optimisation = "" } = build;
      const { findings } = analyses[n]!;
      // clang's assembler counts the lines of repeated text in its own way.
      const words = (line: string) => (file.endsWith(".S") && compiler !== "gcc" ? line.replace(/:\d+$/, "") : line);
      const found = findingLines(analyses[n]!, file);
      assert.deepEqual(found.map(words), expectedLines(id, build).map(words), `${file}, ${compiler} ${optimisation}`);
      assert.equal(found.length > 0, file.startsWith("bad"), file);
      if (findings.some(({ rule }) => rule === id)) told.add([file, compiler, optimisation].join(" "));
    });
    // Whatever expected.txt says of a build: in none of them the rule is silent.
    for (const compiler of compilers) {
      assert.ok(told.has(`bad.S ${compiler} `), compiler);
      for (const optimisation of optimisations)
        assert.ok(told.has(`bad.c ${compiler} ${optimisation}`), `${compiler} ${optimisation}`);
    }
  });
}

test("a finding carries what its rule says, and a way that ends at its instruction", async () => {
  for (const rule of rules) {
    for (const finding of (await checkFixture(rule.id, { file: "bad.S", compiler: "gcc" })).findings) {
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
