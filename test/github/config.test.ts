import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { isWantedPath } from "../../src/config/wanted-path.ts";
import { helpText, parseCommands } from "../../src/github/commands.ts";
import { DEFAULT_CONFIG, repositoryConfigSchema } from "../../src/github/config.ts";
import { describeConfigErrors, readConfig } from "../../src/github/config-text.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { shownByGithub } from "./rendered.ts";

function errorsOf(text: string): string[] {
  const read = readConfig(text);
  assert.ok(!read.ok, "taken");
  return read.errors.map(({ line, key, message }) => `${line} ${key}: ${message}`);
}

test("no file, an empty file and comments are the defaults", () => {
  for (const text of ["", "\n", "# nothing\n", "{}\n", "null\n"]) {
    assert.deepEqual(readConfig(text), { ok: true, config: DEFAULT_CONFIG }, text);
  }
});

test("what is said counts, the rest stays", () => {
  const read = readConfig("comment:\n  severity: error\nlimits: {comments: 3}\npaths:\n  include: [arch/x86/]\n");
  assert.ok(read.ok);
  assert.deepEqual(read.config, {
    ...DEFAULT_CONFIG,
    comment: { ...DEFAULT_CONFIG.comment, severity: "error" },
    limits: { ...DEFAULT_CONFIG.limits, comments: 3 },
    paths: { include: ["arch/x86/"], exclude: [] },
  });
});

test("errors say the line, the key, what stands there and what may", () => {
  assert.deepEqual(errorsOf("enabled: true\n\nlimits:\n  coments: 3\n"), [
    "4 limits.coments: there is no such key; comments is meant, perhaps",
  ]);
  assert.deepEqual(errorsOf("check:\n  fail-on: loud\n"), [
    '2 check.fail-on: one of error, warning, note, never, not "loud"',
  ]);
  assert.deepEqual(errorsOf("limits:\n  comments: 51\n  minutes: 0\n"), [
    "2 limits.comments: at most 50, not 51",
    "3 limits.minutes: at least 1, not 0",
  ]);
  assert.deepEqual(errorsOf("drafts: maybe\nprofiles: x86\n"), [
    '1 drafts: true or false, not "maybe"',
    '2 profiles: a list, not "x86"',
  ]);
  assert.deepEqual(errorsOf("paths:\n  include:\n    - /etc\n"), [
    '3 paths.include.0: a path from the top of the tree, with * and **, not "/etc"',
  ]);
  assert.deepEqual(errorsOf("- a\n"), ["0 : a block of keys with values, not a list"]);
  assert.match(errorsOf("what: 1\n")[0]!, /^1 what: there is no such key; known are enabled, profiles, paths, /);
});

test("what is no YAML is told with its line", () => {
  assert.match(errorsOf("a: [1, 2\nb: 3\n").join("\n"), /^2 : not YAML: /);
  assert.match(errorsOf("drafts: true\ndrafts: false\n").join("\n"), /^2 : not YAML: Map keys must be unique/);
});

test("anchors are refused: no key needs one, and they multiply", () => {
  assert.deepEqual(errorsOf("paths:\n  include: &a [kernel/]\n  exclude: *a\n"), [
    "0 : anchors and aliases are not taken",
  ]);
});

test("hostile files end soon with an error", () => {
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x]",
    ...[..."bcdefghij"].map((name, i) => `${name}: &${name} [${Array(8).fill(`*${"abcdefghij"[i]}`).join(", ")}]`),
  ].join("\n");
  const started = performance.now();
  for (const text of [
    bomb,
    "x".repeat(70_000),
    "[".repeat(30_000),
    "!!js/function 'x'",
    "__proto__:\n  enabled: false\n",
    "? [a]\n: b\n",
    "\0\ud800",
  ]) {
    const read = readConfig(text);
    assert.ok(!read.ok, text.slice(0, 40));
    assert.ok(describeConfigErrors(read.errors).length < 10_000);
  }
  assert.ok(performance.now() - started < 5000);
  for (const ref of ["--upload-pack=x", "a..b", "-x", "a b"])
    assert.equal(readConfig(`base-tree: "${ref}"`).ok, false, ref);
  for (const name of ["../x", "-x", "a b", ""]) assert.equal(readConfig(`profiles: ["${name}"]`).ok, false, name);
});

