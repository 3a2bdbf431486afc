import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { readYamlConfig } from "../../src/config/yaml-text.ts";
import { mailConfigSchema } from "../../src/mail/config.ts";
import { SERIES_STATES } from "../../src/mail/plan.ts";
import { readRepositoryFile } from "../support/repository.ts";

const page = readRepositoryFile("docs/mail.md");

interface Property {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly items?: Property;
  readonly oneOf?: readonly Property[];
  readonly anyOf?: readonly Property[];
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
}

interface Key {
  readonly defaults: Set<string>;
  readonly words: Set<string>;
}

/** Keys of the schema with their defaults and words; those of several kinds of a source together. */
function keysOf(schema: Property): Map<string, Key> {
  const keys = new Map<string, Key>();
  const walk = (node: Property, name: string): void => {
    const choices = node.oneOf ?? node.anyOf;
    if (choices?.some((each) => each.properties !== undefined)) {
      for (const each of choices) walk(each, name);
      return;
    }
    if (node.items?.properties !== undefined || node.items?.oneOf !== undefined) {
      walk(node.items, name);
      return;
    }
    if (node.properties !== undefined) {
      for (const [key, each] of Object.entries(node.properties)) walk(each, name === "" ? key : `${name}.${key}`);
      return;
    }
    const key = keys.get(name) ?? { defaults: new Set(), words: new Set() };
    if (node.default !== undefined) {
      key.defaults.add(typeof node.default === "string" ? node.default : JSON.stringify(node.default));
    }
    for (const word of [...(node.enum ?? []), ...(node.const === undefined ? [] : [node.const])]) key.words.add(word);
    keys.set(name, key);
  };
  walk(schema, "");
  return keys;
}

test("the page names every key of the configuration with its default and its words", () => {
  const schema = z.toJSONSchema(mailConfigSchema, { io: "input", unrepresentable: "any" }) as unknown as Property;
  const keys = keysOf(schema);
  assert.ok(keys.size > 60, `${keys.size} keys`);
  const rows = new Map(
    [...page.matchAll(/^\| `([a-z][a-z.-]*)` \| *(.*?) *\| (.*) \|$/gm)].map((row) => [row[1]!, row]),
  );
  for (const [name, { defaults, words }] of keys) {
    const row = rows.get(name);
    assert.ok(row !== undefined, `${name} is not on the page`);
    const told = [...row[2]!.matchAll(/`([^`]*)`/g)].map((each) => each[1]!);
    // zod does not say the default of a list whose entries it changes (addresses in small letters).
    if (!(defaults.size === 0 && told.join() === "[]")) assert.deepEqual(told.sort(), [...defaults].sort(), name);
    for (const word of words) if (words.size > 1) assert.ok(row[3]!.includes(`\`${word}\``), `${name}: ${word}`);
  }
  const tables = page.slice(page.indexOf("## Configuration"), page.indexOf("## Commands\n"));
  const named = [...tables.matchAll(/^\| `([a-z][a-z.-]*)` \|/gm)].map((row) => row[1]!);
  assert.deepEqual(named.sort(), [...keys.keys()].sort());
});

test("the page's example is taken", () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
  const read = readYamlConfig(example.replace(/^ {3}/gm, ""), mailConfigSchema);
  assert.ok(read.ok, JSON.stringify(read));
  assert.equal(read.config.lists[0]!.reply, "list");
});

test("the page names every state of a series", () => {
  const part = page.slice(page.indexOf("## What becomes of a series"), page.indexOf("Versions are joined"));
  const states = [...part.matchAll(/^\| `([a-z-]+)` \|/gm)].map((row) => row[1]!);
  assert.deepEqual(states.sort(), [...SERIES_STATES].sort());
});