test("the comment about a wrong file is calm, and shows the file's words as text", () => {
  const read = readConfig("check:\n  fail-on: '@torvalds <img src=x> [x](https://evil.example)'\nlimit: 3\n");
  assert.ok(!read.ok);
  const text = describeConfigErrors(read.errors, "https://objreview.example.org/docs");
  assert.match(
    text,
    /^\*\*objreview cannot use `\.github\/objreview\.yml` of the base branch, so nothing was reviewed\.\*\*\n/,
  );
  assert.match(text, /- line 3, `limit`: there is no such key; limits is meant, perhaps/);
  const page = shownByGithub(text);
  assert.deepEqual(page.mentions, []);
  assert.equal(page.elements.filter((name) => name === "img").length, 0);
  assert.equal(page.elements.filter((name) => name === "a").length, 1);
});

test("patterns", () => {
  const wanted = (include: string[], exclude: string[], path: string) => isWantedPath(path, { include, exclude });
  assert.ok(wanted([], [], "kernel/exit.c"));
  assert.ok(wanted(["kernel/"], [], "kernel/sched/core.c") && !wanted(["kernel/"], [], "kernelx/a.c"));
  assert.ok(wanted(["kernel/*.c"], [], "kernel/exit.c") && !wanted(["kernel/*.c"], [], "kernel/sched/core.c"));
  assert.ok(wanted(["kernel/**/*.c"], [], "kernel/exit.c") && wanted(["kernel/**/*.c"], [], "kernel/a/b/c.c"));
  assert.ok(
    wanted(["**/*.S"], [], "entry.S") && wanted(["**/*.S"], [], "arch/x86/entry.S") && !wanted(["**/*.S"], [], "a.c"),
  );
  assert.ok(
    !wanted(["kernel/"], ["kernel/bpf/"], "kernel/bpf/core.c") && wanted(["kernel/"], ["kernel/bpf/"], "kernel/exit.c"),
  );
  assert.ok(!wanted(["exit.c"], [], "kernel/exit.c") && wanted(["**"], [], "a/b"));
  const started = performance.now();
  wanted([`${"**a".repeat(66)}b`], [], "a".repeat(4000));
  assert.ok(performance.now() - started < 1000);
});

test("the page names every key of the schema with its default and its words, and its example is taken", () => {
  const page = readRepositoryFile("docs/github-config.md");
  const rows = new Map(
    [...page.matchAll(/^\| `([a-z.-]+)` \| *(.*?) *\| (.*) \|$/gm)].map((row) => [
      row[1]!,
      { value: row[2]!, words: row[3]! },
    ]),
  );
  const schema = z.toJSONSchema(repositoryConfigSchema, { io: "output" }) as unknown as Property;
  const keys: string[] = [];
  const walk = (node: Property, prefix: string): void => {
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      const key = `${prefix}${name}`;
      if (property.properties !== undefined) {
        walk(property, `${key}.`);
        continue;
      }
      keys.push(key);
      const row = rows.get(key);
      assert.ok(row !== undefined, `${key} is not on the page`);
      const shown =
        property.default === undefined ? "" : `\`${Array.isArray(property.default) ? "[]" : property.default}\``;
      assert.equal(row.value.trim(), shown, key);
      for (const word of property.enum ?? []) assert.ok(row.words.includes(`\`${word}\``), `${key}: ${word}`);
      if (property.type === "integer")
        assert.match(row.words, new RegExp(`^${property.minimum} to ${property.maximum} `), key);
      if (property.type === "array") assert.ok(row.words.includes(`at most ${property.maxItems} `), key);
    }
  };
  walk(schema, "");
  assert.deepEqual([...rows.keys()].sort(), keys.sort());
  const example = /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
  assert.ok(readConfig(example).ok);
  assert.ok(Object.keys(parse(example) as object).length >= 4);
});

test("the page and the help have the same commands, and the parser knows them", () => {
  const page = readRepositoryFile("docs/github-config.md");
  const commands = (text: string) => [...text.matchAll(/^\| `(\/objreview [^`]*)` \|/gm)].map((row) => row[1]!);
  const listed = commands(helpText());
  assert.deepEqual(
    commands(page)
      .filter((each) => !each.endsWith(" help"))
      .sort(),
    [...listed].sort(),
  );
  for (const text of listed) {
    const line = text
      .replaceAll(/ \[.*?\]/g, "")
      .replace("<id>", "f1")
      .replace("<reason>", "it is meant");
    assert.notEqual(parseCommands(line)[0]?.command, undefined, text);
  }
});

interface Property {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}
